//! Tokens that somebody makes up, also somebody who has the issuer's own key but writes what no issuer writes: each against a host that serves.

use crate::application::{Application, Component};
use crate::auth::now_s;
use crate::host::{Host, Place};
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD as BASE64URL};
use ring::hmac;
use ring::rand::SystemRandom;
use ring::signature::{ECDSA_P256_SHA256_FIXED_SIGNING as ES256, EcdsaKeyPair, KeyPair};
use serde_json::{Value, json};
use std::sync::{Arc, LazyLock};
use tempfile::TempDir;

const ISSUER: &str = "https://id.example/";
const AUDIENCE: &str = "https://shop.example";

/// An issuer's key, with which anything can be signed.
struct Forger {
    pair: EcdsaKeyPair,
    keys: TempDir,
}

static FORGER: LazyLock<Forger> = LazyLock::new(Forger::new);

impl Forger {
    fn new() -> Self {
        let random = SystemRandom::new();
        let document = EcdsaKeyPair::generate_pkcs8(&ES256, &random).unwrap();
        let pair = EcdsaKeyPair::from_pkcs8(&ES256, document.as_ref(), &random).unwrap();
        let forger = Self { pair, keys: TempDir::new().unwrap() };
        std::fs::write(forger.keys.path().join("keys.json"), json!({"keys": [forger.jwk()]}).to_string()).unwrap();
        forger
    }

    fn point(&self) -> &[u8] {
        self.pair.public_key().as_ref()
    }

    fn jwk(&self) -> Value {
        let (x, y) = (BASE64URL.encode(&self.point()[1..33]), BASE64URL.encode(&self.point()[33..]));
        json!({"kty": "EC", "crv": "P-256", "x": x, "y": y, "kid": "k1", "alg": "ES256", "use": "sig"})
    }

    /// The public key as the text that a careless program takes for a secret (RFC 5480 in PEM).
    fn pem(&self) -> String {
        let prefix = [
            0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x08, 0x2a, 0x86, 0x48,
            0xce, 0x3d, 0x03, 0x01, 0x07, 0x03, 0x42, 0x00,
        ];
        let der = STANDARD.encode([&prefix[..], self.point()].concat());
        let lines: Vec<&str> = der.as_bytes().chunks(64).map(|line| std::str::from_utf8(line).unwrap()).collect();
        format!("-----BEGIN PUBLIC KEY-----\n{}\n-----END PUBLIC KEY-----\n", lines.join("\n"))
    }

    fn sign(&self, header: &Value, claims: &Value) -> String {
        let message = message(header, claims);
        let signature = self.pair.sign(&SystemRandom::new(), message.as_bytes()).unwrap();
        format!("{message}.{}", BASE64URL.encode(signature.as_ref()))
    }
}

fn message(header: &Value, claims: &Value) -> String {
    format!("{}.{}", BASE64URL.encode(header.to_string()), BASE64URL.encode(claims.to_string()))
}

fn header() -> Value {
    json!({"alg": "ES256", "typ": "at+jwt", "kid": "k1"})
}

fn claims() -> Value {
    let now_s = now_s();
    json!({"iss": ISSUER, "sub": "alice", "aud": AUDIENCE, "iat": now_s, "exp": now_s + 600, "client_id": "web", "jti": "1"})
}

/// The same with these members instead.
fn with(mut document: Value, name: &str, value: Value) -> Value {
    document[name] = value;
    document
}

fn without(mut document: Value, name: &str) -> Value {
    document.as_object_mut().unwrap().remove(name).unwrap();
    document
}

fn host() -> Host {
    let keys = FORGER.keys.path().join("keys.json").display().to_string();
    let echo = Component::guest("echo").access("methods = [\"POST\"]\nallow = \"signed-in\"");
    let issuers = format!("issuers = [{{ issuer = {ISSUER:?}, keys = {keys:?} }}]");
    let application = Application::of([echo]).tool(&format!("tokens = {{ audience = {AUDIENCE:?}, {issuers} }}"));
    // A key's id of 64 KiB has to come through the head.
    Arc::new(Place::new(&application.limit("head_bytes_max", 256 * 1024))).up()
}

#[track_caller]
fn check_refused(host: &Host, token: &str) {
    for method in ["GET", "POST"] {
        let answer = host.send(method, "/echo", &[("authorization", &format!("Bearer {token}"))], b"");
        answer.is_problem(401, "invalid-token");
    }
    assert_eq!(host.get("/echo").status, 200);
}

#[test]
fn what_the_issuer_signs_is_taken_or_the_other_tests_would_say_nothing() {
    let good = FORGER.sign(&header(), &claims());
    let answer = host().send("POST", "/echo", &[("authorization", &format!("Bearer {good}"))], b"");
    assert_eq!(answer.status, 200, "{}", answer.text());
}

