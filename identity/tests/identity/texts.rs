//! How a token's text may be written: in one way.

use base64::Engine;
use serde_json::json;
use souk_identity::fault::Refused;
use souk_identity::limits::TOKEN_BYTES_MAX;

use crate::forge::{BASE64URL, Shop, claims, is_malformed, message};

#[test]
fn a_text_that_is_no_token_is_refused() {
    let shop = Shop::new();
    for text in ["", ".", "..", "...", "a.b.c", "null", "Bearer", "\0", "é.é.é", "e30.e30.", "e30.e30.e30"] {
        assert!(is_malformed(&shop.check(text)), "{text:?}");
    }
}

#[test]
fn a_token_has_exactly_three_parts() {
    let shop = Shop::new();
    let token = shop.token();
    let parts: Vec<_> = token.split('.').collect();
    let signature = parts[2];
    let texts = [
        format!("{}.{}", parts[0], parts[1]),
        format!("{}.{}.", parts[0], parts[1]),
        format!("{token}."),
        format!(".{token}"),
        format!("{token}.{signature}"),
        // As an encrypted token has them.
        format!("{token}.{signature}.{signature}"),
        format!("{}..{}", parts[0], parts[2]),
        token.replace('.', ""),
        token.replace('.', ".."),
        token.replace('.', "%2E"),
    ];
    for text in texts {
        assert!(shop.check(&text).is_err(), "{text}");
    }
}

#[test]
fn a_token_with_two_signatures_is_refused_in_every_serialization() {
    let shop = Shop::new();
    let token = shop.token();
    let [header, payload, signature] = token.split('.').collect::<Vec<_>>().try_into().unwrap();
    let one = format!(r#"{{"protected":"{header}","signature":"{signature}"}}"#);
    let texts = [
        format!(r#"{{"payload":"{payload}","signatures":[{one},{one}]}}"#),
        format!(r#"{{"payload":"{payload}","protected":"{header}","signature":"{signature}"}}"#),
        format!("{token},{token}"),
        format!("{token} {token}"),
        format!("{header}.{payload}.{signature}{signature}"),
    ];
    for text in texts {
        assert!(shop.check(&text).is_err(), "{text}");
    }
}

#[test]
fn white_space_anywhere_is_refused() {
    let shop = Shop::new();
    let token = shop.token();
    for space in [" ", "\t", "\n", "\r\n", "\0", "\u{a0}", "\u{200b}", "\u{feff}"] {
        for at in [0, 1, token.find('.').unwrap(), token.rfind('.').unwrap() + 1, token.len() - 1, token.len()] {
            let mut text = token.clone();
            text.insert_str(at, space);
            assert!(is_malformed(&shop.check(&text)), "{space:?} at {at}");
        }
    }
}

#[test]
fn padding_and_other_alphabets_are_refused() {
    let shop = Shop::new();
    // Until the signature has characters in which the alphabets differ.
    let token = (0..1_000).map(|_| shop.token()).find(|token| token.contains('-') && token.contains('_')).unwrap();
    let padded: Vec<_> =
        token.split('.').map(|part| format!("{part}{}", "=".repeat((4 - part.len() % 4) % 4))).collect();
    let texts = [
        token.replace('-', "+"),
        token.replace('_', "/"),
        format!("{token}="),
        format!("{token}=="),
        padded.join("."),
        token.replacen('.', "=.", 1),
    ];
    for text in texts {
        assert!(is_malformed(&shop.check(&text)), "{text}");
    }
}

#[test]
fn bits_behind_the_last_byte_are_refused() {
    const ALPHABET: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let shop = Shop::new();
    let token = shop.token();
    // 64 bytes are 86 characters, the last of which carries two bits: sixteen spellings, of which one is the right one.
    let (head, last) = token.split_at(token.len() - 1);
    let good = ALPHABET.chars().filter(|other| shop.check(&format!("{head}{other}")).is_ok());
    assert_eq!(good.collect::<String>(), last);
}

#[test]
fn a_text_that_is_too_long_is_refused_before_it_is_looked_at() {
    let shop = Shop::new();
    for text in
        ["a".repeat(TOKEN_BYTES_MAX + 1), ".".repeat(1 << 20), format!("{}{}", shop.token(), "A".repeat(64 << 10))]
    {
        assert_eq!(shop.check(&text), Err(Refused::Malformed("too long")));
    }
}

#[test]
fn json_that_two_readers_could_read_in_two_ways_is_refused() {
    let shop = Shop::new();
    let (header, good) = (shop.header().to_string(), claims().to_string());
    let twice = |member: &str| good.replacen('{', &format!("{{{member},"), 1);
    let texts = [
        twice(r#""sub":"mallory""#),
        twice(r#""\u0073ub":"mallory""#),
        twice(r#""unknown":1,"unknown":2"#),
        twice(r#""deep":[{"a":{"b":1,"b":2}}]"#),
        format!("[{good}]"),
        format!("{good}{good}"),
        format!("{good}//"),
        format!("\u{feff}{good}"),
        good.replace("018f-alice", "018f-\\ud800"),
        format!(r#"{{"a":{}{}}}"#, "[".repeat(2_000), "]".repeat(2_000)),
        "null".to_owned(),
        String::new(),
    ];
    assert!(shop.check(&shop.forge(&header, &good)).is_ok());
    assert!(shop.check(&shop.forge(&header, &twice(r#""unknown":{"a":[1,2.5,null,true]}"#))).is_ok());
    for text in texts {
        assert!(is_malformed(&shop.check(&shop.forge(&header, &text))), "{text}");
    }
    for text in [
        header.replacen('{', r#"{"alg":"none","#, 1),
        header.replacen('{', r#"{"x":1,"x":1,"#, 1),
        format!("[{header}]"),
    ] {
        assert!(is_malformed(&shop.check(&shop.forge(&text, &good))), "{text}");
    }
}

/// `serde` takes an array for a struct, its items for members in the order of the code.
#[test]
fn an_array_with_the_right_values_is_no_header_and_no_claims() {
    let shop = Shop::new();
    let (header, good) = (shop.header(), claims());
    let id = shop.keys.current_id();
    let array = json!(["ES256", id, "at+jwt"]).to_string();
    assert!(is_malformed(&shop.check(&shop.forge(&array, &good.to_string()))));
    let members = ["iss", "sub", "aud", "exp", "iat", "iat", "jti", "client_id", "roles", "scope", "family"]
        .map(|name| &good[name]);
    assert!(is_malformed(&shop.check(&shop.forge(&header.to_string(), &json!(members).to_string()))));
}

#[test]
fn json_that_is_not_utf_8_is_refused() {
    let shop = Shop::new();
    let mut bytes = claims().to_string().into_bytes();
    bytes.splice(1..1, b"\"x\":\"\xff\",".iter().copied());
    let [header, _] =
        message(&shop.header().to_string(), "").split('.').map(str::to_owned).collect::<Vec<_>>().try_into().unwrap();
    let text = format!("{header}.{}.{}", BASE64URL.encode(bytes), "A".repeat(86));
    assert_eq!(shop.check(&text), Err(Refused::Malformed("claims")));
}
