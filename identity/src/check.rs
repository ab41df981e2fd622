//! Checks a bearer token: whose it is, whether that issuer signed it, and whether it is good here and now.
//!
//! Nothing that a token says decides how it is checked. Its text chooses one of the issuers that are trusted, and one of that issuer's
//! keys; the key decides the algorithm. Members that would bring a key along are refused. Everything that is compared is public, so
//! no comparison needs constant time; the work with a secret is the signing, in `ring`.
//!
//! ES256 has two signatures for one text by construction ((r, s) and (r, n − s)), so a token's text is no unique name of it: what was
//! revoked is asked by family, never by text.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64URL;
use serde::Deserialize;
use serde::de::IgnoredAny;

use crate::fault::Refused;
use crate::json::{parse, present};
use crate::keys::Keys;
use crate::limits::{
    AUDIENCES_MAX, FOREIGN_LIFETIME_S_MAX, ID_BYTES_MAX, KEY_ID_BYTES_MAX, LEEWAY_S, LIFETIME_S_MAX, NAME_BYTES_MAX,
    ROLE_BYTES_MAX, ROLES_MAX, SUBJECT_BYTES_MAX, TIME_S_MAX, TOKEN_BYTES_MAX,
};
use crate::public::{PublicKey, PublicKeys};
use crate::token::{ACCESS_TOKEN, Caller, is_name, is_word, scopes};

/// Checks tokens for one audience against the issuers that it trusts. It never changes: after a rotation there is a new one.
#[derive(Clone, Debug)]
pub struct Checker {
    audience: String,
    issuers: HashMap<Arc<str>, Issuer>,
}

/// Somebody whose tokens are taken.
#[derive(Clone, Debug)]
pub struct Issuer {
    name: Arc<str>,
    keys: HashMap<String, Key>,
    kind: Kind,
}

/// What other issuers put into `typ`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Profile {
    /// `at+jwt`, as RFC 9068 has it.
    AccessToken,
    /// `JWT` or nothing is taken as well: for issuers that do not follow it yet. Nothing but the audience then tells an access token from
    /// an id token, so the audience must not be the id of a client.
    AnyJwt,
}

#[derive(Clone, Debug)]
enum Kind {
    Own,
    Foreign { profile: Profile, roles: BTreeSet<String> },
}

#[derive(Clone, Debug)]
struct Key {
    public: PublicKey,
    until_s: Option<u64>,
}

impl Issuer {
    /// Ourselves: tokens of [`crate::sign::Signer`], with its name and its keys.
    pub fn own(name: &str, keys: &Keys) -> Self {
        let keys = keys.public_keys().map(|(id, public, until_s)| (id.into(), Key { public: public.clone(), until_s }));
        Self { name: name.into(), keys: keys.collect(), kind: Kind::Own }
    }

    /// Another one. Of the roles that it gives only these count: none, unless the operator trusts it with some. One that souk could not
    /// give itself, such as with a space, never does.
    pub fn foreign(name: &str, keys: &PublicKeys, profile: Profile, roles: &[&str]) -> Self {
        let keys = keys.by_id.iter().map(|(id, key)| (id.clone(), Key { public: key.clone(), until_s: None }));
        let roles = roles.iter().map(|role| (*role).into()).collect();
        Self { name: name.into(), keys: keys.collect(), kind: Kind::Foreign { profile, roles } }
    }
}

impl Checker {
    /// Trusts these issuers. Of two with the same name the first counts, so that no other can take the place of our own.
    pub fn new(audience: &str, issuers: Vec<Issuer>) -> Self {
        let mut by_name = HashMap::new();
        for issuer in issuers {
            by_name.entry(Arc::clone(&issuer.name)).or_insert(issuer);
        }
        Self { audience: audience.into(), issuers: by_name }
    }

    /// Who calls, if the token (what stands behind `Bearer `) is good now.
    pub fn check(&self, token: &str, now_s: u64) -> Result<Caller, Refused> {
        let parts = Parts::split(token)?;
        let header: Header = parse(&parts.header).ok_or(Refused::Malformed("header"))?;
        header.refuse_what_is_not_taken()?;
        // Until the signature was checked these are somebody's words. They choose an issuer, and nothing else comes of them.
        let claims: Claims = parse(&parts.claims).ok_or(Refused::Malformed("claims"))?;
        let name = claims.iss.as_deref().ok_or(Refused::Malformed("iss is missing"))?;
        let issuer = self.issuers.get(name).ok_or(Refused::UnknownIssuer)?;
        let (key_id, key) = issuer.key(&header, now_s)?;
        issuer.demand_type(header.typ.as_deref())?;
        if header.alg != key.algorithm().name() {
            return Err(Refused::Malformed("alg is not that of the key"));
        }
        if !key.verifies(parts.signed.as_bytes(), &parts.signature) {
            return Err(Refused::BadSignature);
        }
        claims.demand_audience(&self.audience)?;
        let expires_s = claims.demand_time(now_s, issuer.lifetime_s_max())?;
        claims.caller(issuer, key_id, expires_s)
    }
}

