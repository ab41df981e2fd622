//! Seals: who vouches for a component's file. A host whose manifest names signers of a component takes no file without one.
//!
//! A seal lies beside the file as `FILE.wasm.sig`, a JSON object of these five members in any order, each once and no other:
//!
//! ```json
//! {"component":"payment","version":"1.4.0","sha256":"<64 digits>","signer":"ed25519:<64 digits>","signature":"<128 digits>"}
//! ```
//!
//! Digits are hexadecimal and lower case. `sha256` is the file's digest, `signer` the public key, `signature` one by Ed25519 (RFC 8032, pure)
//! of exactly this text, whose four lines each end with a line feed:
//!
//! ```text
//! souk-seal-v1
//! component payment
//! version 1.4.0
//! sha256 <64 digits>
//! ```
//!
//! None of what stands in a line can hold a space or the end of a line, so a text says one thing only, and its first line keeps it apart from
//! whatever else the key may sign. The member `signer` only tells which key of the manifest is to be tried: what verifies is
//! always the manifest's. Left out on purpose: times (a signer who is no longer trusted is taken out of the manifest) and chains of keys.

pub mod version;
pub mod key;

use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde::ser::Serialize;

use self::key::{PublicKey, SIGNATURE_BYTES, SealKey};
use self::version::SealVersion;
use crate::fault::{SealFault, SealTextFault};
use crate::hex;
use crate::limits::{COMPONENT_BYTES_MAX, SEAL_BYTES_MAX};

/// What somebody says of a file, whole and well written. Whether it is true is what [`check`] finds out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seal {
    component: String,
    version: SealVersion,
    sha256: [u8; DIGEST_BYTES],
    signer: PublicKey,
    signature: [u8; SIGNATURE_BYTES],
}

/// Who may vouch for a component, as a manifest says: `signers = { acme = "ed25519:…" }`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Signer {
    /// The name that the manifest gives.
    pub name: String,
    /// The key that verifies.
    pub key: PublicKey,
}

/// A seal that held.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Vouched {
    /// The signer's name in the manifest.
    pub signer: String,
    /// The version that the signer gave the file.
    pub version: SealVersion,
}

const DIGEST_BYTES: usize = 32;
/// The members of a document, in the order in which they are written.
const MEMBERS: [&str; 5] = ["component", "version", "sha256", "signer", "signature"];

/// Whether one of the signers vouches for this file (its SHA-256) as this component, in a version that is not before `at_least`: the last
/// one that ran, if any did. The same version is fine, also with another file.
///
/// The signature comes first: nothing that a seal says is looked at, or repeated as somebody's word, before it is known whose word it is.
pub fn check(
    seal: Option<&Seal>,
    component: &str,
    sha256: &[u8; 32],
    signers: &[Signer],
    at_least: Option<&SealVersion>,
) -> Result<Vouched, SealFault> {
    let named = || component.to_owned();
    let seal = seal.ok_or_else(|| SealFault::Missing { component: named() })?;
    let Some(signer) = signers.iter().find(|signer| signer.key == seal.signer) else {
        return Err(SealFault::UnknownSigner { component: named(), key: seal.signer.to_string() });
    };
    let by = || signer.name.clone();
    if !signer.key.verifies(seal.text().as_bytes(), &seal.signature) {
        return Err(SealFault::BadSignature { component: named(), signer: by() });
    }
    if seal.component != component {
        return Err(SealFault::OtherComponent { component: named(), sealed: seal.component.clone(), signer: by() });
    }
    if seal.sha256 != *sha256 {
        let (sealed, found) = (hex::encode(&seal.sha256), hex::encode(sha256));
        return Err(SealFault::OtherFile { component: named(), signer: by(), sealed, found });
    }
    match at_least {
        Some(ran) if seal.version < *ran => {
            let (sealed, ran) = (seal.version.to_string(), ran.to_string());
            Err(SealFault::Older { component: named(), sealed, ran })
        }
        _ => Ok(Vouched { signer: by(), version: seal.version }),
    }
}

impl Seal {
    /// Vouches for a file by its SHA-256. Faulty can only be the component's name.
    pub fn make(
        key: &SealKey,
        component: &str,
        version: SealVersion,
        sha256: &[u8; 32],
    ) -> Result<Self, SealTextFault> {
        let component = component_name(component)?;
        let signature = key.sign(text(&component, version, sha256).as_bytes());
        Ok(Self { component, version, sha256: *sha256, signer: key.public(), signature })
    }

    /// Reads a document. Strict: what this program would not write is refused, but for white space and the order of members.
    pub fn parse(bytes: &[u8]) -> Result<Self, SealTextFault> {
        let [component, version, sha256, signer, signature] = members(bytes)?;
        Ok(Self {
            component: component_name(&component)?,
            version: version.parse()?,
            sha256: hex::decode(&sha256).ok_or(SealTextFault::Digest)?,
            signer: PublicKey::parse(&signer)?,
            signature: hex::decode(&signature).ok_or(SealTextFault::Signature)?,
        })
    }

    /// The document, in one line without an end.
    pub fn to_json(&self) -> String {
        let (version, signer) = (self.version.to_string(), self.signer.to_string());
        let (sha256, signature) = (hex::encode(&self.sha256), hex::encode(&self.signature));
        let values = [self.component.as_str(), &version, &sha256, &signer, &signature];
        serde_json::to_string(&Written(values)).expect("texts have a form in JSON")
    }

    /// What is signed.
    fn text(&self) -> String {
        text(&self.component, self.version, &self.sha256)
    }
}

fn text(component: &str, version: SealVersion, sha256: &[u8; DIGEST_BYTES]) -> String {
    let sha256 = hex::encode(sha256);
    format!("souk-seal-v1\ncomponent {component}\nversion {version}\nsha256 {sha256}\n")
}

fn component_name(text: &str) -> Result<String, SealTextFault> {
    let is_name = (1..=COMPONENT_BYTES_MAX).contains(&text.len())
        && text.bytes().all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-'));
    if is_name { Ok(text.to_owned()) } else { Err(SealTextFault::Component) }
}

/// The values of [`MEMBERS`].
fn members(bytes: &[u8]) -> Result<[String; 5], SealTextFault> {
    if bytes.len() > SEAL_BYTES_MAX {
        return Err(SealTextFault::TooLarge);
    }
    let Read(found) = serde_json::from_slice(bytes).map_err(|_| SealTextFault::NotADocument)?;
    let mut values = [const { None }; 5];
    for (name, value) in found {
        let at = MEMBERS.iter().position(|member| *member == name).ok_or(SealTextFault::UnknownMember)?;
        if values[at].replace(value).is_some() {
            return Err(SealTextFault::Twice(MEMBERS[at]));
        }
    }
    if let Some(at) = values.iter().position(Option::is_none) {
        return Err(SealTextFault::Absent(MEMBERS[at]));
    }
    Ok(values.map(|value| value.expect("none is absent")))
}

/// All members of an object of texts, as they stand there: a map would hide one that stands there twice, and a struct take an array.
struct Read(Vec<(String, String)>);

impl<'de> Deserialize<'de> for Read {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        from.deserialize_map(Members).map(Self)
    }
}

struct Members;

impl<'de> Visitor<'de> for Members {
    type Value = Vec<(String, String)>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object of texts")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut members = Vec::new();
        while let Some(member) = map.next_entry()? {
            members.push(member);
        }
        Ok(members)
    }
}

struct Written<'a>([&'a str; 5]);

impl Serialize for Written<'_> {
    fn serialize<S: serde::Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_map(MEMBERS.iter().zip(self.0))
    }
}
