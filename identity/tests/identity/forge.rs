//! Makes tokens of any content, signed with the real key: what only a broken or hostile issuer would sign.

use std::sync::Arc;

use base64::Engine;
pub(crate) use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64URL;
use ring::rand::SystemRandom;
use ring::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair};
use serde_json::{Value, json};
use souk_identity::check::{Checker, Issuer};
use souk_identity::fault::Refused;
use souk_identity::keys::Keys;
use souk_identity::sign::{Grant, Signer};
use souk_identity::token::Caller;

pub(crate) const ISSUER: &str = "https://shop.example";
pub(crate) const AUDIENCE: &str = "https://shop.example/api";
pub(crate) const NOW_S: u64 = 1_800_000_000;

pub(crate) const GRANT: Grant<'static> = Grant {
    subject: "018f-alice",
    client: "storefront",
    roles: &["customer", "merchant"],
    scopes: &["orders:read", "orders:write"],
    family: "family-1",
    id: "token-1",
};

pub(crate) fn random() -> SystemRandom {
    SystemRandom::new()
}

/// Our own keys, who signs with them, who checks them, and somebody who has stolen them.
pub(crate) struct Shop {
    pub(crate) keys: Arc<Keys>,
    pub(crate) signer: Signer,
    pub(crate) checker: Checker,
    stolen: EcdsaKeyPair,
}

impl Shop {
    pub(crate) fn new() -> Self {
        let keys = Arc::new(Keys::generate(&random()).unwrap());
        let signer = Signer::new(ISSUER, AUDIENCE, Arc::clone(&keys)).unwrap();
        let checker = Checker::new(AUDIENCE, vec![Issuer::own(ISSUER, &keys)]);
        let stolen = steal(&keys);
        Self { keys, signer, checker, stolen }
    }

    /// A token as it should be.
    pub(crate) fn token(&self) -> String {
        self.signer.sign(&GRANT, NOW_S, 600, &random()).unwrap()
    }

    pub(crate) fn header(&self) -> Value {
        json!({ "alg": "ES256", "kid": self.keys.current_id(), "typ": "at+jwt" })
    }

    /// Signs any text with the real key.
    pub(crate) fn forge(&self, header: &str, claims: &str) -> String {
        let message = message(header, claims);
        let signature = self.stolen.sign(&random(), message.as_bytes()).unwrap();
        format!("{message}.{}", BASE64URL.encode(signature))
    }

    pub(crate) fn check(&self, token: &str) -> Result<Caller, Refused> {
        self.checker.check(token, NOW_S)
    }

    /// What comes of a header with these members instead of the usual ones; `null` takes one away.
    pub(crate) fn with_header(&self, members: Value) -> Result<Caller, Refused> {
        self.check(&self.forge(&changed(self.header(), members).to_string(), &claims().to_string()))
    }

    /// What comes of claims with these members instead of the usual ones; `null` takes one away.
    pub(crate) fn with_claims(&self, members: Value) -> Result<Caller, Refused> {
        self.with_claims_text(&changed(claims(), members).to_string())
    }

    /// What comes of claims in these words.
    pub(crate) fn with_claims_text(&self, claims: &str) -> Result<Caller, Refused> {
        self.check(&self.forge(&self.header().to_string(), claims))
    }

    /// The point of the current public key.
    pub(crate) fn point(&self) -> &[u8] {
        self.stolen.public_key().as_ref()
    }
}

/// The claims of a token as it should be.
pub(crate) fn claims() -> Value {
    json!({
        "iss": ISSUER, "sub": "018f-alice", "aud": AUDIENCE, "iat": NOW_S, "exp": NOW_S + 600,
        "jti": "token-1", "client_id": "storefront", "roles": ["customer"], "scope": "orders:read", "family": "family-1",
    })
}

/// The text that is signed.
pub(crate) fn message(header: &str, claims: &str) -> String {
    format!("{}.{}", BASE64URL.encode(header), BASE64URL.encode(claims))
}

/// An object with other members; `null` takes one away.
pub(crate) fn changed(mut object: Value, members: Value) -> Value {
    let Value::Object(members) = members else { panic!("not an object") };
    for (name, value) in members {
        match value {
            Value::Null => object.as_object_mut().unwrap().remove(&name),
            value => object.as_object_mut().unwrap().insert(name, value),
        };
    }
    object
}

/// Whether a token was refused for how it is written.
pub(crate) fn is_malformed(result: &Result<Caller, Refused>) -> bool {
    matches!(result, Err(Refused::Malformed(_)))
}

fn steal(keys: &Keys) -> EcdsaKeyPair {
    let set: Value = serde_json::from_str(&keys.secret_set()).unwrap();
    let part = |name: &str| BASE64URL.decode(set["keys"][0][name].as_str().unwrap()).unwrap();
    let point = [vec![4], part("x"), part("y")].concat();
    let algorithm = &ECDSA_P256_SHA256_FIXED_SIGNING;
    EcdsaKeyPair::from_private_key_and_public_key(algorithm, &part("d"), &point, &random()).unwrap()
}