#[test]
fn no_algorithm_and_none_with_the_public_key_as_its_secret() {
    let host = host();
    for name in ["none", "None", "NONE", "nOnE", ""] {
        let message = message(&with(header(), "alg", json!(name)), &claims());
        check_refused(&host, &format!("{message}."));
    }
    let secrets = [
        FORGER.pem().into_bytes(),
        FORGER.pem().trim_end().as_bytes().to_vec(),
        FORGER.point().to_vec(),
        FORGER.point()[1..].to_vec(),
        FORGER.jwk().to_string().into_bytes(),
        Vec::new(),
    ];
    for secret in secrets {
        let message = message(&with(header(), "alg", json!("HS256")), &claims());
        let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, &secret), message.as_bytes());
        check_refused(&host, &format!("{message}.{}", BASE64URL.encode(tag.as_ref())));
    }
    for name in ["RS256", "ES384", "EdDSA", "PS256"] {
        check_refused(&host, &FORGER.sign(&with(header(), "alg", json!(name)), &claims()));
    }
}

#[test]
fn a_token_that_brings_its_key_along() {
    let host = host();
    let own = Forger::new();
    for (name, value) in [
        ("jwk", own.jwk()),
        ("jku", json!("http://127.0.0.1:1/keys.json")),
        ("x5u", json!("http://127.0.0.1:1/certificate.pem")),
        ("x5c", json!([STANDARD.encode(own.point())])),
        ("crit", json!(["exp"])),
    ] {
        check_refused(&host, &own.sign(&with(header(), name, value.clone()), &claims()));
        check_refused(&host, &FORGER.sign(&with(header(), name, value), &claims()));
    }
    check_refused(&host, &own.sign(&header(), &claims()));
}

#[test]
fn ids_of_keys_that_are_something_else() {
    let host = host();
    let long = "k".repeat(64 * 1024);
    for id in
        ["../../../etc/passwd", "/dev/null", "keys.json", "' OR '1'='1", "k1\u{0}", "K1", "", " k1", long.as_str()]
    {
        check_refused(&host, &FORGER.sign(&with(header(), "kid", json!(id)), &claims()));
    }
    for id in [json!(1), json!(null), json!(["k1"]), json!({"k1": 1})] {
        check_refused(&host, &FORGER.sign(&with(header(), "kid", id), &claims()));
    }
    check_refused(&host, &FORGER.sign(&without(header(), "kid"), &claims()));
    let mut connection = host.connect();
    for number in 0..1_000 {
        let token = FORGER.sign(&with(header(), "kid", json!(format!("unknown-{number}"))), &claims());
        let answer = connection.ask("POST", "/echo", &[("authorization", &format!("Bearer {token}"))], b"");
        assert_eq!(answer.status, 401);
    }
}

#[test]
fn times_that_are_over_to_come_or_none() {
    let host = host();
    let now_s = now_s();
    for (name, value) in [
        ("exp", json!(now_s - 60)),
        ("exp", json!((now_s + 600).to_string())),
        ("exp", format!("{}.5", now_s + 600).parse().unwrap()),
        ("exp", json!(-1)),
        ("exp", json!(null)),
        ("exp", json!(u64::MAX)),
        ("nbf", json!(now_s + 60)),
        ("nbf", json!(now_s.to_string())),
        ("nbf", json!(0.5)),
        ("nbf", json!(-1)),
        ("iat", json!(now_s + 60)),
        ("iat", json!("now")),
    ] {
        check_refused(&host, &FORGER.sign(&header(), &with(claims(), name, value)));
    }
    for name in ["exp", "iat"] {
        check_refused(&host, &FORGER.sign(&header(), &without(claims(), name)));
    }
}

#[test]
fn somebody_elses_word_or_a_word_for_somebody_else() {
    let host = host();
    for name in ["iss", "aud", "sub"] {
        check_refused(&host, &FORGER.sign(&header(), &without(claims(), name)));
        for value in [json!(null), json!(""), json!(7), json!({}), json!([7])] {
            check_refused(&host, &FORGER.sign(&header(), &with(claims(), name, value)));
        }
    }
    for (name, value) in [
        ("aud", json!("https://other.example")),
        ("aud", json!(["https://other.example", "https://shop.example/"])),
        ("iss", json!("https://id.example")),
        ("iss", json!("https://id.example//")),
        ("iss", json!("https://ID.example/")),
        ("sub", json!("alice bob")),
        ("sub", json!("a".repeat(1_000))),
    ] {
        check_refused(&host, &FORGER.sign(&header(), &with(claims(), name, value)));
    }
    for typ in ["JWT", "refresh+jwt", "id+jwt", "logout+jwt", "dpop+jwt"] {
        check_refused(&host, &FORGER.sign(&with(header(), "typ", json!(typ)), &claims()));
    }
}
