//! The cart service, the functions of `souk:cart` that orders call, and the products that it asks about over HTTP itself.

use axum::Router;
use cart::carts::Carts;
use cart::domain::difference::{Change as Differs, Difference};
use cart::domain::items;
use cart::domain::offer::Offer;
use cart::domain::{Currency, Money, ProductId, Refusal};
use cart::products::{Answer, Error, Products};
use http::StatusCode;
use souk_kit::context::Context;
use souk_kit::text::Invalid;

use super::function::{Fault, function};
use super::peer::{NoResult, Peer};
use super::wire::{self, Cart, Change, Item};

pub(super) fn router(context: Context, product: Peer) -> Router {
    let carts = Carts::new(context, Asked(product));
    let functions =
        Router::new().route(wire::OF_ACCOUNT, function(of_account)).route(wire::TAKE_OUT, function(take_out));
    cart::http::router(carts.clone()).merge(functions.with_state(carts))
}

async fn of_account(carts: Carts, (account,): (String,)) -> Result<Option<Cart>, Fault> {
    match carts.of_account(account).await {
        Ok((cart, differences)) => Ok(Some(Cart {
            id: cart.id.into_string(),
            version: cart.version,
            items: cart.items.as_slice().iter().map(Item::from).collect(),
            differences: differences.into_iter().map(differs).collect(),
        })),
        Err(Refusal::NoCart | Refusal::UnknownCart) => Ok(None),
        Err(refusal) => Err(refusal.into()),
    }
}

async fn take_out(
    carts: Carts,
    (account, order, quantities): (String, String, Vec<(String, u32)>),
) -> Result<(), Fault> {
    match carts.take_out(account, order, quantities).await {
        Ok(()) | Err(Refusal::NoCart | Refusal::UnknownCart) => Ok(()),
        Err(refusal) => Err(refusal.into()),
    }
}

fn differs(Difference { product_id, change }: Difference) -> (String, Change) {
    let change = match change {
        Differs::Price { price } => {
            Change::Price { amount: price.amount(), currency: price.currency().as_str().to_owned() }
        }
        Differs::Shortage { available } => Change::Shortage(available),
        Differs::Gone => Change::Gone,
    };
    (product_id.into_string(), change)
}

impl From<&items::Item> for Item {
    fn from(item: &items::Item) -> Self {
        Self {
            product_id: item.product_id.as_str().to_owned(),
            sku: item.sku.clone(),
            name: item.name.clone(),
            quantity: item.quantity.number(),
            price: item.unit_price.amount(),
            currency: item.unit_price.currency().as_str().to_owned(),
        }
    }
}

impl From<Refusal> for Fault {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::Invalid(text) => Self::invalid(text),
            Refusal::ProductsUnavailable(text) => Self::unavailable(text),
            Refusal::Failed(failure) => failure.into(),
            refusal => Self::other(format!("{refusal:?}")),
        }
    }
}

/// The product service.
struct Asked(Peer);

impl Products for Asked {
    fn offers(&self, ids: Vec<ProductId>) -> Answer<'_, Vec<Offer>> {
        Box::pin(async move {
            let offers: Vec<wire::Offer> = self.0.call(wire::OFFERS, &(ids,)).await?;
            offers.into_iter().map(offer).collect::<Result<_, _>>().map_err(Error::Misanswered)
        })
    }
}

fn offer(offer: wire::Offer) -> Result<Offer, Invalid> {
    Ok(Offer {
        product_id: ProductId::parse(offer.product_id)?,
        sku: offer.sku,
        name: offer.name,
        image_url: offer.image_url,
        price: Money::parse(offer.price, Currency::parse(offer.currency)?)?,
        available: offer.available.unwrap_or_default(),
    })
}

impl From<NoResult> for Error {
    fn from(NoResult { status, text }: NoResult) -> Self {
        match status {
            None | Some(StatusCode::SERVICE_UNAVAILABLE) => Self::Unavailable(text),
            Some(_) => Self::Misanswered(text),
        }
    }
}
