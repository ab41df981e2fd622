//! Who is asking: tokens of issuers that the manifest names, and who may do what.

use crate::application::{Application, Component};
use crate::host::{Place, Shared};
use crate::http::Answer;
use ring::rand::SystemRandom;
use souk_identity::keys::Keys;
use souk_identity::sign::{Grant, Signer};
use std::path::PathBuf;
use std::sync::{Arc, LazyLock};
use std::time::{SystemTime, UNIX_EPOCH};
use tempfile::TempDir;

const ISSUER: &str = "https://id.example/";
const AUDIENCE: &str = "https://shop.example";

/// Keys of an issuer, and the file in which a host finds their public halves.
pub(crate) struct Identity {
    keys: Arc<Keys>,
    folder: TempDir,
}

pub(crate) static IDENTITY: LazyLock<Identity> = LazyLock::new(|| {
    let keys = Keys::generate(&SystemRandom::new()).unwrap();
    let folder = TempDir::new().unwrap();
    std::fs::write(folder.path().join("keys.json"), keys.public_set(now_s())).unwrap();
    Identity { keys: Arc::new(keys), folder }
});

impl Identity {
    fn file(&self) -> PathBuf {
        self.folder.path().join("keys.json")
    }

    /// A token as its issuer makes it.
    fn token(&self, roles: &[&str], scopes: &[&str]) -> String {
        self.token_of(ISSUER, AUDIENCE, now_s(), roles, scopes)
    }

    fn token_of(&self, issuer: &str, audience: &str, at_s: u64, roles: &[&str], scopes: &[&str]) -> String {
        let grant = Grant { subject: "alice", client: "web", roles, scopes, family: "f1", id: "t1" };
        self.sign(&grant, issuer, audience, at_s)
    }

    /// The value of `authorization` of somebody.
    pub(crate) fn bearer(&self, subject: &str) -> String {
        let grant = Grant { subject, client: "web", roles: &[], scopes: &[], family: "f1", id: "t1" };
        format!("Bearer {}", self.sign(&grant, ISSUER, AUDIENCE, now_s()))
    }

    fn sign(&self, grant: &Grant<'_>, issuer: &str, audience: &str, at_s: u64) -> String {
        let signer = Signer::new(issuer, audience, Arc::clone(&self.keys)).unwrap();
        signer.sign(grant, at_s, 600, &SystemRandom::new()).unwrap()
    }
}

#[expect(clippy::disallowed_methods, reason = "the host that is tested asks the clock, too")]
pub(crate) fn now_s() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs()
}

/// `[application.tool.souk.tokens]` with this issuer.
pub(crate) fn tokens() -> String {
    let file = IDENTITY.file().display().to_string();
    format!(
        "[application.tool.souk.tokens]\naudience = {AUDIENCE:?}\n[[application.tool.souk.tokens.issuers]]\n\
         issuer = {ISSUER:?}\nkeys = {file:?}\nroles = [\"merchant\"]"
    )
}

fn application() -> Application {
    let component = Component::guest("echo")
        .access("methods = [\"PUT\"]\nallow = \"anyone\"")
        .access("methods = [\"POST\"]\nallow = \"signed-in\"")
        .access("methods = [\"PATCH\"]\nroles = [\"merchant\", \"admin\"]")
        .access("path = \"/echo/reports\"\nscopes = [\"reports:read\", \"reports\"]")
        .access("path = \"/echo/closed\"\nallow = \"nobody\"");
    Application::of([component]).tool(&tokens())
}

static HOST: Shared = Shared::new(application);

fn ask(method: &str, path: &str, token: Option<&str>) -> Answer {
    let bearer = token.map(|token| format!("Bearer {token}"));
    let fields: Vec<_> = bearer.iter().map(|value| ("authorization", value.as_str())).collect();
    HOST.host().send(method, path, &fields, b"")
}

