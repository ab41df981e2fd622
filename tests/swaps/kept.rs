//! What a restart finds: the file that has passed its probation, the schema that was applied, and the manifest's own file when that has changed.

use super::{Operator, copied, greeter, guest, meanwhile};
use crate::application::{Application, Component};
use crate::host::{Place, SOON};
use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use tempfile::TempDir;

/// It serves for good at once.
const PROVEN: &str = "?probation_seconds=0";

/// Longer than a test takes.
const WATCHED: &str = "?probation_seconds=600";

fn asks() -> Component {
    Component::guest("asks").grant("souk:database/sql")
}

fn with_source(component: &str, source: &Path) -> Application {
    let component = Component::new(component, source).route(&format!("/{component}/..."));
    Application::of([component.grant("souk:database/sql")])
}

fn greeter_of(source: &Path) -> Application {
    Application::of([Component::new("greeter", source).route("/greeter/...")])
}

fn word(operator: &Operator) -> String {
    let answer = operator.host.send("POST", "/asks/query", &[], b"SELECT word FROM secret");
    assert_eq!(answer.status, 200, "{}", answer.text());
    answer.text().to_owned()
}

/// Ends the host, and starts the next on the same data.
fn again(operator: Operator) -> Operator {
    let place = Arc::clone(&operator.host.place);
    assert_eq!(operator.host.stop().code(), Some(0));
    drop(operator);
    Operator::at(&place)
}

#[test]
fn a_table_is_added_while_requests_go_on_and_the_old_code_serves_over_it_after_a_rollback() {
    // However long it takes on a busy machine.
    let operator = Operator::up(&Application::of([asks().limit("probation_slowdown_percent_max", 0)]));
    let reading = |stop: &AtomicBool| {
        let mut connection = operator.host.connect();
        while !stop.load(Ordering::SeqCst) {
            let answer = connection.ask("POST", "/asks/query", &[], b"SELECT word FROM secret");
            assert!(
                answer.status == 200
                    && ["untouched", "changed", "souk untouched", "souk changed"].contains(&answer.text()),
                "{answer:?}"
            );
        }
    };
    // The next version has no such path, and answers it as any other.
    let writing = |stop: &AtomicBool| {
        let mut connection = operator.host.connect();
        while !stop.load(Ordering::SeqCst) {
            let again = b"UPDATE secret SET word = word";
            let answer = connection.ask("POST", "/asks/transact", &[], again);
            assert!(answer.status == 200 && (answer.text() == "1" || answer.text().contains("souk")), "{answer:?}");
        }
    };
    meanwhile(&[&reading, &reading, &writing], || {
        operator.swap("asks", WATCHED, &guest("grows"));
        operator.host.get("/asks").is_ok("souk untouched");
        operator.change("asks", "rollback");
        assert_eq!(word(&operator), "untouched");
        let changed = operator.host.send("POST", "/asks/transact", &[], b"UPDATE secret SET word = 'changed'");
        changed.is_ok("1");
        assert_eq!(word(&operator), "changed");
        // And forth again: nothing is applied twice, and what the old code wrote meanwhile is there.
        operator.swap("asks", WATCHED, &guest("grows"));
        operator.host.get("/asks").is_ok("souk changed");
    });
}

#[test]
fn what_has_passed_its_probation_serves_after_a_restart() {
    let place = Arc::new(Place::new(&Application::of([greeter()])));
    let operator = Operator::at(&place);
    operator.swap("greeter", "?probation_seconds=1", &guest("two"));
    let promoted = operator.record("greeter", "promote", "probation");
    assert_eq!((&promoted["outcome"], &promoted["to"]["generation"]), (&"done".into(), &2.into()), "{promoted}");
    let operator = again(operator);
    operator.host.get("/greeter").is_ok("two");
    let serving = operator.generation("greeter", "serving");
    assert_eq!((&serving["number"], &serving["digest"]), (&1.into(), &promoted["to"]["digest"]), "numbers begin anew");
    assert!(operator.host.summary().contains(&promoted["to"]["digest"].as_str().unwrap()[..12]));
    // The history goes on where it was.
    assert_eq!(operator.history("greeter").len(), 2);
    operator.swap("greeter", PROVEN, &guest("one"));
    let operator = again(operator);
    operator.host.get("/greeter").is_ok("one");
}

