//! What must never work: guessing, forging, taking one thing for another, making oneself more than one is.

use super::{Client, HOST, PASSWORD, admin};
use crate::application::Application;
use crate::host::{Host, Place};
use crate::http::Connection;
use serde_json::{Value, json};
use std::sync::Arc;
use std::thread;

fn hashed(host: &Host) -> u64 {
    let metrics = Connection::to(host.admin).ask("GET", "/metrics", &[], b"");
    let line = metrics.text().lines().find_map(|line| line.strip_prefix("souk_passwords_hashed_total ")).unwrap();
    line.parse().unwrap()
}

#[test]
fn a_wrong_password_and_an_unknown_account_are_answered_alike_after_the_same_work() {
    let host = Arc::new(Host::up(&Application::delivered()));
    let known = Client::of(Arc::clone(&host));
    known.register();
    let unknown = Client::of(Arc::clone(&host));
    let asked = |client: &Client| {
        let before = hashed(&host);
        let answer = client.try_login("wrong wrong wrong");
        answer.is_any_problem(401);
        let mut fields = answer.fields.clone();
        fields.retain(|(name, _)| !matches!(&**name, "x-request-id" | "date" | "ratelimit"));
        (answer.text().to_owned(), fields, hashed(&host) - before)
    };
    let (known, unknown) = (asked(&known), asked(&unknown));
    assert_eq!(known, unknown);
    assert_eq!(known.2, 1);
}

#[test]
fn twenty_wrong_passwords_are_too_many_one_after_another_and_all_at_once() {
    for at_once in [false, true] {
        let client = Client::new();
        client.register();
        // From twenty places, so that only the account is what they have in common.
        let others: Vec<Client> = (0..20).map(|_| Client { email: client.email.clone(), ..Client::new() }).collect();
        let attempt = |other: &Client| other.try_login("wrong wrong wrong").status;
        let statuses: Vec<u16> = if at_once {
            thread::scope(|scope| {
                let attempts: Vec<_> = others.iter().map(|other| scope.spawn(|| attempt(other))).collect();
                attempts.into_iter().map(|attempt| attempt.join().unwrap()).collect()
            })
        } else {
            others.iter().map(attempt).collect()
        };
        let looked_at = statuses.iter().filter(|status| **status == 401).count();
        assert!((5..=9).contains(&looked_at), "{statuses:?}");
        assert!(statuses.iter().all(|status| matches!(status, 401 | 429)), "{statuses:?}");
        let right = client.try_login(PASSWORD);
        right.is_any_problem(429);
        assert!(right.field("retry-after").unwrap().parse::<u64>().unwrap() <= 60);
    }
}

#[test]
fn who_asks_too_often_waits_and_others_do_not() {
    let client = Client::new();
    let statuses: Vec<u16> = (0..12).map(|_| client.try_login("x").status).collect();
    assert_eq!(statuses[10..], [429, 429], "{statuses:?}");
    assert!(client.try_login("x").field("ratelimit-policy").is_some());
    Client::new().register();
}

#[test]
fn a_refresh_token_is_no_access_token_and_the_other_way_round() {
    let (client, tokens) = Client::signed_up();
    client.with(&tokens.refresh, "GET", "/api/v1/me", None).is_problem(401, "invalid-token");
    client.post("/api/v1/token/refresh", &json!({"refresh_token": tokens.access})).is_any_problem(401);
    for refresh in ["", "souk_rt_", "souk_rt_AAAA", &"x".repeat(10_000), "' OR 1=1 --"] {
        let answer = client.post("/api/v1/token/refresh", &json!({"refresh_token": refresh}));
        assert!(matches!(answer.status, 401 | 422), "{refresh:.20}: {}", answer.status);
    }
    assert_eq!(client.refresh(&tokens).status, 200, "none of that counted as a use");
}

#[test]
fn nobody_gives_oneself_a_role_an_id_or_another_address() {
    let client = Client::new();
    let mut body = json!({"email": client.email, "password": PASSWORD, "name": "Eve", "roles": ["admin"]});
    client.post("/api/v1/register", &body).is_any_problem(422);
    body = json!({"email": client.email, "password": PASSWORD, "name": "Eve", "role": "admin", "id": "1"});
    client.post("/api/v1/register", &body).is_any_problem(422);
    let (client, tokens) = Client::signed_up();
    let before = client.me(&tokens);
    let tag = before.field("etag").unwrap().to_owned();
    let bearer = format!("Bearer {}", tokens.access);
    let fields = [("authorization", &*bearer), ("if-match", &*tag), ("content-type", "application/merge-patch+json")];
    for (name, value) in [
        ("roles", json!(["admin"])),
        ("role", json!("admin")),
        ("id", json!("1")),
        ("status", json!("active")),
        ("email", json!("boss@shop.example")),
        ("password_hash", json!("x")),
        ("__proto__", json!({"roles": ["admin"]})),
    ] {
        let body = json!({"name": "Mallory", name: value}).to_string();
        let answer = client.host.send("PATCH", "/api/v1/me", &fields, body.as_bytes());
        answer.is_any_problem(422);
    }
    assert_eq!(client.me(&tokens).json(), before.json(), "not even the name was changed");
}