/// A compact token (RFC 7515 §7.1), decoded.
struct Parts<'a> {
    header: Vec<u8>,
    claims: Vec<u8>,
    signature: Vec<u8>,
    /// The text that was signed.
    signed: &'a str,
}

impl<'a> Parts<'a> {
    fn split(token: &'a str) -> Result<Self, Refused> {
        if token.len() > TOKEN_BYTES_MAX {
            return Err(Refused::Malformed("too long"));
        }
        let mut parts = token.split('.');
        let (Some(header), Some(claims), Some(signature), None) =
            (parts.next(), parts.next(), parts.next(), parts.next())
        else {
            return Err(Refused::Malformed("not three parts"));
        };
        // Refuses padding, spaces, other alphabets, and bits behind the last byte: one meaning has one text.
        let decode = |part| BASE64URL.decode(part).map_err(|_| Refused::Malformed("not base64url"));
        let signed = &token[..header.len() + 1 + claims.len()];
        Ok(Self { header: decode(header)?, claims: decode(claims)?, signature: decode(signature)?, signed })
    }
}

#[derive(Deserialize)]
struct Header {
    alg: String,
    #[serde(default, deserialize_with = "present")]
    kid: Option<String>,
    #[serde(default, deserialize_with = "present")]
    typ: Option<String>,
    #[serde(default, deserialize_with = "present")]
    crit: Option<IgnoredAny>,
    #[serde(default, deserialize_with = "present")]
    jku: Option<IgnoredAny>,
    #[serde(default, deserialize_with = "present")]
    jwk: Option<IgnoredAny>,
    #[serde(default, deserialize_with = "present")]
    x5u: Option<IgnoredAny>,
    #[serde(default, deserialize_with = "present")]
    x5c: Option<IgnoredAny>,
}

impl Header {
    fn refuse_what_is_not_taken(&self) -> Result<(), Refused> {
        if self.crit.is_some() {
            // RFC 7515 §4.1.11: who does not understand all of it must refuse, and nothing of it is understood here.
            return Err(Refused::Malformed("crit is not understood"));
        }
        if self.jku.is_some() || self.jwk.is_some() || self.x5u.is_some() || self.x5c.is_some() {
            return Err(Refused::Malformed("a token may not bring its key along"));
        }
        Ok(())
    }
}

impl Issuer {
    fn key<'a>(&self, header: &'a Header, now_s: u64) -> Result<(&'a str, &PublicKey), Refused> {
        let id = header.kid.as_deref().ok_or(Refused::Malformed("kid is missing"))?;
        if id.len() > KEY_ID_BYTES_MAX {
            return Err(Refused::Malformed("kid is too long"));
        }
        let key = self.keys.get(id).filter(|key| key.until_s.is_none_or(|until_s| now_s < until_s));
        key.map(|key| (id, &key.public)).ok_or_else(|| Refused::UnknownKey(Arc::clone(&self.name)))
    }

    fn demand_type(&self, typ: Option<&str>) -> Result<(), Refused> {
        let is_access_token = |typ: &str| {
            // RFC 9068 §4 with RFC 7515 §4.1.9: both spellings, and media types know no case.
            typ.eq_ignore_ascii_case(ACCESS_TOKEN) || typ.eq_ignore_ascii_case("application/at+jwt")
        };
        let holds = match (&self.kind, typ) {
            (Kind::Own, typ) => typ == Some(ACCESS_TOKEN),
            (Kind::Foreign { profile: Profile::AccessToken, .. }, typ) => typ.is_some_and(is_access_token),
            (Kind::Foreign { profile: Profile::AnyJwt, .. }, typ) => {
                typ.is_none_or(|typ| typ.eq_ignore_ascii_case("JWT") || is_access_token(typ))
            }
        };
        if holds { Ok(()) } else { Err(Refused::Malformed("typ is not that of an access token")) }
    }

    fn lifetime_s_max(&self) -> u64 {
        match self.kind {
            Kind::Own => LIFETIME_S_MAX.into(),
            Kind::Foreign { .. } => FOREIGN_LIFETIME_S_MAX.into(),
        }
    }
}

