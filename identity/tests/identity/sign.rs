//! What is signed: a token of the profile RFC 9068, within the limits.

use base64::Engine;
use serde_json::{Value, json};
use souk_identity::fault::Unsigned;
use souk_identity::limits::{LIFETIME_S_MAX, ROLES_MAX, SUBJECT_BYTES_MAX, TIME_S_MAX, TOKEN_BYTES_MAX};
use souk_identity::sign::{Grant, Signer};

use crate::forge::{AUDIENCE, BASE64URL, GRANT, ISSUER, NOW_S, Shop, random};

fn part(token: &str, number: usize) -> Value {
    serde_json::from_slice(&BASE64URL.decode(token.split('.').nth(number).unwrap()).unwrap()).unwrap()
}

#[test]
fn a_token_says_what_rfc_9068_asks_for_and_nothing_else() {
    let shop = Shop::new();
    let token = shop.token();
    assert_eq!(part(&token, 0), json!({ "alg": "ES256", "kid": shop.keys.current_id(), "typ": "at+jwt" }));
    let claims = json!({
        "iss": ISSUER, "sub": "018f-alice", "aud": AUDIENCE, "iat": NOW_S, "exp": NOW_S + 600, "jti": "token-1",
        "client_id": "storefront", "roles": ["customer", "merchant"], "scope": "orders:read orders:write",
        "family": "family-1",
    });
    assert_eq!(part(&token, 1), claims);
}

#[test]
fn a_token_that_was_signed_names_its_caller() {
    let shop = Shop::new();
    let caller = shop.check(&shop.token()).unwrap();
    assert_eq!(&*caller.issuer, ISSUER);
    assert_eq!(caller.subject, GRANT.subject);
    assert_eq!(caller.roles, GRANT.roles);
    assert_eq!(caller.scopes, GRANT.scopes);
    assert_eq!(caller.family.as_deref(), Some(GRANT.family));
    assert_eq!(caller.key, shop.keys.current_id());
    assert_eq!(caller.expires_s, NOW_S + 600);
}

#[test]
fn without_scopes_there_is_no_scope() {
    let shop = Shop::new();
    let token = shop.signer.sign(&Grant { scopes: &[], ..GRANT }, NOW_S, 600, &random()).unwrap();
    assert!(part(&token, 1).get("scope").is_none());
    assert!(shop.check(&token).unwrap().scopes.is_empty());
}

#[test]
fn a_lifetime_beyond_its_limits_is_not_signed() {
    let shop = Shop::new();
    for (lifetime_s, result) in [(1, true), (LIFETIME_S_MAX, true), (0, false), (LIFETIME_S_MAX + 1, false)] {
        assert_eq!(shop.signer.sign(&GRANT, NOW_S, lifetime_s, &random()).is_ok(), result, "{lifetime_s}");
    }
    assert!(shop.signer.sign(&GRANT, TIME_S_MAX, 1, &random()).is_err());
    assert!(shop.signer.sign(&GRANT, u64::MAX, 1, &random()).is_err());
}

#[test]
fn what_a_token_may_not_say_is_not_signed() {
    let shop = Shop::new();
    let long = "s".repeat(SUBJECT_BYTES_MAX + 1);
    let many = ["role"; ROLES_MAX + 1];
    let grants = [
        ("subject", Grant { subject: "", ..GRANT }),
        ("subject", Grant { subject: &long, ..GRANT }),
        ("subject", Grant { subject: "a\r\nsouk-caller: b", ..GRANT }),
        ("subject", Grant { subject: "älice", ..GRANT }),
        ("client", Grant { client: "a b", ..GRANT }),
        ("family", Grant { family: "", ..GRANT }),
        ("id", Grant { id: "", ..GRANT }),
        ("roles", Grant { roles: &["customer admin"], ..GRANT }),
        ("roles", Grant { roles: &[""], ..GRANT }),
        ("roles", Grant { roles: &many, ..GRANT }),
        ("scopes", Grant { scopes: &["a b"], ..GRANT }),
        ("scopes", Grant { scopes: &["\""], ..GRANT }),
    ];
    for (member, grant) in grants {
        assert_eq!(shop.signer.sign(&grant, NOW_S, 600, &random()), Err(Unsigned::Unfit(member)));
    }
    assert!(Signer::new("", AUDIENCE, shop.keys.clone()).is_err());
    assert!(Signer::new(ISSUER, "a b", shop.keys.clone()).is_err());
}

#[test]
fn a_token_that_would_be_too_long_to_be_taken_is_not_signed() {
    let shop = Shop::new();
    let (role, scope, name) = ("r".repeat(64), "s".repeat(128), "n".repeat(255));
    let (roles, scopes) = ([role.as_str(); 32], [scope.as_str(); 32]);
    let grant = Grant { roles: &roles, scopes: &scopes, subject: &name, client: &name, ..GRANT };
    assert_eq!(shop.signer.sign(&grant, NOW_S, 600, &random()), Err(Unsigned::Unfit("the token")));
    let token = shop.signer.sign(&Grant { scopes: &scopes[..16], ..grant }, NOW_S, 600, &random()).unwrap();
    assert!(token.len() <= TOKEN_BYTES_MAX);
    assert_eq!(shop.check(&token).unwrap().roles, roles);
}
