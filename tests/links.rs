//! Live links: one component calls another over an interface that the host has never seen.

use crate::application::{Application, Component};
use crate::host::{Host, Place, SOON, Shared};
use crate::http::Connection;
use std::thread;
use std::time::{Duration, Instant};

fn ringer() -> Component {
    Component::guest("rings").grant("souk:database/sql").grant("test:bell/bells")
}

fn tower(id: &str) -> Component {
    Component::unrouted(id, "bell")
}

fn application() -> Application {
    Application::of([ringer().limit("time_ms_max", 5_000), tower("bell").limit("time_ms_max", 500)])
}

static HOST: Shared = Shared::new(application);

fn refused(components: impl IntoIterator<Item = Component>) -> String {
    let ended = Place::new(&Application::of(components)).check();
    assert_eq!(ended.code, Some(1), "{}", ended.stdout);
    ended.stderr
}

#[test]
fn values_of_every_kind_cross_a_link_and_come_back() {
    let answer = HOST.host().get("/rings/ring/tom");
    assert_eq!(
        answer.text(),
        "Ok(Bell { name: \"tom\", tones: [220, 330, 440], weight: Some(1.5), place: (-3, 7), material: Material::Iron, \
         marks: Marks(BLESSED), owner: Owner::Town([\"A\", \"Ü\"]) })"
    );
    assert_eq!(HOST.host().get("/rings/ring/nobody").text(), "Err(Error::Refused(\"it has no name\"))");
}

#[test]
fn a_server_that_traps_or_is_too_slow_is_an_error_of_the_callers_contract() {
    let host = HOST.host();
    assert_eq!(host.get("/rings/toll/trap/0").text(), "Err(Error::Unavailable(\"bell: it failed\"))");
    let begun = Instant::now();
    for how in ["spin", "wait"] {
        let answer = host.get(&format!("/rings/toll/{how}/60000"));
        assert_eq!(answer.text(), "Err(Error::Unavailable(\"bell: it did not answer in time\"))");
    }
    assert!(begun.elapsed() < Duration::from_secs(4), "the server's limit ended it, not the caller's");
    assert_eq!(host.get("/rings/toll/wait/1").text(), "Ok(\"dong\")", "and goes on");
    host.log_line(&["a call over a link failed", "from=\"rings\"", "it failed"]);
}

