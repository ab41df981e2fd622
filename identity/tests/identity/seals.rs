//! Who vouches for a file: each way in which nobody does, and what the operator is told.

use souk_identity::fault::SealFault;
use souk_identity::seal::key::{PublicKey, SealKey};
use souk_identity::seal::version::SealVersion;
use souk_identity::seal::{Seal, Signer, Vouched, check};

use crate::forge::random;
use crate::headers::hex;

pub(crate) const FILE: [u8; 32] = [0xab; 32];
pub(crate) const OTHER_FILE: [u8; 32] = [0xac; 32];

/// Two signers of `payment`, and a seal by the second.
pub(crate) struct Vendor {
    pub(crate) key: SealKey,
    pub(crate) signers: Vec<Signer>,
    pub(crate) seal: Seal,
}

impl Vendor {
    pub(crate) fn new() -> Self {
        let key = new_key();
        let signers = vec![signer("bolt", &new_key()), signer("acme", &key)];
        let seal = seal(&key, "payment", "1.4.0");
        Self { key, signers, seal }
    }

    pub(crate) fn check(&self, seal: &Seal) -> Result<Vouched, SealFault> {
        check(Some(seal), "payment", &FILE, &self.signers, None)
    }

    /// The document with another value in this member.
    pub(crate) fn with(&self, member: &str, value: &str) -> String {
        let mut document: serde_json::Value = serde_json::from_str(&self.seal.to_json()).unwrap();
        assert_ne!(document[member], value);
        document[member] = value.into();
        document.to_string()
    }

    fn parsed_with(&self, member: &str, value: &str) -> Result<Vouched, SealFault> {
        self.check(&Seal::parse(self.with(member, value).as_bytes()).unwrap())
    }

    fn signature(&self) -> Vec<u8> {
        let document: serde_json::Value = serde_json::from_str(&self.seal.to_json()).unwrap();
        hex(document["signature"].as_str().unwrap())
    }

    fn is_bad(&self, signature: &[u8]) -> bool {
        matches!(self.parsed_with("signature", &digits(signature)), Err(SealFault::BadSignature { .. }))
    }
}

pub(crate) fn new_key() -> SealKey {
    SealKey::generate(&random()).unwrap().0
}

pub(crate) fn signer(name: &str, key: &SealKey) -> Signer {
    Signer { name: name.to_owned(), key: key.public() }
}

pub(crate) fn version(text: &str) -> SealVersion {
    text.parse().unwrap()
}

pub(crate) fn seal(key: &SealKey, component: &str, text: &str) -> Seal {
    Seal::make(key, component, version(text), &FILE).unwrap()
}

pub(crate) fn digits(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |text, byte| format!("{text}{byte:02x}"))
}

#[test]
fn a_file_with_the_seal_of_one_of_the_signers_is_vouched_for() {
    let vendor = Vendor::new();
    let vouched = Vouched { signer: "acme".to_owned(), version: version("1.4.0") };
    assert_eq!(vendor.check(&vendor.seal), Ok(vouched.clone()));
    let read = Seal::parse(vendor.seal.to_json().as_bytes()).unwrap();
    assert_eq!(read, vendor.seal);
    assert_eq!(vendor.check(&read), Ok(vouched));
}

#[test]
fn without_a_seal_nobody_vouches_whoever_the_signers_are() {
    let missing = Err(SealFault::Missing { component: "payment".to_owned() });
    assert_eq!(check(None, "payment", &FILE, &Vendor::new().signers, None), missing);
    assert_eq!(check(None, "payment", &FILE, &[], None), missing);
}

#[test]
fn a_key_that_the_manifest_does_not_name_vouches_for_nothing() {
    let vendor = Vendor::new();
    let stranger = new_key();
    let forged = seal(&stranger, "payment", "1.4.0");
    let unknown = SealFault::UnknownSigner { component: "payment".to_owned(), key: stranger.public().to_string() };
    assert_eq!(vendor.check(&forged), Err(unknown.clone()));
    // Nothing else of it is looked at: it is for another component, too.
    assert_eq!(vendor.check(&seal(&stranger, "order", "1.4.0")), Err(unknown));
    assert!(matches!(
        check(Some(&vendor.seal), "payment", &FILE, &[], None),
        Err(SealFault::UnknownSigner { key, .. }) if key == vendor.key.public().to_string()
    ));
}

