//! The refusals of the domain as problems: the one place where they become HTTP.

use http::header::RETRY_AFTER;
use http::{HeaderValue, StatusCode};
use serde_json::json;
use souk_kit::idempotency;
use souk_kit::problem::Problem;

use crate::domain::order::Status;
use crate::domain::{LINES_MAX, Refusal, TOTAL_MAX, Unsellable};

/// How long a client is asked to wait: most orders take milliseconds, and services come back within seconds.
const RETRY_AFTER_S: u32 = 2;

impl From<Refusal> for Problem {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::UnknownOrder => Self::of(StatusCode::NOT_FOUND).detail("there is no such order"),
            Refusal::KeyReused => idempotency::reused(),
            Refusal::UnderWay(order) => {
                conflict("request-under-way", "The first request with this key has no answer yet")
                    .member("order_id", order.as_str())
                    .header(RETRY_AFTER, HeaderValue::from(RETRY_AFTER_S))
            }
            Refusal::AlreadyOrdered(order) => {
                conflict("already-ordered", "This cart was ordered").member("order_id", order.as_str())
            }
            Refusal::CartEmpty => conflict("cart-empty", "Nothing is in the cart"),
            Refusal::CartChanged(differences) => {
                conflict("cart-changed", "The cart is not as it was seen").member("differences", json!(differences))
            }
            Refusal::CartVersion => conflict("cart-changed", "The cart is not as it was seen"),
            Refusal::OtherTotal(total) => {
                conflict("other-total", "It costs another amount than was seen").member("total", json!(total))
            }
            Refusal::NoAddress => unprocessable("no-address", "There is no address to send it to"),
            Refusal::UnknownAddress => unprocessable("unknown-address", "The address does not exist"),
            Refusal::UnknownProducts(ids) => {
                unprocessable("unknown-product", "A product does not exist or is not on sale")
                    .member("product_ids", json!(ids))
            }
            Refusal::Unsellable(why) => unsellable(why),
            Refusal::NotYourCustomer => {
                unprocessable("unknown-customer", "The customer is not the one who is signed in")
            }
            Refusal::NoMethod => unprocessable("no-payment-method", "A paymentToken must be given"),
            Refusal::Illegal(order) => illegal(order.status),
            Refusal::Unavailable(service) => Self::named(
                StatusCode::SERVICE_UNAVAILABLE,
                "service-unavailable",
                "Another service can't be asked now",
            )
            .member("service", service)
            .header(RETRY_AFTER, HeaderValue::from(RETRY_AFTER_S)),
            Refusal::Failed(failure) => failure.into(),
        }
    }
}

fn unsellable(why: Unsellable) -> Problem {
    match why {
        Unsellable::Count => unprocessable("too-many-lines", "An order has one to so many products")
            .detail(format!("at most {LINES_MAX} products")),
        Unsellable::Currencies => unprocessable("several-currencies", "The prices are in more than one currency"),
        Unsellable::TooMuch => {
            unprocessable("too-much", "It costs too much for one order").detail(format!("at most {TOTAL_MAX}"))
        }
    }
}

fn illegal(status: Status) -> Problem {
    conflict("illegal-state", "The order's state does not allow it").member("status_of_order", status.as_str())
}

fn conflict(name: &str, title: &str) -> Problem {
    Problem::named(StatusCode::CONFLICT, name, title)
}

fn unprocessable(name: &str, title: &str) -> Problem {
    Problem::named(StatusCode::UNPROCESSABLE_ENTITY, name, title)
}
