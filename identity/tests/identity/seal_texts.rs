//! How a seal is written, and everything that is written otherwise.

use serde_json::{Value, json};
use souk_identity::fault::SealTextFault;
use souk_identity::limits::SEAL_BYTES_MAX;
use souk_identity::seal::Seal;
use souk_identity::seal::key::{PublicKey, SealKey};
use souk_identity::seal::version::SealVersion;

use crate::seal_keys::{RFC_8032, of_seed};
use crate::seals::{FILE, Vendor, new_key, version};

fn parse(text: &str) -> Result<Seal, SealTextFault> {
    Seal::parse(text.as_bytes())
}

fn refusal(text: &str) -> SealTextFault {
    parse(text).expect_err(text)
}

/// The signature was made by OpenSSL of the text in the description of the format: what was sealed once stays sealed.
#[test]
fn a_seal_is_written_as_it_is_described() {
    let key = of_seed(RFC_8032[0].secret);
    let seal = Seal::make(&key, "payment", version("1.4.0"), &FILE).unwrap();
    let expected = concat!(
        r#"{"component":"payment","version":"1.4.0","#,
        r#""sha256":"abababababababababababababababababababababababababababababababab","#,
        r#""signer":"ed25519:d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a","#,
        r#""signature":"729408b0ca6ef6586963192ca60e58c527c6800ffd4d80fdf149364151628320"#,
        r#"646efdcba0633e8d62a3333cf84c2c038ce9fac7ec799f36fdb3f08ad0789f08"}"#,
    );
    assert_eq!(seal.to_json(), expected);
}

#[test]
fn white_space_between_and_the_order_of_members_do_not_matter() {
    let vendor = Vendor::new();
    let document: Value = serde_json::from_str(&vendor.seal.to_json()).unwrap();
    let lines = format!("\r\n{}\n", serde_json::to_string_pretty(&document).unwrap());
    assert_eq!(parse(&lines).unwrap(), vendor.seal);
    let members = document.as_object().unwrap().iter().rev();
    let turned: Vec<_> = members.map(|(name, value)| format!("\"{name}\":{value}")).collect();
    assert_eq!(parse(&format!("{{{}}}", turned.join(","))).unwrap(), vendor.seal);
}

#[test]
fn what_is_not_one_object_of_texts_is_refused() {
    let good = Vendor::new().seal.to_json();
    let document: Value = serde_json::from_str(&good).unwrap();
    let values: Vec<_> =
        ["component", "version", "sha256", "signer", "signature"].into_iter().map(|name| &document[name]).collect();
    let texts = [
        String::new(),
        "null".to_owned(),
        "{".to_owned(),
        "payment".to_owned(),
        // `serde` would take an array for a struct, its items for members in the order of the code.
        json!(values).to_string(),
        format!("[{good}]"),
        format!("{good}{good}"),
        format!("{good},"),
        format!("{good}//"),
        format!("\u{feff}{good}"),
        good[..good.len() - 1].to_owned(),
        good.replacen("\"1.4.0\"", "1.4", 1),
        good.replacen("\"1.4.0\"", "null", 1),
        good.replacen("\"1.4.0\"", "[\"1.4.0\"]", 1),
        good.replacen("\"1.4.0\"", "{\"1\":\"1.4.0\"}", 1),
        good.replacen("1.4.0", "1.4.0\\ud800", 1),
        good.replacen("1.4.0", "1.4.0\0", 1),
        good.replace('"', "'"),
        format!("{{\"component\":{}{}}}", "[".repeat(1_500), "]".repeat(1_500)),
    ];
    for text in texts {
        assert_eq!(refusal(&text), SealTextFault::NotADocument, "{text}");
    }
    let mut bytes = good.into_bytes();
    bytes[15] = 0xff;
    assert_eq!(Seal::parse(&bytes), Err(SealTextFault::NotADocument));
}

#[test]
fn each_member_stands_there_once_and_no_other() {
    let good = Vendor::new().seal.to_json();
    let document: Value = serde_json::from_str(&good).unwrap();
    let first = |members: &str| good.replacen('{', &format!("{{{members},"), 1);
    for name in ["component", "version", "sha256", "signer", "signature"] {
        let twice = first(&format!("\"{name}\":{}", document[name]));
        assert_eq!(refusal(&twice), SealTextFault::Twice(name));
        // The same name in another spelling.
        let escaped = format!("\\u{:04x}{}", u32::from(name.as_bytes()[0]), &name[1..]);
        assert_eq!(refusal(&first(&format!("\"{escaped}\":{}", document[name]))), SealTextFault::Twice(name));
        let mut without = document.clone();
        without.as_object_mut().unwrap().remove(name);
        assert_eq!(refusal(&without.to_string()), SealTextFault::Absent(name));
    }
    for name in ["", "Component", "component ", "key", "algorithm", "expires"] {
        assert_eq!(refusal(&first(&format!("\"{name}\":\"\""))), SealTextFault::UnknownMember, "{name}");
    }
    assert_eq!(refusal("{}"), SealTextFault::Absent("component"));
}

