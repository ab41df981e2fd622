//! Candidates that may not serve: each is refused with one sentence, the one that serves goes on, and the audit log says who wanted it.

use super::{Operator, greeter, guest, visitor};
use crate::application::{Application, Component};
use ring::digest::{SHA256, digest};
use serde_json::Value;
use std::fmt::Write as _;
use std::fs;

/// SHA-256 in hexadecimal digits.
fn sha256(file: &[u8]) -> String {
    digest(&SHA256, file).as_ref().iter().fold(String::new(), |mut text, byte| {
        write!(text, "{byte:02x}").unwrap();
        text
    })
}

/// Sends a file that must be refused with a sentence that begins so. Nothing has changed afterwards.
#[track_caller]
fn refused(operator: &Operator, name: &str, file: &[u8], expected: &str) {
    let before = operator.status(name);
    let why = operator.refused(name, file);
    assert!(why.starts_with(expected), "{expected} | {why}");
    assert!(!why.contains('\n') && !why.ends_with('.') && why.len() < 500, "no sentence: {why:?}");
    let after = operator.status(name);
    assert_eq!((&after["state"], &after["step"]), (&before["state"], &Value::Null), "{after}");
    let generations = |status: &Value| -> Vec<Value> {
        let all = status["generations"].as_array().unwrap().iter();
        all.map(|generation| generation["number"].clone()).collect()
    };
    assert_eq!(generations(&after), generations(&before), "{after}");
    let record = operator.history(name).remove(0);
    assert_eq!((&record["who"], &record["action"]), (&"operator".into(), &"swap".into()), "{record}");
    assert_eq!((&record["outcome"], &record["reason"]), (&"refused".into(), &why.into()), "{record}");
    assert_eq!(&record["from"]["digest"], &operator.generation(name, "serving")["digest"], "{record}");
    // Of what is no component it is left out: see the test about it.
    if let Some(digest) = record["to"]["digest"].as_str() {
        assert_eq!(digest, sha256(file), "{record}");
    } else {
        assert!(expected.starts_with("the file "), "{record}");
    }
    assert!(record["to"]["generation"].is_null(), "it never was one: {record}");
    assert!(record["took_ms"].is_u64() && record["time"].as_str().unwrap().ends_with('Z'), "{record}");
    assert_eq!(operator.audit().pop().unwrap(), record, "the file and the answer tell the same");
}

#[test]
fn a_file_that_is_no_component_is_refused() {
    let operator = Operator::up(&Application::of([greeter(), visitor()]));
    let whole = fs::read(guest("two")).unwrap();
    let module = b"\0asm\x01\0\0\0".to_vec();
    let mut bent = whole.clone();
    let middle = bent.len() / 2;
    bent[middle..middle + 64].fill(0xff);
    for (file, expected) in [
        (&b""[..], "the file is no WebAssembly, not a component"),
        (b"hello", "the file is no WebAssembly, not a component"),
        (&[0; 4096], "the file is no WebAssembly, not a component"),
        (&module, "the file is a core module, not a component"),
        (&whole[..whole.len() / 2], "the file is not valid WebAssembly: "),
        (&whole[..whole.len() - 1], "the file "),
        (&bent, "the file "),
        (b"\0asm\x0d\0\x01\0", "component greeter: has a route but answers no HTTP"),
    ] {
        refused(&operator, "greeter", file, expected);
    }
    assert_eq!(operator.serving("greeter"), 1);
    operator.host.get("/visits/0").is_ok("one");
    // None of them is in the way of a good one, and no number was lost on them.
    assert_eq!(operator.swap("greeter", "", &guest("two"))["to"]["generation"], 2);
    operator.host.get("/visits/0").is_ok("two");
}

#[test]
fn a_component_that_does_not_fit_its_slot_is_refused() {
    let operator = Operator::up(&Application::of([greeter(), visitor(), Component::guest("counts")]));
    for (name, file, expected) in [
        ("greeter", guest("slow"), "component visits: imports test:greeter/greet, which nothing provides"),
        ("greeter", guest("mute"), "component greeter: has a route but answers no HTTP; component visits: imports "),
        ("counts", guest("mute"), "component counts: has a route but answers no HTTP"),
        ("counts", guest("asks"), "component counts: imports souk:database/sql, which it was not granted"),
        ("counts", guest("stranger"), "component counts: imports test:guest/abyss, which nothing provides"),
        ("counts", guest("two"), "component visits: imports test:greeter/greet, which greeter and counts export"),
    ] {
        refused(&operator, name, &fs::read(file).unwrap(), expected);
    }
    operator.host.get("/counts").is_ok("1");
    operator.host.get("/visits/0").is_ok("one");
    assert_eq!((operator.serving("greeter"), operator.serving("counts")), (1, 1));
}

