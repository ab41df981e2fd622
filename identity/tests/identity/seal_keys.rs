//! Keys that seal: their files, the examples of the RFCs, and what OpenSSL makes of them.

use std::fs::{self, Permissions};
use std::io::Write;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use pem_rfc7468::LineEnding;
use souk_identity::fault::SealKeyFault;
use souk_identity::limits::SEAL_KEY_BYTES_MAX;
use souk_identity::seal::key::{PublicKey, SealKey};
use souk_identity::seal::{Seal, check};
use tempfile::TempDir;

use crate::forge::random;
use crate::headers::hex;
use crate::seals::{FILE, digits, new_key, seal, signer};

pub(crate) struct Vector {
    pub(crate) secret: &'static str,
    public: &'static str,
    message: &'static str,
    signature: &'static str,
}

/// RFC 8032 §7.1: tests 1 to 3 and SHA(abc).
pub(crate) const RFC_8032: [Vector; 4] = [
    Vector {
        secret: "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60",
        public: "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a",
        message: "",
        signature: "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b",
    },
    Vector {
        secret: "4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb",
        public: "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c",
        message: "72",
        signature: "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00",
    },
    Vector {
        secret: "c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7",
        public: "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025",
        message: "af82",
        signature: "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a",
    },
    Vector {
        secret: "833fe62409237b9d62ec77587520911e9a759cec1d19755b7da901b96dca3d42",
        public: "ec172b93ad5e563bf4932c70e1245034c35467ef2efd4d64ebf819683467e2bf",
        message: "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f",
        signature: "dc2a4459e7369633a52b1bf277839a00201009a3efbf3ecb69bea2186c26b58909351fc9ac90b3ecfdfbc7c66431e0303dca179c138ac17ad9bef1177331a704",
    },
];

/// PKCS#8 of version 1, up to the secret (RFC 8410 §7).
const VERSION_1: &str = "302e020100300506032b657004220420";
/// Version 2, as `ring` writes it: up to the secret, and from there to the public half.
const VERSION_2: [&str; 2] = ["3051020101300506032b657004220420", "812100"];

fn pem(label: &str, document: &str) -> String {
    pem_rfc7468::encode_string(label, LineEnding::LF, &hex(document)).unwrap()
}

pub(crate) fn of_seed(secret: &str) -> SealKey {
    SealKey::parse(&pem("PRIVATE KEY", &format!("{VERSION_1}{secret}"))).unwrap()
}

fn version_2(secret: &str, public: &str) -> String {
    let [head, middle] = VERSION_2;
    pem("PRIVATE KEY", &format!("{head}{secret}{middle}{public}"))
}

fn faulty(text: &str) -> &'static str {
    match SealKey::parse(text) {
        Err(SealKeyFault::Faulty(what)) => what,
        other => panic!("{other:?}: {text}"),
    }
}

#[test]
fn keys_and_signatures_are_those_of_rfc_8032() {
    for vector in RFC_8032 {
        let key = PublicKey::parse(&format!("ed25519:{}", vector.public)).unwrap();
        let (message, signature) = (hex(vector.message), hex(vector.signature));
        assert!(key.verifies(&message, &signature));
        assert!(!key.verifies(&[message.as_slice(), &[0]].concat(), &signature));
        assert!(
            RFC_8032
                .iter()
                .all(|other| key.verifies(&message, &hex(other.signature)) == (other.public == vector.public))
        );
        assert_eq!(of_seed(vector.secret).public(), key);
        assert_eq!(SealKey::parse(&version_2(vector.secret, vector.public)).unwrap().public(), key);
    }
}

#[test]
fn the_key_of_rfc_8410_is_read() {
    let text = "-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQYDK2VwBCIEINTuctv5E1hK1bbY8fdp+K06/nwoy/HU++CXqI9EdVhC\n-----END PRIVATE KEY-----\n";
    let public = "ed25519:19bf44096984cdfe8541bac167dc3b96c85086aa30b6b6cb0c5c38ad703166e1";
    let lines = ["", "An Ed25519 key\n"]
        .map(|before| format!("{before}{text}\n\n"))
        .map(|text| [text.replace('\n', "\r\n"), text]);
    for text in lines.as_flattened() {
        assert_eq!(SealKey::parse(text).unwrap().public().to_string(), public);
    }
}

#[test]
fn a_text_that_is_no_key_is_refused() {
    let (_, good) = SealKey::generate(&random()).unwrap();
    let inner = good.lines().nth(1).unwrap();
    let no_pem = [
        String::new(),
        "ed25519:00".to_owned(),
        good.replace("PRIVATE", "PUBLIC"),
        good.replacen("PRIVATE", "PUBLIC", 1),
        good.replace("PRIVATE KEY", "OPENSSH PRIVATE KEY"),
        good.replace("-----END PRIVATE KEY-----", ""),
        good.replace('\n', ""),
        good.replace(inner, &inner[1..]),
        good.replace(inner, &format!("{inner}=")),
        good.replace(inner, &format!("Proc-Type: 4,ENCRYPTED\n\n{inner}")),
        format!("{good}{good}"),
        format!("{good}text"),
        pem("PRIVATE KEY", ""),
    ];
    for text in no_pem {
        assert!(faulty(&text).contains("PEM"), "{text}");
    }
    assert!(faulty(&good.replace("PRIVATE KEY", "ENCRYPTED PRIVATE KEY")).contains("password"));
    assert!(faulty(&format!("{}{good}", "\n".repeat(SEAL_KEY_BYTES_MAX))).contains("4 KiB"));
}

