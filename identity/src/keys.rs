//! The signing keys: one current pair (P-256, ES256), and the public halves of those before it.
//!
//! A rotation forgets the private half of the former key at once and publishes the public half until the last token that it signed
//! has expired. So there is never more than one secret to lose. Written as one JWK Set, from a file (`key_file.rs`) or an environment
//! variable. Left out on purpose: overwriting secrets in memory after use, because `ring` does not do it with the copy that signs.

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64URL;
use ring::rand::SecureRandom;
use ring::signature::{ECDSA_P256_SHA256_FIXED_SIGNING as ES256, EcdsaKeyPair, KeyPair};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::fault::KeysFault;
use crate::json;
use crate::limits::{FORMER_KEY_S, FORMER_KEYS_MAX, KEY_SET_BYTES_MAX, TIME_S_MAX};
use crate::public::{Algorithm, Jwk, PublicKey};

/// The keys of one issuer who signs.
pub struct Keys {
    current: SigningKey,
    former: Vec<FormerKey>,
}

/// What a rotation does with the keys before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Former {
    /// They are published until the last token that they signed has expired. The usual rotation: nobody notices.
    Published,
    /// They are gone at once, and with them every token out there. For a key that may be known to others.
    Revoked,
}

struct SigningKey {
    id: String,
    pair: EcdsaKeyPair,
    secret: [u8; SECRET_BYTES],
    public: PublicKey,
}

#[derive(Clone)]
struct FormerKey {
    id: String,
    public: PublicKey,
    until_s: u64,
}

const SECRET_BYTES: usize = 32;
/// Where the secret stands in what `ring` generates: a PKCS#8 document of fixed length (RFC 5208, RFC 5915).
const SECRET_AT: usize = 36;

impl Keys {
    /// A new pair and none before it.
    pub fn generate(random: &dyn SecureRandom) -> Result<Self, KeysFault> {
        Ok(Self { current: SigningKey::generate(random)?, former: Vec::new() })
    }

    /// Makes a new current pair.
    pub fn rotate(&self, now_s: u64, former: Former, random: &dyn SecureRandom) -> Result<Self, KeysFault> {
        let until_s = now_s.saturating_add(FORMER_KEY_S);
        let last = FormerKey { id: self.current.id.clone(), public: self.current.public.clone(), until_s };
        let kept = match former {
            Former::Published => {
                self.former.iter().filter(|key| key.until_s > now_s).cloned().chain([last]).collect::<Vec<_>>()
            }
            Former::Revoked => Vec::new(),
        };
        if kept.len() > FORMER_KEYS_MAX {
            return Err(KeysFault::TooMany);
        }
        Ok(Self { current: SigningKey::generate(random)?, former: kept })
    }

    /// The id of the key that signs: its thumbprint (RFC 7638).
    pub fn current_id(&self) -> &str {
        &self.current.id
    }

    /// What is published: a JWK Set with the current key and the former ones that tokens may still be signed with.
    pub fn public_set(&self, now_s: u64) -> String {
        let current = published(&self.current.id, &self.current.public);
        let former = self.former.iter().filter(|key| key.until_s > now_s).map(|key| published(&key.id, &key.public));
        set([current].into_iter().chain(former))
    }

    /// The keys as they are kept, with the secret. Goes into a file or a variable that nobody else can read, and nowhere else.
    pub fn secret_set(&self) -> String {
        let mut current = published(&self.current.id, &self.current.public);
        current["d"] = BASE64URL.encode(self.current.secret).into();
        let former = self.former.iter().map(|key| {
            let mut jwk = published(&key.id, &key.public);
            jwk["exp"] = key.until_s.into();
            jwk
        });
        set([current].into_iter().chain(former))
    }

    /// Reads what `secret_set` wrote.
    pub fn parse(text: &str, random: &dyn SecureRandom) -> Result<Self, KeysFault> {
        if text.len() > KEY_SET_BYTES_MAX {
            return Err(KeysFault::Faulty("too many bytes"));
        }
        let set: Set = json::parse(text.as_bytes()).ok_or(KeysFault::Faulty("not a set of JSON Web Keys"))?;
        let (secret, public): (Vec<_>, Vec<_>) = set.keys.iter().partition(|key| key.d.is_some());
        let [current] = secret.as_slice() else {
            return Err(KeysFault::Faulty("not exactly one key has its private half (`d`)"));
        };
        let current = SigningKey::read(current, random)?;
        let former = public.into_iter().map(FormerKey::read).collect::<Result<Vec<_>, _>>()?;
        let mut ids: Vec<_> = former.iter().map(|key| &key.id).chain([&current.id]).collect();
        ids.sort_unstable();
        if ids.windows(2).any(|pair| pair[0] == pair[1]) {
            return Err(KeysFault::Faulty("a key stands there twice"));
        }
        if former.len() > FORMER_KEYS_MAX {
            return Err(KeysFault::Faulty("too many former keys"));
        }
        Ok(Self { current, former })
    }

