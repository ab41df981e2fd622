//! The service as a component: HTTP by the kit, and the host's identity behind the service's own trait. Only this file sees
//! bindings.

use axum::Router;
use souk_kit::component::outside::on_this_thread;
use souk_kit::context::Context;

use crate::identity::{AccessToken, Answer, Grant, Identity, PasswordError, TokenError, Verdict};

use bindings::souk::identity::{passwords, tokens};

#[expect(clippy::pedantic, reason = "generated; the documentation stands in wit/")]
mod bindings {
    souk_kit::wit_bindgen::generate!({
        // The order is that of the dependencies.
        path: ["../../wit/identity", "../../wit/user"],
        world: "souk:user/service",
        runtime_path: "souk_kit::wit_bindgen::rt",
        generate_all,
    });
}

souk_kit::serve!(router);

fn router(context: Context) -> Router {
    crate::http::router(context, HostIdentity)
}

/// The identity of the host that runs this component.
struct HostIdentity;

impl Identity for HostIdentity {
    fn sign(&self, grant: Grant) -> Answer<'_, AccessToken, TokenError> {
        Box::pin(on_this_thread(async {
            let Grant { subject, client, roles, family } = grant;
            let signed = tokens::sign(tokens::Grant { subject, client, roles, scopes: Vec::new(), family }).await?;
            Ok(AccessToken { text: signed.text, expires_in: signed.expires_in })
        }))
    }

    fn revoke(&self, families: Vec<String>) -> Answer<'_, (), TokenError> {
        Box::pin(on_this_thread(async { Ok(tokens::revoke(families).await?) }))
    }

    fn hash(&self, password: String) -> Answer<'_, String, PasswordError> {
        Box::pin(on_this_thread(async { Ok(passwords::hash(password).await?) }))
    }

    fn verify(&self, password: String, hash: Option<String>) -> Answer<'_, Verdict, PasswordError> {
        Box::pin(on_this_thread(async {
            Ok(match passwords::verify(password, hash).await? {
                passwords::Verdict::Wrong => Verdict::Wrong,
                passwords::Verdict::Right => Verdict::Right,
                passwords::Verdict::Dated => Verdict::Dated,
            })
        }))
    }
}

impl From<tokens::Error> for TokenError {
    fn from(error: tokens::Error) -> Self {
        match error {
            tokens::Error::Invalid(text) => Self::Invalid(text),
            tokens::Error::Unavailable(text) => Self::Unavailable(text),
        }
    }
}

impl From<passwords::Error> for PasswordError {
    fn from(error: passwords::Error) -> Self {
        match error {
            passwords::Error::Invalid(text) => Self::Invalid(text),
            passwords::Error::Busy => Self::Busy,
        }
    }
}