#[test]
fn a_document_that_is_too_long_is_refused_before_it_is_looked_at() {
    let good = Vendor::new().seal.to_json();
    let padded = |bytes: usize| format!("{good}{}", " ".repeat(bytes - good.len()));
    assert!(parse(&padded(SEAL_BYTES_MAX)).is_ok());
    assert_eq!(refusal(&padded(SEAL_BYTES_MAX + 1)), SealTextFault::TooLarge);
    assert_eq!(refusal(&"{".repeat(1 << 20)), SealTextFault::TooLarge);
}

#[test]
fn each_value_has_one_spelling() {
    use SealTextFault::{Component, Digest, Key, Signature, Version};
    let vendor = Vendor::new();
    let key = vendor.key.public().to_string();
    let texts = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>();
    let wrong_digits = |count: usize| {
        let good = "ab".repeat(count / 2);
        let tail = &good[1..];
        [String::new(), tail.to_owned(), format!("{good}a"), format!("{good}ab"), good.to_uppercase()]
            .into_iter()
            .chain(["g", "A", " ", "-", "+", "é", "\\u0000", "`", ":", "/"].map(|first| format!("{first}{tail}")))
            .chain([format!("0x{}", &good[2..]), format!("{tail} "), format!("\\n{tail}")])
            .collect::<Vec<_>>()
    };
    let keys = wrong_digits(64).into_iter().map(|digits| format!("ed25519:{digits}"));
    let long = "a".repeat(65);
    let cases = [
        (
            "component",
            Component,
            texts(&["", "Payment", "pay ment", "pay_ment", "payment\n", "päyment", "a.b", "a/b", &long]),
        ),
        ("version", Version, wrong_versions()),
        ("sha256", Digest, wrong_digits(64)),
        ("signature", Signature, wrong_digits(128)),
        (
            "signer",
            Key,
            keys.chain(texts(&["", "acme", &key[8..], &key.to_uppercase(), &key[1..], "rsa:00"])).collect(),
        ),
    ];
    for (member, fault, values) in cases {
        for value in values {
            assert_eq!(refusal(&vendor.with(member, &value)), fault, "{member} {value:?}");
        }
    }
}

fn wrong_versions() -> Vec<String> {
    let texts = [
        "",
        "1",
        "1.4",
        "1.4.0.0",
        "1..0",
        ".4.0",
        "1.4.",
        "01.4.0",
        "1.04.0",
        "1.4.00",
        "+1.4.0",
        "1.-4.0",
        "v1.4.0",
        "1.4.0 ",
        " 1.4.0",
        "1,4,0",
        "1.4.0-rc1",
        "1.4.0+1",
        "1.4.x",
        "4294967296.0.0",
        "1.4.99999999999999999999",
        "1.4.٣",
        "0x1.4.0",
        "1_0.4.0",
        "1.4.0\n",
    ];
    texts.map(str::to_owned).to_vec()
}

#[test]
fn versions_are_read_and_compared_by_their_numbers() {
    for text in wrong_versions() {
        assert_eq!(text.parse::<SealVersion>(), Err(SealTextFault::Version), "{text:?}");
    }
    let ordered =
        ["0.0.0", "0.0.1", "0.1.0", "0.9.0", "0.10.0", "1.0.0", "1.0.10", "9.0.0", "10.0.0", "4294967295.0.4294967295"];
    for (at, text) in ordered.iter().enumerate() {
        assert_eq!(version(text).to_string(), *text);
        assert!(ordered[..at].iter().all(|before| version(before) < version(text)), "{text}");
    }
}

/// Otherwise a name could hold a line, and a text say two things.
#[test]
fn nothing_is_sealed_under_a_name_that_no_component_can_have() {
    let key = new_key();
    for name in ["", "Payment", "payment\nversion 9.9.9", "a b", "ä", &"a".repeat(65)] {
        assert_eq!(Seal::make(&key, name, version("1.0.0"), &FILE), Err(SealTextFault::Component), "{name:?}");
    }
    for name in ["a", "-", "payment-http", "0", &"a".repeat(64)] {
        assert!(Seal::make(&key, name, version("1.0.0"), &FILE).is_ok(), "{name}");
    }
}

#[test]
fn a_public_key_is_read_as_it_is_written() {
    let key: SealKey = new_key();
    let text = key.public().to_string();
    assert_eq!(text.len(), "ed25519:".len() + 64);
    assert_eq!(PublicKey::parse(&text), Ok(key.public()));
    assert_eq!(format!("{:?}", key.public()), text);
}

#[test]
fn a_refusal_is_a_sentence_that_never_repeats_the_document() {
    let vendor = Vendor::new();
    let marked = ["component", "version", "sha256", "signer", "signature"].map(|member| vendor.with(member, "MARKED"));
    let others = ["MARKED", r#"{"MARKED":"1"}"#, r#"{"component":"a","component":"MARKED"}"#].map(str::to_owned);
    for text in marked.iter().chain(&others) {
        let refused = refusal(text);
        let said = refused.to_string();
        assert!(!said.contains("MARKED") && !format!("{refused:?}").contains("MARKED"), "{said}");
        assert!(said.starts_with("the ") && !said.ends_with('.') && !said.contains('\n'), "{said}");
    }
}
