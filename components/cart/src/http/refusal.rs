//! The refusals of the domain as problems: the one place where they become HTTP.

use http::header::RETRY_AFTER;
use http::{HeaderValue, StatusCode};
use souk_kit::etag::IfMatch;
use souk_kit::log;
use souk_kit::problem::Problem;

use crate::domain::{AMOUNT_MAX, PRODUCTS_MAX, QUANTITY_MAX, Refusal};

/// How long a client is asked to wait for the products: long enough for a restart, short for a person.
const RETRY_AFTER_S: u32 = 2;

impl From<Refusal> for Problem {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::UnknownCart | Refusal::NoCart => {
                Self::named(StatusCode::NOT_FOUND, "unknown-cart", "There is no such cart")
                    .detail("forget the token; the first thing that is put in makes a new cart")
            }
            Refusal::UnknownItem => Self::of(StatusCode::NOT_FOUND).detail("the cart does not hold this product"),
            Refusal::UnknownProduct => {
                let title = "No such product is for sale";
                Self::named(StatusCode::UNPROCESSABLE_ENTITY, "unknown-product", title)
            }
            Refusal::OtherCurrency(currency) => {
                conflict("other-currency", "The product costs another currency than what is in the cart")
                    .member("currency", currency.as_str())
            }
            Refusal::SoldOut { available } => {
                conflict("sold-out", "There is not enough of the product").member("available", available)
            }
            Refusal::TooManyProducts => conflict("too-many-products", "There are too many products in the cart")
                .detail(format!("a cart holds at most {PRODUCTS_MAX} different ones")),
            Refusal::TooManyOfProduct => {
                conflict("too-many-of-product", "There is too much of the product in the cart")
                    .detail(format!("a cart holds at most {QUANTITY_MAX} of each"))
            }
            Refusal::TotalTooLarge => conflict("total-too-large", "The cart would cost too much")
                .detail(format!("it may cost {AMOUNT_MAX} at most, in the currency's minor unit")),
            Refusal::Stale => IfMatch::failed(),
            // Arguments of other services; a request's are refused with all their faults before.
            Refusal::Invalid(text) => Self::internal(text),
            Refusal::ProductsUnavailable(text) => {
                log::error(&format!("products: {text}"));
                let title = "The products can't be asked about";
                Self::named(StatusCode::SERVICE_UNAVAILABLE, "products-unavailable", title)
                    .detail("a cart is told only as it was checked; nothing was changed")
                    .header(RETRY_AFTER, HeaderValue::from(RETRY_AFTER_S))
            }
            Refusal::ProductsMisanswered(text) => Self::internal(format!("products: {text}")),
            Refusal::Failed(failure) => failure.into(),
        }
    }
}

fn conflict(name: &str, title: &str) -> Problem {
    Problem::named(StatusCode::CONFLICT, name, title)
}
