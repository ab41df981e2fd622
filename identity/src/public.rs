//! Public keys: what checks a signature, read from a JSON Web Key (RFC 7517, 7518, 8037) and written as one.
//!
//! A key decides by itself which algorithm it is for; nothing that a token says can change that. Left out on purpose: symmetric
//! keys (whoever checks could sign as well), other curves, RSA-PSS, and chains of certificates.

use std::collections::HashMap;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64URL;
use ring::digest::{SHA256, digest};
use ring::signature::{
    ECDSA_P256_SHA256_FIXED, ED25519, RSA_PKCS1_2048_8192_SHA256, RsaPublicKeyComponents, UnparsedPublicKey,
};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::fault::KeySetFault;
use crate::json;
use crate::limits::{FOREIGN_KEYS_MAX, KEY_ID_BYTES_MAX, KEY_SET_BYTES_MAX, RSA_BITS_MAX, RSA_BITS_MIN};

/// How tokens are signed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Algorithm {
    /// ECDSA with P-256 and SHA-256 (RFC 7518 §3.4). The only one that souk signs with.
    Es256,
    /// Ed25519 (RFC 8037).
    EdDsa,
    /// RSASSA-PKCS1-v1_5 with SHA-256 (RFC 7518 §3.3), with keys of 2,048 to 4,096 bits.
    Rs256,
}

impl Algorithm {
    /// Its name in `alg`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Es256 => "ES256",
            Self::EdDsa => "EdDSA",
            Self::Rs256 => "RS256",
        }
    }
}

/// One key that checks signatures of one algorithm.
#[derive(Clone, PartialEq, Eq)]
pub struct PublicKey(Material);

#[derive(Clone, PartialEq, Eq)]
enum Material {
    P256 { point: [u8; POINT_BYTES] },
    Ed25519 { point: [u8; 32] },
    Rsa { modulus: Vec<u8> },
}

/// A point of P-256 as SEC 1 writes it: 4, x, y.
const POINT_BYTES: usize = 65;
/// The public exponent of RSA keys, 65537. Others are not in use, and small ones have been the way into sloppy implementations.
const RSA_EXPONENT: [u8; 3] = [1, 0, 1];

impl PublicKey {
    /// The algorithm that it is for.
    pub fn algorithm(&self) -> Algorithm {
        match self.0 {
            Material::P256 { .. } => Algorithm::Es256,
            Material::Ed25519 { .. } => Algorithm::EdDsa,
            Material::Rsa { .. } => Algorithm::Rs256,
        }
    }

    /// Whether the signature, as it stands in a JWS, was made for the message by the private half. Says nothing about what the message
    /// means; a token is checked by [`crate::check::Checker`].
    pub fn verifies(&self, message: &[u8], signature: &[u8]) -> bool {
        match &self.0 {
            Material::P256 { point } => {
                UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, point).verify(message, signature)
            }
            Material::Ed25519 { point } => UnparsedPublicKey::new(&ED25519, point).verify(message, signature),
            Material::Rsa { modulus } => RsaPublicKeyComponents { n: modulus.as_slice(), e: RSA_EXPONENT.as_slice() }
                .verify(&RSA_PKCS1_2048_8192_SHA256, message, signature),
        }
        .is_ok()
    }

    /// The digest of its required members (RFC 7638), base64url: the same for everybody who computes it.
    pub fn thumbprint(&self) -> String {
        BASE64URL.encode(digest(&SHA256, self.members().to_string().as_bytes()))
    }

    /// The point of a key of P-256.
    pub(crate) fn point(&self) -> Option<[u8; POINT_BYTES]> {
        match self.0 {
            Material::P256 { point } => Some(point),
            _ => None,
        }
    }

    /// A key of P-256 by its point.
    pub(crate) fn p256(point: [u8; POINT_BYTES]) -> Self {
        Self(Material::P256 { point })
    }

    /// What makes the key what it is, as members of a JWK. In the order of the alphabet, which RFC 7638 §3 asks for: whether `Value`
    /// sorts or keeps the order depends on a feature that any crate in the build may turn on.
    pub(crate) fn members(&self) -> Value {
        match &self.0 {
            Material::P256 { point } => {
                let (x, y) = point[1..].split_at(32);
                json!({ "crv": "P-256", "kty": "EC", "x": BASE64URL.encode(x), "y": BASE64URL.encode(y) })
            }
            Material::Ed25519 { point } => json!({ "crv": "Ed25519", "kty": "OKP", "x": BASE64URL.encode(point) }),
            Material::Rsa { modulus } => {
                json!({ "e": BASE64URL.encode(RSA_EXPONENT), "kty": "RSA", "n": BASE64URL.encode(modulus) })
            }
        }
    }
}