#[test]
fn the_first_rule_that_fits_decides_and_what_was_forgotten_is_closed() {
    let (nobody, plain) = (None, IDENTITY.token(&[], &[]));
    let (merchant, other) = (IDENTITY.token(&["merchant"], &[]), IDENTITY.token(&["admin"], &[]));
    let reader = IDENTITY.token(&[], &["reports", "reports:read", "more"]);
    let half = IDENTITY.token(&[], &["reports"]);
    for (method, path, token, status) in [
        ("GET", "/echo", nobody, 200),
        ("HEAD", "/echo", nobody, 200),
        ("PUT", "/echo", nobody, 200),
        ("POST", "/echo", nobody, 401),
        ("POST", "/echo", Some(&plain), 200),
        ("PATCH", "/echo", nobody, 401),
        ("PATCH", "/echo", Some(&plain), 403),
        ("PATCH", "/echo", Some(&merchant), 200),
        // This issuer may not make anybody an admin.
        ("PATCH", "/echo", Some(&other), 403),
        ("GET", "/echo/reports", nobody, 401),
        ("GET", "/echo/reports", Some(&half), 403),
        ("GET", "/echo/reports", Some(&reader), 200),
        ("GET", "/echo/reports/x", nobody, 200),
        ("GET", "/echo/closed", Some(&merchant), 403),
        ("DELETE", "/echo", nobody, 401),
        ("DELETE", "/echo", Some(&merchant), 403),
        ("BREW", "/echo", Some(&merchant), 403),
    ] {
        let answer = ask(method, path, token.map(String::as_str));
        assert_eq!(answer.status, status, "{method} {path} {token:?}: {}", answer.text());
    }
    for way in [
        "/echo/%63losed",
        "/echo//closed",
        "/echo/./closed",
        "/echo/x/../closed",
        "/echo/closed/",
        "/echo/x/%2e%2e/closed",
    ] {
        assert_eq!(ask("GET", way, None).status, 401, "{way}");
    }
    assert_eq!(ask("HEAD", "/echo/reports", None).status, 401);
    let challenge = |answer: Answer| answer.field("www-authenticate").map(str::to_owned);
    assert_eq!(challenge(ask("POST", "/echo", None)).as_deref(), Some("Bearer realm=\"souk\""));
    assert_eq!(
        challenge(ask("GET", "/echo/reports", Some(&half))).as_deref(),
        Some("Bearer realm=\"souk\", error=\"insufficient_scope\", scope=\"reports:read reports\"")
    );
    ask("PATCH", "/echo", Some(&plain)).is_problem(403, "not-allowed");
}

#[test]
fn the_component_learns_who_it_is_and_does_not_see_the_token() {
    let token = IDENTITY.token(&["merchant", "admin"], &["a", "b"]);
    let fields = [
        ("authorization", &*format!("bEARER  {token}")),
        ("souk-caller", "{\"sub\":\"root\"}"),
        ("Souk_Caller", "root"),
    ];
    let text = HOST.host().send("GET", "/echo", &fields, b"").text().to_owned();
    let caller: Vec<_> = text.lines().filter_map(|line| line.strip_prefix("souk-caller: ")).collect();
    let [caller] = caller[..] else { panic!("{text}") };
    let caller: serde_json::Value = serde_json::from_str(caller).unwrap();
    let expected = serde_json::json!({
        "sub": "https://id.example/|alice", "iss": ISSUER, "roles": ["merchant"], "scopes": ["a", "b"]
    });
    assert_eq!(caller, expected);
    assert!(!text.contains("authorization") && !text.contains(&token[..20]) && !text.contains("root"), "{text}");
    let anonymous = ask("GET", "/echo", None);
    assert!(!anonymous.text().contains("souk-caller"), "{}", anonymous.text());
}

#[test]
fn a_token_that_is_no_good_is_refused_everywhere_and_not_explained() {
    let good = IDENTITY.token(&["merchant"], &[]);
    let [header, claims, signature] = good.split('.').collect::<Vec<_>>()[..] else { panic!("{good}") };
    let stranger =
        Identity { keys: Arc::new(Keys::generate(&SystemRandom::new()).unwrap()), folder: TempDir::new().unwrap() };
    // `{"alg":"none","typ":"at+jwt"}`
    let none = "eyJhbGciOiJub25lIiwidHlwIjoiYXQrand0In0";
    let mut bad = vec![
        String::new(),
        "x".to_owned(),
        "a.b.c".to_owned(),
        format!("{none}.{claims}."),
        format!("{none}.{claims}.{signature}"),
        format!("{header}.{claims}."),
        format!("{header}.{claims}"),
        format!("{good}.{signature}"),
        format!("{good}="),
        format!("{good} {good}"),
        format!("{header}.{}.{signature}", claims.to_uppercase()),
        stranger.token(&["merchant"], &[]),
        IDENTITY.token_of(ISSUER, "https://other.example", now_s(), &[], &[]),
        IDENTITY.token_of("https://id.example", AUDIENCE, now_s(), &[], &[]),
        IDENTITY.token_of(ISSUER, AUDIENCE, now_s() - 700, &[], &[]),
        IDENTITY.token_of(ISSUER, AUDIENCE, now_s() + 100, &[], &[]),
        "a".repeat(20_000),
    ];
    bad.extend((0..50).map(|number| format!("{}{number}.{claims}.{signature}", &header[..header.len() - 2])));
    for token in &bad {
        // Also where anyone may come.
        let answer = ask("GET", "/echo", Some(token));
        answer.is_problem(401, "invalid-token");
        assert_eq!(answer.field("www-authenticate"), Some("Bearer realm=\"souk\", error=\"invalid_token\""));
        assert!(token.len() < 8 || !answer.text().contains(token), "{}", answer.text());
    }
    let host = HOST.host();
    let twice = [("authorization", &*format!("Bearer {good}")), ("Authorization", &*format!("Bearer {good}"))];
    host.send("GET", "/echo", &twice, b"").is_problem(401, "invalid-token");
    let basic = host.send("GET", "/echo", &[("authorization", "Basic YTpi")], b"");
    assert!(basic.status == 200 && basic.text().contains("Basic YTpi"), "another scheme is the component's business");
    assert_eq!(host.send("POST", "/echo", &[("authorization", "Basic YTpi")], b"").status, 401);
    let log = host.log();
    assert!(!bad.iter().any(|token| token.len() > 8 && log.contains(token)) && !log.contains(signature), "{log}");
}