#[test]
fn nobody_speaks_for_the_gateway() {
    let (client, tokens) = Client::signed_up();
    let forged = r#"{"sub":"souk:operator|operator","iss":"souk:operator","roles":["admin"],"scopes":[]}"#;
    let bearer = format!("Bearer {}", tokens.access);
    for name in ["souk-caller", "Souk-Caller", "SOUK_CALLER", "souk_caller", "Souk-caller"] {
        let fields = [(name, forged), (name, forged)];
        client.send("GET", "/api/v1/users", &fields, None).is_problem(401, "not-signed-in");
        let fields = [(name, forged), ("authorization", &*bearer)];
        client.send("GET", "/api/v1/users", &fields, None).is_problem(403, "not-allowed");
        assert_eq!(client.send("GET", "/api/v1/me", &fields, None).json()["email"], json!(client.email));
    }
}

#[test]
fn a_password_of_a_megabyte_is_refused_before_any_work() {
    let host = Arc::new(Host::up(&Application::delivered()));
    let client = Client::of(Arc::clone(&host));
    let before = hashed(&host);
    let long = "x".repeat(1 << 20);
    for answer in [
        client.try_login(&long),
        client.post("/api/v1/register", &json!({"email": client.email, "password": long, "name": "Ada"})),
        client.try_login(&"x".repeat(1_025)),
    ] {
        assert!(matches!(answer.status, 413 | 422), "{}", answer.status);
    }
    assert_eq!(hashed(&host), before);
}

#[test]
fn passwords_that_everybody_knows_and_addresses_that_are_none_are_told_all_at_once() {
    let client = Client::new();
    let body = json!({"email": "no address", "password": "password", "name": ""});
    let refused = client.post("/api/v1/register", &body).is_any_problem(422);
    let pointers: Vec<&str> =
        refused["errors"].as_array().unwrap().iter().map(|e| e["pointer"].as_str().unwrap()).collect();
    for pointer in ["/email", "/name", "/password"] {
        assert!(pointers.contains(&pointer), "{refused}");
    }
    for body in ["", "{", "[]", "null", "{\"email\":1}", "\u{1F40E}"] {
        let answer = client.host.send(
            "POST",
            "/api/v1/login",
            &[("content-type", "application/json"), ("x-forwarded-for", "203.0.113.50")],
            body.as_bytes(),
        );
        assert!((400..500).contains(&answer.status), "{body}: {}", answer.status);
    }
}

#[test]
fn no_secret_is_in_the_log_also_if_everything_is_logged() {
    let place = Place::new(&Application::delivered()).argument("--log").argument("trace");
    let place = Arc::new(place);
    let host = Arc::new(place.up());
    let client = Client::of(Arc::clone(&host));
    client.register();
    let tokens = client.login();
    client.try_login("a wrong secret of mine").is_any_problem(401);
    assert_eq!(client.me(&tokens).status, 200);
    client.with("forged.token.of-mine", "GET", "/api/v1/me", None).is_any_problem(401);
    client.refresh(&tokens);
    client.refresh(&tokens);
    let keys = std::fs::read_to_string(place.data().join("identity/signing-keys.json")).unwrap();
    let keys: Value = serde_json::from_str(&keys).unwrap();
    let log = host.log();
    assert!(log.len() > 1_000, "everything is logged");
    let signature = tokens.access.rsplit('.').next().unwrap();
    for secret in [
        PASSWORD,
        "a wrong secret",
        "forged.token",
        &tokens.refresh,
        signature,
        keys["keys"][0]["d"].as_str().unwrap(),
        "argon2id$",
        &client.email,
    ] {
        let line = log.lines().find(|line| line.contains(secret));
        assert!(line.is_none(), "{line:?}");
    }
}

#[test]
fn the_account_of_an_admin_is_not_found_out_by_signing_in() {
    let (boss, _) = admin();
    let answer = Client { email: boss.email, ..Client::new() }.try_login("wrong wrong wrong");
    assert_eq!(answer.text(), Client::new().try_login("wrong wrong wrong").text());
    drop(HOST.host());
}