impl std::fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {}", self.algorithm().name(), self.thumbprint())
    }
}

/// The keys that another issuer publishes (a JWK Set), by their ids.
#[derive(Clone, Debug)]
pub struct PublicKeys {
    pub(crate) by_id: HashMap<String, PublicKey>,
}

impl PublicKeys {
    /// Reads a set and keeps the keys that are for one of these algorithms. Keys of other kinds are passed over, as RFC 7517 §5 asks:
    /// issuers publish them beside those for tokens.
    pub fn parse(text: &str, algorithms: &[Algorithm]) -> Result<Self, KeySetFault> {
        if text.len() > KEY_SET_BYTES_MAX {
            return Err(KeySetFault::TooLarge);
        }
        let set: Set = json::parse(text.as_bytes()).ok_or(KeySetFault::NotASet)?;
        if set.keys.len() > FOREIGN_KEYS_MAX {
            return Err(KeySetFault::TooLarge);
        }
        if set.keys.iter().any(|key| key.get("d").is_some()) {
            return Err(KeySetFault::Private);
        }
        let mut by_id = HashMap::new();
        for (id, key) in set.keys.into_iter().filter_map(|key| read(key, algorithms)) {
            if by_id.insert(id, key).is_some() {
                return Err(KeySetFault::SameId);
            }
        }
        if by_id.is_empty() { Err(KeySetFault::NoneUsable) } else { Ok(Self { by_id }) }
    }

    /// The key with this id.
    pub fn get(&self, id: &str) -> Option<&PublicKey> {
        self.by_id.get(id)
    }
}

#[derive(Deserialize)]
struct Set {
    keys: Vec<Value>,
}

/// The members of a JWK that say what it is. Those that are unknown are passed over (RFC 7517 §4).
#[derive(Deserialize)]
pub(crate) struct Jwk {
    pub(crate) kty: String,
    pub(crate) kid: Option<String>,
    alg: Option<String>,
    r#use: Option<String>,
    key_ops: Option<Vec<String>>,
    crv: Option<String>,
    x: Option<String>,
    y: Option<String>,
    n: Option<String>,
    e: Option<String>,
}

/// A key that can be used, and its id.
fn read(key: Value, algorithms: &[Algorithm]) -> Option<(String, PublicKey)> {
    let jwk: Jwk = serde_json::from_value(key).ok()?;
    let key = jwk.public_key()?;
    let is_for_tokens = jwk.r#use.as_deref().is_none_or(|purpose| purpose == "sig")
        && jwk.key_ops.as_ref().is_none_or(|ops| ops.iter().any(|op| op == "verify"))
        && jwk.alg.as_deref().is_none_or(|alg| alg == key.algorithm().name())
        && algorithms.contains(&key.algorithm());
    let id = jwk.kid.filter(|id| (1..=KEY_ID_BYTES_MAX).contains(&id.len()))?;
    is_for_tokens.then_some((id, key))
}

impl Jwk {
    /// The key itself, if it is of a kind that is known here.
    pub(crate) fn public_key(&self) -> Option<PublicKey> {
        let material = match (self.kty.as_str(), self.crv.as_deref()) {
            ("EC", Some("P-256")) => {
                let (x, y) = (bytes(self.x.as_ref())?, bytes(self.y.as_ref())?);
                let is_whole = x.len() == 32 && y.len() == 32;
                let point = is_whole.then(|| [[4].as_slice(), &x, &y].concat())?;
                Material::P256 { point: point.try_into().ok()? }
            }
            ("OKP", Some("Ed25519")) => Material::Ed25519 { point: bytes(self.x.as_ref())?.try_into().ok()? },
            ("RSA", None) if bytes(self.e.as_ref())? == RSA_EXPONENT => {
                Material::Rsa { modulus: bytes(self.n.as_ref()).filter(|modulus| has_safe_length(modulus))? }
            }
            _ => return None,
        };
        Some(PublicKey(material))
    }
}

fn bytes(text: Option<&String>) -> Option<Vec<u8>> {
    BASE64URL.decode(text?).ok()
}

/// RFC 7518 §6.3.1.1: without leading zeros, which would make a short key look long.
fn has_safe_length(modulus: &[u8]) -> bool {
    let Some(first) = modulus.first().filter(|first| **first != 0) else { return false };
    (RSA_BITS_MIN..=RSA_BITS_MAX).contains(&(modulus.len() * 8 - first.leading_zeros() as usize))
}
