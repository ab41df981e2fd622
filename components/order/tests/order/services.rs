//! The services that an order needs: the real ones, each natively on a fresh database of its own, behind one clock. Their errors are told as
//! `component/linked.rs` tells those of the contracts.

use std::fmt;
use std::sync::Arc;

use axum::Router;
use cart::carts::Carts;
use cart::domain::offer::Offer;
use cart::products::{Error as NotTold, Products};
use order::domain::{Address, Availability, CartDifference, Line, Money, OrderId};
use order::others::{
    Answer, Authorization, Authorized, Captured, Cart, Committed, Found, NoAnswer, Others, Product, Refunded, Reserved,
    Voided,
};
use payment::domain::operation::{self, Ask, Change, Origin, Outcome, Wanted};
use payment::domain::payment::{Conflict, DeclineReason};
use payment::domain::{self as of_payment, PaymentId};
use payment::payments::Payments;
use payment::provider::simulator::Simulator;
use product::domain::reservation::{self, Quantity, ReservationId, ReserveRefusal, SettleRefusal};
use product::domain::{self as of_product, ProductId};
use product::store::{self as stock};
use souk_kit::context::Context;
use souk_kit::native::{CountedIds, SetClock};
use souk_kit::text::Invalid;
use souk_test_services::database::Fresh;

/// One of them: its database and its routes.
#[derive(Clone)]
pub(crate) struct Service {
    pub(crate) context: Context,
    pub(crate) router: Router,
    _database: Arc<Fresh>,
}

/// All of them.
#[derive(Clone)]
pub(crate) struct Services {
    pub(crate) product: Service,
    pub(crate) customer: Service,
    pub(crate) payment: Service,
    pub(crate) payments: Payments,
    pub(crate) cart: Service,
    carts: Carts,
}

impl Service {
    async fn open(
        name: &str,
        migrations: &[(&str, &str)],
        clock: &SetClock,
        router: impl FnOnce(&Context) -> Router,
    ) -> Self {
        let (database, fresh) = Fresh::open(name, migrations).await;
        let context = Context::new(database, clock.clone(), CountedIds::default());
        Self { router: router(&context), context, _database: Arc::new(fresh) }
    }
}

impl Services {
    pub(crate) async fn open(clock: &SetClock) -> Self {
        let of_product = |context: &Context| product::http::router(context.clone());
        let product = Service::open("product", product::MIGRATIONS, clock, of_product).await;
        let of_customer = |context: &Context| customer::http::router(context.clone());
        let customer = Service::open("customer", customer::MIGRATIONS, clock, of_customer).await;
        let payments = |context: &Context| Payments::new(context.clone(), Simulator::new(context.clone()));
        let of_payment = |context: &Context| payment::http::router(payments(context));
        let payment = Service::open("payment", payment::MIGRATIONS, clock, of_payment).await;
        let carts = |context: &Context| Carts::new(context.clone(), Catalog(product.context.clone()));
        let of_cart = |context: &Context| cart::http::router(carts(context));
        let cart = Service::open("cart", cart::MIGRATIONS, clock, of_cart).await;
        Self { payments: payments(&payment.context), carts: carts(&cart.context), product, customer, payment, cart }
    }

    async fn operate(&self, key: String, ask: Ask) -> Result<operation::Answer, NoAnswer> {
        let key = of_payment::Key::parse(key).map_err(none)?;
        self.payments.operate(&Wanted::new(Origin::Component, &key, ask)).await.map_err(none)
    }

    async fn change(&self, key: String, payment_id: &str, change: Change) -> Result<Outcome, NoAnswer> {
        let payment_id = PaymentId::parse(payment_id.to_owned()).map_err(none)?;
        Ok(self.operate(key, Ask::Change(payment_id, change)).await?.outcome)
    }
}