#[test]
fn a_call_belongs_to_the_trace_of_the_request_that_it_is_made_for() {
    let host = HOST.host();
    let parent = ("traceparent", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01");
    host.send("GET", "/rings/toll/trap/0", &[parent], b"").is_ok("Err(Error::Unavailable(\"bell: it failed\"))");
    let trace = "trace=4bf92f3577b34da6a3ce929d0e0e4736";
    host.log_line(&["a call over a link failed", trace]);
    host.log_line(&["component=\"bell\"", "stream=\"stderr\"", trace]);
}

#[test]
fn without_such_an_error_the_caller_traps_and_nobody_hangs() {
    let host = HOST.host();
    assert_eq!(host.get("/rings/knell/wait/1").text(), "dong");
    for how in ["trap", "spin"] {
        host.get(&format!("/rings/knell/{how}/0")).is_problem(500, "component-failed");
    }
    host.log_line(&["has no answer, and no error that says so", "bell: it failed"]);
    assert_eq!(host.get("/rings/knell/wait/1").text(), "dong");
}

#[test]
fn a_call_has_what_is_left_of_its_callers_time() {
    let short = Application::of([ringer().limit("time_ms_max", 300), tower("bell").limit("time_ms_max", 60_000)]);
    let host = Host::up(&short);
    let begun = Instant::now();
    let answer = host.get("/rings/toll/wait/60000");
    assert!(answer.status == 504 || answer.text().contains("did not answer in time"), "{}", answer.text());
    assert!(begun.elapsed() < Duration::from_secs(10));
    let line = host.log_line(&["a call"]);
    assert!(line.contains("ran out of time") || line.contains("did not answer in time"), "{line}");
}

#[test]
fn many_call_at_once_and_each_gets_its_own_answer() {
    let host = HOST.host();
    thread::scope(|scope| {
        let calls: Vec<_> = (0..16)
            .map(|number| {
                let host = &host;
                scope.spawn(move || {
                    let mut connection = host.connect();
                    for round in 0..50 {
                        let name = format!("n{number}-{round}");
                        let answer = connection.ask("GET", &format!("/rings/ring/{name}"), &[], b"");
                        assert!(
                            answer.text().starts_with(&format!("Ok(Bell {{ name: \"{name}\"")),
                            "{}",
                            answer.text()
                        );
                    }
                })
            })
            .collect();
        for call in calls {
            call.join().unwrap();
        }
    });
    assert_eq!(host.get("/rings/times/1000").text(), "3000");
}

#[test]
fn links_are_counted() {
    let host = Host::up(&application());
    host.get("/rings/times/7");
    host.get("/rings/toll/trap/0");
    let metrics = Connection::to(host.admin).ask("GET", "/metrics", &[], b"");
    let labels = "{from=\"rings\",to=\"bell\",interface=\"test:bell/bells\"}";
    for line in [format!("souk_link_calls_total{labels} 8\n"), format!("souk_link_failures_total{labels} 1\n")] {
        assert!(metrics.text().contains(&line), "{line}: {}", metrics.text());
    }
    assert!(metrics.text().contains(&format!("souk_link_seconds_total{labels} 0.")), "{}", metrics.text());
}

#[test]
fn a_link_needs_a_grant_a_server_and_one_server_only() {
    let ungranted = refused([Component::guest("rings").grant("souk:database/sql"), tower("bell")]);
    assert!(ungranted.contains("component rings: imports test:bell/bells, which it was not granted"), "{ungranted}");
    let alone = refused([ringer()]);
    assert!(alone.contains("component rings: imports test:bell/bells, which nothing provides"), "{alone}");
    let two = refused([ringer(), tower("big"), tower("small")]);
    assert!(two.contains("imports test:bell/bells, which big and small export"), "{two}");
    assert!(two.contains("links = { \"test:bell/bells\" = \"big\" }"), "{two}");
    let wrong = refused([ringer().lines("links = { \"test:bell/bells\" = \"tiny\" }"), tower("big"), tower("small")]);
    assert!(wrong.contains("links test:bell/bells to tiny, which does not export it"), "{wrong}");
    let needless = refused([ringer().lines("links = { \"test:horn/horns\" = \"big\" }"), tower("big")]);
    assert!(needless.contains("links test:horn/horns to big, and does not import it"), "{needless}");
}

#[test]
fn of_two_servers_the_manifest_chooses() {
    let choice = ringer().lines("links = { \"test:bell/bells\" = \"small\" }");
    let host = Host::up(&Application::of([choice, tower("big").limit("time_ms_max", 100), tower("small")]));
    assert_eq!(host.get("/rings/toll/wait/300").text(), "Ok(\"dong\")", "the big one would be too slow");
}

#[test]
fn every_difference_between_two_contracts_is_named() {
    let cracked = refused([ringer(), Component::unrouted("old", "cracked")]);
    for difference in [
        "imports test:bell/bells@0.1.0, which old exports otherwise",
        "knell is missing",
        "ring: bell: tones: item is u16 here and u32 there",
        "ring: bell: material has the cases bronze, iron here and bronze there",
        "ring: result: ok: tones: item is u16 here and u32 there",
    ] {
        assert!(cracked.contains(difference), "{difference}: {cracked}");
    }
}

fn relay(id: &str, to: &str) -> Component {
    let relay = Component::unrouted(id, "relay").grant("test:bell/bells");
    relay.lines(&format!("links = {{ \"test:bell/bells\" = {to:?} }}"))
}

fn chain() -> Application {
    let first = ringer().lines("links = { \"test:bell/bells\" = \"first\" }");
    Application::of([first, relay("first", "second"), relay("second", "bell"), tower("bell").limit("time_ms_max", 300)])
}

#[test]
fn links_form_chains() {
    let host = Host::up(&chain());
    let answer = host.get("/rings/ring/tom");
    assert!(
        answer.text().starts_with("Ok(Bell { name: \"tom by relay by relay\", tones: [220, 330, 440]"),
        "{}",
        answer.text()
    );
    let slow = host.get("/rings/toll/wait/60000");
    let expected = "Err(Error::Unavailable(\"relay: relay: bell: it did not answer in time\"))";
    assert_eq!(slow.text(), expected);
}

#[test]
fn a_circle_of_links_is_refused() {
    let first = ringer().lines("links = { \"test:bell/bells\" = \"first\" }");
    let circle = refused([first, relay("first", "second"), relay("second", "first")]);
    assert!(circle.contains("is part of a circle of links: first → second → first"), "{circle}");
}

#[test]
fn who_calls_whom_is_told_as_text_and_drawn() {
    let place = Place::new(&chain());
    let checked = place.check();
    assert!(checked.stdout.contains("calls first over test:bell/bells"), "{}", checked.stdout);
    let text = place.graph("text").stdout;
    assert_eq!(
        text,
        "bell\nfirst → second  test:bell/bells\nrings → first  test:bell/bells\nsecond → bell  test:bell/bells\n"
    );
    let mermaid = place.graph("mermaid").stdout;
    assert!(
        mermaid.starts_with("flowchart LR\n") && mermaid.contains("rings -- \"test:bell/bells\" --> first\n"),
        "{mermaid}"
    );
    let svg = place.graph("svg").stdout;
    assert!(
        svg.starts_with("<svg xmlns=\"http://www.w3.org/2000/svg\"") && svg.trim_end().ends_with("</svg>"),
        "{svg}"
    );
    assert_eq!(
        (svg.matches("<rect").count(), svg.matches("<path").count()),
        (4, 3 + 1),
        "four boxes, three arrows and a head"
    );
    let wrong = place.graph("png");
    assert!(wrong.code == Some(2) && wrong.stderr.contains("possible values: text, mermaid, svg"), "{}", wrong.stderr);
}

#[test]
fn a_server_that_has_too_much_to_do_says_so_to_its_caller() {
    let busy = tower("bell").limit("instances_max", 1).limit("waiting_max", 0).limit("time_ms_max", 20_000);
    let host = Host::up(&Application::of([ringer(), busy]));
    // One that came while a short one was under way was refused: another one is sent then.
    let mut long = Vec::new();
    let begun = Instant::now();
    let busy = loop {
        long.push(host.connect_and_send("GET /rings/toll/wait/20000 HTTP/1.1\r\nhost: h\r\n\r\n"));
        let answer = host.get("/rings/ring/tom").text().to_owned();
        if answer.starts_with("Err") || begun.elapsed() > SOON {
            break answer;
        }
    };
    assert_eq!(busy, "Err(Error::Unavailable(\"bell: too much is under way\"))");
}

#[test]
fn nobody_takes_the_place_of_the_host() {
    let notary = Component::guest("notary").grant("souk:database/sql").access("allow = \"anyone\"");
    let notary = notary.grant("souk:identity/tokens").grant("souk:identity/passwords");
    let application = Application::of([notary, Component::unrouted("spy", "cracked")]);
    let host = Host::up(&application.tool("tokens = { issuer = \"https://shop.example\" }"));
    let hashed = host.send("POST", "/notary/hash", &[], b"a secret of mine");
    assert!(hashed.text().starts_with("$argon2id$"), "{}", hashed.text());
}
