//! Jobs: what the host calls for by itself. The guest writes down what it does, and tells it over HTTP.

use crate::application::{Application, Component};
use crate::host::{Host, Place, SOON, Shared};
use crate::http::Connection;
use rustix::process::Signal;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// The most that a manifest can say: in a test, never again.
const DAY: u32 = 86_400;

fn chores() -> Component {
    Component::guest("chores").grant("souk:database/sql")
}

fn application() -> Application {
    let chores = chores().job("notes", 1).job("thrice", DAY).job("waits", 1).job("traps", 1).job("spins", 1);
    let chores = chores.job("unavailable", 1).job("no-such-job", 1).limit("time_ms_max", 4_000);
    Application::of([chores, Component::guest("echo")])
}

static HOST: Shared = Shared::new(application);

/// What a job did and when, in milliseconds since 1970.
fn notes(host: &Host, job: &str) -> Vec<(String, u64)> {
    let answer = host.get(&format!("/chores/{job}"));
    assert_eq!(answer.status, 200, "{}", answer.text());
    let note = |line: &str| line.split_once(' ').map(|(what, at)| (what.to_owned(), at.parse().unwrap())).unwrap();
    answer.text().lines().map(note).collect()
}

/// What a job did, once it is so much.
fn noted(host: &Host, job: &str, count: usize) -> Vec<(String, u64)> {
    let begun = Instant::now();
    loop {
        let notes = notes(host, job);
        if notes.len() >= count {
            return notes;
        }
        assert!(begun.elapsed() < SOON, "{job} did no more than {notes:?}");
        std::thread::sleep(Duration::from_millis(50));
    }
}

fn now_ms() -> u64 {
    #[expect(clippy::disallowed_methods, reason = "compared with what the guest read from the same clock")]
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    u64::try_from(since.as_millis()).unwrap()
}

fn metric(host: &Host, name: &str, job: &str) -> f64 {
    let metrics = Connection::to(host.admin).ask("GET", "/metrics", &[], b"");
    let sample = format!("{name}{{component=\"chores\",job=\"{job}\"}} ");
    let line = metrics.text().lines().find_map(|line| line.strip_prefix(&sample).map(str::to_owned));
    line.unwrap_or_else(|| panic!("no {sample} in {}", metrics.text())).parse().unwrap()
}

#[test]
fn a_job_is_called_soon_after_the_start_and_again_so_many_seconds_after_each_call() {
    let started = now_ms();
    let host = Host::up(&Application::of([chores().job("notes", 2)]));
    let notes = noted(&host, "notes", 3);
    let times: Vec<u64> = notes.iter().map(|(_, at)| *at).collect();
    assert!(times[0] >= started, "{times:?} {started}");
    for pair in times.windows(2) {
        // Two clocks: the guest's day and the host's pauses.
        assert!(pair[1] - pair[0] >= 1_900, "{times:?}");
    }
}

#[test]
fn a_job_that_has_more_to_do_is_called_again_at_once_until_it_is_done() {
    let host = HOST.host();
    let first = noted(&host, "thrice", 3);
    std::thread::sleep(Duration::from_secs(1));
    assert_eq!(notes(&host, "thrice"), first, "it was done");
}

#[test]
fn a_trap_or_an_error_does_not_end_a_job() {
    let host = HOST.host();
    for (job, why) in [
        ("traps", "why=\"it failed\""),
        ("unavailable", "why=\"what it needs can't be reached: the moon\\nERROR forged\""),
    ] {
        noted(&host, job, 2);
        let line = host.log_line(&["a job failed", "component=\"chores\"", &format!("job=\"{job}\"")]);
        assert!(line.contains("WARN") && line.contains(why), "{line}");
    }
    host.log_line(&["a call failed; its instance is gone", "component=\"chores\"", "trap=Unreachable"]);
}

#[test]
fn a_job_that_computes_for_ever_is_cut_off_and_keeps_nobody_waiting() {
    let host = Host::up(&Application::of([
        chores().job("spins", 1).job("notes", 1).limit("time_ms_max", 500),
        Component::guest("echo"),
    ]));
    noted(&host, "spins", 1);
    let begun = Instant::now();
    while notes(&host, "spins").len() < 3 {
        let asked = Instant::now();
        assert_eq!(host.get("/echo").status, 200);
        assert!(asked.elapsed() < Duration::from_secs(5), "a request waited for a job");
        assert!(begun.elapsed() < SOON, "it was not called again");
    }
    assert!(notes(&host, "notes").len() >= 2, "a job waited for another");
    let line = host.log_line(&["a job failed", "job=\"spins\""]);
    assert!(line.contains("it did not end within time_ms_max"), "{line}");
}

#[test]
fn a_job_never_overtakes_itself_and_never_waits_for_another() {
    let host = HOST.host();
    let waits = noted(&host, "waits", 4);
    for (place, (what, _)) in waits.iter().enumerate() {
        assert_eq!(what, if place % 2 == 0 { "begun" } else { "ended" }, "{waits:?}");
    }
    let (begun, ended) = (waits[0].1, waits[1].1);
    let others = notes(&host, "notes");
    assert!(others.iter().any(|(_, at)| (begun..ended).contains(at)), "{begun} to {ended}: {others:?}");
}

