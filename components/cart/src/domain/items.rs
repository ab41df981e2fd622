//! What is in a cart, and every rule about it: what may be put in, and what becomes of it when it is accepted, merged or bought.
//!
//! All of it has one currency, at most [`PRODUCTS_MAX`] products, and costs at most [`AMOUNT_MAX`]. A price that stands here was seen by the
//! customer: only what is new to the cart, and [`Items::accept`], takes one from an offer.

use serde::{Deserialize, Serialize};

use super::offer::{Offer, Offers};
use super::{AMOUNT_MAX, Currency, Money, OrderId, PRODUCTS_MAX, ProductId, QUANTITY_MAX, Quantity, Refusal};

/// A quantity of one product, as the customer has seen it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Item {
    /// Which product.
    pub product_id: ProductId,
    /// Grows in the order in which things were put in.
    pub place: i64,
    /// The merchant's number for it then.
    pub sku: String,
    /// Its name then.
    pub name: String,
    /// Where its picture was then.
    pub image_url: Option<String>,
    /// How many.
    pub quantity: Quantity,
    /// What one cost then.
    pub unit_price: Money,
}

/// What is in a cart, in the order in which it was put in.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Items(Vec<Item>);

/// How many of a product an order took.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bought {
    /// Which product.
    pub product_id: ProductId,
    /// How many; a cart may hold fewer by now.
    pub quantity: u32,
}

/// What an order took out of a cart.
#[derive(Clone, Debug)]
pub struct Purchase {
    /// Which order.
    pub order_id: OrderId,
    /// What; a product that stands twice was bought twice.
    pub items: Vec<Bought>,
}

/// What of a guest's cart found no room in the account's.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LeftOut {
    /// Which product.
    pub product_id: String,
    /// How many of it.
    pub quantity: u32,
}

impl Items {
    /// Takes them as they were stored, in any order.
    pub fn stored(mut items: Vec<Item>) -> Self {
        items.sort_by_key(|item| item.place);
        Self(items)
    }

    /// In the order in which they were put in.
    pub fn as_slice(&self) -> &[Item] {
        &self.0
    }

    /// Of which products.
    pub fn products(&self) -> Vec<ProductId> {
        self.0.iter().map(|item| item.product_id.clone()).collect()
    }

    /// The item of a product.
    pub fn get(&self, product: &ProductId) -> Option<&Item> {
        self.0.iter().find(|item| item.product_id == *product)
    }

    /// Of all prices; none if there is nothing.
    pub fn currency(&self) -> Option<&Currency> {
        self.0.first().map(|item| item.unit_price.currency())
    }

    /// What all of it costs; none if there is nothing.
    pub fn total(&self) -> Option<Money> {
        let currency = self.currency()?.clone();
        let total = Money::parse(self.amount(), currency);
        Some(total.expect("whatever would cost more was refused"))
    }

    /// Refuses a product for which there is no room, before anybody asks about it.
    pub fn have_room_for(&self, product: &ProductId) -> Result<(), Refusal> {
        if self.get(product).is_none() && self.0.len() >= PRODUCTS_MAX {
            return Err(Refusal::TooManyProducts);
        }
        Ok(())
    }

    /// With so many more of a product.
    pub fn add(&self, product: &ProductId, more: Quantity, offer: Option<&Offer>) -> Result<Self, Refusal> {
        let quantity = self.get(product).map_or(0, |item| item.quantity.number()) + more.number();
        let quantity = Quantity::parse(quantity.into()).map_err(|_| Refusal::TooManyOfProduct);
        self.with(product, quantity, offer)
    }

    /// With exactly so many of a product.
    pub fn set(&self, product: &ProductId, quantity: Quantity, offer: Option<&Offer>) -> Result<Self, Refusal> {
        self.with(product, Ok(quantity), offer)
    }

    /// Without a product.
    pub fn remove(&self, product: &ProductId) -> Result<Self, Refusal> {
        self.get(product).ok_or(Refusal::UnknownItem)?;
        Ok(Self(self.0.iter().filter(|item| item.product_id != *product).cloned().collect()))
    }

    /// With the prices of now, and without what can't be had, so that no difference is left.
    pub fn accept(&self, offers: &Offers) -> Result<Self, Refusal> {
        let accepted = self.0.iter().filter_map(|item| {
            let offer = offers.get(&item.product_id)?;
            let quantity = Quantity::up_to(offer.available)?.min(item.quantity);
            let is_same_currency = offer.price.currency() == item.unit_price.currency();
            is_same_currency.then(|| Item::of(offer, item.place, quantity))
        });
        Self(accepted.collect()).within_total()
    }

