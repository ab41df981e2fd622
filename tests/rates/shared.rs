//! Budgets that several hosts share, on a Valkey or Redis that comes and goes.

use super::{SCARCE, ask, get};
use crate::application::{Application, Component};
use crate::auth::tokens;
use crate::host::{Host, Place};
use souk_test_servers::valkey::{self, Server};
use std::net::TcpListener;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// Longer than anything takes that is answered at all.
const PATIENT_MS: u64 = 10_000;

/// Three for an address and three for an account; writes also count against a policy that is strict without its store.
fn application() -> Application {
    waiting(PATIENT_MS, 20)
}

/// With these times for an answer of the store, and until it is tried again.
fn waiting(answer_ms_max: u64, retry_ms: u64) -> Application {
    static NUMBER: AtomicU32 = AtomicU32::new(0);
    // Others may use the same server.
    let name = format!("t{:x}n{:x}", std::process::id(), NUMBER.fetch_add(1, Ordering::Relaxed));
    let limited = Component::guest_as("limited", "echo")
        .access("allow = \"anyone\"")
        .rate("strict", "methods = [\"POST\"]")
        .rate("three", "");
    let caller = Component::guest_as("caller", "echo").rate("three", "per = \"caller\"");
    let rates = "rates.strict = { requests = 1000, seconds = 86400, without-store = \"refuse\" }
rates.thirty = { requests = 30, seconds = 86400 }
proxies = [\"127.0.0.0/8\"]";
    let thirty = Component::guest_as("thirty", "echo").rate("thirty", "");
    Application::of([limited, caller, thirty])
        .named(&name)
        .limit("rates_store_ms_max", answer_ms_max)
        .limit("rates_store_retry_ms", retry_ms)
        .tool(&format!("{SCARCE}\n{rates}\n{}", tokens()))
}

fn up(application: &Application, url: &str) -> Host {
    Arc::new(Place::new(application).environment("SOUK_RATES", url)).up()
}

fn two(application: &Application, url: &str) -> [Host; 2] {
    [up(application, url), up(application, url)]
}

/// A read of this client, by its address: its status, and what is left as it was told.
fn read(host: &Host, address: &str) -> (u16, String) {
    let answer = get(host, &[("x-forwarded-for", address)]);
    (answer.status, answer.field("ratelimit").unwrap_or_default().to_owned())
}

fn left(count: u32) -> (u16, String) {
    (200, format!("\"three\";r={count}"))
}

fn post(host: &Host) -> u16 {
    host.send("POST", "/limited/x", &[], b"").status
}

#[test]
fn two_hosts_share_one_budget_of_a_peer_and_of_a_caller() {
    let Some(url) = valkey::shared() else { return };
    let application = application();
    let [one, other] = two(&application, &url);
    assert_eq!([read(&one, "192.0.2.1"), read(&other, "192.0.2.1"), read(&one, "192.0.2.1")], [2, 1, 0].map(left));
    let refused = get(&other, &[("x-forwarded-for", "192.0.2.1")]);
    refused.is_problem(429, "too-many-requests");
    let wait: u64 = refused.field("retry-after").unwrap().parse().unwrap();
    assert!((1_000..=1_200).contains(&wait), "{wait}");
    assert_eq!(refused.field("ratelimit"), Some(&*format!("\"three\";r=0;t={wait}")));
    assert_eq!(read(&one, "192.0.2.1").0, 429);
    assert_eq!(read(&other, "192.0.2.2"), left(2), "somebody else");

    let as_alice = |host, address| ask(host, "/caller/x", Some("alice"), address).status;
    let statuses = [as_alice(&one, "192.0.2.3"), as_alice(&other, "192.0.2.4"), as_alice(&one, "192.0.2.5")];
    assert_eq!(statuses, [200; 3]);
    assert_eq!([as_alice(&other, "192.0.2.6"), as_alice(&one, "192.0.2.6")], [429; 2]);
    assert_eq!(ask(&other, "/caller/x", Some("bob"), "192.0.2.6").status, 200);
}

#[test]
fn applications_on_one_server_share_nothing() {
    let Some(url) = valkey::shared() else { return };
    for application in [application(), application()] {
        let host = up(&application, &url);
        assert_eq!(read(&host, "192.0.2.1"), left(2));
    }
}

#[test]
fn many_at_once_on_two_hosts_get_no_more_than_the_budget() {
    let Some(url) = valkey::shared() else { return };
    let application = application();
    let hosts = two(&application, &url);
    let passed: usize = thread::scope(|scope| {
        let ask = |host: &Host| {
            let mut connection = host.connect();
            (0..20).filter(|_| connection.ask("GET", "/thirty/x", &[], b"").status == 200).count()
        };
        let threads: Vec<_> =
            hosts.iter().flat_map(|host| [host; 4]).map(|host| scope.spawn(move || ask(host))).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).sum()
    });
    assert_eq!(passed, 30);
}