impl Others for Services {
    fn cart<'a>(&'a self, account: &'a str) -> Answer<'a, Option<Cart>> {
        Box::pin(async {
            match self.carts.of_account(account.to_owned()).await {
                Ok((cart, differences)) => Ok(Some(cart_of(cart, differences))),
                Err(cart::domain::Refusal::NoCart | cart::domain::Refusal::UnknownCart) => Ok(None),
                Err(refusal) => Err(none(refusal)),
            }
        })
    }

    fn take_out<'a>(&'a self, account: &'a str, order: &'a OrderId, quantities: Vec<(String, i64)>) -> Answer<'a, ()> {
        Box::pin(async {
            let small = |quantity| u32::try_from(quantity).expect("a quantity is at most 10,000");
            let bought = quantities.into_iter().map(|(product_id, quantity)| (product_id, small(quantity))).collect();
            match self.carts.take_out(account.to_owned(), order.as_str().to_owned(), bought).await {
                Ok(()) | Err(cart::domain::Refusal::NoCart) => Ok(()),
                Err(refusal) => Err(none(refusal)),
            }
        })
    }

    fn products(&self, ids: Vec<String>) -> Answer<'_, Vec<Product>> {
        Box::pin(async {
            let ids: Vec<_> = ids.into_iter().filter_map(|id| ProductId::parse(id).ok()).collect();
            let found = stock::products(&self.product.context, &ids).await.map_err(none)?;
            let summaries = found.into_iter().map(|found| found.summary);
            Ok(summaries.filter(|found| found.status == of_product::Status::Published).map(product_of).collect())
        })
    }

    fn customer<'a>(&'a self, account: &'a str) -> Answer<'a, Option<String>> {
        Box::pin(async {
            match customer::profiles::of_account(&self.customer.context, account.to_owned()).await {
                Ok(profile) => Ok(Some(profile.id.into_string())),
                Err(customer::domain::Refusal::UnknownCustomer) => Ok(None),
                Err(refusal) => Err(none(refusal)),
            }
        })
    }

    fn address<'a>(&'a self, account: &'a str, id: Option<String>) -> Answer<'a, Found> {
        Box::pin(async {
            let is_named = id.is_some();
            match customer::profiles::address(&self.customer.context, account.to_owned(), id).await {
                Ok(address) => Ok(Found::Address(address_of(address.details))),
                Err(customer::domain::Refusal::UnknownAddress) => Ok(Found::Unknown),
                Err(customer::domain::Refusal::UnknownCustomer) if is_named => Ok(Found::Unknown),
                Err(customer::domain::Refusal::UnknownCustomer | customer::domain::Refusal::NoAddress) => {
                    Ok(Found::None)
                }
                Err(refusal) => Err(none(refusal)),
            }
        })
    }

    fn reserve<'a>(&'a self, id: &'a str, quantities: Vec<(String, i64)>, seconds: u32) -> Answer<'a, Reserved> {
        Box::pin(async move {
            let (id, lines) = (reservation_id(id)?, lines(quantities).map_err(none)?);
            match stock::reservation::reserve(&self.product.context, &id, &lines, seconds).await {
                Ok(_) => Ok(Reserved::Held),
                Err(ReserveRefusal::SoldOut(short)) => {
                    Ok(Reserved::SoldOut(short.into_iter().map(availability).collect()))
                }
                Err(ReserveRefusal::UnknownProduct(ids)) => {
                    Ok(Reserved::UnknownProduct(ids.into_iter().map(ProductId::into_string).collect()))
                }
                Err(ReserveRefusal::Expired | ReserveRefusal::Released | ReserveRefusal::Returned) => {
                    Ok(Reserved::Gone)
                }
                Err(refusal) => Err(none(refusal)),
            }
        })
    }

    fn commit<'a>(&'a self, id: &'a str) -> Answer<'a, Committed> {
        Box::pin(async {
            match stock::reservation::commit(&self.product.context, &reservation_id(id)?).await {
                Ok(_) => Ok(Committed::Done),
                Err(
                    SettleRefusal::UnknownReservation
                    | SettleRefusal::Expired
                    | SettleRefusal::Released
                    | SettleRefusal::Returned,
                ) => Ok(Committed::Gone),
                Err(refusal) => Err(none(refusal)),
            }
        })
    }

    fn release<'a>(&'a self, id: &'a str) -> Answer<'a, ()> {
        Box::pin(async {
            let id = reservation_id(id)?;
            match stock::reservation::release(&self.product.context, &id).await {
                Ok(_)
                | Err(
                    SettleRefusal::UnknownReservation
                    | SettleRefusal::Expired
                    | SettleRefusal::Released
                    | SettleRefusal::Returned,
                ) => Ok(()),
                Err(SettleRefusal::Committed) => {
                    stock::reservation::take_back(&self.product.context, &id).await.map(drop).map_err(none)
                }
                Err(refusal) => Err(none(refusal)),
            }
        })
    }

    fn authorize<'a>(&'a self, key: String, wanted: Authorization<'a>) -> Answer<'a, Authorized> {
        Box::pin(async move {
            // What the payment service does not take has no effect, now or later.
            let Ok(ask) = ask(&wanted) else { return Ok(Authorized::Failed) };
            let answer = self.operate(key, Ask::Authorize(ask)).await?;
            Ok(match answer.outcome {
                Outcome::Done => Authorized::Held(answer.payment.id.into_string()),
                Outcome::Declined => {
                    let reason = answer.payment.state.decline_reason();
                    Authorized::Declined(reason.unwrap_or(DeclineReason::Declined).as_str().to_owned())
                }
                Outcome::Refused(_) | Outcome::Failed => Authorized::Failed,
            })
        })
    }

    fn find<'a>(&'a self, order: &'a OrderId) -> Answer<'a, Option<String>> {
        Box::pin(async {
            let order = of_payment::OrderId::parse(order.as_str().to_owned()).map_err(none)?;
            let found = payment::store::of_order(&self.payment.context, &order).await.map_err(none)?;
            Ok(found.into_iter().map(|payment| payment.id.into_string()).next())
        })
    }

    fn capture<'a>(&'a self, key: String, payment_id: &'a str) -> Answer<'a, Captured> {
        Box::pin(async move {
            Ok(match self.change(key, payment_id, Change::Capture(None)).await? {
                Outcome::Done | Outcome::Refused(Conflict::AlreadyCaptured) => Captured::Done,
                Outcome::Refused(_) | Outcome::Failed | Outcome::Declined => Captured::Failed,
            })
        })
    }

    fn void<'a>(&'a self, key: String, payment_id: &'a str) -> Answer<'a, Voided> {
        Box::pin(async move {
            Ok(match self.change(key, payment_id, Change::Void).await? {
                Outcome::Done | Outcome::Refused(Conflict::AlreadyVoided | Conflict::NotAuthorized) => Voided::Done,
                Outcome::Refused(Conflict::AlreadyCaptured) => Voided::WasCaptured,
                Outcome::Refused(_) | Outcome::Failed | Outcome::Declined => Voided::Failed,
            })
        })
    }

    fn refund<'a>(&'a self, key: String, payment_id: &'a str) -> Answer<'a, Refunded> {
        Box::pin(async move {
            Ok(match self.change(key, payment_id, Change::Refund(None)).await? {
                Outcome::Done | Outcome::Refused(Conflict::AlreadyRefunded) => Refunded::Done,
                Outcome::Refused(Conflict::NothingCaptured) => Refunded::WasNotCaptured,
                Outcome::Refused(_) | Outcome::Failed | Outcome::Declined => Refunded::Failed,
            })
        })
    }
}

