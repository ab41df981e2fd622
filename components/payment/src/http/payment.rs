//! Payments over HTTP: for admins, and for the customer who wants to see one.

use axum::extract::State;
use axum::response::Response;
use http::{HeaderMap, StatusCode, Uri};
use serde_json::json;
use souk_kit::caller::{Admin, Caller, private};
use souk_kit::etag::{EntityTag, IfNoneMatch};
use souk_kit::idempotency;
use souk_kit::json::{self, Body, Fields, Input};
use souk_kit::page::Page;
use souk_kit::problem::Problem;
use souk_kit::query::Query;
use souk_kit::segment::Segment;

use super::caller::visible;
use super::refusal;
use crate::domain::ledger::is_balanced;
use crate::domain::operation::{Ask, Change, Origin, Wanted};
use crate::domain::payment::{Payment, Status};
use crate::domain::{Amount, Customer, Key, OrderId, PaymentId, Refusal};
use crate::payments::Payments;
use crate::store;
use crate::store::listing::Listing;

pub(super) async fn list(
    State(payments): State<Payments>,
    _: Admin,
    uri: Uri,
    mut query: Query,
) -> Result<Response, Problem> {
    let listing = Listing {
        page: Page::of(&mut query),
        order_id: query.optional("order_id", str::parse::<OrderId>),
        customer: query.optional("customer", str::parse::<Customer>),
        status: query.optional("status", Status::parse),
    };
    query.finish()?;
    let (found, total) = store::listing::list(&payments.context, &listing).await?;
    Ok(private(listing.page.response(&uri, total, &found)))
}

/// To whom it does not belong it does not exist.
pub(super) async fn read(
    State(payments): State<Payments>,
    caller: Caller,
    Segment(id): Segment<PaymentId>,
    seen: IfNoneMatch,
) -> Result<Response, Problem> {
    let payment = store::payment(&payments.context, &id).await?;
    let payment = payment.and_then(|payment| visible(&caller, payment)).ok_or(Refusal::UnknownPayment)?;
    let tag = EntityTag::new(format_args!("{}.{}", payment.id.as_str(), payment.version));
    Ok(private(seen.answer(tag, || json::response(StatusCode::OK, &payment))))
}

pub(super) async fn refund(
    State(payments): State<Payments>,
    _: Admin,
    Segment(payment_id): Segment<PaymentId>,
    headers: HeaderMap,
    body: Option<Body<Refund>>,
) -> Result<Response, Problem> {
    let key = idempotency::required(&headers, Key::parse)?;
    let amount = body.and_then(|Body(refund)| refund.amount);
    let wanted = Wanted::new(Origin::Http, &key, Ask::Change(payment_id, Change::Refund(amount)));
    let payment = refusal::of(payments.operate(&wanted).await?)?;
    Ok(response(&payment))
}

pub(super) async fn resolve(State(payments): State<Payments>, _: Admin) -> Result<Response, Problem> {
    let resolved = payments.resolve().await?;
    Ok(private(json::response(StatusCode::OK, &json!({"settled": resolved.settled, "open": resolved.open}))))
}

pub(super) async fn ledger(State(payments): State<Payments>, _: Admin) -> Result<Response, Problem> {
    let sums = store::ledger::sums(&payments.context).await?;
    Ok(private(json::response(StatusCode::OK, &json!({"balanced": is_balanced(&sums), "accounts": sums}))))
}

/// The body of a refund; without an amount, all that is left.
pub(super) struct Refund {
    amount: Option<Amount>,
}

impl Input for Refund {
    fn read(fields: &mut Fields) -> Option<Self> {
        fields.refused("currency", "is that of the payment");
        Some(Self { amount: fields.optional("amount", |field| field.integer(Amount::parse)) })
    }
}

fn response(payment: &Payment) -> Response {
    private(json::response(StatusCode::OK, payment))
}
