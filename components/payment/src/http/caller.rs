//! Who is asking: somebody who keeps the shop, or a customer.

use axum::extract::FromRequestParts;
use http::StatusCode;
use http::request::Parts;
use souk_kit::caller::Caller;
use souk_kit::problem::Problem;

use crate::domain::payment::Payment;

/// The role of those who keep the shop.
const ADMIN: &str = "admin";

/// Somebody who keeps the shop.
pub(super) struct Admin;

impl<S: Send + Sync> FromRequestParts<S> for Admin {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let caller = <Caller as FromRequestParts<S>>::from_request_parts(parts, state).await?;
        if is_admin(&caller) {
            return Ok(Self);
        }
        Err(Problem::of(StatusCode::FORBIDDEN).detail("this is for admins"))
    }
}

/// A payment as somebody may see it: their own, and admins each.
pub(super) fn visible(caller: &Caller, payment: Payment) -> Option<Payment> {
    if is_admin(caller) {
        return Some(payment);
    }
    (caller.sub == payment.customer.as_str()).then(|| payment.for_customer())
}

fn is_admin(caller: &Caller) -> bool {
    caller.roles.iter().any(|role| role == ADMIN)
}