    /// Every key that checks, its id, and until when; the current one without an end.
    pub(crate) fn public_keys(&self) -> impl Iterator<Item = (&str, &PublicKey, Option<u64>)> {
        let former = self.former.iter().map(|key| (key.id.as_str(), &key.public, Some(key.until_s)));
        [(self.current.id.as_str(), &self.current.public, None)].into_iter().chain(former)
    }

    /// Signs with the current key, as ES256 has it: r and s, 32 bytes each.
    pub(crate) fn sign(&self, message: &[u8], random: &dyn SecureRandom) -> Option<Vec<u8>> {
        self.current.pair.sign(random, message).ok().map(|signature| signature.as_ref().to_vec())
    }
}

/// The secret is not in it.
impl fmt::Debug for Keys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let former: Vec<_> = self.former.iter().map(|key| &key.id).collect();
        f.debug_struct("Keys").field("current", &self.current.id).field("former", &former).finish()
    }
}

fn set(keys: impl Iterator<Item = Value>) -> String {
    json!({ "keys": keys.collect::<Value>() }).to_string()
}

fn published(id: &str, public: &PublicKey) -> Value {
    let mut jwk = public.members();
    jwk["alg"] = Algorithm::Es256.name().into();
    jwk["kid"] = id.into();
    jwk["use"] = "sig".into();
    jwk
}

#[derive(Deserialize)]
struct Set {
    keys: Vec<Kept>,
}

/// A key as it is kept: with `d` the current one, with `exp` a former one (the member that OpenID Federation has for it).
#[derive(Deserialize)]
struct Kept {
    #[serde(flatten)]
    jwk: Jwk,
    d: Option<String>,
    exp: Option<u64>,
}

impl Kept {
    /// The public half and its id, which must be its thumbprint.
    fn public(&self) -> Result<(String, PublicKey), KeysFault> {
        let key = self.jwk.public_key().filter(|key| key.algorithm() == Algorithm::Es256);
        let key = key.ok_or(KeysFault::Faulty("a key is not of P-256"))?;
        let id = key.thumbprint();
        match &self.jwk.kid {
            Some(named) if *named != id => Err(KeysFault::Faulty("the id of a key (`kid`) is not its thumbprint")),
            _ => Ok((id, key)),
        }
    }
}

impl SigningKey {
    fn generate(random: &dyn SecureRandom) -> Result<Self, KeysFault> {
        let document = EcdsaKeyPair::generate_pkcs8(&ES256, random).map_err(|_| KeysFault::NoRandomness)?;
        let pair = EcdsaKeyPair::from_pkcs8(&ES256, document.as_ref(), random).map_err(|_| KeysFault::NoRandomness)?;
        let secret = document.as_ref()[SECRET_AT..].first_chunk().expect("the document goes on behind the secret");
        // Once more from its parts, as a restart will: were the secret not where it is expected, it would be found out now.
        Self::of(*secret, point(&pair), random)
    }

    fn read(kept: &Kept, random: &dyn SecureRandom) -> Result<Self, KeysFault> {
        const FAULTY: KeysFault = KeysFault::Faulty("the private half of a key (`d`) is not 32 bytes in base64url");
        let (_, public) = kept.public()?;
        if kept.exp.is_some() {
            return Err(KeysFault::Faulty("the key with a private half has an end (`exp`)"));
        }
        let secret = BASE64URL.decode(kept.d.as_deref().unwrap_or_default()).map_err(|_| FAULTY)?;
        let secret = secret.try_into().map_err(|_| FAULTY)?;
        Self::of(secret, public.point().ok_or(FAULTY)?, random)
    }

    fn of(secret: [u8; SECRET_BYTES], point: [u8; 65], random: &dyn SecureRandom) -> Result<Self, KeysFault> {
        let pair = EcdsaKeyPair::from_private_key_and_public_key(&ES256, &secret, &point, random)
            .map_err(|_| KeysFault::Faulty("the halves of a key do not belong together"))?;
        let public = PublicKey::p256(point);
        Ok(Self { id: public.thumbprint(), pair, secret, public })
    }
}

fn point(pair: &EcdsaKeyPair) -> [u8; 65] {
    *pair.public_key().as_ref().first_chunk().expect("a point of P-256 has 65 bytes")
}

impl FormerKey {
    fn read(kept: &Kept) -> Result<Self, KeysFault> {
        let (id, public) = kept.public()?;
        let until_s = kept.exp.filter(|until_s| *until_s <= TIME_S_MAX);
        let until_s = until_s.ok_or(KeysFault::Faulty("a key without a private half has no end (`exp`)"))?;
        Ok(Self { id, public, until_s })
    }
}