    /// With all of a guest's items for which there is room, after one's own; and those for which there is none. Of what is in both the
    /// account's price stands, because it is what this customer has seen when they last looked as themselves.
    pub fn merge(&self, guest: &Self) -> (Self, Vec<LeftOut>) {
        let mut merged = self.clone();
        let mut left_out = Vec::new();
        for item in &guest.0 {
            let wanted = item.quantity.number();
            let taken = merged.take_in(item);
            if taken < wanted {
                let product_id = item.product_id.as_str().to_owned();
                left_out.push(LeftOut { product_id, quantity: wanted - taken });
            }
        }
        (merged, left_out)
    }

    /// Without what was bought. What was added meanwhile stays, what is gone already is not missed.
    #[must_use]
    pub fn without(&self, bought: &[Bought]) -> Self {
        let left = self.0.iter().filter_map(|item| {
            let of_this = bought.iter().filter(|bought| bought.product_id == item.product_id);
            let taken: u64 = of_this.map(|bought| u64::from(bought.quantity)).sum();
            let quantity = Quantity::up_to(u64::from(item.quantity.number()).saturating_sub(taken))?;
            Some(Item { quantity, ..item.clone() })
        });
        Self(left.collect())
    }

    fn with(
        &self,
        product: &ProductId,
        quantity: Result<Quantity, Refusal>,
        offer: Option<&Offer>,
    ) -> Result<Self, Refusal> {
        let offer = offer.ok_or(Refusal::UnknownProduct)?;
        if let Some(currency) = self.currency().filter(|currency| *currency != offer.price.currency()) {
            return Err(Refusal::OtherCurrency(currency.clone()));
        }
        self.have_room_for(product)?;
        let quantity = quantity?;
        if offer.available < quantity.number().into() {
            return Err(Refusal::SoldOut { available: offer.available });
        }
        let mut items = self.0.clone();
        match items.iter_mut().find(|item| item.product_id == *product) {
            Some(item) => item.quantity = quantity,
            None => items.push(Item::of(offer, self.next_place(), quantity)),
        }
        Self(items).within_total()
    }

    /// Takes in what there is room for of another cart's item: how many.
    fn take_in(&mut self, item: &Item) -> u32 {
        let is_other_currency = self.currency().is_some_and(|currency| currency != item.unit_price.currency());
        if is_other_currency || self.have_room_for(&item.product_id).is_err() {
            return 0;
        }
        let present = self.get(&item.product_id);
        let unit = present.unwrap_or(item).unit_price.amount();
        let has = present.map_or(0, |present| present.quantity.number());
        // What is free takes no room in the total.
        let affordable = (AMOUNT_MAX - self.amount()).checked_div(unit).unwrap_or(i64::MAX);
        let affordable = u32::try_from(affordable).unwrap_or(QUANTITY_MAX);
        let taken = item.quantity.number().min(QUANTITY_MAX - has).min(affordable);
        let Some(quantity) = Quantity::up_to(u64::from(has + taken)).filter(|_| taken > 0) else {
            return 0;
        };
        let place = self.next_place();
        match self.0.iter_mut().find(|present| present.product_id == item.product_id) {
            Some(present) => present.quantity = quantity,
            None => self.0.push(Item { place, quantity, ..item.clone() }),
        }
        taken
    }

    fn within_total(self) -> Result<Self, Refusal> {
        if self.amount() > AMOUNT_MAX { Err(Refusal::TotalTooLarge) } else { Ok(self) }
    }

    /// At most 40 times 999 times the limit of a price: far within 64 bits.
    fn amount(&self) -> i64 {
        self.0.iter().map(|item| item.unit_price.times(item.quantity).amount()).sum()
    }

    fn next_place(&self) -> i64 {
        self.0.last().map_or(1, |item| item.place + 1)
    }
}

impl Item {
    fn of(offer: &Offer, place: i64, quantity: Quantity) -> Self {
        Self {
            product_id: offer.product_id.clone(),
            place,
            sku: offer.sku.clone(),
            name: offer.name.clone(),
            image_url: offer.image_url.clone(),
            quantity,
            unit_price: offer.price.clone(),
        }
    }
}