/// Were a document's own key to verify it, everybody could vouch for everything.
#[test]
fn a_seal_that_names_a_signers_key_needs_that_signers_signature() {
    let vendor = Vendor::new();
    let stranger = seal(&new_key(), "payment", "1.4.0");
    let forged = stranger.to_json().replace(
        stranger.to_json().split('"').find(|text| text.starts_with("ed25519:")).unwrap(),
        &vendor.key.public().to_string(),
    );
    let forged = Seal::parse(forged.as_bytes()).unwrap();
    let bad = SealFault::BadSignature { component: "payment".to_owned(), signer: "acme".to_owned() };
    assert_eq!(vendor.check(&forged), Err(bad));
    // The signature of one signer is none of the other.
    let other = vendor.parsed_with("signer", &vendor.signers[0].key.to_string());
    assert!(matches!(other, Err(SealFault::BadSignature { signer, .. }) if signer == "bolt"));
}

#[test]
fn what_was_signed_is_every_member() {
    let vendor = Vendor::new();
    let changes = [
        ("component", "payment2".to_owned()),
        ("component", "order".to_owned()),
        ("version", "1.4.1".to_owned()),
        ("version", "9.0.0".to_owned()),
        ("sha256", digits(&OTHER_FILE)),
        ("signature", digits(&[0; 64])),
    ];
    for (member, value) in changes {
        let refused = vendor.parsed_with(member, &value);
        assert!(matches!(refused, Err(SealFault::BadSignature { .. })), "{member} {value}: {refused:?}");
    }
}

#[test]
fn a_seal_for_another_component_or_file_is_refused_although_it_is_the_signers() {
    let vendor = Vendor::new();
    let order = seal(&vendor.key, "order", "1.4.0");
    let refused = vendor.check(&order).unwrap_err();
    let said = SealFault::OtherComponent {
        component: "payment".to_owned(),
        sealed: "order".to_owned(),
        signer: "acme".to_owned(),
    };
    assert_eq!(refused, said);
    let refused = check(Some(&vendor.seal), "payment", &OTHER_FILE, &vendor.signers, None).unwrap_err();
    let said = SealFault::OtherFile {
        component: "payment".to_owned(),
        signer: "acme".to_owned(),
        sealed: digits(&FILE),
        found: digits(&OTHER_FILE),
    };
    assert_eq!(refused, said);
}

#[test]
fn a_file_with_any_one_bit_changed_is_another_file() {
    let vendor = Vendor::new();
    for at in 0..256 {
        let mut file = FILE;
        file[at / 8] ^= 1 << (at % 8);
        let refused = check(Some(&vendor.seal), "payment", &file, &vendor.signers, None);
        assert!(matches!(refused, Err(SealFault::OtherFile { .. })), "bit {at}");
    }
}

#[test]
fn a_version_before_the_one_that_ran_is_refused_and_the_same_is_fine() {
    let vendor = Vendor::new();
    let after = |ran: &str| check(Some(&vendor.seal), "payment", &FILE, &vendor.signers, Some(&version(ran)));
    for ran in ["0.0.0", "0.99.99", "1.3.99", "1.4.0"] {
        assert!(after(ran).is_ok(), "{ran}");
    }
    for ran in ["1.4.1", "1.5.0", "1.10.0", "2.0.0", "4294967295.0.0"] {
        let (component, sealed) = ("payment".to_owned(), "1.4.0".to_owned());
        assert_eq!(after(ran), Err(SealFault::Older { component, sealed, ran: ran.to_owned() }));
    }
}

/// The order of Ed25519's group (RFC 8032 §5.1), little-endian.
const ORDER: [u8; 32] = [
    0xed, 0xd3, 0xf5, 0x5c, 0x1a, 0x63, 0x12, 0x58, 0xd6, 0x9c, 0xf7, 0xa2, 0xde, 0xf9, 0xde, 0x14, 0, 0, 0, 0, 0, 0,
    0, 0, 0, 0, 0, 0, 0, 0, 0, 0x10,
];