#[test]
fn a_document_that_is_no_whole_key_of_ed25519_is_refused() {
    let [first, second, ..] = RFC_8032;
    let whole = format!("{VERSION_1}{}", first.secret);
    let documents = [
        "3000".to_owned(),
        whole[..whole.len() - 2].to_owned(),
        format!("{whole}00"),
        // X25519, and Ed448 with a secret of that length.
        whole.replacen("2b6570", "2b656e", 1),
        whole.replacen("2b6570", "2b6571", 1),
        whole.replacen("020100", "020102", 1),
    ];
    for document in documents {
        assert!(faulty(&pem("PRIVATE KEY", &document)).contains("Ed25519"), "{document}");
    }
    assert!(faulty(&version_2(first.secret, second.public)).contains("Ed25519"));
    assert!(faulty(&version_2(first.secret, &second.public[2..])).contains("Ed25519"));
}

#[test]
fn a_file_of_version_2_in_which_any_one_bit_changed_gives_no_other_key() {
    let (key, text) = SealKey::generate(&random()).unwrap();
    let (_, document) = pem_rfc7468::decode_vec(text.as_bytes()).unwrap();
    for at in 0..document.len() * 8 {
        let mut changed = document.clone();
        changed[at / 8] ^= 1 << (at % 8);
        if let Ok(read) = SealKey::parse(&pem("PRIVATE KEY", &digits(&changed))) {
            assert_eq!(read.public(), key.public(), "bit {at}");
        }
    }
}

struct Place {
    folder: TempDir,
}

impl Place {
    fn new() -> Self {
        Self { folder: tempfile::tempdir().unwrap() }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }
}

fn set_mode(path: &Path, mode: u32) {
    fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
}

#[test]
fn a_new_key_is_in_a_file_for_this_user_alone_and_is_read_from_it() {
    let place = Place::new();
    let path = place.path("key.pem");
    assert!(matches!(SealKey::read(&path), Err(SealKeyFault::Missing(missing)) if missing == path));
    let key = SealKey::create(&path, &random()).unwrap();
    assert_eq!(fs::metadata(&path).unwrap().mode() & 0o777, 0o600);
    let read = SealKey::read(&path).unwrap();
    assert_eq!(read.public(), key.public());
    assert_eq!(seal(&read, "payment", "1.4.0"), seal(&key, "payment", "1.4.0"));
    let text = fs::read_to_string(&path).unwrap();
    assert!(text.starts_with("-----BEGIN PRIVATE KEY-----\n") && text.ends_with("\n-----END PRIVATE KEY-----\n"));
    assert_eq!(fs::read_dir(place.folder.path()).unwrap().count(), 1);
    assert_ne!(new_key().public(), new_key().public());
}

#[test]
fn nothing_is_written_over_or_through_a_link() {
    let place = Place::new();
    let old = SealKey::create(&place.path("key.pem"), &random()).unwrap();
    fs::write(place.path("other"), "other").unwrap();
    fs::create_dir(place.path("folder")).unwrap();
    symlink(place.path("other"), place.path("link")).unwrap();
    symlink(place.path("nowhere"), place.path("loose-link")).unwrap();
    for name in ["key.pem", "other", "folder", "link", "loose-link"] {
        let refused = SealKey::create(&place.path(name), &random()).unwrap_err();
        assert!(matches!(&refused, SealKeyFault::Exists(path) if *path == place.path(name)), "{refused}");
    }
    assert_eq!(SealKey::read(&place.path("key.pem")).unwrap().public(), old.public());
    assert_eq!(fs::read_to_string(place.path("other")).unwrap(), "other");
    assert!(!place.path("nowhere").exists());
    let refused = SealKey::create(&place.path("absent/key.pem"), &random());
    assert!(matches!(refused, Err(SealKeyFault::Unavailable { .. })));
}

#[test]
fn a_key_that_others_can_use_is_refused() {
    let place = Place::new();
    let path = place.path("key.pem");
    SealKey::create(&path, &random()).unwrap();
    symlink(&path, place.path("link")).unwrap();
    for exposed in [0o640, 0o604, 0o620, 0o602, 0o601, 0o660, 0o666] {
        set_mode(&path, exposed);
        for name in ["key.pem", "link"] {
            let refused = SealKey::read(&place.path(name)).unwrap_err();
            assert!(matches!(refused, SealKeyFault::Exposed { mode, .. } if mode == exposed), "{refused}");
        }
    }
    for private in [0o600, 0o400] {
        set_mode(&path, private);
        assert!(SealKey::read(&path).is_ok());
        assert!(SealKey::read(&place.path("link")).is_ok());
    }
}

