//! Tokens of other issuers: Ed25519 and RSA, each within what the operator said of it.

use base64::Engine;
use ring::rsa;
use ring::signature::{Ed25519KeyPair, KeyPair, RSA_PKCS1_SHA256};
use serde_json::{Value, json};
use souk_identity::check::{Checker, Issuer, Profile};
use souk_identity::fault::Refused;
use souk_identity::limits::FOREIGN_LIFETIME_S_MAX;
use souk_identity::public::{Algorithm, PublicKeys};
use souk_identity::token::Caller;

use crate::forge::{AUDIENCE, BASE64URL, ISSUER, NOW_S, Shop, changed, claims, is_malformed, message, random};
use crate::vectors::RSA_MODULUS;

const OTHER: &str = "https://login.example";

/// The key of RFC 7515 A.2.1, which everybody knows.
const RSA_SECRET: [&str; 6] = [
    "Eq5xpGnNCivDflJsRQBXHx1hdR1k6Ulwe2JZD50LpXyWPEAeP88vLNO97IjlA7_GQ5sLKMgvfTeXZx9SE-7YwVol2NXOoAJe46sui395IW_GO-pWJ1O0BkTGoVEn2bKVRUCgu-GjBVaYLU6f3l9kJfFNS3E0QbVdxzubSu3Mkqzjkn439X0M_V51gfpRLI9JYanrC4D4qAdGcopV_0ZHHzQlBjudU2QvXt4ehNYTCBr6XCLQUShb1juUO1ZdiYoFaFQT5Tw8bGUl_x_jTj3ccPDVZFD9pIuhLhBOneufuBiB4cS98l2SR_RQyGWSeWjnczT0QU91p1DhOVRuOopznQ",
    "4BzEEOtIpmVdVEZNCqS7baC4crd0pqnRH_5IB3jw3bcxGn6QLvnEtfdUdiYrqBdss1l58BQ3KhooKeQTa9AB0Hw_Py5PJdTJNPY8cQn7ouZ2KKDcmnPGBY5t7yLc1QlQ5xHdwW1VhvKn-nXqhJTBgIPgtldC-KDV5z-y2XDwGUc",
    "uQPEfgmVtjL0Uyyx88GZFF1fOunH3-7cepKmtH4pxhtCoHqpWmT8YAmZxaewHgHAjLYsp1ZSe7zFYHj7C6ul7TjeLQeZD_YwD66t62wDmpe_HlB-TnBA-njbglfIsRLtXlnDzQkv5dTltRJ11BKBBypeeF6689rjcJIDEz9RWdc",
    "BwKfV3Akq5_MFZDFZCnW-wzl-CCo83WoZvnLQwCTeDv8uzluRSnm71I3QCLdhrqE2e9YkxvuxdBfpT_PI7Yz-FOKnu1R6HsJeDCjn12Sk3vmAktV2zb34MCdy7cpdTh_YVr7tss2u6vneTwrA86rZtu5Mbr1C1XsmvkxHQAdYo0",
    "h_96-mK1R_7glhsum81dZxjTnYynPbZpHziZjeeHcXYsXaaMwkOlODsWa7I9xXDoRwbKgB719rrmI2oKr6N3Do9U0ajaHF-NKJnwgjMd2w9cjz3_-kyNlxAr2v4IKhGNpmM5iIgOS1VZnOZ68m6_pbLBSp3nssTdlqvd0tIiTHU",
    "IYd7DHOhrWvxkwPQsRM2tOgrjbcrfvtQJipd-DlcxyVuuM9sQLdgjVk2oy26F0EmpScGLq2MowX7fhd_QJQ3ydy5cY7YIBi87w93IKLEdfnbJtoOPLUW0ITrJReOgo1cq9SbsxYawBgfp_gh6A5603k2-ZQwVK0JKSHuLFkuQ3U",
];

struct Other {
    ed25519: Ed25519KeyPair,
    rsa: rsa::KeyPair,
}

