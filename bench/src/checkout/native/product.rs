//! The product service, and the functions of `souk:product` that carts and orders call.

use axum::Router;
use product::domain::reservation::{Line, Lines, Quantity, ReservationId, ReserveRefusal, SettleRefusal};
use product::domain::reservation::{Reservation, expires_in_seconds};
use product::domain::{Product, ProductId, Status};
use product::store;
use souk_kit::context::Context;
use souk_kit::text::Invalid;

use super::function::{Fault, function};
use super::wire::{self, Offer, Reserved, Settled};

pub(super) fn router(context: &Context) -> Router {
    let functions = Router::new()
        .route(wire::OFFERS, function(offers))
        .route(wire::GET_MANY, function(get_many))
        .route(wire::RESERVE, function(reserve))
        .route(wire::COMMIT, function(commit))
        .route(wire::RELEASE, function(release))
        .route(wire::TAKE_BACK, function(take_back));
    product::http::router(context.clone()).merge(functions.with_state(context.clone()))
}

/// What is for sale of these, and how much of it.
async fn offers(context: Context, (ids,): (Vec<String>,)) -> Result<Vec<Offer>, Fault> {
    let ids = known_form(ids);
    let (products, counts) =
        tokio::try_join!(store::products(&context, &ids), store::stock::available(&context, &ids))?;
    let count = |id: &ProductId| counts.iter().find(|count| count.product_id == *id);
    let offer = |product: Product| {
        let available = count(&product.summary.id).map_or(0, |count| count.available.unsigned_abs());
        Offer { available: Some(available), ..offer(product) }
    };
    Ok(published(products).map(offer).collect())
}

async fn get_many(context: Context, (ids,): (Vec<String>,)) -> Result<Vec<Offer>, Fault> {
    Ok(published(store::products(&context, &known_form(ids)).await?).map(offer).collect())
}

/// The others are left out, as unknown ones are.
fn known_form(ids: Vec<String>) -> Vec<ProductId> {
    ids.into_iter().filter_map(|id| ProductId::parse(id).ok()).collect()
}

fn published(products: Vec<Product>) -> impl Iterator<Item = Product> {
    products.into_iter().filter(|product| product.summary.status == Status::Published)
}

fn offer(Product { summary, .. }: Product) -> Offer {
    Offer {
        product_id: summary.id.into_string(),
        sku: summary.sku.into_string(),
        name: summary.name.into_string(),
        image_url: summary.image_url.map(product::domain::ImageUrl::into_string),
        price: summary.price.amount,
        currency: summary.price.currency.into_string(),
        available: None,
    }
}

async fn reserve(
    context: Context,
    (id, quantities, seconds): (String, Vec<(String, i64)>, u32),
) -> Result<Reserved, Fault> {
    let (id, lines, seconds) = wanted(id, quantities, seconds).map_err(Fault::invalid)?;
    match store::reservation::reserve(&context, &id, &lines, seconds).await {
        Ok(_) => Ok(Reserved::Held),
        Err(ReserveRefusal::SoldOut(short)) => {
            let count = |(id, available): (ProductId, i64)| (id.into_string(), available.unsigned_abs());
            let short = short.into_iter().map(|short| (short.product_id, short.available));
            Ok(Reserved::SoldOut(short.map(count).collect()))
        }
        Err(ReserveRefusal::UnknownProduct(ids)) => {
            Ok(Reserved::UnknownProduct(ids.into_iter().map(ProductId::into_string).collect()))
        }
        Err(ReserveRefusal::Expired | ReserveRefusal::Released | ReserveRefusal::Returned) => Ok(Reserved::Gone),
        Err(ReserveRefusal::DifferentLines) => Err(Fault::invalid("the id was used for other lines".to_owned())),
        Err(ReserveRefusal::Failed(failure)) => Err(failure.into()),
    }
}

fn wanted(id: String, quantities: Vec<(String, i64)>, seconds: u32) -> Result<(ReservationId, Lines, u32), Invalid> {
    let line = |(id, quantity)| Ok(Line { product_id: ProductId::parse(id)?, quantity: Quantity::parse(quantity)? });
    let lines: Result<Vec<Line>, Invalid> = quantities.into_iter().map(line).collect();
    Ok((ReservationId::parse(id)?, Lines::of(lines?)?, expires_in_seconds(seconds.into())?))
}

async fn commit(context: Context, (id,): (String,)) -> Result<Settled, Fault> {
    let Ok(id) = ReservationId::parse(id) else { return Ok(Settled::Gone) };
    settled(store::reservation::commit(&context, &id).await)
}

async fn release(context: Context, (id,): (String,)) -> Result<Settled, Fault> {
    let Ok(id) = ReservationId::parse(id) else { return Ok(Settled::Gone) };
    settled(store::reservation::release(&context, &id).await)
}

async fn take_back(context: Context, (id,): (String,)) -> Result<Settled, Fault> {
    let Ok(id) = ReservationId::parse(id) else { return Ok(Settled::Gone) };
    settled(store::reservation::take_back(&context, &id).await)
}

fn settled(result: Result<Reservation, SettleRefusal>) -> Result<Settled, Fault> {
    match result {
        Ok(_) => Ok(Settled::Done),
        Err(
            SettleRefusal::UnknownReservation
            | SettleRefusal::Expired
            | SettleRefusal::Released
            | SettleRefusal::Returned,
        ) => Ok(Settled::Gone),
        Err(SettleRefusal::Committed) => Ok(Settled::Committed),
        Err(SettleRefusal::Held) => Err(Fault::other("it was not sold yet".to_owned())),
        Err(SettleRefusal::Failed(failure)) => Err(failure.into()),
    }
}
