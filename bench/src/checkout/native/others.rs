//! The other services as an order sees them, over HTTP: the same outcomes as over links (`components/order/src/component/linked.rs`).

use http::StatusCode;
use order::domain::{Availability, CartDifference, Line, Money, OrderId};
use order::others::{
    Answer, Authorization, Authorized, Captured, Cart, Committed, Found, NoAnswer, Product, Refunded, Reserved, Voided,
};

use super::peer::{NoResult, Peer};
use super::wire::{self, Change, Outcome, Settled};

/// All four.
pub(super) struct Others {
    pub(super) product: Peer,
    pub(super) customer: Peer,
    pub(super) payment: Peer,
    pub(super) cart: Peer,
}

impl order::others::Others for Others {
    fn cart<'a>(&'a self, account: &'a str) -> Answer<'a, Option<Cart>> {
        Box::pin(async move {
            let cart: Option<wire::Cart> = self.cart.call(wire::OF_ACCOUNT, &(account,)).await?;
            Ok(cart.map(Cart::from))
        })
    }

    fn take_out<'a>(&'a self, account: &'a str, order: &'a OrderId, quantities: Vec<(String, i64)>) -> Answer<'a, ()> {
        Box::pin(async move { Ok(self.cart.call(wire::TAKE_OUT, &(account, order, quantities)).await?) })
    }

    fn products(&self, ids: Vec<String>) -> Answer<'_, Vec<Product>> {
        Box::pin(async move {
            let offers: Vec<wire::Offer> = self.product.call(wire::GET_MANY, &(ids,)).await?;
            Ok(offers.into_iter().map(Product::from).collect())
        })
    }

    fn customer<'a>(&'a self, account: &'a str) -> Answer<'a, Option<String>> {
        Box::pin(async move { Ok(self.customer.call(wire::OF_ACCOUNT, &(account,)).await?) })
    }

    fn address<'a>(&'a self, account: &'a str, id: Option<String>) -> Answer<'a, Found> {
        Box::pin(async move {
            let is_named = id.is_some();
            Ok(match self.customer.call(wire::ADDRESS, &(account, id)).await? {
                wire::Found::Address(address) => Found::Address(address),
                wire::Found::UnknownAddress => Found::Unknown,
                wire::Found::UnknownCustomer if is_named => Found::Unknown,
                wire::Found::UnknownCustomer | wire::Found::NoAddress => Found::None,
            })
        })
    }

    fn reserve<'a>(&'a self, id: &'a str, quantities: Vec<(String, i64)>, seconds: u32) -> Answer<'a, Reserved> {
        Box::pin(async move {
            Ok(match self.product.call(wire::RESERVE, &(id, quantities, seconds)).await? {
                wire::Reserved::Held => Reserved::Held,
                wire::Reserved::SoldOut(short) => {
                    let short = short.into_iter().map(|(product_id, available)| Availability { product_id, available });
                    Reserved::SoldOut(short.collect())
                }
                wire::Reserved::UnknownProduct(ids) => Reserved::UnknownProduct(ids),
                wire::Reserved::Gone => Reserved::Gone,
            })
        })
    }

    fn commit<'a>(&'a self, id: &'a str) -> Answer<'a, Committed> {
        Box::pin(async move {
            Ok(match self.product.call(wire::COMMIT, &(id,)).await? {
                Settled::Done | Settled::Committed => Committed::Done,
                Settled::Gone => Committed::Gone,
            })
        })
    }

    fn release<'a>(&'a self, id: &'a str) -> Answer<'a, ()> {
        Box::pin(async move {
            match self.product.call(wire::RELEASE, &(id,)).await? {
                Settled::Done | Settled::Gone => Ok(()),
                Settled::Committed => match self.product.call(wire::TAKE_BACK, &(id,)).await? {
                    Settled::Done => Ok(()),
                    Settled::Gone | Settled::Committed => Err(NoAnswer("it was given back meanwhile".to_owned())),
                },
            }
        })
    }

    fn authorize<'a>(&'a self, key: String, wanted: Authorization<'a>) -> Answer<'a, Authorized> {
        Box::pin(async move {
            let Authorization { order, account, money: Money { amount, currency }, method } = wanted;
            let arguments = (key, (order, account, amount, currency, method));
            match self.payment.call(wire::AUTHORIZE, &arguments).await {
                Ok(Outcome::Done(id)) => Ok(Authorized::Held(id)),
                Ok(Outcome::Declined(reason)) => Ok(Authorized::Declined(reason)),
                Ok(Outcome::Refused(_) | Outcome::Failed) => Ok(Authorized::Failed),
                // What the payment service does not take has no effect, now or later.
                Err(NoResult { status: Some(StatusCode::UNPROCESSABLE_ENTITY), text }) => {
                    souk_kit::log::error(&text);
                    Ok(Authorized::Failed)
                }
                Err(none) => Err(none.into()),
            }
        })
    }

    fn find<'a>(&'a self, order: &'a OrderId) -> Answer<'a, Option<String>> {
        Box::pin(async move { Ok(self.payment.call(wire::FIND, &(order,)).await?) })
    }

    fn capture<'a>(&'a self, key: String, payment_id: &'a str) -> Answer<'a, Captured> {
        Box::pin(async move {
            Ok(match self.payment.call(wire::CAPTURE, &(key, payment_id)).await? {
                Outcome::Done(_) => Captured::Done,
                Outcome::Refused(conflict) if conflict == "already-captured" => Captured::Done,
                Outcome::Refused(_) | Outcome::Failed | Outcome::Declined(_) => Captured::Failed,
            })
        })
    }

    fn void<'a>(&'a self, key: String, payment_id: &'a str) -> Answer<'a, Voided> {
        Box::pin(async move {
            Ok(match self.payment.call(wire::VOID, &(key, payment_id)).await? {
                Outcome::Done(_) => Voided::Done,
                Outcome::Refused(conflict) => match &*conflict {
                    "already-voided" | "not-authorized" => Voided::Done,
                    "already-captured" => Voided::WasCaptured,
                    _ => Voided::Failed,
                },
                Outcome::Failed | Outcome::Declined(_) => Voided::Failed,
            })
        })
    }

    fn refund<'a>(&'a self, key: String, payment_id: &'a str) -> Answer<'a, Refunded> {
        Box::pin(async move {
            Ok(match self.payment.call(wire::REFUND, &(key, payment_id)).await? {
                Outcome::Done(_) => Refunded::Done,
                Outcome::Refused(conflict) => match &*conflict {
                    "already-refunded" => Refunded::Done,
                    "nothing-captured" => Refunded::WasNotCaptured,
                    _ => Refunded::Failed,
                },
                Outcome::Failed | Outcome::Declined(_) => Refunded::Failed,
            })
        })
    }
}

impl From<NoResult> for NoAnswer {
    fn from(NoResult { text, .. }: NoResult) -> Self {
        Self(text)
    }
}

impl From<wire::Cart> for Cart {
    fn from(cart: wire::Cart) -> Self {
        let line = |item: wire::Item| {
            let line = Line {
                product_id: item.product_id,
                sku: item.sku,
                name: item.name,
                quantity: item.quantity.into(),
                unit_price: item.price,
            };
            (line, item.currency)
        };
        let difference = |(product_id, change)| match change {
            Change::Price { amount, currency } => {
                CartDifference::Price { product_id, price: Money { amount, currency } }
            }
            Change::Shortage(available) => CartDifference::Shortage { product_id, available },
            Change::Gone => CartDifference::Gone { product_id },
        };
        Self {
            id: cart.id,
            version: cart.version,
            lines: cart.items.into_iter().map(line).collect(),
            differences: cart.differences.into_iter().map(difference).collect(),
        }
    }
}

impl From<wire::Offer> for Product {
    fn from(offer: wire::Offer) -> Self {
        let price = Money { amount: offer.price, currency: offer.currency };
        Self { id: offer.product_id, sku: offer.sku, name: offer.name, price }
    }
}
