//! Whose cart a request is about: of whoever signed in, or of whoever holds a token.
//!
//! Extract it first: what it refuses must not depend on anything else in the request.

use axum::extract::FromRequestParts;
use http::request::Parts;
use http::{HeaderMap, HeaderName, StatusCode};
use souk_kit::caller::{self, Caller};
use souk_kit::problem::Problem;

use crate::carts::Whose;
use crate::domain::token::Token;
use crate::domain::{Account, Refusal};

/// The field in which a guest's token comes and goes. Names that begin with `souk-` are the gateway's.
pub(super) const FIELD: HeaderName = HeaderName::from_static("cart-token");

/// Whoever asks about their own cart.
pub(super) struct Visitor(pub(super) Whose);

/// Somebody who signed in and has a guest's token.
pub(super) struct Returned {
    pub(super) account: Account,
    pub(super) token: Token,
}

impl<S: Send + Sync> FromRequestParts<S> for Visitor {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        if let Some(caller) = Caller::of(&parts.headers)? {
            return Ok(Self(Whose::Account(account(caller)?)));
        }
        Ok(Self(token(&parts.headers)?.map_or(Whose::Newcomer, Whose::Holder)))
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Returned {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let caller = <Caller as FromRequestParts<S>>::from_request_parts(parts, state).await?;
        let token = token(&parts.headers)?.ok_or_else(|| {
            Problem::of(StatusCode::BAD_REQUEST).detail(format!("this request needs the field {FIELD}"))
        })?;
        Ok(Self { account: account(caller)?, token })
    }
}

/// What can't be a token is that of no cart, and not the same as none: its sender believes to have a cart.
fn token(headers: &HeaderMap) -> Result<Option<Token>, Problem> {
    let mut values = headers.get_all(FIELD).iter();
    let Some(value) = values.next() else {
        return Ok(None);
    };
    let token = value.to_str().ok().and_then(Token::parse).filter(|_| values.next().is_none());
    Ok(Some(token.ok_or(Refusal::UnknownCart)?))
}

/// One that is none is the gateway's fault: it names the issuer of each token.
fn account(caller: Caller) -> Result<Account, Problem> {
    Account::parse(caller.sub).map_err(|reason| Problem::internal(format!("{}: sub {reason}", caller::FIELD)))
}
