//! What the product service says of a product now, as far as a cart is concerned.

use super::{Money, ProductId};

/// A product that is for sale.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Offer {
    /// Which product.
    pub product_id: ProductId,
    /// The merchant's number for it.
    pub sku: String,
    /// One line of plain text.
    pub name: String,
    /// Where its picture is.
    pub image_url: Option<String>,
    /// What one costs.
    pub price: Money,
    /// How many somebody could buy now.
    pub available: u64,
}

/// What was asked about, and what of it is for sale.
#[derive(Clone, Debug, Default)]
pub struct Offers {
    asked: Vec<ProductId>,
    offers: Vec<Offer>,
}

impl Offers {
    /// The answer to a question about these products.
    pub fn of(asked: Vec<ProductId>, offers: Vec<Offer>) -> Self {
        Self { asked, offers }
    }

    /// Whether it tells about all of these.
    pub fn covers(&self, products: &[ProductId]) -> bool {
        products.iter().all(|product| self.asked.contains(product))
    }

    /// The offer of a product; none if it is not for sale.
    pub fn get(&self, product: &ProductId) -> Option<&Offer> {
        self.offers.iter().find(|offer| offer.product_id == *product)
    }
}