/// A signature plus the order in its second half fits as well, for who does not look.
#[test]
fn another_spelling_of_a_signature_is_refused() {
    let vendor = Vendor::new();
    let mut twin = vendor.signature();
    for _ in 0..8 {
        let mut carry = 0;
        for (byte, order) in twin[32..].iter_mut().zip(ORDER) {
            let sum = u16::from(*byte) + u16::from(order) + carry;
            *byte = sum.to_le_bytes()[0];
            carry = sum >> 8;
        }
        assert!(vendor.is_bad(&twin), "{twin:x?}");
    }
    let good = vendor.signature();
    for half in [[0; 32], [0xff; 32], ORDER] {
        assert!(vendor.is_bad(&[&half, &good[32..]].concat()));
        assert!(vendor.is_bad(&[&good[..32], &half].concat()));
        assert!(vendor.is_bad(&[half, half].concat()));
    }
}

/// The points of small order: 1, 2, twice 4, four times 8.
const SMALL_ORDER: [&str; 8] = [
    "0100000000000000000000000000000000000000000000000000000000000000",
    "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    "0000000000000000000000000000000000000000000000000000000000000000",
    "0000000000000000000000000000000000000000000000000000000000000080",
    "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
    "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc85",
    "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
    "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac03fa",
];

/// The library takes such keys, and the neutral point with a zero is then a signature of every eighth text at least.
#[test]
fn a_key_that_everybody_can_sign_for_is_no_key() {
    let signature = [hex(SMALL_ORDER[0]), vec![0; 32]].concat();
    for key in SMALL_ORDER {
        let point = hex(key);
        let library = ring::signature::UnparsedPublicKey::new(&ring::signature::ED25519, &point);
        let taken = (0_u32..1_000).filter(|text| library.verify(&text.to_le_bytes(), &signature).is_ok()).count();
        assert!(taken > 50, "{key} is not of small order: {taken}");
        PublicKey::parse(&format!("ed25519:{key}")).unwrap_err();
    }
}

#[test]
fn a_key_in_a_spelling_that_rfc_8032_does_not_take_is_no_key() {
    for last in ["7f", "ff"] {
        for first in 0xed..=0xff_u8 {
            let key = format!("ed25519:{first:02x}{}{last}", "ff".repeat(30));
            PublicKey::parse(&key).unwrap_err();
        }
        // The greatest one that it takes, but for the point of order 2, is a key like others.
        PublicKey::parse(&format!("ed25519:eb{}{last}", "ff".repeat(30))).unwrap();
    }
    for near in [format!("ed{}fe7f", "ff".repeat(29)), format!("ed{}7e", "ff".repeat(30))] {
        PublicKey::parse(&format!("ed25519:{near}")).unwrap();
    }
}

#[test]
fn each_fault_says_what_it_is_about_and_what_to_do() {
    let vendor = Vendor::new();
    let text = |refused: Result<Vouched, SealFault>| refused.unwrap_err().to_string();
    let stranger = new_key();
    let faults = [
        (text(check(None, "payment", &FILE, &vendor.signers, None)), vec!["payment", "without a seal", "souk sign"]),
        (text(vendor.check(&seal(&stranger, "payment", "1.4.0"))), vec!["no signer of `payment`", "name this key"]),
        (text(vendor.parsed_with("version", "2.0.0")), vec!["`acme`", "altered or forged"]),
        (text(vendor.check(&seal(&vendor.key, "order", "1.4.0"))), vec!["`order`", "not as `payment`"]),
        (
            text(check(Some(&vendor.seal), "payment", &OTHER_FILE, &vendor.signers, None)),
            vec!["another file", "altered or exchanged"],
        ),
        (
            text(check(Some(&vendor.seal), "payment", &FILE, &vendor.signers, Some(&version("1.5.0")))),
            vec!["1.4.0 is older than 1.5.0", "signed as 1.5.0 or later"],
        ),
    ];
    for (fault, parts) in faults {
        assert!(parts.iter().all(|part| fault.contains(part)), "{fault}");
        assert!(!fault.contains('\n') && !fault.ends_with('.'), "{fault}");
    }
}