#[test]
fn a_key_says_no_account_and_goes_by_itself() {
    let Some(server) = Server::start() else { return };
    let application = application().named("shop");
    let host = up(&application, &server.url());
    ask(&host, "/caller/x", Some("alice"), "192.0.2.1");
    ask(&host, "/caller/x", None, "192.0.2.1");
    assert_eq!(read(&host, "192.0.2.1"), left(2));
    let answer = server.answer(&["KEYS *"]);
    let mut keys: Vec<_> = answer.lines().filter(|line| line.starts_with("souk:rates:shop:")).collect();
    keys.sort_unstable();
    let [account, peer_as_caller, peer] = keys[..] else { panic!("{answer}") };
    assert_eq!(peer, "souk:rates:shop:limited:three:peer:192.0.2.1");
    assert_eq!([peer_as_caller.len(), account.len()].map(|length| length > 30), [true; 2]);
    assert!(!answer.contains("alice") && !answer.contains("id.example"), "{answer}");
    for key in keys {
        let answer = server.answer(&[&format!("GET {key}")]);
        let moment = answer.lines().nth(2).unwrap();
        assert!(moment.len() == 16 && moment.bytes().all(|byte| byte.is_ascii_digit()), "to the microsecond: {answer}");
        let answer = server.answer(&[&format!("PTTL {key}")]);
        let left_ms: u64 =
            answer.lines().nth(1).unwrap().trim_start_matches(':').parse().unwrap_or_else(|_| panic!("{answer}"));
        assert!((1_000_000..=1_200_000).contains(&left_ms), "as long as it takes until the budget is whole: {left_ms}");
    }
}

#[test]
fn what_a_host_knows_to_be_used_up_is_not_asked_for() {
    let Some(server) = Server::start() else { return };
    let application = application();
    let [one, other] = two(&application, &server.url());
    let asked = || {
        let answer = server.answer(&["INFO commandstats"]);
        let calls =
            answer.split_once("cmdstat_evalsha:calls=").map_or("0", |(_, rest)| rest.split(',').next().unwrap());
        calls.parse::<u32>().unwrap()
    };
    let before = asked();
    (0..3).for_each(|used| assert_eq!(read(&one, "192.0.2.1"), left(2 - used)));
    let used_up = asked();
    assert!(used_up >= before + 3, "{before} {used_up}");
    (0..5).for_each(|_| assert_eq!(read(&one, "192.0.2.1").0, 429));
    assert_eq!(asked(), used_up, "its own requests used it up");
    (0..5).for_each(|_| assert_eq!(read(&other, "192.0.2.1").0, 429));
    assert_eq!(asked(), used_up + 1, "it was told so once");
    server.answer(&["SCRIPT FLUSH"]);
    assert_eq!([read(&one, "192.0.2.2"), read(&other, "192.0.2.2")], [2, 1].map(left), "the script is sent again");
}

#[test]
fn without_its_store_a_host_counts_by_itself_unless_a_policy_is_strict() {
    let Some(server) = Server::start() else { return };
    let application = application();
    let [one, other] = two(&application, &server.url());
    assert_eq!([post(&one), post(&other)], [200; 2]);
    assert_eq!([read(&one, "192.0.2.1"), read(&other, "192.0.2.1")], [2, 1].map(left));

    server.stop();
    for host in [&one, &other] {
        for _ in 0..3 {
            let refused = host.send("POST", "/limited/x", &[], b"");
            refused.is_problem(503, "rates-unavailable");
            assert_eq!((refused.field("retry-after"), refused.field("ratelimit")), (Some("1"), None));
        }
        host.log_line(&["WARN", "the store of rates is down"]);
    }
    assert_eq!([read(&one, "192.0.2.1"), read(&one, "192.0.2.1")], [1, 0].map(left), "each from what it counted");
    assert_eq!([read(&one, "192.0.2.1").0, read(&other, "192.0.2.1").0], [429, 200]);

    server.start_again();
    for host in [&one, &other] {
        host.log_line(&["the store of rates is back"]);
        assert_eq!(post(host), 200);
        assert_eq!(
            host.log().matches("store of rates is down").count(),
            1,
            "once and not at every try: {}",
            host.log()
        );
    }
    let after = [&one, &other, &one].map(|host| read(host, "192.0.2.7"));
    assert_eq!(after, [2, 1, 0].map(left));
    assert_eq!(read(&other, "192.0.2.7").0, 429);
}

