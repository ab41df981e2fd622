//! What a token says about how to check it is not believed. Every header here is signed with the real key.

use base64::Engine;
use ring::hmac;
use serde_json::{Value, json};
use souk_identity::fault::Refused;
use souk_identity::limits::KEY_ID_BYTES_MAX;

use crate::forge::{BASE64URL, ISSUER, Shop, changed, claims, is_malformed, message};

#[test]
fn a_token_without_a_signature_is_refused_in_every_spelling_of_none() {
    let shop = Shop::new();
    for none in ["none", "None", "NONE", "nOnE", ""] {
        let header = changed(shop.header(), json!({ "alg": none }));
        let unsigned = format!("{}.", message(&header.to_string(), &claims().to_string()));
        assert!(is_malformed(&shop.check(&unsigned)), "{none}");
        assert!(is_malformed(&shop.with_header(json!({ "alg": none }))), "{none}");
    }
    assert!(is_malformed(&shop.with_header(json!({ "alg": null }))));
    assert!(is_malformed(&shop.with_header(json!({ "alg": ["ES256"] }))));
}

#[test]
fn hs256_signed_with_the_public_key_is_refused() {
    let shop = Shop::new();
    // SubjectPublicKeyInfo (RFC 5480) of a point of P-256.
    let info = [hex("3059301306072a8648ce3d020106082a8648ce3d030107034200").as_slice(), shop.point()].concat();
    let text = base64::engine::general_purpose::STANDARD.encode(&info);
    let lines: Vec<_> = text.as_bytes().chunks(64).map(|line| str::from_utf8(line).unwrap()).collect();
    let pem = format!("-----BEGIN PUBLIC KEY-----\n{}\n-----END PUBLIC KEY-----\n", lines.join("\n"));
    let published = shop.keys.public_set(0);
    let secrets =
        [shop.point(), &shop.point()[1..], &info, pem.as_bytes(), pem.trim_end().as_bytes(), published.as_bytes(), b""];
    for secret in secrets {
        for (alg, algorithm) in
            [("HS256", hmac::HMAC_SHA256), ("HS384", hmac::HMAC_SHA384), ("HS512", hmac::HMAC_SHA512)]
        {
            let header = changed(shop.header(), json!({ "alg": alg }));
            let message = message(&header.to_string(), &claims().to_string());
            let tag = hmac::sign(&hmac::Key::new(algorithm, secret), message.as_bytes());
            let token = format!("{message}.{}", BASE64URL.encode(tag));
            assert_eq!(shop.check(&token), Err(Refused::Malformed("alg is not that of the key")));
        }
    }
}

#[test]
fn another_algorithm_than_that_of_the_key_is_refused() {
    let shop = Shop::new();
    for alg in ["ES384", "ES512", "ES256K", "RS256", "PS256", "EdDSA", "es256", "ES256 ", "ECDH-ES", "dir"] {
        assert!(is_malformed(&shop.with_header(json!({ "alg": alg }))), "{alg}");
    }
}

#[test]
fn a_token_that_brings_its_key_along_is_refused_even_if_it_is_ours() {
    let shop = Shop::new();
    let set: Value = serde_json::from_str(&shop.keys.public_set(0)).unwrap();
    let members = [
        json!({ "jwk": set["keys"][0] }),
        json!({ "jku": "https://shop.example/.well-known/jwks.json" }),
        json!({ "x5u": "https://mallory.example/cert.pem" }),
        json!({ "x5c": ["MIIB"] }),
        json!({ "x5c": [] }),
    ];
    for member in members {
        assert_eq!(
            shop.with_header(member.clone()),
            Err(Refused::Malformed("a token may not bring its key along")),
            "{member}"
        );
    }
    let null = shop.header().to_string().replacen('{', r#"{"jwk":null,"#, 1);
    assert!(is_malformed(&shop.check(&shop.forge(&null, &claims().to_string()))));
}

#[test]
fn crit_is_refused_whatever_stands_in_it() {
    let shop = Shop::new();
    for crit in [json!(["b64"]), json!(["exp"]), json!([]), json!("b64"), json!(false)] {
        assert!(is_malformed(&shop.with_header(json!({ "crit": crit, "b64": false, "exp": 1 }))), "{crit}");
    }
    let null = shop.header().to_string().replacen('{', r#"{"crit":null,"#, 1);
    assert!(is_malformed(&shop.check(&shop.forge(&null, &claims().to_string()))));
}

#[test]
fn members_of_a_header_that_mean_nothing_here_change_nothing() {
    let shop = Shop::new();
    assert!(shop.with_header(json!({ "cty": "JWT", "x5t": "AAAA", "b64": false, "zip": "DEF" })).is_ok());
}

#[test]
fn a_key_id_is_a_name_in_a_map_and_nothing_else() {
    let shop = Shop::new();
    let own = shop.keys.current_id().to_owned();
    let ids = [
        "../../../../dev/null".to_owned(),
        "/etc/passwd".to_owned(),
        "file:///dev/null".to_owned(),
        "https://mallory.example/jwks.json".to_owned(),
        "' OR '1'='1' --".to_owned(),
        "x' UNION SELECT 'secret".to_owned(),
        "$(id)".to_owned(),
        "\0".to_owned(),
        String::new(),
        format!("{own} "),
        format!("{own}\0"),
        own.to_lowercase() + "x",
        "k".repeat(KEY_ID_BYTES_MAX),
    ];
    for id in ids {
        assert_eq!(shop.with_header(json!({ "kid": id })), Err(Refused::UnknownKey(ISSUER.into())), "{id:?}");
    }
    for id in
        [json!("k".repeat(KEY_ID_BYTES_MAX + 1)), json!("k".repeat(64 << 10)), json!(1), json!([own]), Value::Null]
    {
        assert!(is_malformed(&shop.with_header(json!({ "kid": id }))));
    }
}

#[test]
fn a_thousand_unknown_key_ids_are_a_thousand_refusals() {
    let shop = Shop::new();
    let claims = claims().to_string();
    for number in 0..1_000 {
        let header = changed(shop.header(), json!({ "kid": format!("key-{number}") }));
        let token = shop.forge(&header.to_string(), &claims);
        assert_eq!(shop.check(&token), Err(Refused::UnknownKey(ISSUER.into())));
    }
    assert!(shop.check(&shop.token()).is_ok());
}

#[test]
fn only_an_access_token_is_taken_as_one() {
    let shop = Shop::new();
    let types = [
        json!("rt+jwt"),
        json!("refresh+jwt"),
        json!("JWT"),
        json!("jwt"),
        json!("logout+jwt"),
        json!("AT+JWT"),
        json!("at+jwt "),
        json!("application/at+jwt"),
        json!(""),
        json!(1),
        Value::Null,
    ];
    for typ in types {
        assert!(is_malformed(&shop.with_header(json!({ "typ": typ }))), "{typ}");
    }
}

pub(crate) fn hex(digits: &str) -> Vec<u8> {
    (0..digits.len()).step_by(2).map(|at| u8::from_str_radix(&digits[at..at + 2], 16).unwrap()).collect()
}
