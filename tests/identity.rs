//! The application's own tokens: signed by a component that was granted it, checked at the gateway, revoked, and rotated under.

use crate::application::{Application, Component};
use crate::host::{Host, Place, SOON, Shared};
use crate::http::{Answer, Connection};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64URL;
use serde_json::{Value, json};
use std::os::unix::fs::PermissionsExt;
use std::sync::Arc;
use std::time::{Duration, Instant};

const TOKENS: &str = "tokens = { issuer = \"https://shop.example\" }";

fn notary() -> Component {
    let notary = Component::guest("notary").grant("souk:database/sql").access("allow = \"anyone\"");
    notary.grant("souk:identity/tokens").grant("souk:identity/passwords")
}

fn application() -> Application {
    application_with(8 * 1024)
}

fn application_with(password_memory_kib: u64) -> Application {
    let echo = Component::guest("echo").access("methods = [\"POST\"]\nallow = \"signed-in\"");
    Application::of([notary(), echo]).tool(TOKENS).limit("password_memory_kib", password_memory_kib)
}

static HOST: Shared = Shared::new(application);

fn notarize(host: &Host, what: &str, body: &Value) -> Answer {
    let body = body.to_string();
    host.send("POST", &format!("/notary/{what}"), &[("content-type", "application/json")], body.as_bytes())
}

fn token(host: &Host, family: &str) -> String {
    let answer = notarize(host, "sign", &json!({"subject": "alice", "roles": ["merchant"], "family": family}));
    assert_eq!(answer.status, 200, "{}", answer.text());
    let (seconds, token) = answer.text().split_once(' ').unwrap();
    assert_eq!(seconds, "600");
    token.to_owned()
}

fn revoke(host: &Host, families: &[&str]) {
    assert_eq!(notarize(host, "revoke", &json!(families)).status, 200);
}

fn ask(host: &Host, method: &str, token: &str) -> Answer {
    host.send(method, "/echo/x", &[("authorization", &format!("Bearer {token}"))], b"")
}

/// Asks until the answer has this status.
fn becomes(host: &Host, token: &str, status: u16) {
    let begun = Instant::now();
    while ask(host, "POST", token).status != status {
        assert!(begun.elapsed() < SOON, "it is still answered {}", ask(host, "POST", token).status);
        std::thread::sleep(Duration::from_millis(50));
    }
}

fn key_of(token: &str) -> String {
    let header = token.split('.').next().unwrap();
    let decoded = BASE64URL.decode(header).unwrap();
    serde_json::from_slice::<Value>(&decoded).unwrap()["kid"].as_str().unwrap().to_owned()
}

