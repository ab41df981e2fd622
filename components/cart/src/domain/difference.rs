//! How the products in a cart are no longer what the customer has seen.

use serde::Serialize;

use super::items::{Item, Items};
use super::offer::{Offer, Offers};
use super::{Money, ProductId};

/// What the customer has to know before they buy. A product may have a price and a shortage.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Difference {
    /// Which product.
    pub product_id: ProductId,
    /// What is different.
    #[serde(flatten)]
    pub change: Change,
}

/// What is different about a product.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "kind", rename_all = "lowercase")]
pub enum Change {
    /// One costs something else now.
    Price {
        /// What.
        price: Money,
    },
    /// Only so many are available, fewer than are in the cart.
    Shortage {
        /// Perhaps 0.
        available: u64,
    },
    /// It is not for sale any more, or for another currency than the rest, so that this cart can't buy it.
    Gone,
}

/// What is different of a cart's items, in their order.
pub fn between(items: &Items, offers: &Offers) -> Vec<Difference> {
    items.as_slice().iter().flat_map(|item| of(item, offers.get(&item.product_id))).collect()
}

fn of(item: &Item, offer: Option<&Offer>) -> Vec<Difference> {
    let different = |change| Difference { product_id: item.product_id.clone(), change };
    let Some(offer) = offer.filter(|offer| offer.price.currency() == item.unit_price.currency()) else {
        return vec![different(Change::Gone)];
    };
    let price = (offer.price != item.unit_price).then(|| different(Change::Price { price: offer.price.clone() }));
    let is_short = offer.available < item.quantity.number().into();
    let shortage = is_short.then(|| different(Change::Shortage { available: offer.available }));
    price.into_iter().chain(shortage).collect()
}