#[test]
fn what_is_wrong_with_issuers_is_told_before_anything_is_served() {
    let place = |text: &str| Arc::new(Place::new(&Application::of([Component::guest("echo")]).tool(text)));
    let issuer =
        |keys: &str| format!("tokens = {{ audience = \"a\", issuers = [{{ issuer = \"i\", keys = {keys:?} }}] }}");
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("keys.json");
    std::fs::write(&file, IDENTITY.keys.secret_set()).unwrap();
    for (text, why) in [
        (issuer("/nowhere/keys.json"), "the keys of issuer \"i\" can't be used: /nowhere/keys.json: No such file"),
        (issuer(file.to_str().unwrap()), "has a private key in it"),
        ("tokens = {}".to_owned(), "tokens.audience is missing"),
        ("tokens = { audience = \"a\" }".to_owned(), "tokens has no issuers"),
    ] {
        for ended in [place(&text).refused(), place(&text).check()] {
            assert_eq!(ended.code, Some(1));
            assert!(ended.stderr.contains(why), "{why}: {}", ended.stderr);
        }
    }
}

#[test]
fn who_takes_tokens_may_listen_to_strangers_and_the_operator_may_not() {
    let place = Arc::new(Place::new(&application()));
    let host = place.up_at("0.0.0.0:0");
    assert_eq!(host.get("/echo").status, 200);
    drop(host);
    let ended = place.refused_at("127.0.0.1:0", "0.0.0.0:0");
    assert!(ended.stderr.contains("is not a loopback address"), "{}", ended.stderr);
    let without = Arc::new(Place::new(&Application::of([Component::guest("echo")])));
    assert!(without.refused_at("0.0.0.0:0", "127.0.0.1:0").stderr.contains("whose tokens are taken"));
}

#[test]
fn the_keys_of_another_issuer_change_without_a_restart() {
    let folder = TempDir::new().unwrap();
    let issuer = |keys: Keys| Identity { keys: Arc::new(keys), folder: TempDir::new().unwrap() };
    let [old, new] = [0, 1].map(|_| issuer(Keys::generate(&SystemRandom::new()).unwrap()));
    let file = folder.path().join("keys.json");
    std::fs::write(&file, old.keys.public_set(now_s())).unwrap();
    let tokens = tokens().replace(&IDENTITY.file().display().to_string(), &file.display().to_string());
    let echo = Component::guest("echo").access("methods = [\"POST\"]\nallow = \"signed-in\"");
    let host = Arc::new(Place::new(&Application::of([echo]).tool(&tokens))).up();
    let post = |token: &str| host.send("POST", "/echo", &[("authorization", &format!("Bearer {token}"))], b"").status;
    let (before, after) = (old.token(&[], &[]), new.token(&[], &[]));
    assert_eq!((post(&before), post(&after)), (200, 401));
    std::fs::write(&file, "half a fi").unwrap();
    host.log_line(&["keys can't be read again", "ERROR"]);
    assert_eq!(post(&before), 200, "those from before are used");
    std::fs::write(&file, new.keys.public_set(now_s())).unwrap();
    host.log_line(&["keys have changed"]);
    assert_eq!((post(&before), post(&after)), (401, 200), "also of what was found good before");
}
