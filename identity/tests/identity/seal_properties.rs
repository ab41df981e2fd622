//! What holds of any seal and any change of one.

use proptest::prelude::*;
use souk_identity::seal::key::{PublicKey, SealKey};
use souk_identity::seal::version::SealVersion;
use souk_identity::seal::{Seal, check};

use crate::properties::config;
use crate::seals::{Vendor, new_key, signer};

#[test]
fn a_seal_with_any_one_byte_changed_to_any_other_is_refused() {
    let vendor = Vendor::new();
    let good = vendor.seal.to_json().into_bytes();
    for at in 0..good.len() {
        for other in (0..=u8::MAX).filter(|other| *other != good[at]) {
            let mut changed = good.clone();
            changed[at] = other;
            if let Ok(seal) = Seal::parse(&changed) {
                assert!(vendor.check(&seal).is_err(), "byte {at} as {other}");
            }
        }
    }
    assert!(vendor.check(&Seal::parse(&good).unwrap()).is_ok());
}

#[test]
fn a_seal_with_any_one_character_taken_away_or_doubled_is_refused() {
    let vendor = Vendor::new();
    let good = vendor.seal.to_json();
    for at in 0..good.len() {
        let (head, tail) = good.split_at(at);
        for changed in [format!("{head}{}", &tail[1..]), format!("{head}{}{tail}", &tail[..1])] {
            let seal = Seal::parse(changed.as_bytes());
            assert!(seal.is_err() || vendor.check(&seal.unwrap()).is_err(), "{at}");
        }
    }
}

fn versions() -> impl Strategy<Value = SealVersion> {
    let number = || prop_oneof![0..20_u32, any::<u32>()];
    (number(), number(), number()).prop_map(|(major, minor, patch)| SealVersion { major, minor, patch })
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn whatever_is_sealed_is_vouched_for_and_for_nothing_else(
        component in "[a-z0-9-]{1,64}", other in "[a-z0-9-]{1,64}", version in versions(), ran in versions(),
        file in any::<[u8; 32]>(), other_file in any::<[u8; 32]>(),
    ) {
        let key = new_key();
        let signers = [signer("acme", &key)];
        let seal = Seal::make(&key, &component, version, &file).unwrap();
        let read = Seal::parse(seal.to_json().as_bytes()).unwrap();
        prop_assert_eq!(&read, &seal);
        let vouched = check(Some(&read), &component, &file, &signers, Some(&version)).unwrap();
        prop_assert_eq!((vouched.signer.as_str(), vouched.version), ("acme", version));
        prop_assert_eq!(check(Some(&read), &component, &file, &signers, Some(&ran)).is_ok(), version >= ran);
        prop_assert_eq!(check(Some(&read), &other, &file, &signers, None).is_ok(), other == component);
        prop_assert_eq!(check(Some(&read), &component, &other_file, &signers, None).is_ok(), other_file == file);
        prop_assert!(check(Some(&read), &component, &file, &[signer("acme", &new_key())], None).is_err());
    }

    #[test]
    fn a_change_anywhere_is_refused_or_changes_nothing(
        at in any::<prop::sample::Index>(), taken in 0_usize..4, put in "[ \\n\"{}:,a-z0-9\\\\u]{0,8}",
    ) {
        let vendor = Vendor::new();
        let good = vendor.seal.to_json();
        let at = at.index(good.len());
        let changed = format!("{}{put}{}", &good[..at], &good[(at + taken).min(good.len())..]);
        // White space, or a piece that was put where it had been.
        if let Ok(seal) = Seal::parse(changed.as_bytes()) && vendor.check(&seal).is_ok() {
            prop_assert_eq!(seal, vendor.seal);
        }
    }

    #[test]
    fn versions_compare_as_their_numbers_and_have_one_spelling(a in versions(), b in versions(), text in "[0-9.+ -]{0,12}") {
        prop_assert_eq!(a.cmp(&b), (a.major, a.minor, a.patch).cmp(&(b.major, b.minor, b.patch)));
        prop_assert_eq!(a.to_string().parse::<SealVersion>(), Ok(a));
        if let Ok(version) = text.parse::<SealVersion>() {
            prop_assert_eq!(version.to_string(), text);
        }
    }

    #[test]
    fn no_bytes_make_the_reader_panic(
        bytes in proptest::collection::vec(any::<u8>(), 0..600), text in any::<String>(), digits in "[0-9a-fA-F]{60,68}",
    ) {
        prop_assert!(Seal::parse(&bytes).is_err());
        prop_assert!(Seal::parse(text.as_bytes()).is_err());
        prop_assert!(SealKey::parse(&text).is_err());
        let key = format!("ed25519:{digits}");
        if let Ok(read) = PublicKey::parse(&key) {
            prop_assert_eq!(read.to_string(), key);
        }
    }
}
