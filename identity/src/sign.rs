//! Signs access tokens: JWTs of the profile RFC 9068, by ES256.

use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64URL;
use ring::rand::SecureRandom;
use serde::Serialize;

use crate::fault::Unsigned;
use crate::keys::Keys;
use crate::limits::{
    ID_BYTES_MAX, LIFETIME_S_MAX, NAME_BYTES_MAX, ROLE_BYTES_MAX, ROLES_MAX, SCOPE_BYTES_MAX, SCOPES_MAX,
    SUBJECT_BYTES_MAX, TIME_S_MAX, TOKEN_BYTES_MAX,
};
use crate::public::Algorithm;
use crate::token::{ACCESS_TOKEN, is_name, is_word};

/// Who signs, for whom, and with what.
#[derive(Clone, Debug)]
pub struct Signer {
    issuer: String,
    audience: String,
    keys: Arc<Keys>,
}

/// What a token grants to whom. Ids are arguments: unique ones make it possible to tell tokens apart.
#[derive(Clone, Copy, Debug)]
pub struct Grant<'a> {
    /// Who it is.
    pub subject: &'a str,
    /// The program that asked for it (`client_id`).
    pub client: &'a str,
    /// Roles, such as `customer`.
    pub roles: &'a [&'a str],
    /// What the token may be used for; none leaves `scope` out.
    pub scopes: &'a [&'a str],
    /// The family of the refresh token that it comes from: revoked together.
    pub family: &'a str,
    /// The token's own id (`jti`).
    pub id: &'a str,
}

impl Signer {
    /// Signs in the name of this issuer, for this audience, with the current one of these keys.
    pub fn new(issuer: &str, audience: &str, keys: Arc<Keys>) -> Result<Self, Unsigned> {
        demand("issuer", is_word(issuer, NAME_BYTES_MAX))?;
        demand("audience", is_word(audience, NAME_BYTES_MAX))?;
        Ok(Self { issuer: issuer.into(), audience: audience.into(), keys })
    }

    /// A token that is good from now on, for so many seconds.
    pub fn sign(
        &self,
        grant: &Grant<'_>,
        now_s: u64,
        lifetime_s: u32,
        random: &dyn SecureRandom,
    ) -> Result<String, Unsigned> {
        check(grant)?;
        demand("lifetime", (1..=LIFETIME_S_MAX).contains(&lifetime_s))?;
        let exp = now_s.saturating_add(lifetime_s.into());
        demand("the time", exp <= TIME_S_MAX)?;
        let header = Header { alg: Algorithm::Es256.name(), kid: self.keys.current_id(), typ: ACCESS_TOKEN };
        let message = format!("{}.{}", part(&header), part(&self.claims(grant, now_s, exp)));
        let signature = self.keys.sign(message.as_bytes(), random).ok_or(Unsigned::NoRandomness)?;
        let token = format!("{message}.{}", BASE64URL.encode(signature));
        demand("the token", token.len() <= TOKEN_BYTES_MAX)?;
        Ok(token)
    }

    fn claims<'a>(&'a self, grant: &Grant<'a>, iat: u64, exp: u64) -> Claims<'a> {
        Claims {
            iss: &self.issuer,
            sub: grant.subject,
            aud: &self.audience,
            iat,
            exp,
            jti: grant.id,
            client_id: grant.client,
            roles: grant.roles,
            scope: (!grant.scopes.is_empty()).then(|| grant.scopes.join(" ")),
            family: grant.family,
        }
    }
}

#[derive(Serialize)]
struct Header<'a> {
    alg: &'a str,
    kid: &'a str,
    typ: &'a str,
}

/// Named as in the token.
#[derive(Serialize)]
struct Claims<'a> {
    iss: &'a str,
    sub: &'a str,
    aud: &'a str,
    iat: u64,
    exp: u64,
    jti: &'a str,
    client_id: &'a str,
    roles: &'a [&'a str],
    #[serde(skip_serializing_if = "Option::is_none")]
    scope: Option<String>,
    family: &'a str,
}

fn check(grant: &Grant<'_>) -> Result<(), Unsigned> {
    demand("subject", is_word(grant.subject, SUBJECT_BYTES_MAX))?;
    demand("client", is_word(grant.client, NAME_BYTES_MAX))?;
    demand("family", is_word(grant.family, ID_BYTES_MAX))?;
    demand("id", is_word(grant.id, ID_BYTES_MAX))?;
    demand("roles", grant.roles.len() <= ROLES_MAX && grant.roles.iter().all(|role| is_name(role, ROLE_BYTES_MAX)))?;
    demand(
        "scopes",
        grant.scopes.len() <= SCOPES_MAX && grant.scopes.iter().all(|scope| is_name(scope, SCOPE_BYTES_MAX)),
    )
}

fn demand(member: &'static str, holds: bool) -> Result<(), Unsigned> {
    if holds { Ok(()) } else { Err(Unsigned::Unfit(member)) }
}

fn part(of: &impl Serialize) -> String {
    BASE64URL.encode(serde_json::to_vec(of).expect("texts and numbers have a form in JSON"))
}
