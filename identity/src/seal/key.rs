//! The keys of a seal: a pair of Ed25519 that its owner keeps in a file, and the public half that a manifest names.
//!
//! The file is PKCS#8 (RFC 8410) in PEM (RFC 7468), label `PRIVATE KEY`. Written is version 2, with both halves: a file in which one has
//! changed is found out. Read is version 1 as well, as `openssl genpkey -algorithm ed25519` writes it; the other way round OpenSSL
//! reads version 2 only since its 3.5. Left out on purpose: passwords on the file, and overwriting the secret in memory, which
//! `ring` does not do with its own copy.

use std::fmt;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use pem_rfc7468::LineEnding;
use ring::rand::SecureRandom;
use ring::signature::{ED25519, Ed25519KeyPair, KeyPair, UnparsedPublicKey};

use crate::fault::{SealKeyFault, SealTextFault};
use crate::hex;
use crate::key_file::{READABLE_BY_OTHERS, exposure};
use crate::limits::SEAL_KEY_BYTES_MAX;

/// A key that seals.
pub struct SealKey {
    pair: Ed25519KeyPair,
}

/// A key that verifies, as text `ed25519:` and 64 lower-case hexadecimal digits. None that everybody could sign for.
#[derive(Clone, PartialEq, Eq)]
pub struct PublicKey {
    point: [u8; POINT_BYTES],
}

const POINT_BYTES: usize = 32;
pub(super) const SIGNATURE_BYTES: usize = 64;
const PREFIX: &str = "ed25519:";
const LABEL: &str = "PRIVATE KEY";
const ENCRYPTED_LABEL: &str = "ENCRYPTED PRIVATE KEY";

impl SealKey {
    /// A new key, and the PEM text to keep it by. The text goes where nobody else can read it, and nowhere else.
    pub fn generate(random: &dyn SecureRandom) -> Result<(Self, String), SealKeyFault> {
        let document = Ed25519KeyPair::generate_pkcs8(random).map_err(|_| SealKeyFault::NoRandomness)?;
        let text = pem_rfc7468::encode_string(LABEL, LineEnding::LF, document.as_ref())
            .expect("a document of 83 bytes has a form in PEM");
        // Read from the text, as later runs will: a key that can't be read again is found out now.
        Ok((Self::parse(&text)?, text))
    }

    /// A new key in a new file, which this user alone can read. A file that is there, or a link, is never written over. When it returns,
    /// the file is on disk.
    pub fn create(path: &Path, random: &dyn SecureRandom) -> Result<Self, SealKeyFault> {
        let (key, text) = Self::generate(random)?;
        let file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path);
        let file = file.map_err(|error| match error.kind() {
            io::ErrorKind::AlreadyExists => SealKeyFault::Exists(path.to_owned()),
            _ => unavailable(path)(error),
        })?;
        if let Err(error) = keep(&file, &text, path) {
            // A part of a key is of no use, and would stand in the way of the next attempt. What counts is the first error.
            let _ = fs::remove_file(path);
            return Err(unavailable(path)(error));
        }
        Ok(key)
    }

    /// The key in a file. It may be reached through a link, as secrets that are mounted are: what is asked for its owner and rights is the
    /// open file.
    pub fn read(path: &Path) -> Result<Self, SealKeyFault> {
        let file = File::open(path).map_err(|error| match error.kind() {
            io::ErrorKind::NotFound => SealKeyFault::Missing(path.to_owned()),
            _ => unavailable(path)(error),
        })?;
        if let Some(mode) = exposure(&file, READABLE_BY_OTHERS).map_err(unavailable(path))? {
            return Err(SealKeyFault::Exposed { path: path.to_owned(), mode });
        }
        let mut bytes = Vec::new();
        file.take(SEAL_KEY_BYTES_MAX as u64 + 1).read_to_end(&mut bytes).map_err(unavailable(path))?;
        let text = str::from_utf8(&bytes).map_err(|_| SealKeyFault::Faulty(NO_PEM))?;
        Self::parse(text)
    }

    /// The key in a PEM text, which may come from an environment's variable as well.
    pub fn parse(text: &str) -> Result<Self, SealKeyFault> {
        if text.len() > SEAL_KEY_BYTES_MAX {
            return Err(SealKeyFault::Faulty("it has more than 4 KiB"));
        }
        let decoded = pem_rfc7468::decode_vec(text.trim_ascii_end().as_bytes());
        let (label, document) = decoded.map_err(|_| SealKeyFault::Faulty(NO_PEM))?;
        match label {
            LABEL => {}
            ENCRYPTED_LABEL => return Err(SealKeyFault::Faulty(ENCRYPTED)),
            _ => return Err(SealKeyFault::Faulty(NO_PEM)),
        }
        let pair = Ed25519KeyPair::from_pkcs8_maybe_unchecked(&document);
        Ok(Self { pair: pair.map_err(|_| SealKeyFault::Faulty(NO_ED25519))? })
    }

    /// The public half, for manifests.
    pub fn public(&self) -> PublicKey {
        let point = self.pair.public_key().as_ref().first_chunk().expect("a point of Ed25519 has 32 bytes");
        PublicKey { point: *point }
    }

    pub(super) fn sign(&self, message: &[u8]) -> [u8; SIGNATURE_BYTES] {
        *self.pair.sign(message).as_ref().first_chunk().expect("a signature of Ed25519 has 64 bytes")
    }
}

