//! What a token says. Everything here is signed with the real key.

use serde_json::{Value, json};
use souk_identity::fault::Refused;
use souk_identity::limits::{LEEWAY_S, LIFETIME_S_MAX, ROLES_MAX, SUBJECT_BYTES_MAX};

use crate::forge::{AUDIENCE, ISSUER, NOW_S, Shop, claims, is_malformed};

#[test]
fn a_token_is_good_from_its_beginning_to_its_end_and_a_little_more() {
    let shop = Shop::new();
    let token = shop.token();
    let at = |now_s| shop.checker.check(&token, now_s);
    assert!(at(NOW_S - LEEWAY_S).is_ok());
    assert_eq!(at(NOW_S - LEEWAY_S - 1), Err(Refused::NotYetValid));
    assert!(at(NOW_S + 600 + LEEWAY_S - 1).is_ok());
    assert_eq!(at(NOW_S + 600 + LEEWAY_S), Err(Refused::Expired));
    assert_eq!(at(0), Err(Refused::NotYetValid));
    assert_eq!(at(u64::MAX), Err(Refused::Expired));
}

#[test]
fn a_token_that_is_not_yet_valid_is_refused() {
    let shop = Shop::new();
    assert!(shop.with_claims(json!({ "nbf": NOW_S + LEEWAY_S })).is_ok());
    assert_eq!(shop.with_claims(json!({ "nbf": NOW_S + LEEWAY_S + 1 })), Err(Refused::NotYetValid));
    assert!(shop.with_claims(json!({ "nbf": 0 })).is_ok());
}

#[test]
fn a_time_is_a_whole_number_that_is_not_negative_and_not_huge() {
    let shop = Shop::new();
    let texts = [
        r#""1800000100""#,
        "1800000100.0",
        "1800000100.5",
        "1.8e9",
        "18000001E2",
        "-1",
        "-0",
        "-1800000100",
        "253402300800",
        "9223372036854775807",
        "9223372036854775808",
        "18446744073709551615",
        "18446744073709551616",
        "1e308",
        "1e400",
        "NaN",
        "Infinity",
        "true",
        "null",
        "[1800000100]",
        "{}",
        "01800000100",
        "0x6b49d264",
        "",
    ];
    for member in ["exp", "nbf", "iat"] {
        for text in texts {
            let mut claims = claims();
            claims[member] = json!("here");
            let claims = claims.to_string().replace(r#""here""#, text);
            assert!(is_malformed(&shop.with_claims_text(&claims)), "{member}: {text}");
        }
    }
}

#[test]
fn what_a_token_must_say_is_missed() {
    let shop = Shop::new();
    for member in ["iss", "sub", "aud", "exp", "iat", "jti", "client_id", "family"] {
        assert!(is_malformed(&shop.with_claims(json!({ member: Value::Null }))), "{member}");
        // There, and null, which is not the same text.
        let null = claims().to_string().replacen(&format!("\"{member}\":"), &format!("\"{member}\":null,\"x\":"), 1);
        assert!(is_malformed(&shop.with_claims_text(&null)), "{member}");
    }
    for member in ["roles", "scope"] {
        assert!(shop.with_claims(json!({ member: Value::Null })).is_ok(), "{member}");
    }
}

#[test]
fn another_audience_is_refused() {
    let shop = Shop::new();
    let others = [
        json!("https://other.example"),
        json!(""),
        json!(format!("{AUDIENCE}/")),
        json!(AUDIENCE.to_uppercase()),
        json!(format!("{AUDIENCE} ")),
        json!("https://shop.example"),
        json!([]),
        json!(["https://other.example"]),
        json!(format!("https://other.example {AUDIENCE}")),
    ];
    for other in others {
        assert_eq!(shop.with_claims(json!({ "aud": other })), Err(Refused::WrongAudience), "{other}");
    }
    for no_audience in
        [json!(1), json!({ "a": AUDIENCE }), json!([[AUDIENCE]]), json!([1, AUDIENCE]), json!(vec![AUDIENCE; 9])]
    {
        assert!(is_malformed(&shop.with_claims(json!({ "aud": no_audience }))), "{no_audience}");
    }
    assert!(shop.with_claims(json!({ "aud": ["https://other.example", AUDIENCE] })).is_ok());
}

#[test]
fn an_issuer_is_named_to_the_letter() {
    let shop = Shop::new();
    let others = [
        format!("{ISSUER}/"),
        ISSUER.to_uppercase(),
        format!("{ISSUER} "),
        format!("{ISSUER}\0"),
        ISSUER.replace("https", "http"),
        format!("{ISSUER}:443"),
        String::new(),
        "https://mallory.example".to_owned(),
    ];
    for other in others {
        assert_eq!(shop.with_claims(json!({ "iss": other })), Err(Refused::UnknownIssuer), "{other}");
    }
    for no_issuer in [json!([ISSUER]), json!(1), json!({})] {
        assert!(is_malformed(&shop.with_claims(json!({ "iss": no_issuer }))), "{no_issuer}");
    }
}

#[test]
fn a_subject_is_a_word_that_can_stand_in_a_header() {
    let shop = Shop::new();
    let no_subjects = [
        json!(""),
        json!(" "),
        json!("a b"),
        json!("a\r\nsouk-caller: b"),
        json!("\0"),
        json!("älice"),
        json!(1),
        json!(["a"]),
        json!({}),
        json!("s".repeat(SUBJECT_BYTES_MAX + 1)),
    ];
    for subject in no_subjects {
        assert!(is_malformed(&shop.with_claims(json!({ "sub": subject }))), "{subject}");
    }
    let longest = "s".repeat(SUBJECT_BYTES_MAX);
    assert_eq!(shop.with_claims(json!({ "sub": longest })).unwrap().subject, longest);
}

#[test]
fn roles_and_scopes_have_a_form_and_a_number() {
    let shop = Shop::new();
    let long = "r".repeat(129);
    for roles in [
        json!("admin"),
        json!([1]),
        json!([["admin"]]),
        json!([""]),
        json!(["a b"]),
        json!(["a\r\n"]),
        json!([long]),
        json!({ "admin": true }),
        json!(vec!["r"; ROLES_MAX + 1]),
    ] {
        assert!(is_malformed(&shop.with_claims(json!({ "roles": roles }))), "{roles}");
    }
    for scope in [
        json!(["a"]),
        json!(1),
        json!(" "),
        json!("a  b"),
        json!(" a"),
        json!("a "),
        json!("a\tb"),
        json!("a\"b"),
        json!(long),
        json!("s ".repeat(32) + "s"),
    ] {
        assert!(is_malformed(&shop.with_claims(json!({ "scope": scope }))), "{scope}");
    }
    assert_eq!(shop.with_claims(json!({ "scope": "" })).unwrap().scopes, Vec::<String>::new());
    assert_eq!(shop.with_claims(json!({ "roles": vec!["r"; ROLES_MAX] })).unwrap().roles.len(), ROLES_MAX);
}

#[test]
fn a_token_of_ours_that_lives_for_longer_than_ours_may_is_refused() {
    let shop = Shop::new();
    let max = u64::from(LIFETIME_S_MAX);
    assert!(shop.with_claims(json!({ "exp": NOW_S + max })).is_ok());
    assert!(is_malformed(&shop.with_claims(json!({ "exp": NOW_S + max + 1 }))));
    assert!(is_malformed(&shop.with_claims(json!({ "exp": NOW_S }))));
    assert!(is_malformed(&shop.with_claims(json!({ "exp": NOW_S - 1 }))));
    assert!(is_malformed(&shop.with_claims(json!({ "iat": 0 }))));
}