impl Other {
    fn new() -> Self {
        let bytes = |text: &str| BASE64URL.decode(text).unwrap();
        let [d, p, q, d_p, d_q, q_inv] = RSA_SECRET.map(bytes);
        let public_key = rsa::PublicKeyComponents { n: bytes(RSA_MODULUS), e: vec![1, 0, 1] };
        let components = rsa::KeyPairComponents { public_key, d, p, q, dP: d_p, dQ: d_q, qInv: q_inv };
        Self {
            ed25519: Ed25519KeyPair::from_seed_unchecked(&[7; 32]).unwrap(),
            rsa: rsa::KeyPair::from_components(&components).unwrap(),
        }
    }

    fn published(&self) -> String {
        let x = BASE64URL.encode(self.ed25519.public_key());
        let keys = json!([
            { "kid": "ed", "kty": "OKP", "crv": "Ed25519", "x": x, "alg": "EdDSA" },
            { "kid": "rsa", "kty": "RSA", "n": RSA_MODULUS, "e": "AQAB", "use": "sig" },
        ]);
        json!({ "keys": keys }).to_string()
    }

    fn issuer(&self, algorithms: &[Algorithm], profile: Profile, roles: &[&str]) -> Issuer {
        Issuer::foreign(OTHER, &PublicKeys::parse(&self.published(), algorithms).unwrap(), profile, roles)
    }

    fn sign(&self, header: &Value, claims: &Value) -> String {
        let message = message(&header.to_string(), &claims.to_string());
        let signature = if header["kid"] == "rsa" {
            let mut signature = vec![0; self.rsa.public().modulus_len()];
            self.rsa.sign(&RSA_PKCS1_SHA256, &random(), message.as_bytes(), &mut signature).unwrap();
            signature
        } else {
            self.ed25519.sign(message.as_bytes()).as_ref().to_vec()
        };
        format!("{message}.{}", BASE64URL.encode(signature))
    }
}

fn header(kid: &str) -> Value {
    let alg = if kid == "rsa" { "RS256" } else { "EdDSA" };
    json!({ "alg": alg, "kid": kid, "typ": "at+jwt" })
}

fn their_claims() -> Value {
    json!({ "iss": OTHER, "sub": "018f-alice", "aud": AUDIENCE, "iat": NOW_S, "exp": NOW_S + 600, "roles": ["admin", "Some Staff", "customer"], "family": "family-1" })
}

const BOTH: [Algorithm; 2] = [Algorithm::EdDsa, Algorithm::Rs256];

fn check(issuer: Issuer, token: &str) -> Result<Caller, Refused> {
    let shop = Shop::new();
    Checker::new(AUDIENCE, vec![Issuer::own(ISSUER, &shop.keys), issuer]).check(token, NOW_S)
}

#[test]
fn tokens_of_another_issuer_are_taken_and_its_name_comes_with_the_subject() {
    let other = Other::new();
    for kid in ["ed", "rsa"] {
        let caller =
            check(other.issuer(&BOTH, Profile::AccessToken, &[]), &other.sign(&header(kid), &their_claims())).unwrap();
        assert_eq!((&*caller.issuer, caller.subject.as_str(), caller.key.as_str()), (OTHER, "018f-alice", kid));
        assert_eq!(caller.expires_s, NOW_S + 600);
    }
}

#[test]
fn another_issuer_gives_only_the_roles_that_it_may_and_no_family() {
    let other = Other::new();
    let token = other.sign(&header("ed"), &their_claims());
    let none = check(other.issuer(&BOTH, Profile::AccessToken, &[]), &token).unwrap();
    assert!(none.roles.is_empty() && none.family.is_none());
    let some =
        check(other.issuer(&BOTH, Profile::AccessToken, &["customer", "merchant", "Some Staff"]), &token).unwrap();
    assert_eq!(some.roles, ["customer"]);
}

#[test]
fn an_algorithm_that_was_not_allowed_to_an_issuer_is_refused() {
    let other = Other::new();
    let token = other.sign(&header("rsa"), &their_claims());
    let issuer = other.issuer(&[Algorithm::EdDsa], Profile::AccessToken, &[]);
    assert_eq!(check(issuer, &token), Err(Refused::UnknownKey(OTHER.into())));
}

