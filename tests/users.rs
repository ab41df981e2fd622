//! Accounts through the shop's own manifest: registering, signing in, who may do what, and what must never work.
//!
//! The service's own rules are tested beside its code; here is what only host and service can show together. Each test is a client of
//! its own, by an address that a proxy tells: rates are by address.

mod attacks;

mod sessions;

mod roles;

mod customers;

mod carts;

mod orders;

use crate::application::Application;
use crate::host::{Host, Place, Shared};
use crate::http::Answer;
use serde_json::{Value, json};
use std::sync::atomic::{AtomicU32, Ordering};

static HOST: Shared = Shared::new(Application::delivered);

const PASSWORD: &str = "a long enough secret";

/// Somebody at an address of their own.
struct Client {
    host: std::sync::Arc<Host>,
    address: String,
    email: String,
}

/// What signing in gives.
#[derive(Clone)]
struct Tokens {
    access: String,
    refresh: String,
}

impl Client {
    fn new() -> Self {
        Self::of(HOST.host())
    }

    fn of(host: std::sync::Arc<Host>) -> Self {
        static NUMBER: AtomicU32 = AtomicU32::new(1);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let address = format!("198.51.{}.{}", number / 250, 1 + number % 250);
        Self { host, address, email: format!("client-{number}@shop.example") }
    }

    fn send(&self, method: &str, path: &str, fields: &[(&str, &str)], body: Option<&Value>) -> Answer {
        let text = body.map(Value::to_string).unwrap_or_default();
        let own = [("x-forwarded-for", self.address.as_str()), ("content-type", "application/json")];
        let count = if body.is_some() { 2 } else { 1 };
        let fields: Vec<_> = own[..count].iter().chain(fields).copied().collect();
        self.host.send(method, path, &fields, text.as_bytes())
    }

    fn post(&self, path: &str, body: &Value) -> Answer {
        self.send("POST", path, &[], Some(body))
    }

    fn with(&self, token: &str, method: &str, path: &str, body: Option<&Value>) -> Answer {
        self.send(method, path, &[("authorization", &format!("Bearer {token}"))], body)
    }

    fn register(&self) {
        let answer = self.post("/api/v1/register", &json!({"email": self.email, "password": PASSWORD, "name": "Ada"}));
        assert_eq!(answer.status, 201, "{}", answer.text());
    }

    fn try_login(&self, password: &str) -> Answer {
        self.post("/api/v1/login", &json!({"email": self.email, "password": password}))
    }

    fn login(&self) -> Tokens {
        Tokens::in_answer(&self.try_login(PASSWORD))
    }

    fn signed_up() -> (Self, Tokens) {
        let client = Self::new();
        client.register();
        let tokens = client.login();
        (client, tokens)
    }

    fn refresh(&self, tokens: &Tokens) -> Answer {
        self.post("/api/v1/token/refresh", &json!({"refresh_token": tokens.refresh}))
    }

    fn me(&self, tokens: &Tokens) -> Answer {
        self.with(&tokens.access, "GET", "/api/v1/me", None)
    }

    fn id(&self, tokens: &Tokens) -> String {
        self.me(tokens).json()["id"].as_str().unwrap().to_owned()
    }
}

impl Tokens {
    #[track_caller]
    fn in_answer(answer: &Answer) -> Self {
        assert_eq!(answer.status, 200, "{}", answer.text());
        assert_eq!(answer.field("cache-control"), Some("no-store"));
        let body = answer.json();
        assert_eq!(body["token_type"], "Bearer");
        let text = |name: &str| body[name].as_str().unwrap().to_owned();
        Self { access: text("access_token"), refresh: text("refresh_token") }
    }
}

/// Somebody with a role, made by the operator's command.
fn made(place: &Place, host: &std::sync::Arc<Host>, arguments: &[&str]) -> (Client, Tokens) {
    let client = Client::of(std::sync::Arc::clone(host));
    let created = place.on_data(&[&["user", "create", client.email.as_str()], arguments].concat());
    assert_eq!(created.code, Some(0), "{}", created.stderr);
    let password = created.stdout.lines().find_map(|line| line.strip_prefix("password: ")).unwrap();
    let tokens = Tokens::in_answer(&client.try_login(password));
    (client, tokens)
}

fn admin() -> (Client, Tokens) {
    let host = HOST.host();
    made(&host.place, &host, &["--admin"])
}