#[test]
fn a_restart_within_the_probation_serves_what_was_proven() {
    let operator = Operator::up(&Application::of([greeter(), asks()]));
    operator.swap("greeter", WATCHED, &guest("two"));
    operator.swap("asks", WATCHED, &guest("grows"));
    operator.host.get("/asks").is_ok("souk untouched");
    // Over the schema of the one that was not proven.
    let operator = again(operator);
    operator.host.get("/greeter").is_ok("one");
    assert_eq!(word(&operator), "untouched");
    operator.swap("asks", PROVEN, &guest("grows"));
    let operator = again(operator);
    operator.host.get("/asks").is_ok("souk untouched");
}

#[test]
fn a_host_that_was_killed_in_the_probation_serves_what_was_proven() {
    let place = Arc::new(Place::new(&Application::of([asks()])));
    let operator = Operator::at(&place);
    operator.swap("asks", WATCHED, &guest("grows"));
    operator.host.signal(rustix::process::Signal::KILL);
    assert!(operator.host.ended_within(SOON).is_some());
    drop(operator);
    assert_eq!(word(&Operator::at(&place)), "untouched");
    let checked = place.check();
    assert_eq!(checked.code, Some(0), "{}", checked.stderr);
}

#[test]
fn after_a_rollback_over_a_migration_a_restart_serves_the_old_one() {
    let operator = Operator::up(&Application::of([asks()]));
    operator.swap("asks", PROVEN, &guest("grows"));
    operator.change("asks", "rollback");
    let operator = again(operator);
    assert_eq!(word(&operator), "untouched");
    let operator = again(operator);
    operator.swap("asks", PROVEN, &guest("grows"));
    operator.host.get("/asks").is_ok("souk untouched");
}

#[test]
fn when_the_manifests_own_file_changes_that_one_serves_again_and_the_log_says_so() {
    let folder = TempDir::new().unwrap();
    let operator = Operator::up(&greeter_of(&copied(folder.path(), "one")));
    operator.swap("greeter", PROVEN, &guest("two"));
    let operator = again(operator);
    operator.host.get("/greeter").is_ok("two");
    copied(folder.path(), "counts");
    let operator = again(operator);
    operator.host.get("/greeter").is_ok("1");
    let line = operator.host.log_line(&["its file has changed since another was swapped in", "component=\"greeter\""]);
    assert!(line.contains("INFO"), "{line}");
}

#[test]
fn the_file_of_the_manifest_is_written_over_and_swapped_in_which_a_restart_keeps() {
    let folder = TempDir::new().unwrap();
    let source = copied(folder.path(), "one");
    let operator = Operator::up(&greeter_of(&source));
    copied(folder.path(), "two");
    operator.swap("greeter", PROVEN, &source);
    let operator = again(operator);
    operator.host.get("/greeter").is_ok("two");
}

/// The next build has the migration as well, as it must: what was applied is not taken out again.
#[test]
fn a_new_file_of_the_manifest_serves_over_a_schema_that_was_swapped_in() {
    let folder = TempDir::new().unwrap();
    let operator = Operator::up(&with_source("asks", &copied(folder.path(), "asks")));
    operator.swap("asks", PROVEN, &guest("grows"));
    copied(folder.path(), "grows");
    let operator = again(operator);
    operator.host.get("/asks").is_ok("souk untouched");
}

/// The same code with another digest: a custom section more.
fn rebuilt(path: &Path) {
    let mut file = fs::read(path).unwrap();
    file.extend(b"\0\x05\x04note");
    fs::write(path, file).unwrap();
}

#[test]
fn what_was_kept_and_is_gone_or_altered_is_told_with_the_remedy() {
    let place = Arc::new(Place::new(&Application::of([greeter()])));
    let operator = Operator::at(&place);
    let record = operator.swap("greeter", PROVEN, &guest("two"));
    drop(operator);
    let kept = place.data().join("swapped").join(format!("{}.wasm", record["to"]["digest"].as_str().unwrap()));
    rebuilt(&kept);
    let altered = place.refused();
    assert!(altered.stderr.contains("component greeter: what was swapped in can't be had"), "{}", altered.stderr);
    assert!(altered.stderr.contains("was altered") && altered.stderr.contains("swapped"), "{}", altered.stderr);
    fs::remove_file(&kept).unwrap();
    let gone = place.refused();
    assert!(gone.stderr.contains("can't be read"), "{}", gone.stderr);
    assert!(gone.stderr.contains("to serve the manifest's file"), "{}", gone.stderr);
    fs::remove_file(place.data().join("swapped/greeter.json")).unwrap();
    Operator::at(&place).host.get("/greeter").is_ok("one");
}

