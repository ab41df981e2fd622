//! The other services, over links. What each contract promises of its errors decides what is an outcome and what has to be asked again.

use std::fmt;

use souk_kit::component::outside::on_this_thread;

use super::bindings::souk::cart::{carts, types as cart};
use super::bindings::souk::customer::{profiles, types as customer};
use super::bindings::souk::payment::{processor, types as payment};
use super::bindings::souk::product::{catalog, inventory, types as product};
use crate::domain::{Address, Availability, CartDifference, Line, Money, OrderId};
use crate::others::{
    Answer, Authorization, Authorized, Captured, Cart, Committed, Found, NoAnswer, Others, Product, Refunded, Reserved,
    Voided,
};

/// Whoever the host has linked.
pub(super) struct Linked;

impl Others for Linked {
    fn cart<'a>(&'a self, account: &'a str) -> Answer<'a, Option<Cart>> {
        Box::pin(on_this_thread(async {
            match carts::of_account(account.to_owned()).await {
                Ok(cart) => Ok(Some(cart.into())),
                Err(cart::Error::NoCart) => Ok(None),
                Err(error) => Err(none(error)),
            }
        }))
    }

    fn take_out<'a>(&'a self, account: &'a str, order: &'a OrderId, quantities: Vec<(String, i64)>) -> Answer<'a, ()> {
        Box::pin(on_this_thread(async {
            let bought = |(product_id, quantity)| cart::Bought { product_id, quantity: small(quantity) };
            let bought = quantities.into_iter().map(bought).collect();
            match carts::take_out(account.to_owned(), order.as_str().to_owned(), bought).await {
                Ok(()) | Err(cart::Error::NoCart) => Ok(()),
                Err(error) => Err(none(error)),
            }
        }))
    }

    fn products(&self, ids: Vec<String>) -> Answer<'_, Vec<Product>> {
        Box::pin(on_this_thread(async {
            let found = catalog::get_many(ids).await.map_err(none)?;
            let on_sale = found.into_iter().filter(|found| found.status == product::Status::Published);
            Ok(on_sale.map(Product::from).collect())
        }))
    }

    fn customer<'a>(&'a self, account: &'a str) -> Answer<'a, Option<String>> {
        Box::pin(on_this_thread(async {
            match profiles::of_account(account.to_owned()).await {
                Ok(profile) => Ok(Some(profile.id)),
                Err(customer::ReadError::UnknownCustomer) => Ok(None),
                Err(error) => Err(none(error)),
            }
        }))
    }

    fn address<'a>(&'a self, account: &'a str, id: Option<String>) -> Answer<'a, Found> {
        Box::pin(on_this_thread(async {
            let is_named = id.is_some();
            match profiles::address(account.to_owned(), id).await {
                Ok(address) => Ok(Found::Address(address.into())),
                Err(customer::AddressError::UnknownAddress) => Ok(Found::Unknown),
                Err(customer::AddressError::UnknownCustomer) if is_named => Ok(Found::Unknown),
                Err(customer::AddressError::UnknownCustomer | customer::AddressError::NoAddress) => Ok(Found::None),
                Err(error) => Err(none(error)),
            }
        }))
    }

    fn reserve<'a>(&'a self, id: &'a str, quantities: Vec<(String, i64)>, seconds: u32) -> Answer<'a, Reserved> {
        Box::pin(on_this_thread(async move {
            let line = |(product_id, quantity)| product::Line { product_id, quantity: small(quantity) };
            let lines = quantities.into_iter().map(line).collect();
            match inventory::reserve(id.to_owned(), lines, seconds).await {
                Ok(_) => Ok(Reserved::Held),
                Err(inventory::ReserveError::SoldOut(short)) => {
                    Ok(Reserved::SoldOut(short.into_iter().map(Availability::from).collect()))
                }
                Err(inventory::ReserveError::UnknownProduct(ids)) => Ok(Reserved::UnknownProduct(ids)),
                Err(
                    inventory::ReserveError::Expired
                    | inventory::ReserveError::Released
                    | inventory::ReserveError::Returned,
                ) => Ok(Reserved::Gone),
                Err(error) => Err(none(error)),
            }
        }))
    }

    fn commit<'a>(&'a self, id: &'a str) -> Answer<'a, Committed> {
        Box::pin(on_this_thread(async {
            match inventory::commit(id.to_owned()).await {
                Ok(_) => Ok(Committed::Done),
                Err(
                    inventory::SettleError::UnknownReservation
                    | inventory::SettleError::Expired
                    | inventory::SettleError::Released
                    | inventory::SettleError::Returned,
                ) => Ok(Committed::Gone),
                Err(error) => Err(none(error)),
            }
        }))
    }

    fn release<'a>(&'a self, id: &'a str) -> Answer<'a, ()> {
        Box::pin(on_this_thread(async {
            match inventory::release(id.to_owned()).await {
                Ok(_)
                | Err(
                    inventory::SettleError::UnknownReservation
                    | inventory::SettleError::Expired
                    | inventory::SettleError::Released
                    | inventory::SettleError::Returned,
                ) => Ok(()),
                Err(inventory::SettleError::Committed) => {
                    inventory::take_back(id.to_owned()).await.map(drop).map_err(none)
                }
                Err(error) => Err(none(error)),
            }
        }))
    }

    fn authorize<'a>(&'a self, key: String, wanted: Authorization<'a>) -> Answer<'a, Authorized> {
        Box::pin(on_this_thread(async move {
            let Authorization { order, account, money, method } = wanted;
            let (order, method) = (order.as_str().to_owned(), method.as_str().to_owned());
            let amount = payment::Money { amount: money.amount, currency: money.currency.clone() };
            match processor::authorize(key, order, account.to_owned(), amount, method).await {
                Ok(payment::Outcome::Done(held)) => Ok(Authorized::Held(held.id)),
                Ok(payment::Outcome::Declined(declined)) => Ok(Authorized::Declined(reason(declined.decline_reason))),
                Ok(payment::Outcome::Refused(_) | payment::Outcome::Failed(_)) => Ok(Authorized::Failed),
                // What the payment service does not take has no effect, now or later.
                Err(payment::Error::Invalid(text)) => {
                    souk_kit::log::error(&format!("payment.authorize: {text}"));
                    Ok(Authorized::Failed)
                }
                Err(error) => Err(none(error)),
            }
        }))
    }

    fn find<'a>(&'a self, order: &'a OrderId) -> Answer<'a, Option<String>> {
        Box::pin(on_this_thread(async {
            let found = processor::find(order.as_str().to_owned()).await.map_err(none)?;
            Ok(found.into_iter().map(|payment| payment.id).next())
        }))
    }

    fn capture<'a>(&'a self, key: String, payment_id: &'a str) -> Answer<'a, Captured> {
        Box::pin(on_this_thread(async move {
            match processor::capture(key, payment_id.to_owned(), None).await {
                Ok(payment::Outcome::Done(_) | payment::Outcome::Refused((payment::Conflict::AlreadyCaptured, _))) => {
                    Ok(Captured::Done)
                }
                Ok(payment::Outcome::Refused(_) | payment::Outcome::Failed(_) | payment::Outcome::Declined(_)) => {
                    Ok(Captured::Failed)
                }
                Err(error) => Err(none(error)),
            }
        }))
    }

    fn void<'a>(&'a self, key: String, payment_id: &'a str) -> Answer<'a, Voided> {
        Box::pin(on_this_thread(async move {
            match processor::void(key, payment_id.to_owned()).await {
                Ok(
                    payment::Outcome::Done(_)
                    | payment::Outcome::Refused((payment::Conflict::AlreadyVoided | payment::Conflict::NotAuthorized, _)),
                ) => Ok(Voided::Done),
                Ok(payment::Outcome::Refused((payment::Conflict::AlreadyCaptured, _))) => Ok(Voided::WasCaptured),
                Ok(payment::Outcome::Refused(_) | payment::Outcome::Failed(_) | payment::Outcome::Declined(_)) => {
                    Ok(Voided::Failed)
                }
                Err(error) => Err(none(error)),
            }
        }))
    }

    fn refund<'a>(&'a self, key: String, payment_id: &'a str) -> Answer<'a, Refunded> {
        Box::pin(on_this_thread(async move {
            match processor::refund(key, payment_id.to_owned(), None).await {
                Ok(payment::Outcome::Done(_) | payment::Outcome::Refused((payment::Conflict::AlreadyRefunded, _))) => {
                    Ok(Refunded::Done)
                }
                Ok(payment::Outcome::Refused((payment::Conflict::NothingCaptured, _))) => Ok(Refunded::WasNotCaptured),
                Ok(payment::Outcome::Refused(_) | payment::Outcome::Failed(_) | payment::Outcome::Declined(_)) => {
                    Ok(Refunded::Failed)
                }
                Err(error) => Err(none(error)),
            }
        }))
    }
}

