//! The products of the service that is linked: one call for what they are, and one for how many there are.

use std::collections::BTreeMap;

use souk_kit::component::outside::on_this_thread;
use souk_kit::text::Invalid;

use super::bindings::souk::product::catalog::{self, Product, ReadError};
use super::bindings::souk::product::inventory;
use super::bindings::souk::product::types::Status;
use crate::domain::offer::Offer;
use crate::domain::{Currency, Money, ProductId};
use crate::products::{Answer, Error, Products};

/// Whatever service the host links to `souk:product`.
pub(super) struct LinkedProducts;

impl Products for LinkedProducts {
    fn offers(&self, ids: Vec<ProductId>) -> Answer<'_, Vec<Offer>> {
        Box::pin(on_this_thread(async {
            let ids: Vec<String> = ids.into_iter().map(ProductId::into_string).collect();
            let products = catalog::get_many(ids.clone()).await?;
            let counts = inventory::available(ids).await?;
            let counts = counts.into_iter().map(|count| (count.product_id, count.available)).collect();
            let published = products.into_iter().filter(|product| product.status == Status::Published);
            let offers = published.map(|product| offer(product, &counts));
            offers.collect::<Result<_, _>>().map_err(Error::Misanswered)
        }))
    }
}

/// A product that was deleted between the two calls has no count: there is none of it.
fn offer(product: Product, counts: &BTreeMap<String, u64>) -> Result<Offer, Invalid> {
    let available = counts.get(&product.id).copied().unwrap_or(0);
    let currency = Currency::parse(product.price.currency).map_err(|reason| format!("currency {reason}"))?;
    Ok(Offer {
        product_id: ProductId::parse(product.id).map_err(|reason| format!("id {reason}"))?,
        sku: product.sku,
        name: product.name,
        image_url: product.image_url,
        price: Money::parse(product.price.amount, currency).map_err(|reason| format!("price {reason}"))?,
        available,
    })
}

impl From<ReadError> for Error {
    fn from(error: ReadError) -> Self {
        match error {
            ReadError::Unavailable(text) => Self::Unavailable(text),
            ReadError::UnknownProduct => {
                Self::Misanswered("a question about many was answered as one about one".to_owned())
            }
            ReadError::Invalid(text) | ReadError::Other(text) => Self::Misanswered(text),
        }
    }
}
