//! The set of signing keys as it is kept and published.

use serde_json::{Value, json};
use souk_identity::fault::{KeySetFault, KeysFault};
use souk_identity::keys::{Former, Keys};
use souk_identity::limits::{FOREIGN_KEYS_MAX, KEY_SET_BYTES_MAX};
use souk_identity::public::{Algorithm, PublicKeys};

use crate::forge::{NOW_S, Shop, changed, random};
use crate::vectors::RSA_MODULUS;

const ALL: [Algorithm; 3] = [Algorithm::Es256, Algorithm::EdDsa, Algorithm::Rs256];

fn published(keys: &Keys) -> Value {
    serde_json::from_str(&keys.public_set(NOW_S)).unwrap()
}

fn kept(keys: &Keys) -> Value {
    serde_json::from_str(&keys.secret_set()).unwrap()
}

fn parse(set: &Value) -> Result<Keys, KeysFault> {
    Keys::parse(&set.to_string(), &random())
}

fn foreign(keys: &Value) -> Result<PublicKeys, KeySetFault> {
    PublicKeys::parse(&json!({ "keys": keys }).to_string(), &ALL)
}

#[test]
fn what_is_published_has_no_private_half_and_is_read_by_others() {
    let keys = Keys::generate(&random()).unwrap().rotate(NOW_S, Former::Published, &random()).unwrap();
    let set = published(&keys);
    for key in set["keys"].as_array().unwrap() {
        let mut members: Vec<_> = key.as_object().unwrap().keys().map(String::as_str).collect();
        members.sort_unstable();
        assert_eq!(members, ["alg", "crv", "kid", "kty", "use", "x", "y"]);
    }
    let read = PublicKeys::parse(&set.to_string(), &[Algorithm::Es256]).unwrap();
    assert_eq!(read.get(keys.current_id()).unwrap().thumbprint(), keys.current_id());
}

#[test]
fn keys_that_were_written_are_read_again_and_sign_the_same() {
    let keys = Keys::generate(&random()).unwrap().rotate(NOW_S, Former::Published, &random()).unwrap();
    let again = Keys::parse(&keys.secret_set(), &random()).unwrap();
    assert_eq!(again.secret_set(), keys.secret_set());
    assert_eq!(again.public_set(NOW_S), keys.public_set(NOW_S));
}

#[test]
fn only_the_current_key_is_kept_with_its_private_half() {
    let mut keys = Keys::generate(&random()).unwrap();
    for _ in 0..3 {
        keys = keys.rotate(NOW_S, Former::Published, &random()).unwrap();
    }
    let kept = kept(&keys);
    let secret = kept["keys"].as_array().unwrap().iter().filter(|key| key.get("d").is_some());
    assert_eq!(secret.map(|key| key["kid"].as_str().unwrap()).collect::<Vec<_>>(), [keys.current_id()]);
}

#[test]
fn debug_output_and_faults_do_not_show_the_private_half() {
    let shop = Shop::new();
    let set = kept(&shop.keys);
    let secret = set["keys"][0]["d"].as_str().unwrap();
    assert!(!format!("{:?} {:?} {:?}", shop.keys, shop.signer, shop.checker).contains(secret));
    let other = Keys::generate(&random()).unwrap();
    let mixed = json!({ "keys": [changed(kept(&other)["keys"][0].clone(), json!({ "d": secret }))] });
    let fault = parse(&mixed).unwrap_err();
    assert!(!format!("{fault} {fault:?}").contains(secret));
}