fn none(error: impl fmt::Debug) -> NoAnswer {
    NoAnswer(format!("{error:?}"))
}

/// Quantities are within what the contracts take.
fn small(quantity: i64) -> u32 {
    u32::try_from(quantity).expect("a quantity is at most 10,000")
}

fn reason(reason: Option<payment::DeclineReason>) -> String {
    match reason {
        Some(payment::DeclineReason::InsufficientFunds) => "insufficient-funds",
        Some(payment::DeclineReason::Expired) => "expired",
        Some(payment::DeclineReason::InvalidMethod) => "invalid-method",
        Some(payment::DeclineReason::SuspectedFraud) => "suspected-fraud",
        Some(payment::DeclineReason::Declined) | None => "declined",
    }
    .to_owned()
}

impl From<cart::Cart> for Cart {
    fn from(cart: cart::Cart) -> Self {
        let line = |item: cart::Item| {
            let line = Line {
                product_id: item.product_id,
                sku: item.sku,
                name: item.name,
                quantity: item.quantity.into(),
                unit_price: item.unit_price.amount,
            };
            (line, item.unit_price.currency)
        };
        Self {
            id: cart.id,
            version: i64::try_from(cart.version).unwrap_or(i64::MAX),
            lines: cart.items.into_iter().map(line).collect(),
            differences: cart.differences.into_iter().map(CartDifference::from).collect(),
        }
    }
}

impl From<cart::Difference> for CartDifference {
    fn from(cart::Difference { product_id, change }: cart::Difference) -> Self {
        match change {
            cart::Change::Price(price) => {
                let price = Money { amount: price.amount, currency: price.currency };
                Self::Price { product_id, price }
            }
            cart::Change::Shortage(available) => Self::Shortage { product_id, available },
            cart::Change::Gone => Self::Gone { product_id },
        }
    }
}

impl From<product::Product> for Product {
    fn from(product: product::Product) -> Self {
        let price = Money { amount: product.price.amount, currency: product.price.currency };
        Self { id: product.id, sku: product.sku, name: product.name, price }
    }
}

impl From<inventory::Availability> for Availability {
    fn from(availability: inventory::Availability) -> Self {
        Self { product_id: availability.product_id, available: availability.available }
    }
}

impl From<customer::PostalAddress> for Address {
    fn from(address: customer::PostalAddress) -> Self {
        Self {
            recipient: address.recipient,
            lines: address.lines,
            postal_code: address.postal_code,
            city: address.city,
            region: address.region,
            country: address.country,
        }
    }
}
