//! Events that a provider sends. The signature is looked at before anything of the body is read.

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::{HeaderMap, StatusCode};
use souk_kit::json::Raw;
use souk_kit::log;
use souk_kit::problem::Problem;
use souk_kit::segment::Segment;

use crate::domain::webhook::{BODY_BYTES_MAX, Notice, Secret};
use crate::payments::Payments;

/// The field with the signature. Names that begin with `souk-` are the gateway's own.
const SIGNATURE_FIELD: &str = "payment-signature";

pub(super) async fn receive(
    State(payments): State<Payments>,
    Segment(provider): Segment<String>,
    headers: HeaderMap,
    Raw(body): Raw,
) -> Result<Response, Problem> {
    if provider != payments.provider.name() {
        return Err(Problem::of(StatusCode::NOT_FOUND).detail("there is no such provider"));
    }
    demand_signature(&secret(&payments, &provider)?, &headers, &body, &payments)?;
    if body.len() > BODY_BYTES_MAX {
        let detail = format!("an event has at most {BODY_BYTES_MAX} bytes");
        return Err(Problem::of(StatusCode::PAYLOAD_TOO_LARGE).detail(detail));
    }
    let notice = Notice::parse(&body).map_err(|reason| {
        Problem::named(StatusCode::BAD_REQUEST, "malformed-body", "The body is not well-formed").detail(reason)
    })?;
    payments.notice(&notice).await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

/// A sender repeats what was answered with 503, so no event is lost while the operator has set nothing.
fn secret(payments: &Payments, provider: &str) -> Result<Secret, Problem> {
    let name = format!("{provider}_webhook_secret");
    Secret::parse(&payments.context.setting(&name).unwrap_or_default()).map_err(|reason| {
        log::error(&format!("setting {name} {reason}"));
        Problem::named(StatusCode::SERVICE_UNAVAILABLE, "webhooks-not-set-up", "No secret is set for this provider")
    })
}

/// What is wrong with it is not told: whoever has the secret finds out by signing again.
fn demand_signature(secret: &Secret, headers: &HeaderMap, body: &[u8], payments: &Payments) -> Result<(), Problem> {
    let mut fields = headers.get_all(SIGNATURE_FIELD).iter();
    let field = fields.next().and_then(|value| value.to_str().ok()).unwrap_or_default();
    if fields.next().is_none() && secret.has_signed(field, body, payments.context.now()) {
        return Ok(());
    }
    Err(Problem::named(StatusCode::UNAUTHORIZED, "invalid-signature", "The signature is not good"))
}