#[test]
fn a_file_that_is_torn_too_large_or_binary_is_refused_and_not_replaced() {
    let place = Place::new();
    let path = place.path("key.pem");
    SealKey::create(&path, &random()).unwrap();
    let whole = fs::read(&path).unwrap();
    let large = [whole.as_slice(), &b" ".repeat(SEAL_KEY_BYTES_MAX)].concat();
    for bytes in [&whole[..whole.len() / 2], &[], &[0xff; 100], &large] {
        fs::write(&path, bytes).unwrap();
        assert!(matches!(SealKey::read(&path), Err(SealKeyFault::Faulty(_))));
        assert!(matches!(SealKey::create(&path, &random()), Err(SealKeyFault::Exists(_))));
        assert_eq!(fs::read(&path).unwrap(), bytes);
    }
    assert!(matches!(
        SealKey::read(place.folder.path()),
        Err(SealKeyFault::Exposed { .. } | SealKeyFault::Unavailable { .. })
    ));
}

#[test]
fn debug_output_and_faults_do_not_show_the_secret() {
    let secret = RFC_8032[0].secret;
    let shown = format!("{:?}", of_seed(secret));
    assert!(shown.contains(RFC_8032[0].public) && !shown.contains(secret), "{shown}");
    let text = version_2(secret, RFC_8032[1].public);
    let refused = SealKey::parse(&text).unwrap_err();
    let shown = format!("{refused} {refused:?}");
    assert!(!shown.contains(secret) && !text.lines().skip(1).any(|line| shown.contains(line)), "{shown}");
}

/// What the program writes on its standard output; none if it is not there or refuses.
fn openssl(folder: &Path, arguments: &str) -> Option<Vec<u8>> {
    let mut command = Command::new("openssl");
    command.current_dir(folder).args(arguments.split_whitespace()).stdin(Stdio::null()).stderr(Stdio::null());
    let output = command.output().ok()?;
    output.status.success().then_some(output.stdout)
}

/// A folder in which OpenSSL has made a key; none without OpenSSL 3, which is the first to sign a file by Ed25519.
fn openssl_key() -> Option<(Place, SealKey)> {
    let place = Place::new();
    let made = openssl(place.folder.path(), "genpkey -algorithm ed25519 -out key.pem");
    let known = openssl(place.folder.path(), "version").filter(|version| !version.starts_with(b"OpenSSL 1."));
    if made.and(known).is_none() {
        let _ = writeln!(std::io::stderr(), "openssl 3 is not there: what is shared with it is left out");
        return None;
    }
    let key = SealKey::read(&place.path("key.pem")).unwrap();
    Some((place, key))
}

#[test]
fn a_key_that_openssl_made_seals_and_both_make_the_same_signatures() {
    let Some((place, key)) = openssl_key() else { return };
    let public = openssl(place.folder.path(), "pkey -in key.pem -pubout -outform DER").unwrap();
    assert_eq!(key.public().to_string(), format!("ed25519:{}", digits(&public[public.len() - 32..])));

    let text = format!("souk-seal-v1\ncomponent payment\nversion 1.4.0\nsha256 {}\n", digits(&FILE));
    fs::write(place.path("text"), text).unwrap();
    let signature = openssl(place.folder.path(), "pkeyutl -sign -inkey key.pem -rawin -in text").unwrap();
    let ours = seal(&key, "payment", "1.4.0");
    assert!(ours.to_json().contains(&digits(&signature)));

    // A seal that was made without souk.
    let sha256 = digits(&FILE);
    let (signer_key, signature) = (key.public(), digits(&signature));
    let document = format!(
        r#"{{"component":"payment","version":"1.4.0","sha256":"{sha256}","signer":"{signer_key}","signature":"{signature}"}}"#
    );
    let theirs = Seal::parse(document.as_bytes()).unwrap();
    assert!(check(Some(&theirs), "payment", &FILE, &[signer("acme", &key)], None).is_ok());
}

#[test]
fn keys_of_openssl_that_are_of_another_kind_or_have_a_password_are_refused() {
    let Some((place, _)) = openssl_key() else { return };
    let kinds = [
        ("x25519", "genpkey -algorithm x25519 -out it.pem", "Ed25519"),
        ("ed448", "genpkey -algorithm ed448 -out it.pem", "Ed25519"),
        ("p-256", "genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out it.pem", "Ed25519"),
        ("public", "pkey -in key.pem -pubout -out it.pem", "PEM"),
        ("password", "pkcs8 -topk8 -in key.pem -v2 aes-256-cbc -passout pass:secret -out it.pem", "password"),
    ];
    for (kind, arguments, part) in kinds {
        openssl(place.folder.path(), arguments).unwrap();
        set_mode(&place.path("it.pem"), 0o600);
        let refused = SealKey::read(&place.path("it.pem")).unwrap_err();
        assert!(matches!(refused, SealKeyFault::Faulty(what) if what.contains(part)), "{kind}: {refused}");
    }
}
