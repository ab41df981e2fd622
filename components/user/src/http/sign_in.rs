//! Registering, signing in, staying signed in, signing out.

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::header::CACHE_CONTROL;
use http::{HeaderMap, HeaderValue, StatusCode, Uri};
use serde_json::json;
use souk_kit::email::Email;
use souk_kit::json::{self, Body, Fields, Input};
use souk_kit::problem::Problem;

use super::account::{Written, created};
use super::caller::{Address, Owner};
use super::cookies;
use crate::accounts::{Accounts, Tokens, change, end, refresh, sign_in};
use crate::domain::password::Given;
use crate::domain::session::RefreshToken;
use crate::domain::{Refusal, Roles};

pub(super) async fn register(
    State(accounts): State<Accounts>,
    Body(new): Body<Registration>,
) -> Result<Response, Problem> {
    let Written { email, name, password } = new.0;
    let account = change::create(&accounts, &email, &name, &Roles::of_a_customer(), password).await?;
    Ok(created(&account, "/api/v1/me"))
}

pub(super) async fn login(
    State(accounts): State<Accounts>,
    Address(address): Address,
    Body(login): Body<Login>,
) -> Result<Response, Problem> {
    let tokens = sign_in::sign_in(&accounts, &login.email, login.password, address).await?;
    Ok(login.delivery.of(&tokens))
}

/// With a token in the body the next one is in the body, too; with the cookie it is a cookie again.
pub(super) async fn refresh(
    State(accounts): State<Accounts>,
    headers: HeaderMap,
    uri: Uri,
    body: Option<Body<Refresh>>,
) -> Result<Response, Problem> {
    let given = body.and_then(|Body(Refresh(given))| given);
    let delivery = if given.is_some() { Delivery::Body } else { Delivery::Cookies };
    if delivery == Delivery::Cookies && cookies::refresh_token(&headers).is_some() {
        cookies::demand_same_site(&headers, &uri)?;
    }
    let token = given.as_deref().or_else(|| cookies::refresh_token(&headers)).and_then(RefreshToken::parse);
    let tokens = refresh::refresh(&accounts, &token.ok_or(Refusal::InvalidRefreshToken)?).await?;
    Ok(delivery.of(&tokens))
}

pub(super) async fn logout(State(accounts): State<Accounts>, owner: Owner) -> Result<Response, Problem> {
    end::sign_out(&accounts, &owner.account, &owner.session).await?;
    Ok(cookies::clear(StatusCode::NO_CONTENT.into_response()))
}

pub(super) async fn logout_everywhere(State(accounts): State<Accounts>, owner: Owner) -> Result<Response, Problem> {
    end::sign_out_everywhere(&accounts, &owner.account).await?;
    Ok(cookies::clear(StatusCode::NO_CONTENT.into_response()))
}

/// How tokens are handed out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Delivery {
    /// To a program that keeps them.
    Body,
    /// To a browser.
    Cookies,
}

impl Delivery {
    fn parse(text: &str) -> Result<Self, &'static str> {
        match text {
            "token" => Ok(Self::Body),
            "cookie" => Ok(Self::Cookies),
            _ => Err("must be token or cookie"),
        }
    }

    /// RFC 6749 §5.1 names the members and forbids caches to keep them.
    fn of(self, tokens: &Tokens) -> Response {
        let times = json!({
            "expires_in": tokens.access.expires_in,
            "refresh_expires_in": tokens.refresh_expires_in,
        });
        let mut response = match self {
            Self::Cookies => cookies::set(json::response(StatusCode::OK, &times), tokens),
            Self::Body => {
                let mut body = times;
                body["access_token"] = tokens.access.text.as_str().into();
                body["refresh_token"] = tokens.refresh.as_str().into();
                body["token_type"] = "Bearer".into();
                json::response(StatusCode::OK, &body)
            }
        };
        response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        response
    }
}

/// The body of a registration.
pub(super) struct Registration(Written);

impl Input for Registration {
    fn read(fields: &mut Fields) -> Option<Self> {
        fields.refused("roles", "are given by an admin");
        Written::read(fields).map(Self)
    }
}

/// The body of a login.
pub(super) struct Login {
    email: Email,
    password: Given,
    delivery: Delivery,
}

impl Input for Login {
    fn read(fields: &mut Fields) -> Option<Self> {
        let email = fields.required("email", |field| field.text(Email::parse));
        let password = fields.required("password", |field| field.text(Given::parse));
        let delivery = fields.optional("session", |field| field.text(|text| Delivery::parse(&text)));
        Some(Self { email: email?, password: password?, delivery: delivery.unwrap_or(Delivery::Body) })
    }
}

/// The body of a refresh. What can't be a token is an unknown one, and not looked at more closely here.
pub(super) struct Refresh(Option<String>);

impl Input for Refresh {
    fn read(fields: &mut Fields) -> Option<Self> {
        Some(Self(fields.optional("refresh_token", |field| field.text(Ok::<_, &str>))))
    }
}
