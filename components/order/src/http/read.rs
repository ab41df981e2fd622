//! Orders to read: one's own, and for admins all.

use axum::extract::State;
use axum::response::Response;
use http::{StatusCode, Uri};
use serde_json::json;
use souk_kit::caller::{Admin, Caller, private};
use souk_kit::etag::{EntityTag, IfNoneMatch};
use souk_kit::json;
use souk_kit::page::Page;
use souk_kit::problem::Problem;
use souk_kit::query::Query;
use souk_kit::segment::Segment;
use souk_kit::time::Timestamp;

use crate::answer::{Written, written};
use crate::domain::Number;
use crate::domain::OrderId;
use crate::domain::order::{Form, Order, Status};
use crate::orders::Orders;
use crate::store::{self, listing::Listing};

pub(super) async fn list(
    State(orders): State<Orders>,
    caller: Caller,
    uri: Uri,
    query: Query,
) -> Result<Response, Problem> {
    listed(&orders, &caller, &uri, query, Form::Order).await
}

pub(super) async fn transactions(
    State(orders): State<Orders>,
    caller: Caller,
    uri: Uri,
    query: Query,
) -> Result<Response, Problem> {
    listed(&orders, &caller, &uri, query, Form::Transaction).await
}

async fn listed(
    orders: &Orders,
    caller: &Caller,
    uri: &Uri,
    mut query: Query,
    form: Form,
) -> Result<Response, Problem> {
    let moment = |text: &str| Timestamp::parse(text);
    let account = if caller.is_admin() {
        query.optional("account", |text| Ok::<_, String>(text.to_owned()))
    } else {
        Some(caller.sub.clone())
    };
    let listing = Listing {
        page: Page::of(&mut query),
        account,
        status: query.optional("status", Status::parse),
        number: query.optional("number", Number::parse),
        from: query.optional("from", moment),
        before: query.optional("before", moment),
    };
    query.finish()?;
    let (found, total) = store::listing::list(&orders.context, &listing).await?;
    let found: Vec<Written<'_>> = found.iter().map(|order| written(order, form)).collect();
    Ok(private(listing.page.response(uri, total, &found)))
}

pub(super) async fn order(
    State(orders): State<Orders>,
    caller: Caller,
    Segment(id): Segment<OrderId>,
    seen: IfNoneMatch,
) -> Result<Response, Problem> {
    one(&orders, &caller, &id, &seen, Form::Order).await
}

pub(super) async fn transaction(
    State(orders): State<Orders>,
    caller: Caller,
    Segment(id): Segment<OrderId>,
    seen: IfNoneMatch,
) -> Result<Response, Problem> {
    one(&orders, &caller, &id, &seen, Form::Transaction).await
}

async fn one(
    orders: &Orders,
    caller: &Caller,
    id: &OrderId,
    seen: &IfNoneMatch,
    form: Form,
) -> Result<Response, Problem> {
    let order = orders.order(id, |order| sees(caller, order)).await?;
    let tag = EntityTag::new(format_args!("{}.{}", form.as_str(), order.version));
    Ok(private(seen.answer(tag, || json::response(StatusCode::OK, &written(&order, form)))))
}

pub(super) async fn journal(
    State(orders): State<Orders>,
    _: Admin,
    Segment(id): Segment<OrderId>,
) -> Result<Response, Problem> {
    let order = orders.order(&id, |_| true).await?;
    let entries = store::journal::entries(&orders.context, &order.id).await?;
    Ok(private(json::response(StatusCode::OK, &json!({"items": entries}))))
}

/// To whom it does not belong it does not exist.
pub(super) fn sees(caller: &Caller, order: &Order) -> bool {
    caller.is_admin() || caller.sub == order.account
}
