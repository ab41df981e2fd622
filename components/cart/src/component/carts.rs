//! `souk:cart/carts`.

use souk_database::contract::Error as DatabaseError;
use souk_kit::database::Failure;
use souk_kit::log;

use super::bindings::exports::souk::cart::carts::{Bought, Cart, Error, Guest};
use super::bindings::souk::cart::types::{Change, Difference, Item, Money};
use super::{Service, of_instance};
use crate::domain::{self, Refusal, difference, items};
use crate::store;

impl Guest for Service {
    async fn of_account(account: String) -> Result<Cart, Error> {
        let (cart, differences) = of_instance().of_account(account).await?;
        Ok(told(cart, differences))
    }

    async fn take_out(account: String, order_id: String, items: Vec<Bought>) -> Result<(), Error> {
        let items = items.into_iter().map(|bought| (bought.product_id, bought.quantity)).collect();
        Ok(of_instance().take_out(account, order_id, items).await?)
    }
}

fn told(cart: store::Cart, differences: Vec<difference::Difference>) -> Cart {
    Cart {
        id: cart.id.into_string(),
        version: cart.version.unsigned_abs(),
        items: cart.items.as_slice().iter().map(Item::from).collect(),
        differences: differences.into_iter().map(Difference::from).collect(),
    }
}

impl From<&items::Item> for Item {
    fn from(item: &items::Item) -> Self {
        Self {
            product_id: item.product_id.as_str().to_owned(),
            sku: item.sku.clone(),
            name: item.name.clone(),
            quantity: item.quantity.number(),
            unit_price: Money::from(&item.unit_price),
        }
    }
}

impl From<&domain::Money> for Money {
    fn from(money: &domain::Money) -> Self {
        Self { amount: money.amount(), currency: money.currency().as_str().to_owned() }
    }
}

impl From<difference::Difference> for Difference {
    fn from(difference: difference::Difference) -> Self {
        let change = match difference.change {
            difference::Change::Price { price } => Change::Price(Money::from(&price)),
            difference::Change::Shortage { available } => Change::Shortage(available),
            difference::Change::Gone => Change::Gone,
        };
        Self { product_id: difference.product_id.into_string(), change }
    }
}

/// What callers may know of it; the details are in this component's log.
impl From<Refusal> for Error {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::NoCart | Refusal::UnknownCart => Self::NoCart,
            Refusal::Invalid(text) => Self::Invalid(text),
            Refusal::ProductsUnavailable(text) => {
                log::error(&format!("products: {text}"));
                Self::Unavailable("the products can't be asked about now".to_owned())
            }
            Refusal::Failed(failure) => failure.into(),
            // What only a customer's own change can meet, and answers of the products that can't be.
            other => {
                log::error(&format!("{other:?}"));
                unexpected()
            }
        }
    }
}

impl From<Failure> for Error {
    fn from(failure: Failure) -> Self {
        log::error(&failure.to_string());
        match failure {
            Failure::Stale => Self::Unavailable("too many change the same cart".to_owned()),
            // What may have been written is known again by the order.
            Failure::Database(DatabaseError::Unavailable(_) | DatabaseError::Undecided(_)) => {
                Self::Unavailable("the database can't be used now".to_owned())
            }
            Failure::Database(_) | Failure::Mismatch(_) => unexpected(),
        }
    }
}

fn unexpected() -> Error {
    Error::Other("see the log of the cart service".to_owned())
}
