//! Signatures that are none.

use base64::Engine;
use ring::signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair};
use serde_json::json;
use souk_identity::fault::Refused;

use crate::forge::{BASE64URL, Shop, changed, claims, message, random};

/// The order of P-256 (SEC 2), of which r and s must be smaller.
const ORDER: [u8; 32] = [
    0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xbc, 0xe6, 0xfa, 0xad, 0xa7,
    0x17, 0x9e, 0x84, 0xf3, 0xb9, 0xca, 0xc2, 0xfc, 0x63, 0x25, 0x51,
];

struct Signed {
    shop: Shop,
    message: String,
    signature: Vec<u8>,
}

impl Signed {
    fn new() -> Self {
        let shop = Shop::new();
        let token = shop.token();
        let (message, signature) = token.rsplit_once('.').unwrap();
        Self { message: message.to_owned(), signature: BASE64URL.decode(signature).unwrap(), shop }
    }

    fn is_bad(&self, signature: &[u8]) -> bool {
        let token = format!("{}.{}", self.message, BASE64URL.encode(signature));
        self.shop.check(&token) == Err(Refused::BadSignature)
    }
}

#[test]
fn r_and_s_of_zero_or_beyond_the_order_are_refused() {
    let signed = Signed::new();
    let (r, s) = signed.signature.split_at(32);
    let one = [[0; 31].as_slice(), &[1]].concat();
    let parts: [&[u8]; 6] = [&[0; 32], &ORDER, &[0xff; 32], &one, r, s];
    for first in parts {
        for second in parts {
            if (first, second) != (r, s) {
                assert!(signed.is_bad(&[first, second].concat()), "{first:x?} {second:x?}");
            }
        }
    }
    assert!(!signed.is_bad(&signed.signature));
}

#[test]
fn a_signature_of_another_length_is_refused() {
    let signed = Signed::new();
    let good = &signed.signature;
    for length in 0..64 {
        assert!(signed.is_bad(&good[..length]), "{length}");
    }
    assert!(signed.is_bad(&[good.as_slice(), &[0]].concat()));
    assert!(signed.is_bad(&[&[0], good.as_slice()].concat()));
    assert!(signed.is_bad(&[good.as_slice(), good].concat()));
    // Each half one byte longer, as numbers are written elsewhere.
    assert!(signed.is_bad(&[&[0], &good[..32], &[0], &good[32..]].concat()));
}

#[test]
fn a_signature_in_the_form_of_asn_1_is_refused() {
    let signed = Signed::new();
    let algorithm = &ECDSA_P256_SHA256_ASN1_SIGNING;
    let set: serde_json::Value = serde_json::from_str(&signed.shop.keys.secret_set()).unwrap();
    let secret = BASE64URL.decode(set["keys"][0]["d"].as_str().unwrap()).unwrap();
    let pair =
        EcdsaKeyPair::from_private_key_and_public_key(algorithm, &secret, signed.shop.point(), &random()).unwrap();
    assert!(signed.is_bad(pair.sign(&random(), signed.message.as_bytes()).unwrap().as_ref()));
}

#[test]
fn the_signature_of_another_key_or_another_text_is_refused() {
    let (signed, other) = (Signed::new(), Signed::new());
    assert!(signed.is_bad(&other.signature));
    // Somebody else's key under our key's id.
    let forged = other.shop.forge(&signed.shop.header().to_string(), &claims().to_string());
    assert_eq!(signed.shop.check(&forged), Err(Refused::BadSignature));
    // Our signature under other claims.
    let admin = changed(claims(), json!({ "roles": ["admin"] }));
    let message = message(&signed.shop.header().to_string(), &admin.to_string());
    let token = format!("{message}.{}", BASE64URL.encode(&signed.signature));
    assert_eq!(signed.shop.check(&token), Err(Refused::BadSignature));
}

#[test]
fn a_refusal_never_repeats_the_token() {
    let shop = Shop::new();
    let marked = [
        shop.with_claims(json!({ "iss": "marked" })),
        shop.with_claims(json!({ "aud": "marked" })),
        shop.with_claims(json!({ "sub": "marked \r\n" })),
        shop.with_claims(json!({ "exp": "marked" })),
        shop.with_header(json!({ "alg": "marked" })),
        shop.with_header(json!({ "kid": "marked" })),
        shop.with_header(json!({ "typ": "marked" })),
        shop.check("marked"),
        shop.check("marked.marked.marked"),
    ];
    for refused in marked {
        let refused = refused.unwrap_err();
        assert!(!format!("{refused} {refused:?}").contains("marked"), "{refused:?}");
    }
}
