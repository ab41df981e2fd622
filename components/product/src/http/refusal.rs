//! The refusals of the domain as problems: the one place where they become HTTP.

use http::StatusCode;
use serde_json::json;
use souk_kit::etag::IfMatch;
use souk_kit::idempotency;
use souk_kit::problem::Problem;

use crate::domain::reservation::{ReserveRefusal, SettleRefusal};
use crate::domain::{Refusal, STOCK_MAX};

impl From<Refusal> for Problem {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::UnknownProduct => not_found("there is no such product"),
            Refusal::UnknownCategory => not_found("there is no such category"),
            Refusal::NoSuchCategory => {
                Self::named(StatusCode::UNPROCESSABLE_ENTITY, "unknown-category", "The category does not exist")
                    .member("errors", json!([{"pointer": "/category", "detail": "must be the slug of a category"}]))
            }
            Refusal::Stale => IfMatch::failed(),
            Refusal::SkuTaken => conflict("sku-taken", "Another product has this SKU"),
            Refusal::SlugTaken => conflict("slug-taken", "Another category has this slug"),
            Refusal::CategoryInUse => conflict("category-in-use", "Products are in this category"),
            Refusal::Reserved => conflict("reserved", "Somebody has reserved some of this product"),
            Refusal::SoldOut { available } => {
                conflict("sold-out", "There is not enough in stock").member("available", available)
            }
            Refusal::TooMuchStock => conflict("too-much-stock", "The stock would be too large")
                .detail(format!("a stock is at most {STOCK_MAX}")),
            Refusal::KeyReused => idempotency::reused(),
            Refusal::Failed(failure) => failure.into(),
        }
    }
}

impl From<ReserveRefusal> for Problem {
    fn from(refusal: ReserveRefusal) -> Self {
        match refusal {
            ReserveRefusal::SoldOut(lines) => {
                conflict("sold-out", "There is not enough in stock").member("lines", json!(lines))
            }
            ReserveRefusal::UnknownProduct(ids) => Self::named(
                StatusCode::UNPROCESSABLE_ENTITY,
                "unknown-product",
                "A product does not exist or is not on sale",
            )
            .member("product_ids", json!(ids)),
            ReserveRefusal::DifferentLines => conflict("different-lines", "The id was used for other lines"),
            ReserveRefusal::Expired => expired(),
            ReserveRefusal::Released => released(),
            ReserveRefusal::Returned => conflict("reservation-returned", "What was sold came back"),
            ReserveRefusal::Failed(failure) => failure.into(),
        }
    }
}

impl From<SettleRefusal> for Problem {
    fn from(refusal: SettleRefusal) -> Self {
        match refusal {
            SettleRefusal::UnknownReservation => not_found("there is no such reservation"),
            SettleRefusal::Expired => expired(),
            SettleRefusal::Committed => conflict("reservation-committed", "The reservation was committed"),
            SettleRefusal::Released => released(),
            SettleRefusal::Held => conflict("reservation-held", "The reservation was not committed"),
            SettleRefusal::Returned => conflict("reservation-returned", "What was sold came back"),
            SettleRefusal::Failed(failure) => failure.into(),
        }
    }
}

fn expired() -> Problem {
    conflict("reservation-expired", "The time of the reservation is over").detail("reserve again under a new id")
}

fn released() -> Problem {
    conflict("reservation-released", "The reservation was released").detail("reserve again under a new id")
}

fn not_found(detail: &str) -> Problem {
    Problem::of(StatusCode::NOT_FOUND).detail(detail)
}

fn conflict(name: &str, title: &str) -> Problem {
    Problem::named(StatusCode::CONFLICT, name, title)
}