#[test]
fn a_contract_that_others_import_otherwise_is_refused_with_each_difference() {
    let rings = Component::guest("rings").grant("souk:database/sql").grant("test:bell/bells");
    let operator = Operator::up(&Application::of([rings, Component::unrouted("tower", "bell")]));
    let expected = "component rings: imports test:bell/bells@0.1.0, which tower exports otherwise: knell is missing; ";
    refused(&operator, "tower", &fs::read(guest("cracked")).unwrap(), expected);
    assert_eq!(operator.host.get("/rings/toll/wait/1").text(), "Ok(\"dong\")");
}

#[test]
fn a_component_without_its_jobs_is_refused() {
    let chores = Component::guest("chores").grant("souk:database/sql").job("notes", 86_400);
    let operator = Operator::up(&Application::of([chores]));
    let expected = "component chores: has jobs (notes) and does not export souk:jobs/periodic";
    refused(&operator, "chores", &fs::read(guest("ledger")).unwrap(), expected);
}

#[test]
fn a_component_that_never_starts_is_refused_after_its_time() {
    let operator = Operator::up(&Application::of([greeter().limit("time_ms_max", 300)]));
    let expected = "an instance can't be started: not within time_ms_max";
    refused(&operator, "greeter", &fs::read(guest("unborn")).unwrap(), expected);
    operator.host.get("/greeter").is_ok("one");
}

#[test]
fn a_component_that_is_never_ready_is_refused_with_what_it_said_last() {
    let operator = Operator::up(&Application::of([greeter().limit("ready_ms_max", 350)]));
    let expected = "it was not ready within ready_ms_max (350 ms): the moon is not full";
    refused(&operator, "greeter", &fs::read(guest("unready")).unwrap(), expected);
    let took_ms = operator.history("greeter")[0]["took_ms"].as_u64().unwrap();
    assert!(took_ms >= 200, "it was asked more than once: {took_ms} ms");
    operator.host.get("/greeter").is_ok("one");
}

#[test]
fn a_component_that_is_ready_at_the_third_asking_serves_then() {
    let operator = Operator::up(&Application::of([greeter().limit("instances_max", 1)]));
    let record = operator.swap("greeter", "", &guest("hesitates"));
    assert!(record["took_ms"].as_u64().unwrap() >= 200, "two pauses of 100 ms: {record}");
    operator.host.get("/greeter").is_ok("3");
}

#[test]
fn a_migration_that_fails_is_refused_and_the_database_stays_as_it_was() {
    let asks = Component::guest("asks").grant("souk:database/sql");
    let operator = Operator::up(&Application::of([asks]));
    let expected = "its migrations do not fit the database: ";
    refused(&operator, "asks", &fs::read(guest("stumbles")).unwrap(), expected);
    let why = operator.history("asks")[0]["reason"].as_str().unwrap().to_owned();
    assert!(why.contains("0002_torn.sql"), "{why}");
    let word = operator.host.send("POST", "/asks/query", &[], b"SELECT word FROM secret");
    word.is_ok("untouched");
    // It was refused altogether: its place among the migrations is free.
    operator.swap("asks", "", &guest("grows"));
    operator.host.get("/asks").is_ok("souk untouched");
}

#[test]
fn a_file_that_could_not_be_kept_for_the_next_start_is_refused() {
    let operator = Operator::up(&Application::of([greeter()]));
    // A file where a folder has to be: the administrator's mistake, or a full disk.
    let folder = operator.host.place.data().join("swapped");
    fs::remove_dir_all(&folder).unwrap();
    fs::write(&folder, b"").unwrap();
    refused(&operator, "greeter", &fs::read(guest("two")).unwrap(), "the file can't be kept: ");
    fs::remove_file(&folder).unwrap();
    operator.swap("greeter", "", &guest("two"));
}

#[test]
fn who_lacks_the_migrations_that_were_applied_is_refused() {
    let asks = Component::guest("asks").grant("souk:database/sql");
    let operator = Operator::up(&Application::of([asks]));
    operator.swap("asks", "?probation_seconds=0", &guest("grows"));
    refused(&operator, "asks", &fs::read(guest("asks")).unwrap(), "its migrations do not fit the database: ");
    operator.host.get("/asks").is_ok("souk untouched");
}

#[test]
fn a_component_that_traps_at_its_start_is_refused_in_one_line() {
    let operator = Operator::up(&Application::of([greeter()]));
    refused(&operator, "greeter", &fs::read(guest("stillborn")).unwrap(), "an instance can't be started: ");
    operator.host.get("/greeter").is_ok("one");
}

/// Who looks for it later has the file, and the log has to say which one it was.
#[test]
fn the_audit_log_has_the_digest_also_of_a_file_that_is_no_component() {
    let operator = Operator::up(&Application::of([greeter()]));
    let module = b"\0asm\x01\0\0\0";
    operator.refused("greeter", module);
    let record = operator.history("greeter").remove(0);
    assert_eq!(record["to"]["digest"], sha256(module), "{record}");
}
