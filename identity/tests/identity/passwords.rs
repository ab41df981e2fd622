//! Passwords: what is kept of one, and what a kept text may ask for.

use ring::rand::SystemRandom;
use souk_identity::fault::Unhashed;
use souk_identity::limits::PASSWORD_BYTES_MAX;
use souk_identity::passwords::{Cost, Hasher, Verdict};

/// As little work as the function knows, for tests that are not about it.
const LITTLE: Cost = Cost { memory_kib: 8, passes: 1 };

fn hashed(cost: Cost, password: &str) -> String {
    Hasher::new(cost).hash(password, &SystemRandom::new()).unwrap()
}

#[test]
fn the_reference_implementation_agrees() {
    // `echo -n password | argon2 somesalt -id -t 2 -k 65536 -p 4 -l 32`: the reference command's own test vector.
    let kept = "$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc";
    let mut hasher = Hasher::new(LITTLE);
    assert_eq!(hasher.verify("password", Some(kept)), Ok(Verdict::Right));
    assert_eq!(hasher.verify("passwore", Some(kept)), Ok(Verdict::Wrong));
}

#[test]
fn a_hash_knows_its_password_and_no_other() {
    let mut hasher = Hasher::new(LITTLE);
    for password in ["correct horse", "", " ", "Überraschung 🐎", "nul\0inside", &"x".repeat(PASSWORD_BYTES_MAX)] {
        let kept = hashed(LITTLE, password);
        assert_eq!(hasher.verify(password, Some(&kept)), Ok(Verdict::Right));
        assert_eq!(hasher.verify(&format!("{password:.20}?"), Some(&kept)), Ok(Verdict::Wrong));
        assert!(kept.len() <= 255 && !kept.contains("horse"), "{kept}");
    }
}

#[test]
fn two_hashes_of_one_password_differ() {
    assert_ne!(hashed(LITTLE, "same"), hashed(LITTLE, "same"));
}

#[test]
fn without_a_hash_every_password_is_wrong() {
    assert_eq!(Hasher::new(LITTLE).verify("", None), Ok(Verdict::Wrong));
}

#[test]
fn a_hash_of_less_work_is_dated_and_one_of_more_is_not() {
    let kept = hashed(LITTLE, "secret");
    for (cost, expected) in [
        (Cost { memory_kib: 9, passes: 1 }, Verdict::Dated),
        (Cost { memory_kib: 8, passes: 2 }, Verdict::Dated),
        (LITTLE, Verdict::Right),
    ] {
        assert_eq!(Hasher::new(cost).verify("secret", Some(&kept)), Ok(expected), "{cost:?}");
        assert_eq!(Hasher::new(cost).verify("Secret", Some(&kept)), Ok(Verdict::Wrong));
    }
    let strong = hashed(Cost { memory_kib: 16, passes: 2 }, "secret");
    assert_eq!(Hasher::new(LITTLE).verify("secret", Some(&strong)), Ok(Verdict::Right));
}

#[test]
fn a_hasher_that_has_worked_with_more_memory_works_with_less() {
    let mut hasher = Hasher::new(Cost { memory_kib: 64, passes: 1 });
    let (large, small) = (hashed(Cost { memory_kib: 64, passes: 1 }, "one"), hashed(LITTLE, "two"));
    assert_eq!(hasher.verify("one", Some(&large)), Ok(Verdict::Right));
    assert_eq!(hasher.verify("two", Some(&small)), Ok(Verdict::Dated));
    assert_eq!(hasher.verify("one", Some(&large)), Ok(Verdict::Right));
}

#[test]
fn what_is_too_long_is_refused_before_any_work() {
    let long = "x".repeat(1 << 20);
    // With all the memory that is allowed: work would be seen.
    let mut hasher = Hasher::new(Cost { memory_kib: 256 * 1024, passes: 16 });
    for _ in 0..1_000 {
        assert_eq!(hasher.hash(&long, &SystemRandom::new()), Err(Unhashed::TooLong));
        assert_eq!(hasher.verify(&long, None), Err(Unhashed::TooLong));
    }
}

#[test]
fn a_text_that_is_no_hash_or_asks_for_too_much_is_refused() {
    let good = hashed(LITTLE, "secret");
    let changed = |from: &str, to: &str| {
        assert!(good.contains(from), "{good}");
        good.replace(from, to)
    };
    for kept in [
        String::new(),
        "secret".into(),
        "$2b$12$C6UzMDM.H6dfI/f/IKcEeO7ZQ1/cCqyP5hYvQhoVnQ2pQpRrN4wkS".into(),
        changed("argon2id", "argon2d"),
        changed("argon2id", "argon2i"),
        changed("v=19", "v=16"),
        changed("m=8", "m=262145"),
        changed("m=8", "m=4294967295"),
        changed("t=1", "t=17"),
        changed("t=1", "t=0"),
        changed("p=1", "p=9"),
        good[..good.len() - 2].into(),
        format!("{good}$"),
        format!("{good}{}", "A".repeat(1 << 20)),
    ] {
        let verdict = Hasher::new(LITTLE).verify("secret", Some(&kept));
        assert_eq!(verdict, Err(Unhashed::Faulty), "{kept:.80}");
    }
}