fn none(error: impl fmt::Debug) -> NoAnswer {
    NoAnswer(format!("{error:?}"))
}

fn cart_of(cart: cart::store::Cart, differences: Vec<cart::domain::difference::Difference>) -> Cart {
    let line = |item: &cart::domain::items::Item| {
        let line = Line {
            product_id: item.product_id.as_str().to_owned(),
            sku: item.sku.clone(),
            name: item.name.clone(),
            quantity: item.quantity.number().into(),
            unit_price: item.unit_price.amount(),
        };
        (line, item.unit_price.currency().as_str().to_owned())
    };
    Cart {
        lines: cart.items.as_slice().iter().map(line).collect(),
        id: cart.id.into_string(),
        version: cart.version,
        differences: differences.into_iter().map(difference).collect(),
    }
}

fn difference(difference: cart::domain::difference::Difference) -> CartDifference {
    let product_id = difference.product_id.into_string();
    match difference.change {
        cart::domain::difference::Change::Price { price } => {
            let price = Money { amount: price.amount(), currency: price.currency().as_str().to_owned() };
            CartDifference::Price { product_id, price }
        }
        cart::domain::difference::Change::Shortage { available } => CartDifference::Shortage { product_id, available },
        cart::domain::difference::Change::Gone => CartDifference::Gone { product_id },
    }
}