/// Named as in the token. `u64` takes whole numbers that are not negative, and neither texts nor `1.0`.
#[derive(Deserialize)]
struct Claims {
    #[serde(default, deserialize_with = "present")]
    iss: Option<String>,
    #[serde(default, deserialize_with = "present")]
    sub: Option<String>,
    #[serde(default, deserialize_with = "present")]
    aud: Option<Audience>,
    #[serde(default, deserialize_with = "present")]
    exp: Option<u64>,
    #[serde(default, deserialize_with = "present")]
    nbf: Option<u64>,
    #[serde(default, deserialize_with = "present")]
    iat: Option<u64>,
    #[serde(default, deserialize_with = "present")]
    jti: Option<String>,
    #[serde(default, deserialize_with = "present")]
    client_id: Option<String>,
    #[serde(default, deserialize_with = "present")]
    roles: Option<Vec<String>>,
    #[serde(default, deserialize_with = "present")]
    scope: Option<String>,
    #[serde(default, deserialize_with = "present")]
    family: Option<String>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Audience {
    One(String),
    Several(Vec<String>),
}

impl Claims {
    fn demand_audience(&self, audience: &str) -> Result<(), Refused> {
        let is_here = match &self.aud {
            None => return Err(Refused::Malformed("aud is missing")),
            Some(Audience::One(one)) => one == audience,
            Some(Audience::Several(all)) if all.len() > AUDIENCES_MAX => {
                return Err(Refused::Malformed("aud is too long"));
            }
            Some(Audience::Several(all)) => all.iter().any(|one| one == audience),
        };
        if is_here { Ok(()) } else { Err(Refused::WrongAudience) }
    }

    /// Until when it is good. A token for ever is refused, too: none of ours is one.
    fn demand_time(&self, now_s: u64, lifetime_s_max: u64) -> Result<u64, Refused> {
        let exp = self.exp.ok_or(Refused::Malformed("exp is missing"))?;
        let iat = self.iat.ok_or(Refused::Malformed("iat is missing"))?;
        if [exp, iat, self.nbf.unwrap_or(0)].into_iter().any(|time| time > TIME_S_MAX) {
            return Err(Refused::Malformed("a time is too far away"));
        }
        if exp <= iat || exp - iat > lifetime_s_max {
            return Err(Refused::Malformed("it lives for longer than a token may, or not at all"));
        }
        if now_s >= exp.saturating_add(LEEWAY_S) {
            return Err(Refused::Expired);
        }
        if iat.max(self.nbf.unwrap_or(0)) > now_s.saturating_add(LEEWAY_S) {
            return Err(Refused::NotYetValid);
        }
        Ok(exp)
    }

    fn caller(self, issuer: &Issuer, key: &str, expires_s: u64) -> Result<Caller, Refused> {
        let subject = self.sub.ok_or(Refused::Malformed("sub is missing"))?;
        demand("sub", is_word(&subject, SUBJECT_BYTES_MAX))?;
        let scopes = self.scope.map_or(Some(Vec::new()), |text| scopes(&text)).ok_or(Refused::Malformed("scope"))?;
        let mut roles = self.roles.unwrap_or_default();
        demand("roles", roles.len() <= ROLES_MAX)?;
        let (family, id) = match &issuer.kind {
            Kind::Own => {
                demand("jti", self.jti.as_ref().is_some_and(|id| is_word(id, ID_BYTES_MAX)))?;
                demand("client_id", self.client_id.is_some_and(|id| is_word(&id, NAME_BYTES_MAX)))?;
                demand("roles", roles.iter().all(|role| is_name(role, ROLE_BYTES_MAX)))?;
                demand("family", self.family.as_ref().is_some_and(|id| is_word(id, ID_BYTES_MAX)))?;
                (self.family, self.jti)
            }
            Kind::Foreign { roles: believed, .. } => {
                roles.retain(|role| believed.contains(role) && is_name(role, ROLE_BYTES_MAX));
                (None, None)
            }
        };
        let (issuer, key) = (Arc::clone(&issuer.name), key.into());
        Ok(Caller { issuer, subject, roles, scopes, family, key, id, expires_s })
    }
}

fn demand(member: &'static str, holds: bool) -> Result<(), Refused> {
    if holds { Ok(()) } else { Err(Refused::Malformed(member)) }
}
