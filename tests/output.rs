//! What components write, and what the host logs about them.

use crate::application::{Application, Component};
use crate::host::{Host, Place, Shared};
use serde_json::Value;
use std::sync::Arc;

static HOST: Shared = Shared::new(|| Application::of([Component::guest("babbles").limit("log_line_bytes_max", 200)]));

/// Log lines of the guest with this in them.
fn lines(host: &Host, part: &str) -> Vec<String> {
    host.log().lines().filter(|line| line.contains(part)).map(str::to_owned).collect()
}

#[test]
fn standard_output_is_logged_as_information_and_standard_error_as_a_warning() {
    let host = HOST.host();
    host.get("/babbles/out").is_ok("said");
    host.log_line(&["INFO", "said quietly", "component=\"babbles\"", "stream=\"stdout\""]);
    host.get("/babbles/err").is_ok("said");
    host.log_line(&["WARN", "said loudly", "component=\"babbles\"", "stream=\"stderr\""]);
}

#[test]
fn a_long_line_is_cut_and_marked() {
    let host = HOST.host();
    host.get("/babbles/long").is_ok("said");
    let line = host.log_line(&["start", "[…]", "component=\"babbles\""]);
    assert!(line.len() < 500, "{} bytes", line.len());
    host.get("/babbles/out").is_ok("said");
    assert!(lines(&host, "xxxend").is_empty(), "the rest of a line is not another line");
}

#[test]
fn many_lines_are_all_there_in_their_order() {
    let host = HOST.host();
    host.get("/babbles/many").is_ok("said");
    host.log_line(&["line 10000 of many"]);
    let numbers: Vec<usize> = lines(&host, " of many")
        .iter()
        .map(|line| line.split_once("line ").unwrap().1.split(' ').next().unwrap().parse().unwrap())
        .collect();
    assert!(numbers.iter().copied().eq(1..=10_000), "{} lines, or not in order", numbers.len());
}

#[test]
fn a_guest_cannot_forge_a_log_line_or_colour_the_terminal() {
    let host = HOST.host();
    host.get("/babbles/escape").is_ok("said");
    let line = host.log_line(&["and back"]);
    assert!(!line.contains('\u{1b}') && !line.contains('\r'), "{line:?}");
    assert!(line.contains("ERROR forged") && line.contains("component=\"babbles\""), "{line:?}");
}

#[test]
fn bytes_that_are_no_text_are_logged_as_far_as_they_are() {
    let host = HOST.host();
    host.get("/babbles/bytes").is_ok("said");
    host.log_line(&["not \u{fffd} text"]);
}

#[test]
fn a_line_without_an_end_is_logged_when_its_instance_goes() {
    let host = Host::up(&Application::of([Component::guest("babbles").limit("requests_per_instance_max", 1)]));
    host.get("/babbles/unfinished").is_ok("said");
    host.log_line(&["no end of line"]);
}

#[test]
fn a_log_for_machines_is_one_json_object_a_line() {
    let application = Application::of([Component::guest("babbles"), Component::guest("traps")]);
    let place = Place::new(&application).argument("--log-format").argument("json").argument("--log").argument("debug");
    let host = Arc::new(place).up();
    for target in ["/babbles/out", "/babbles/err", "/babbles/escape", "/traps/trap", "/nothing"] {
        host.get(target);
    }
    let name = host.get("/babbles/out").field("x-request-id").unwrap().to_owned();
    host.log_line(&[&name]);
    let log = host.log();
    for line in log.lines() {
        let line: Value = serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"));
        assert!(line["timestamp"].is_string() && line["level"].is_string(), "{line}");
    }
    let access = log.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    let access = access.into_iter().find(|line| line["request"] == name.as_str()).unwrap();
    assert_eq!((access["method"].as_str(), access["path"].as_str()), (Some("GET"), Some("/babbles/out")));
    assert_eq!((access["target"].as_str(), access["status"].as_u64()), (Some("access"), Some(200)));
}

#[test]
fn the_filter_says_what_is_logged() {
    let place =
        Place::new(&Application::of([Component::guest("babbles")])).argument("--log").argument("info,guest=off");
    let host = Arc::new(place).up();
    host.get("/babbles/err").is_ok("said");
    host.get("/babbles/many").is_ok("said");
    assert_eq!(host.log(), "");
}