const NO_PEM: &str = "it is not one `PRIVATE KEY` in PEM and nothing behind it";
const ENCRYPTED: &str = "it has a password: take that away with `openssl pkey -in OLD -out NEW`";
const NO_ED25519: &str = "it is not a whole key of Ed25519: make one with `openssl genpkey -algorithm ed25519`";

fn keep(mut file: &File, text: &str, path: &Path) -> io::Result<()> {
    file.write_all(text.as_bytes())?;
    file.sync_all()?;
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    File::open(folder)?.sync_all()
}

fn unavailable(path: &Path) -> impl Fn(io::Error) -> SealKeyFault {
    move |error| SealKeyFault::Unavailable { path: path.to_owned(), error }
}

/// The secret is not in it.
impl fmt::Debug for SealKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SealKey").field("public", &self.public()).finish_non_exhaustive()
    }
}

impl PublicKey {
    /// Reads `ed25519:` and 64 digits. Whether they are a point is not asked: one that is not verifies nothing.
    pub fn parse(text: &str) -> Result<Self, SealTextFault> {
        let digits = text.strip_prefix(PREFIX).ok_or(SealTextFault::Key)?;
        let point = hex::decode(digits).ok_or(SealTextFault::Key)?;
        if is_weak(point) { Err(SealTextFault::WeakKey) } else { Ok(Self { point }) }
    }

    /// Whether the private half signed this message. Says nothing about what it means; a file is vouched for by [`crate::seal::check`].
    pub fn verifies(&self, message: &[u8], signature: &[u8]) -> bool {
        UnparsedPublicKey::new(&ED25519, &self.point).verify(message, signature).is_ok()
    }
}

impl fmt::Display for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{PREFIX}{}", hex::encode(&self.point))
    }
}

impl fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Whether there are signatures for a key that fit many messages and that anybody can write down. RFC 8032 does not forbid such
/// keys, and `ring` takes them: the eight points whose order is small. They have five `y`, little-endian here; the highest bit is the sign
/// of `x`. Refused with them are the spellings of a point that §5.1.3 does not take, with `y` of 2^255 - 19 or more.
fn is_weak(point: [u8; POINT_BYTES]) -> bool {
    let mut y = point;
    y[POINT_BYTES - 1] &= 0x7f;
    let is_beyond_prime = y[0] >= 0xed && y[1..31].iter().all(|byte| *byte == 0xff) && y[31] == 0x7f;
    is_beyond_prime || SMALL_ORDER_Y.iter().any(|digits| hex::encode(&y) == *digits)
}

const SMALL_ORDER_Y: [&str; 5] = [
    // Order 1, 2, 4, and twice 8.
    "0100000000000000000000000000000000000000000000000000000000000000",
    "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    "0000000000000000000000000000000000000000000000000000000000000000",
    "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
    "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
];