#[test]
fn what_jobs_do_is_counted() {
    let host = HOST.host();
    noted(&host, "waits", 3);
    noted(&host, "traps", 2);
    assert!(metric(&host, "souk_job_runs_total", "waits") >= 1.0);
    assert!(metric(&host, "souk_job_failures_total", "waits") < 1.0);
    assert!(metric(&host, "souk_job_seconds_total", "waits") >= 2.0, "each takes longer than two seconds");
    let succeeded = metric(&host, "souk_job_last_success_timestamp_seconds", "waits");
    let waits = notes(&host, "waits");
    #[expect(clippy::cast_precision_loss, reason = "a time of this century in milliseconds is exact")]
    let ended = waits[1].1 as f64 / 1_000.0;
    assert!(succeeded >= ended.floor() && succeeded < ended + SOON.as_secs_f64() * 10.0, "{succeeded} {ended}");
    for job in ["traps", "no-such-job"] {
        // One is counted as run before it is counted as failed.
        let failures = metric(&host, "souk_job_failures_total", job);
        assert!(failures >= 1.0 && metric(&host, "souk_job_runs_total", job) >= failures, "{job}");
        assert!(metric(&host, "souk_job_last_success_timestamp_seconds", job) < 1.0, "{job}");
    }
    let line = host.log_line(&["a job failed", "job=\"no-such-job\""]);
    assert!(line.contains("the component knows no job of this name"), "{line}");
}

#[test]
fn a_job_that_finds_no_instance_comes_again_at_its_next_time() {
    let busy = chores().limit("instances_max", 1).limit("waiting_max", 0).job("waits", DAY).job("notes", 1);
    let host = Host::up(&Application::of([busy]));
    let line = host.log_line(&["a job failed", "job=\"notes\""]);
    assert!(line.contains("too much is under way"), "{line}");
    let begun = Instant::now();
    while metric(&host, "souk_job_last_success_timestamp_seconds", "notes") < 1.0 {
        assert!(begun.elapsed() < SOON, "it was not called again");
        std::thread::sleep(Duration::from_millis(50));
    }
    assert!(metric(&host, "souk_job_failures_total", "waits") < 1.0);
}

#[test]
fn a_job_needs_a_component_that_has_the_contract() {
    let mute = Component::guest("echo").job("tidy", 60).job("sweep", 60);
    let crooked = Component::unrouted("crooked", "crooked").job("tidy", 60);
    let refused = Place::new(&Application::of([mute, crooked, chores().job("no-such-job", 60)])).check();
    assert_eq!(refused.code, Some(1), "{}", refused.stdout);
    for fault in [
        "2 faults",
        "component echo: has jobs (tidy, sweep) and does not export souk:jobs/periodic\n      → remove them, or use a component that exports it",
        "component crooked: has jobs (tidy) and exports souk:jobs/periodic@0.1.0 otherwise: run: expected",
        "→ build it against this host's contract, wit/jobs",
    ] {
        assert!(refused.stderr.contains(fault), "{fault}: {}", refused.stderr);
    }
}

#[test]
fn the_check_tells_jobs_and_who_could_have_some() {
    let named = chores().job("notes", 60).job("thrice", DAY);
    let checked = Place::new(&Application::of([named, Component::unrouted("idle", "crooked")])).check();
    for line in [
        "jobs notes every 60 s, thrice every 86400 s\n",
        "  idle: exports souk:jobs/periodic, and [[component.idle.tool.souk.jobs]] names no job\n",
        "no faults",
    ] {
        assert!(checked.stdout.contains(line), "{line}: {} {}", checked.stdout, checked.stderr);
    }
    assert!(!checked.stdout.contains("chores: exports"), "{}", checked.stdout);
}

#[test]
fn at_the_end_a_call_under_way_ends_and_no_other_begins() {
    let place = Arc::new(Place::new(&Application::of([chores().job("waits", DAY).job("notes", 1)])));
    let host = place.up();
    let begun = noted(&host, "waits", 1);
    host.signal(Signal::TERM);
    let signalled = now_ms();
    assert_eq!(host.ended_within(SOON).expect("it ends").code(), Some(0));
    host.log_line(&["stopped", "drained=true"]);
    drop(host);
    place.write_manifest(&Application::of([chores()]).manifest());
    let later = place.up();
    let waits = notes(&later, "waits");
    assert_eq!((waits.len(), &waits[0], waits[1].0.as_str()), (2, &begun[0], "ended"));
    assert!(waits[1].1 >= signalled + 1_500, "else the end came when another call was not due: {waits:?} {signalled}");
    let others = notes(&later, "notes");
    assert!(others.iter().all(|(_, at)| *at <= signalled + 500), "{others:?} {signalled}");
}

#[test]
fn a_job_that_takes_too_long_does_not_keep_the_host() {
    let endless = chores().job("spins", 1).limit("time_ms_max", 60_000);
    let host = Host::up(&Application::of([endless]).limit("drain_ms_max", 300));
    noted(&host, "spins", 1);
    host.signal(Signal::TERM);
    assert_eq!(host.ended_within(SOON / 3).expect("it ends after drain_ms_max").code(), Some(0));
    host.log_line(&["stopped", "drained=false"]);
}