#[test]
fn a_store_that_goes_while_nobody_asks_is_missed_and_found_again() {
    let Some(server) = Server::start() else { return };
    let host = up(&application(), &server.url());
    server.stop();
    host.log_line(&["the store of rates is down"]);
    server.start_again();
    host.log_line(&["the store of rates is back"]);
    assert_eq!(post(&host), 200);
}

/// Thirty reads that would each wait for this long, were they to wait.
const HANGS_MS: u64 = 1_000;

fn thirty_reads_do_not_wait(host: &Host) {
    let began = Instant::now();
    for number in 0..30 {
        assert_eq!(read(host, &format!("198.51.100.{number}")), left(2));
    }
    assert!(began.elapsed() < Duration::from_millis(HANGS_MS * 15), "{:?}", began.elapsed());
    assert_eq!(post(host), 503);
}

#[test]
fn a_store_that_stops_answering_is_waited_for_once() {
    let Some(server) = Server::start() else { return };
    let host = up(&waiting(HANGS_MS, 60_000), &server.url());
    assert_eq!((post(&host), read(&host, "192.0.2.1")), (200, left(2)));
    server.pause();
    thirty_reads_do_not_wait(&host);
    host.log_line(&["the store of rates is down", "did not answer in time"]);
    server.resume();
}

#[test]
fn a_store_that_never_answers_holds_up_neither_the_start_nor_a_request() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("redis://{}", listener.local_addr().unwrap());
    // Connections are taken by the system, and nobody speaks.
    let host = up(&waiting(HANGS_MS, 20), &url);
    host.log_line(&["the store of rates is down", "did not answer in time"]);
    thirty_reads_do_not_wait(&host);
    drop(listener);
}

#[test]
fn a_store_that_can_not_be_used_is_a_warning_and_a_url_that_makes_no_sense_an_error() {
    let application = application();
    let gone = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let mut urls = vec![(format!("redis://:hidden@{gone}"), "refused")];
    let server = Server::start();
    urls.extend(server.iter().map(|server| (server.url_with_password("hidden"), "authentication failed")));
    for (url, why) in urls {
        let host = up(&application, &url);
        assert_eq!((read(&host, "192.0.2.1"), post(&host)), (left(2), 503));
        host.log_line(&["the store of rates is down", &gone.ip().to_string(), why]);
        assert!(!host.log().contains("hidden"), "{}", host.log());
    }
    for url in ["redis://:hidden@host/db", "hidden", "http://hidden@host", ""] {
        let place = Arc::new(Place::new(&application).argument("--rates").argument(url));
        let ended = place.refused();
        assert_eq!(ended.code, Some(1), "{url}");
        assert!(ended.stderr.contains("--rates is neither `memory` nor like"), "{}", ended.stderr);
        assert!(!ended.stderr.contains("hidden"), "{}", ended.stderr);
    }
}

#[test]
fn a_store_is_spoken_to_with_tls_by_whoever_trusts_its_authority() {
    let folder = TempDir::new().unwrap();
    let authority = TempDir::new().unwrap();
    if make_certificates(folder.path()).is_none() {
        return;
    }
    std::fs::copy(folder.path().join("root.pem"), authority.path().join("root.pem")).unwrap();
    let Some(server) = Server::start_with_tls(folder) else { return };
    let application = application();
    let trusting = |file: &str| {
        let place =
            Place::new(&application).environment("SSL_CERT_FILE", authority.path().join(file).to_str().unwrap());
        Arc::new(place.environment("SOUK_RATES", &server.url())).up()
    };
    let host = trusting("root.pem");
    assert_eq!((post(&host), read(&host, "192.0.2.1")), (200, left(2)));
    std::fs::write(authority.path().join("none.pem"), "").unwrap();
    let host = trusting("none.pem");
    host.log_line(&["the store of rates is down"]);
    assert_eq!((post(&host), read(&host, "192.0.2.1")), (503, left(2)));
}

/// A root, and a server of it; none without `openssl`.
fn make_certificates(folder: &Path) -> Option<()> {
    let make = |name: &str, more: &str| {
        let mut openssl = Command::new("openssl");
        openssl.current_dir(folder).args(["req", "-x509", "-nodes", "-newkey", "ec", "-pkeyopt"]);
        openssl.args(["ec_paramgen_curve:prime256v1", "-subj", &format!("/CN={name}")]);
        openssl.args(["-keyout", &format!("{name}.key"), "-out", &format!("{name}.pem")]).args(more.split_whitespace());
        let made = openssl.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).status();
        made.is_ok_and(|status| status.success()).then_some(())
    };
    make("root", "-addext basicConstraints=critical,CA:TRUE")?;
    let of_server = "-addext basicConstraints=critical,CA:FALSE -addext subjectAltName=DNS:localhost";
    make("server", &format!("-CA root.pem -CAkey root.key {of_server}"))
}