fn product_of(product: of_product::Summary) -> Product {
    let price = Money { amount: product.price.amount, currency: product.price.currency.into_string() };
    Product { id: product.id.into_string(), sku: product.sku.into_string(), name: product.name.into_string(), price }
}

fn address_of(address: customer::domain::address::Details) -> Address {
    Address {
        recipient: address.recipient.into_string(),
        lines: address.lines.into_strings(),
        postal_code: address.postal_code.map(customer::domain::address::PostalCode::into_string),
        city: address.city.into_string(),
        region: address.region.map(customer::domain::address::Line::into_string),
        country: address.country.into_string(),
    }
}

fn reservation_id(id: &str) -> Result<ReservationId, NoAnswer> {
    ReservationId::parse(id.to_owned()).map_err(none)
}

fn lines(quantities: Vec<(String, i64)>) -> Result<reservation::Lines, Invalid> {
    let line = |(product_id, quantity)| {
        Ok(reservation::Line { product_id: ProductId::parse(product_id)?, quantity: Quantity::parse(quantity)? })
    };
    reservation::Lines::of(quantities.into_iter().map(line).collect::<Result<Vec<_>, Invalid>>()?)
}

fn availability(availability: reservation::Availability) -> Availability {
    let available = availability.available.unsigned_abs();
    Availability { product_id: availability.product_id.into_string(), available }
}

fn ask(wanted: &Authorization<'_>) -> Result<operation::Authorization, Invalid> {
    Ok(operation::Authorization {
        order_id: of_payment::OrderId::parse(wanted.order.as_str().to_owned())?,
        customer: of_payment::Customer::parse(wanted.account.to_owned())?,
        money: of_payment::Money {
            amount: of_payment::Amount::parse(wanted.money.amount)?,
            currency: of_payment::Currency::parse(wanted.money.currency.clone())?,
        },
        method: of_payment::MethodToken::parse(wanted.method.as_str().to_owned())?,
    })
}

/// The products, as the service `cart` asks about them.
struct Catalog(Context);

impl Products for Catalog {
    fn offers(&self, ids: Vec<cart::domain::ProductId>) -> cart::products::Answer<'_, Vec<Offer>> {
        Box::pin(async {
            let ids: Vec<_> = ids.into_iter().map(|id| ProductId::stored(id.into_string())).collect();
            let unavailable = |failure: souk_kit::database::Failure| NotTold::Unavailable(failure.to_string());
            let found = stock::products(&self.0, &ids).await.map_err(unavailable)?;
            let on_sale = found.into_iter().map(|found| found.summary);
            Ok(on_sale.filter(|found| found.status == of_product::Status::Published).map(offer).collect())
        })
    }
}

fn offer(product: of_product::Summary) -> Offer {
    let currency = cart::domain::Currency::stored(product.price.currency.as_str().to_owned());
    Offer {
        available: product.for_sale().unsigned_abs(),
        product_id: cart::domain::ProductId::stored(product.id.into_string()),
        sku: product.sku.into_string(),
        name: product.name.into_string(),
        image_url: product.image_url.map(of_product::ImageUrl::into_string),
        price: cart::domain::Money::parse(product.price.amount, currency).expect("the limits are the same"),
    }
}
