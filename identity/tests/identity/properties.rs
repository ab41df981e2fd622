//! What holds of any token and any change of one.

use proptest::prelude::*;
use souk_identity::keys::Keys;
use souk_identity::limits::{LIFETIME_S_MAX, TIME_S_MAX};
use souk_identity::public::{Algorithm, PublicKeys};
use souk_identity::sign::Grant;

use crate::forge::{GRANT, NOW_S, Shop, random};

#[test]
fn a_token_with_any_one_bit_changed_is_refused() {
    let shop = Shop::new();
    let token = shop.token();
    for at in 0..token.len() {
        for bit in 0..8 {
            let mut bytes = token.clone().into_bytes();
            bytes[at] ^= 1 << bit;
            // What is no UTF-8 can't come this far.
            if let Ok(text) = String::from_utf8(bytes) {
                assert!(shop.check(&text).is_err(), "bit {bit} of character {at}");
            }
        }
    }
    assert!(shop.check(&token).is_ok());
}

#[test]
fn a_token_with_any_one_character_taken_away_or_doubled_is_refused() {
    let shop = Shop::new();
    let token = shop.token();
    for at in 0..token.len() {
        let (head, tail) = token.split_at(at);
        assert!(shop.check(&format!("{head}{}", &tail[1..])).is_err(), "{at}");
        assert!(shop.check(&format!("{head}{}{tail}", &tail[..1])).is_err(), "{at}");
    }
}

fn word(characters: &'static str, bytes_max: usize) -> impl Strategy<Value = String> {
    proptest::string::string_regex(&format!("[{characters}]{{1,{bytes_max}}}")).unwrap()
}

/// `SOUK_LONG=1` asks for thirty times as many. A case that fails is made small and shown.
pub(crate) fn config() -> ProptestConfig {
    let cases = if std::env::var_os("SOUK_LONG").is_some() { 30 * 256 } else { 256 };
    ProptestConfig { cases, failure_persistence: None, ..ProptestConfig::default() }
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn whatever_is_signed_is_taken_and_says_the_same(
        subject in word("!-~", 255), client in word("!-~", 255), family in word("!-~", 128), id in word("!-~", 128),
        roles in proptest::collection::vec(word("!#-\\[\\]-~", 64), 0..=8),
        scopes in proptest::collection::vec(word("!#-\\[\\]-~", 128), 0..=8),
        now_s in 0..TIME_S_MAX - u64::from(LIFETIME_S_MAX), lifetime_s in 1..=LIFETIME_S_MAX,
    ) {
        let shop = Shop::new();
        let roles: Vec<_> = roles.iter().map(String::as_str).collect();
        let scopes: Vec<_> = scopes.iter().map(String::as_str).collect();
        let grant = Grant { subject: &subject, client: &client, roles: &roles, scopes: &scopes, family: &family, id: &id };
        let token = shop.signer.sign(&grant, now_s, lifetime_s, &random()).unwrap();
        let caller = shop.checker.check(&token, now_s).unwrap();
        prop_assert_eq!(caller.subject, subject);
        prop_assert_eq!(caller.roles, roles);
        prop_assert_eq!(caller.scopes, scopes);
        prop_assert_eq!(caller.family.as_deref(), Some(family.as_str()));
        prop_assert_eq!(caller.expires_s, now_s + u64::from(lifetime_s));
    }

    #[test]
    fn any_one_character_replaced_is_refused(at in any::<prop::sample::Index>(), other in any::<char>()) {
        let shop = Shop::new();
        let token = shop.signer.sign(&GRANT, NOW_S, 600, &random()).unwrap();
        let at = at.index(token.len());
        prop_assume!(!token[at..].starts_with(other));
        let changed = format!("{}{other}{}", &token[..at], &token[at + 1..]);
        prop_assert!(shop.check(&changed).is_err());
    }

    #[test]
    fn no_text_makes_the_check_panic(text in any::<String>(), parts in proptest::collection::vec("[A-Za-z0-9_-]{0,40}", 3)) {
        let shop = Shop::new();
        prop_assert!(shop.check(&text).is_err());
        prop_assert!(shop.check(&parts.join(".")).is_err());
    }

    #[test]
    fn a_set_of_keys_with_one_character_replaced_never_makes_a_panic_or_another_secret(
        at in any::<prop::sample::Index>(), other in any::<char>(),
    ) {
        let shop = Shop::new();
        let set = shop.keys.secret_set();
        let at = at.index(set.len());
        let changed = format!("{}{other}{}", &set[..at], &set[at + 1..]);
        // Some members are not needed; what is read is the key that was written, because its halves and its id fit.
        if let Ok(keys) = Keys::parse(&changed, &random()) {
            prop_assert_eq!(keys.secret_set(), set);
        }
        let published = changed.replacen("\"d\":", "\"x5t\":", 1);
        if let Ok(keys) = PublicKeys::parse(&published, &[Algorithm::Es256, Algorithm::EdDsa, Algorithm::Rs256]) {
            prop_assert!(keys.get("absent").is_none());
        }
    }

    #[test]
    fn no_json_makes_the_check_panic(header in "[\\[\\]{}\":,a-z0-9.]{0,60}", claims in "[\\[\\]{}\":,a-z0-9.]{0,60}") {
        let shop = Shop::new();
        prop_assert!(shop.check(&shop.forge(&header, &claims)).is_err());
        prop_assert!(shop.with_claims_text(&claims).is_err());
    }
}