fn published(host: &Host) -> Vec<String> {
    let answer = host.get("/.well-known/jwks.json");
    assert_eq!(answer.status, 200);
    let keys = answer.json()["keys"].as_array().unwrap().clone();
    keys.iter().map(|key| key["kid"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn a_token_that_was_signed_here_is_taken_here() {
    let host = HOST.host();
    let token = token(&host, "family-1");
    let answer = ask(&host, "POST", &token);
    assert_eq!(answer.status, 200, "{}", answer.text());
    let caller = answer.text().lines().find_map(|line| line.strip_prefix("souk-caller: ")).unwrap();
    let expected = json!({
        "sub": "https://shop.example|alice", "iss": "https://shop.example", "roles": ["merchant"], "scopes": [],
        "family": "family-1",
    });
    assert_eq!(serde_json::from_str::<Value>(caller).unwrap(), expected);
    assert!(!answer.text().contains(&token), "the component sees no token");
    assert_ne!(self::token(&host, "family-1"), token, "each token is another one");
}

#[test]
fn the_public_keys_are_published_and_nothing_else_of_them() {
    let host = HOST.host();
    let answer = host.get("/.well-known/jwks.json");
    assert_eq!(answer.field("content-type"), Some("application/jwk-set+json"));
    assert_eq!(answer.field("cache-control"), Some("public, max-age=60"));
    let key = &answer.json()["keys"][0];
    assert_eq!((&key["kty"], &key["alg"], &key["use"]), (&json!("EC"), &json!("ES256"), &json!("sig")));
    assert_eq!(key["d"], Value::Null);
    assert_eq!(key["kid"], key_of(&token(&host, "f")));
    assert_eq!(host.send("HEAD", "/.well-known/jwks.json", &[], b"").status, 200);
    let post = host.send("POST", "/.well-known/jwks.json", &[], b"");
    assert_eq!((post.status, post.field("allow")), (405, Some("GET, HEAD")));
    let without = Host::up(&Application::of([Component::guest("echo")]));
    without.get("/.well-known/jwks.json").is_problem(404, "no-route");
}

#[test]
fn only_a_component_that_was_granted_it_signs() {
    for (component, text, why) in [
        (Component::guest("notary"), TOKENS, "imports souk:identity/tokens, which it was not granted"),
        (Component::guest("notary").grant("souk:identity/tokens"), TOKENS, "imports souk:identity/passwords, which"),
        (notary(), "tokens = { audience = \"a\" }", "is granted souk:identity/tokens, and no tokens are signed here"),
        (notary().route("/.well-known/jwks.json"), TOKENS, "route /.well-known/jwks.json is the host's own"),
        (notary(), "tokens = { issuer = \"a shop\" }", "tokens.issuer can't be \"a shop\""),
        (notary(), "tokens = { issuer = \"a\", lifetime_s = 3601 }", "choose from 1 to 3600"),
    ] {
        let ended = Place::new(&Application::of([component]).tool(text)).check();
        assert_eq!(ended.code, Some(1));
        assert!(ended.stderr.contains(why), "{why}: {}", ended.stderr);
    }
}

#[test]
fn what_a_token_may_say_has_limits() {
    let host = HOST.host();
    let long = "x".repeat(300);
    for grant in [
        json!({"subject": "", "family": "f"}),
        json!({"subject": "a b", "family": "f"}),
        json!({"subject": "ä", "family": "f"}),
        json!({"subject": long, "family": "f"}),
        json!({"subject": "a", "family": ""}),
        json!({"subject": "a", "family": "f", "roles": ["a\"b"]}),
        json!({"subject": "a", "family": "f", "roles": vec!["r"; 33]}),
        json!({"subject": "a", "family": "f", "scopes": ["two words"]}),
        json!({"subject": "a", "family": "f", "client": "\n"}),
    ] {
        let answer = notarize(&host, "sign", &grant);
        assert_eq!(answer.status, 422, "{grant}: {}", answer.text());
        assert!(answer.text().starts_with("Error::Invalid"), "{}", answer.text());
    }
    let many: Vec<String> = (0..1001).map(|number| format!("f{number}")).collect();
    assert_eq!(notarize(&host, "revoke", &json!(many)).status, 422);
    revoke(&host, &["unknown", "", "with space", "line\nbreak", &long]);
}

#[test]
fn a_session_that_was_ended_is_over_at_once_and_after_a_restart() {
    let place = Arc::new(Place::new(&application()));
    let host = place.up();
    let (ended, other) = (token(&host, "ended"), token(&host, "other"));
    for token in [&ended, &other] {
        assert_eq!(ask(&host, "POST", token).status, 200, "it is kept by now");
    }
    revoke(&host, &["ended", "nobody"]);
    ask(&host, "POST", &ended).is_problem(401, "invalid-token");
    ask(&host, "GET", &ended).is_problem(401, "invalid-token");
    assert_eq!(ask(&host, "POST", &other).status, 200);
    let next = token(&host, "ended");
    assert_eq!(ask(&host, "POST", &next).status, 200, "what is signed afterwards is good");
    host.signal(rustix::process::Signal::KILL);
    drop(host);
    let host = place.up();
    assert_eq!([&ended, &other, &next].map(|token| ask(&host, "POST", token).status), [401, 200, 200]);
}

#[test]
fn keys_are_rotated_under_a_host_that_serves() {
    let place = Arc::new(Place::new(&application()));
    assert!(place.on_data(&["keys", "rotate"]).stderr.contains("there are no signing keys yet"));
    let host = place.up();
    let old = token(&host, "f");
    assert_eq!(published(&host), [key_of(&old)]);
    let rotated = place.on_data(&["keys", "rotate"]);
    assert_eq!(rotated.code, Some(0), "{}", rotated.stderr);
    let begun = Instant::now();
    let new = loop {
        let token = token(&host, "f");
        if key_of(&token) != key_of(&old) {
            break token;
        }
        assert!(begun.elapsed() < SOON, "the host does not follow");
        std::thread::sleep(Duration::from_millis(50));
    };
    assert_eq!(published(&host), [key_of(&new), key_of(&old)]);
    assert_eq!([&old, &new].map(|token| ask(&host, "POST", token).status), [200, 200]);
    let listed = place.on_data(&["keys", "list"]).stdout;
    assert!(listed.starts_with(&format!("{}  signs\n{}  is published", key_of(&new), key_of(&old))), "{listed}");

    assert_eq!(place.on_data(&["keys", "rotate", "--revoke"]).code, Some(0));
    becomes(&host, &new, 401);
    ask(&host, "POST", &old).is_problem(401, "invalid-token");
    let newest = token(&host, "f");
    assert_eq!(published(&host), [key_of(&newest)]);
    assert_eq!(ask(&host, "POST", &newest).status, 200);

    let file = place.data().join("identity/signing-keys.json");
    let secret = std::fs::read_to_string(&file).unwrap();
    assert_eq!(std::fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    std::fs::write(&file, "{}").unwrap();
    host.log_line(&["keys can't be read again", "ERROR"]);
    assert_eq!(ask(&host, "POST", &newest).status, 200, "those from before are used");
    let private = serde_json::from_str::<Value>(&secret).unwrap()["keys"][0]["d"].as_str().unwrap().to_owned();
    assert!(!host.log().contains(&private) && !host.log().contains(&newest));
}

#[test]
fn keys_that_others_can_read_or_that_are_none_are_refused_at_the_start() {
    let place = Arc::new(Place::new(&application()));
    drop(place.up());
    let file = place.data().join("identity/signing-keys.json");
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o644)).unwrap();
    for ended in [place.refused(), place.check()] {
        assert!(ended.stderr.contains("can be used by others than this user"), "{}", ended.stderr);
    }
    let place = Arc::new(Place::new(&application()).environment("SOUK_SIGNING_KEYS", "{\"keys\":[{\"d\":\"hush\"}]}"));
    for ended in [place.refused(), place.check()] {
        assert!(ended.stderr.contains("the signing keys can't be used"), "{}", ended.stderr);
        assert!(!ended.stderr.contains("hush"), "{}", ended.stderr);
    }
}

#[test]
fn hosts_with_the_same_keys_in_their_environment_take_each_others_tokens() {
    let made = Place::new(&application()).on_data(&["keys", "new"]);
    let hosts = [0, 1].map(|_| {
        let place = Place::new(&application()).environment("SOUK_SIGNING_KEYS", &made.stdout);
        Arc::new(place).up()
    });
    let token = token(&hosts[0], "f");
    assert_eq!(ask(&hosts[1], "POST", &token).status, 200);
    assert!(!hosts[0].place.data().join("identity/signing-keys.json").exists());
    ask(&HOST.host(), "POST", &token).is_problem(401, "invalid-token");
}

#[test]
fn a_session_in_a_cookie_counts_where_the_browser_says_that_this_site_asks() {
    let host = HOST.host();
    let token = token(&host, "cookie");
    let cookie = format!("theme=dark; __Host-souk-access={token}");
    let send = |method: &str, more: &[(&'static str, &'static str)]| {
        let fields: Vec<(&str, &str)> = more.iter().copied().chain([("cookie", cookie.as_str())]).collect();
        host.send(method, "/echo/x", &fields, b"")
    };
    for answer in [
        send("GET", &[]),
        send("POST", &[("sec-fetch-site", "same-origin")]),
        send("POST", &[("origin", "http://shop.test")]),
    ] {
        assert_eq!(answer.status, 200, "{}", answer.text());
        assert!(answer.text().contains("souk-caller: {") && answer.text().contains("cookie: theme=dark\n"));
        assert!(!answer.text().contains(&token));
    }
    send("POST", &[]).is_problem(403, "cross-site-request");
    send("POST", &[("sec-fetch-site", "cross-site")]).is_problem(403, "cross-site-request");
    send("POST", &[("origin", "https://evil.example")]).is_problem(403, "cross-site-request");
    revoke(&host, &["cookie"]);
    let over = send("GET", &[]);
    assert!(over.status == 200 && !over.text().contains("souk-caller"), "nobody, where anybody may come");
    send("POST", &[("sec-fetch-site", "same-origin")]).is_problem(401, "not-signed-in");
}

#[test]
fn passwords_are_hashed_outside_and_with_more_work_when_that_is_asked_for() {
    let host = HOST.host();
    let hashed = host.send("POST", "/notary/hash", &[], "correct horse".as_bytes());
    assert!(hashed.status == 200 && hashed.text().starts_with("$argon2id$v=19$m=8192,t=2,p=1$"), "{}", hashed.text());
    let hash = hashed.text().to_owned();
    let verdict = |host: &Host, password: &str, hash: &Value| {
        let answer = notarize(host, "verify", &json!({"password": password, "hash": hash}));
        format!("{} {}", answer.status, answer.text())
    };
    let of = |password| verdict(&host, password, &json!(hash));
    assert_eq!([of("correct horse"), of("correct hors")], ["200 Verdict::Right", "200 Verdict::Wrong"]);
    assert_eq!(verdict(&host, "correct horse", &Value::Null), "200 Verdict::Wrong");
    let long = "x".repeat(1 << 20);
    assert!(host.send("POST", "/notary/hash", &[], long.as_bytes()).text().contains("more than 1024 bytes"));
    assert!(verdict(&host, "x", &json!("$argon2id$v=19$m=4194304,t=9,p=1$c29tZXNhbHQ$AAAA")).starts_with("422 "));

    let dearer = Host::up(&application_with(9 * 1024));
    assert_eq!(verdict(&dearer, "correct horse", &json!(hash)), "200 Verdict::Dated");
    let logged = host.log();
    assert!(!logged.contains("correct hors") && !logged.contains("xxxxxxxx"), "{logged}");
}

#[test]
fn a_storm_of_passwords_is_refused_at_its_end_and_others_are_served() {
    let slow = application_with(64 * 1024).limit("passwords_waiting_max", 2).limit("password_passes", 16);
    let host = Host::up(&slow);
    let mut storm: Vec<Connection> = Vec::new();
    for _ in 0..40 {
        let head = "POST /notary/hash HTTP/1.1\r\nhost: h\r\ncontent-length: 1\r\n\r\nx";
        storm.push(host.connect_and_send(head));
    }
    assert_eq!(host.get("/echo/x").status, 200);
    let answers: Vec<Answer> = storm.iter_mut().map(Connection::answer).collect();
    let busy = answers.iter().filter(|answer| answer.text() == "Error::Busy").count();
    let hashed = answers.iter().filter(|answer| answer.status == 200).count();
    assert!(hashed >= 2 && busy >= 20 && hashed + busy == 40, "{hashed} hashed, {busy} refused");
    let metrics = Connection::to(host.admin).ask("GET", "/metrics", &[], b"");
    assert!(metrics.text().contains(&format!("souk_passwords_refused_total {busy}\n")), "{}", metrics.text());
    assert!(metrics.text().contains(&format!("souk_passwords_hashed_total {hashed}\n")), "{}", metrics.text());
}

#[test]
fn a_component_learns_the_clients_address_only_if_the_manifest_says_so() {
    let told = Component::guest_as("told", "echo").lines("client_address = true");
    let host = Host::up(&Application::of([told, Component::guest("echo")]).tool("proxies = [\"127.0.0.1\"]"));
    let fields = [("x-forwarded-for", "192.0.2.7"), ("souk-client", "203.0.113.9"), ("Souk_Client", "203.0.113.9")];
    let answer = host.send("GET", "/told", &fields, b"");
    assert!(answer.text().contains("\nsouk-client: 192.0.2.7\n"), "{}", answer.text());
    assert!(!answer.text().contains("203.0.113.9"));
    assert!(!host.send("GET", "/echo", &fields, b"").text().contains("souk-client"));
}

#[test]
fn the_operators_door_opens_for_who_can_read_the_data_folder() {
    let host = HOST.host();
    let door = |fields: &[(&str, &str)]| Connection::to(host.admin).ask("POST", "/api/v1/users", fields, b"{}");
    door(&[]).is_problem(401, "not-signed-in");
    door(&[("authorization", "Bearer guess")]).is_problem(401, "invalid-token");
    let file = host.place.data().join("operator.json");
    assert_eq!(std::fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    let pass: Value = serde_json::from_slice(&std::fs::read(file).unwrap()).unwrap();
    let bearer = format!("Bearer {}", pass["token"].as_str().unwrap());
    door(&[("authorization", &bearer)]).is_problem(404, "no-route");
    host.send("POST", "/echo", &[("authorization", &bearer)], b"").is_problem(401, "invalid-token");
    let ended = host.place.on_data(&["user", "create", "a@shop.example"]);
    assert!(ended.code == Some(1) && ended.stderr.contains("nothing is served at this path"), "{}", ended.stderr);
    let nowhere = Place::new(&application()).on_data(&["user", "create", "a@shop.example"]);
    assert!(nowhere.stderr.contains("no host runs on this data folder"), "{}", nowhere.stderr);
}