#[test]
fn a_key_signs_for_its_own_algorithm_and_its_own_issuer() {
    let other = Other::new();
    for (kid, alg) in
        [("ed", "RS256"), ("rsa", "EdDSA"), ("rsa", "PS256"), ("rsa", "RS512"), ("ed", "ES256"), ("rsa", "HS256")]
    {
        let token = other.sign(&changed(header(kid), json!({ "alg": alg })), &their_claims());
        assert!(is_malformed(&check(other.issuer(&BOTH, Profile::AccessToken, &[]), &token)), "{kid} {alg}");
    }
    // In our name, with a key of theirs.
    let token = other.sign(&header("ed"), &claims());
    assert_eq!(check(other.issuer(&BOTH, Profile::AccessToken, &[]), &token), Err(Refused::UnknownKey(ISSUER.into())));
}

#[test]
fn an_issuer_that_publishes_a_key_under_our_keys_id_signs_nothing_of_ours() {
    let (shop, other) = (Shop::new(), Other::new());
    let set = other.published().replace("\"ed\"", &format!("{:?}", shop.keys.current_id()));
    let theirs = Issuer::foreign(OTHER, &PublicKeys::parse(&set, &BOTH).unwrap(), Profile::AccessToken, &[]);
    let checker = Checker::new(AUDIENCE, vec![Issuer::own(ISSUER, &shop.keys), theirs]);
    let forged = other.sign(&shop.header(), &claims());
    assert_eq!(checker.check(&forged, NOW_S), Err(Refused::BadSignature));
    let forged = other.sign(&changed(shop.header(), json!({ "alg": "EdDSA" })), &claims());
    assert!(is_malformed(&checker.check(&forged, NOW_S)));
    assert!(checker.check(&shop.token(), NOW_S).is_ok());
}

#[test]
fn an_issuer_that_calls_itself_by_our_name_does_not_take_our_place() {
    let (shop, other) = (Shop::new(), Other::new());
    let theirs =
        Issuer::foreign(ISSUER, &PublicKeys::parse(&other.published(), &BOTH).unwrap(), Profile::AccessToken, &[]);
    let checker = Checker::new(AUDIENCE, vec![Issuer::own(ISSUER, &shop.keys), theirs]);
    assert!(checker.check(&shop.token(), NOW_S).is_ok());
    assert!(checker.check(&other.sign(&header("ed"), &claims()), NOW_S).is_err());
}

#[test]
fn the_type_is_what_the_profile_says() {
    let other = Other::new();
    let taken = |profile, typ: Value| {
        let token = other.sign(&changed(header("ed"), json!({ "typ": typ })), &their_claims());
        check(other.issuer(&BOTH, profile, &[]), &token).is_ok()
    };
    for typ in [json!("at+jwt"), json!("AT+JWT"), json!("application/at+jwt")] {
        assert!(taken(Profile::AccessToken, typ.clone()) && taken(Profile::AnyJwt, typ));
    }
    for typ in [json!("JWT"), json!("jwt"), Value::Null] {
        assert!(!taken(Profile::AccessToken, typ.clone()) && taken(Profile::AnyJwt, typ));
    }
    for typ in [json!("logout+jwt"), json!("rt+jwt"), json!("")] {
        assert!(!taken(Profile::AccessToken, typ.clone()) && !taken(Profile::AnyJwt, typ));
    }
}

#[test]
fn a_token_of_another_issuer_lives_for_a_day_at_most() {
    let other = Other::new();
    for (more_s, is_taken) in [(0, true), (1, false)] {
        let exp = NOW_S + u64::from(FOREIGN_LIFETIME_S_MAX) + more_s;
        let token = other.sign(&header("ed"), &changed(their_claims(), json!({ "exp": exp })));
        assert_eq!(check(other.issuer(&BOTH, Profile::AccessToken, &[]), &token).is_ok(), is_taken);
    }
}
