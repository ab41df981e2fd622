//! What a rotation means for tokens that are out there.

use std::sync::Arc;

use souk_identity::check::{Checker, Issuer};
use souk_identity::fault::{KeysFault, Refused};
use souk_identity::keys::{Former, Keys};
use souk_identity::limits::{FORMER_KEY_S, FORMER_KEYS_MAX, LEEWAY_S, LIFETIME_S_MAX, REREAD_S};
use souk_identity::sign::Signer;

use crate::forge::{AUDIENCE, GRANT, ISSUER, NOW_S, Shop, random};

fn checker(keys: &Keys) -> Checker {
    Checker::new(AUDIENCE, vec![Issuer::own(ISSUER, keys)])
}

fn key_count(keys: &Keys, now_s: u64) -> usize {
    let set: serde_json::Value = serde_json::from_str(&keys.public_set(now_s)).unwrap();
    set["keys"].as_array().unwrap().len()
}

#[test]
fn a_token_outlives_the_rotation_of_its_key_until_its_own_end() {
    let shop = Shop::new();
    // The last token that the former key signs: by a process that reads its keys as late as it may.
    let signed_s = NOW_S + REREAD_S;
    let token = shop.signer.sign(&GRANT, signed_s, LIFETIME_S_MAX, &random()).unwrap();
    let rotated = checker(&shop.keys.rotate(NOW_S, Former::Published, &random()).unwrap());
    let last_s = signed_s + u64::from(LIFETIME_S_MAX) + LEEWAY_S - 1;
    assert_eq!(rotated.check(&token, last_s).unwrap().key, shop.keys.current_id());
    assert!(rotated.check(&token, last_s + 1).is_err());
}

#[test]
fn a_new_token_names_the_new_key_and_both_are_published() {
    let shop = Shop::new();
    let rotated = Arc::new(shop.keys.rotate(NOW_S, Former::Published, &random()).unwrap());
    assert_ne!(rotated.current_id(), shop.keys.current_id());
    let signer = Signer::new(ISSUER, AUDIENCE, Arc::clone(&rotated)).unwrap();
    let token = signer.sign(&GRANT, NOW_S, 600, &random()).unwrap();
    let checker = checker(&rotated);
    assert_eq!(checker.check(&token, NOW_S).unwrap().key, rotated.current_id());
    assert_eq!(checker.check(&shop.token(), NOW_S).unwrap().key, shop.keys.current_id());
    assert_eq!(key_count(&rotated, NOW_S), 2);
    // Who did not read the keys again does not know the new one, and says so.
    assert_eq!(shop.check(&token).unwrap_err(), Refused::UnknownKey(ISSUER.into()));
}

#[test]
fn a_former_key_is_gone_when_its_time_is_over_without_anybody_doing_anything() {
    let shop = Shop::new();
    let rotated = shop.keys.rotate(NOW_S, Former::Published, &random()).unwrap();
    assert_eq!(key_count(&rotated, NOW_S + FORMER_KEY_S - 1), 2);
    assert_eq!(key_count(&rotated, NOW_S + FORMER_KEY_S), 1);
    // A token that the former key signs after that, such as a thief's, is nobody's.
    let late_s = NOW_S + FORMER_KEY_S;
    let token = shop.signer.sign(&GRANT, late_s, 600, &random()).unwrap();
    assert_eq!(checker(&rotated).check(&token, late_s), Err(Refused::UnknownKey(ISSUER.into())));
    // The next rotation does not carry it on.
    let again = rotated.rotate(late_s, Former::Published, &random()).unwrap();
    assert!(!again.secret_set().contains(shop.keys.current_id()));
}

#[test]
fn a_revoked_key_ends_its_tokens_at_once() {
    let shop = Shop::new();
    let twice = shop.keys.rotate(NOW_S, Former::Published, &random()).unwrap();
    let revoked = twice.rotate(NOW_S, Former::Revoked, &random()).unwrap();
    assert_eq!(checker(&revoked).check(&shop.token(), NOW_S), Err(Refused::UnknownKey(ISSUER.into())));
    assert_eq!(key_count(&revoked, NOW_S), 1);
}

#[test]
fn rotations_in_a_loop_are_refused_until_former_keys_have_ended() {
    let mut keys = Keys::generate(&random()).unwrap();
    for _ in 0..FORMER_KEYS_MAX {
        keys = keys.rotate(NOW_S, Former::Published, &random()).unwrap();
    }
    assert!(matches!(keys.rotate(NOW_S, Former::Published, &random()), Err(KeysFault::TooMany)));
    assert!(keys.rotate(NOW_S, Former::Revoked, &random()).is_ok());
    assert!(keys.rotate(NOW_S + FORMER_KEY_S, Former::Published, &random()).is_ok());
    assert!(Keys::parse(&keys.secret_set(), &random()).is_ok());
}