#[test]
fn keys_that_this_program_would_not_write_are_refused() {
    let one = kept(&Keys::generate(&random()).unwrap())["keys"][0].clone();
    let two = kept(&Keys::generate(&random()).unwrap())["keys"][0].clone();
    let former = |key: &Value| changed(key.clone(), json!({ "d": null, "exp": NOW_S }));
    let sets = [
        ("none", json!([])),
        ("two that sign", json!([one, two])),
        ("none that signs", json!([former(&one)])),
        ("one twice", json!([one, former(&one)])),
        ("a former one without an end", json!([one, changed(two.clone(), json!({ "d": null }))])),
        ("a current one with an end", json!([changed(one.clone(), json!({ "exp": NOW_S }))])),
        ("halves of two", json!([changed(one.clone(), json!({ "d": two["d"] }))])),
        ("another id", json!([changed(one.clone(), json!({ "kid": "../../etc/passwd" }))])),
        ("a zero", json!([changed(one.clone(), json!({ "d": "A".repeat(43) }))])),
        ("a short one", json!([changed(one.clone(), json!({ "d": "AAAA" }))])),
        ("another curve", json!([changed(one.clone(), json!({ "crv": "P-384" }))])),
    ];
    for (what, keys) in sets {
        assert!(matches!(parse(&json!({ "keys": keys })), Err(KeysFault::Faulty(_))), "{what}");
    }
    assert!(parse(&json!({ "keys": [one, former(&two)] })).is_ok());
    let twice = json!({ "keys": [one] }).to_string().replacen(r#"{"keys":"#, r#"{"keys":[],"keys":"#, 1);
    for text in ["", "[]", "{}", "null", "-----BEGIN PRIVATE KEY-----", twice.as_str()] {
        assert!(matches!(Keys::parse(text, &random()), Err(KeysFault::Faulty(_))), "{text}");
    }
}

#[test]
fn another_issuers_keys_that_are_not_for_tokens_are_passed_over() {
    let good = json!({ "kid": "good", "kty": "RSA", "n": RSA_MODULUS, "e": "AQAB", "x5c": ["…"] });
    let short = &RSA_MODULUS[..172];
    let others = [
        json!({ "kty": "oct", "kid": "1", "k": "c2VjcmV0" }),
        json!({ "kid": "2" }),
        json!("3"),
        changed(good.clone(), json!({ "kid": null })),
        changed(good.clone(), json!({ "kid": "" })),
        changed(good.clone(), json!({ "kid": "k".repeat(129) })),
        changed(good.clone(), json!({ "kid": "4", "use": "enc" })),
        changed(good.clone(), json!({ "kid": "5", "key_ops": ["encrypt"] })),
        changed(good.clone(), json!({ "kid": "6", "alg": "RS512" })),
        changed(good.clone(), json!({ "kid": "7", "alg": "HS256" })),
        changed(good.clone(), json!({ "kid": "8", "e": "Aw" })),
        changed(good.clone(), json!({ "kid": "9", "n": short })),
        // The same short key with zeros in front of it.
        changed(good.clone(), json!({ "kid": "10", "n": format!("{}{short}", "A".repeat(172)) })),
        changed(good.clone(), json!({ "kid": "11", "n": RSA_MODULUS.repeat(3) })),
        json!({ "kty": "EC", "crv": "P-521", "kid": "12", "x": "AA", "y": "AA" }),
        json!({ "kty": "EC", "crv": "P-256", "kid": "13", "x": "AA", "y": "AA" }),
        json!({ "kty": "OKP", "crv": "X25519", "kid": "14", "x": "A".repeat(43) }),
    ];
    for other in &others {
        assert_eq!(foreign(&json!([other])).unwrap_err(), KeySetFault::NoneUsable, "{other}");
    }
    let keys = foreign(&json!([others.as_slice(), &[good]].concat())).unwrap();
    assert!(keys.get("good").is_some());
    assert!((1..=14).all(|id| keys.get(&id.to_string()).is_none()));
}

#[test]
fn a_key_for_an_algorithm_that_was_not_allowed_is_passed_over() {
    let set = json!({ "keys": [{ "kid": "a", "kty": "RSA", "n": RSA_MODULUS, "e": "AQAB" }] }).to_string();
    assert!(PublicKeys::parse(&set, &[Algorithm::Rs256]).is_ok());
    let refused = PublicKeys::parse(&set, &[Algorithm::Es256, Algorithm::EdDsa]);
    assert_eq!(refused.unwrap_err(), KeySetFault::NoneUsable);
}

#[test]
fn another_issuers_set_that_is_ambiguous_exposed_or_too_large_is_refused() {
    let good = json!({ "kid": "good", "kty": "RSA", "n": RSA_MODULUS, "e": "AQAB" });
    assert_eq!(foreign(&json!([good, good])).unwrap_err(), KeySetFault::SameId);
    let private = changed(good.clone(), json!({ "d": "AQAB" }));
    assert_eq!(foreign(&json!([good, private])).unwrap_err(), KeySetFault::Private);
    assert_eq!(foreign(&json!(vec![json!({}); FOREIGN_KEYS_MAX + 1])).unwrap_err(), KeySetFault::TooLarge);
    assert_eq!(PublicKeys::parse(&" ".repeat(KEY_SET_BYTES_MAX + 1), &ALL).unwrap_err(), KeySetFault::TooLarge);
    for text in ["", "[]", "{}", r#"{"keys":{}}"#, r#"{"keys":[],"keys":[]}"#] {
        assert_eq!(PublicKeys::parse(text, &ALL).unwrap_err(), KeySetFault::NotASet, "{text}");
    }
}