#[test]
fn only_files_that_can_serve_again_are_kept() {
    let operator = Operator::up(&Application::of([greeter()]));
    for file in ["two", "hesitates", "counts", "slow", "two"] {
        operator.swap("greeter", PROVEN, &guest(file));
    }
    let folder = operator.host.place.data().join("swapped");
    let kept =
        fs::read_dir(folder).unwrap().filter(|file| file.as_ref().unwrap().path().extension().unwrap() == "wasm");
    assert_eq!(kept.count(), 2, "the one that serves, and the one before");
}

/// The manifest names one file and another one is meant: whoever reads the fault has to know where it comes from.
#[test]
fn a_fault_of_what_was_swapped_in_says_that_it_is_not_the_manifests_file() {
    let slot = || Component::guest_as("api", "counts");
    let place = Arc::new(Place::new(&Application::of([slot().grant("souk:database/sql")])));
    let operator = Operator::at(&place);
    operator.swap("api", PROVEN, &guest("asks"));
    drop(operator);
    place.write_manifest(&Application::of([slot()]).manifest());
    let refused = place.refused();
    assert!(refused.stderr.contains("imports souk:database/sql, which it was not granted"), "{}", refused.stderr);
    assert!(refused.stderr.contains("swapped"), "the file {:?} imports nothing: {}", guest("counts"), refused.stderr);
}

/// A mend of the old code, built after the new one was rolled back: the host's own remedy for the schema is to know its migrations.
#[test]
fn a_new_file_of_the_manifest_serves_after_a_rollback_over_a_migration() {
    let folder = TempDir::new().unwrap();
    let source = copied(folder.path(), "asks");
    let operator = Operator::up(&with_source("asks", &source));
    operator.swap("asks", WATCHED, &guest("grows"));
    operator.change("asks", "rollback");
    rebuilt(&source);
    let operator = again(operator);
    assert_eq!(word(&operator), "untouched");
    // So does the build after it, swapped in: it is what serves, and knows no less than that.
    rebuilt(&source);
    operator.swap("asks", WATCHED, &source);
    assert_eq!(word(&operator), "untouched");
}

/// What a developer does: build over the file, swap it in, see that it was a mistake.
#[test]
fn a_rollback_to_a_file_that_was_written_over_meanwhile_survives_a_restart() {
    let folder = TempDir::new().unwrap();
    let source = copied(folder.path(), "one");
    let operator = Operator::up(&greeter_of(&source));
    copied(folder.path(), "two");
    operator.swap("greeter", WATCHED, &source);
    operator.change("greeter", "rollback");
    operator.host.get("/greeter").is_ok("one");
    let operator = again(operator);
    operator.host.get("/greeter").is_ok("one");
}

/// Whoever has passed tidies up behind the others. What is on its way to serve is not to be taken for what nobody needs.
#[test]
fn a_swap_that_ends_while_another_gets_ready_leaves_the_other_its_file() {
    let slow = Component::guest_as("api", "counts").limit("instances_max", 1);
    let operator = Operator::up(&Application::of([slow, greeter()]));
    // It is ready after 200 ms: on a busy machine the others may need more than one try to be done before it.
    let is_shown = (0..20).any(|_| {
        std::thread::scope(|scope| {
            let swap = scope.spawn(|| operator.put("api", PROVEN, &guest("hesitates")));
            operator.within(SOON, "it is not asked", || (operator.status("api")["step"] == "warming").then_some(()));
            operator.swap("greeter", PROVEN, &guest("two"));
            operator.refused("greeter", b"no component");
            let is_between = operator.status("api")["step"] == "warming";
            assert_eq!(swap.join().unwrap().status, 200);
            is_between
        })
    });
    assert!(is_shown, "the others were never done in between");
    let digest = operator.generation("api", "serving")["digest"].clone();
    let operator = again(operator);
    assert_eq!(operator.generation("api", "serving")["digest"], digest, "{}", operator.host.log());
    operator.host.get("/greeter").is_ok("two");
}
