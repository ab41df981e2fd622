//! `souk:product/catalog`.

use souk_database::contract::Error;
use souk_kit::component::context;
use souk_kit::database::Failure;
use souk_kit::log;

use super::Service;
use super::bindings::exports::souk::product::catalog::{Guest, Page, Product, ReadError};
use super::bindings::souk::product::types::{Money, Status};
use crate::domain::{self, ProductId};
use crate::store;

/// The most that one call may ask for: what fits one answer of the database.
pub(super) const PRODUCTS_MAX: usize = 100;

impl Guest for Service {
    async fn get(id: String) -> Result<Product, ReadError> {
        // What is no id of a product is the id of none.
        let id = ProductId::parse(id).map_err(|_| ReadError::UnknownProduct)?;
        let product = store::product(context(), &id).await?;
        product.ok_or(ReadError::UnknownProduct)?.try_into()
    }

    async fn get_many(ids: Vec<String>) -> Result<Vec<Product>, ReadError> {
        let ids = known_form(ids)?;
        let products = store::products(context(), &ids).await?;
        let of = |id: &ProductId| products.iter().find(|product| product.summary.id == *id).cloned();
        ids.iter().filter_map(of).map(Product::try_from).collect()
    }

    async fn list(after: Option<String>, limit: u32) -> Result<Page, ReadError> {
        if !(1..=PRODUCTS_MAX).contains(&(limit as usize)) {
            return Err(ReadError::Invalid(format!("limit must be from 1 to {PRODUCTS_MAX}")));
        }
        let after = after.map(ProductId::parse).transpose();
        let after = after.map_err(|reason| ReadError::Invalid(format!("after {reason}")))?;
        // One more than asked for tells whether there is a next page.
        let mut products = store::listing::walk(context(), after.as_ref(), limit + 1).await?;
        let has_more = products.len() > limit as usize;
        products.truncate(limit as usize);
        let last = products.last().map(|product| product.summary.id.as_str().to_owned());
        let products = products.into_iter().map(Product::try_from).collect::<Result<_, _>>()?;
        Ok(Page { products, next: last.filter(|_| has_more) })
    }
}

/// The ids that can be those of products. The others are left out, as unknown ones are.
pub(super) fn known_form(ids: Vec<String>) -> Result<Vec<ProductId>, ReadError> {
    if ids.len() > PRODUCTS_MAX {
        return Err(ReadError::Invalid(format!("there must be at most {PRODUCTS_MAX} ids")));
    }
    Ok(ids.into_iter().filter_map(|id| ProductId::parse(id).ok()).collect())
}

impl TryFrom<domain::Product> for Product {
    type Error = ReadError;

    fn try_from(product: domain::Product) -> Result<Self, ReadError> {
        let domain::Product { summary, description } = product;
        Ok(Self {
            id: summary.id.into_string(),
            sku: summary.sku.into_string(),
            name: summary.name.into_string(),
            description: description.into_string(),
            price: Money { amount: summary.price.amount, currency: summary.price.currency.into_string() },
            category: summary.category.into_string(),
            attributes: summary.attributes.pairs().map_err(ReadError::Other)?,
            image_url: summary.image_url.map(domain::ImageUrl::into_string),
            status: match summary.status {
                domain::Status::Draft => Status::Draft,
                domain::Status::Published => Status::Published,
            },
            version: summary.version.unsigned_abs(),
            created_at: summary.created_at,
            updated_at: summary.updated_at,
        })
    }
}

impl From<Failure> for ReadError {
    fn from(failure: Failure) -> Self {
        match unavailable_or_other(&failure) {
            (true, text) => Self::Unavailable(text),
            (false, text) => Self::Other(text),
        }
    }
}

/// Whether it helps to call again, and what the callers may know; the details are in this component's log.
pub(super) fn unavailable_or_other(failure: &Failure) -> (bool, String) {
    log::error(&failure.to_string());
    match failure {
        Failure::Stale => (true, "too many change the same products".to_owned()),
        Failure::Database(Error::Unavailable(_)) => (true, "the database can't be used now".to_owned()),
        Failure::Database(_) | Failure::Mismatch(_) => (false, "see the log of the product service".to_owned()),
    }
}
