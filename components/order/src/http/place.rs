//! Placing an order: the bodies, and the answer that is the same whenever it is asked for again.

use axum::extract::State;
use axum::response::Response;
use http::header::{CONTENT_TYPE, LOCATION, RETRY_AFTER};
use http::{HeaderMap, HeaderValue, StatusCode};
use souk_kit::caller::{Caller, private};
use souk_kit::idempotency;
use souk_kit::json::{Body, Field, Fields, Input};
use souk_kit::problem::Problem;

use crate::answer::Answered;
use crate::domain::order::Form;
use crate::domain::{ForeignId, Key, LINES_MAX, MethodToken, Money, QUANTITY_MAX, TOTAL_MAX};
use crate::orders::Orders;
use crate::orders::place::{Asking, CheckOut, Purchase, Wanted};

/// How long a client is asked to wait for an order that is not settled yet.
const RETRY_AFTER_S: u32 = 2;

pub(super) async fn check_out(
    State(orders): State<Orders>,
    caller: Caller,
    headers: HeaderMap,
    Body(wanted): Body<CheckOut>,
) -> Result<Response, Problem> {
    let key = idempotency::required(&headers, Key::parse)?;
    let asking = Asking { account: caller.sub, key, form: Form::Order };
    Ok(response(orders.place(&asking, &Wanted::Cart(wanted)).await?, Form::Order))
}

/// Clients that know no carts know no keys either; without one a repetition is another purchase.
pub(super) async fn buy(
    State(orders): State<Orders>,
    caller: Caller,
    headers: HeaderMap,
    Body(wanted): Body<Purchase>,
) -> Result<Response, Problem> {
    let key = idempotency::optional(&headers, Key::parse)?;
    let key = key.unwrap_or_else(|| Key::stored(orders.context.id()));
    let asking = Asking { account: caller.sub, key, form: Form::Transaction };
    Ok(response(orders.place(&asking, &Wanted::Products(wanted)).await?, Form::Transaction))
}

fn response(answered: Answered, form: Form) -> Response {
    let status = StatusCode::from_u16(answered.status).expect("only statuses are kept");
    let media = if status.is_success() { "application/json" } else { "application/problem+json" };
    let location = form.location(answered.order_id.as_str());
    let mut response = Response::new(answered.body.into());
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(media));
    if status.is_success() {
        headers.insert(LOCATION, HeaderValue::try_from(location).expect("an id can stand in a field"));
    }
    if status == StatusCode::ACCEPTED {
        headers.insert(RETRY_AFTER, HeaderValue::from(RETRY_AFTER_S));
    }
    private(response)
}

impl Input for CheckOut {
    fn read(fields: &mut Fields) -> Option<Self> {
        fields.refused("items", "are those of the cart");
        let method = fields.required("payment_token", |field| field.text(MethodToken::parse));
        let address_id = fields.optional("address_id", |field| field.text(ForeignId::parse));
        let cart_version = fields.optional("cart_version", |field| field.integer(Ok::<_, String>));
        let total = fields.optional("total", |field| field.fields(read_money));
        Some(Self { method: method?, address_id, cart_version, total })
    }
}

fn read_money(fields: &mut Fields) -> Option<Money> {
    let amount = fields.required("amount", |field| field.integer(|amount| within(amount, 0, TOTAL_MAX)));
    let currency = fields.required("currency", |field| field.text(Ok::<_, String>));
    Some(Money { amount: amount?, currency: currency? })
}

impl Input for Purchase {
    fn read(fields: &mut Fields) -> Option<Self> {
        for name in ["total", "totalAmount", "price"] {
            fields.refused(name, "is what the products cost, and not for the client to say");
        }
        let customer_id = fields.required("customerId", |field| field.text(ForeignId::parse));
        let items =
            fields.required("items", |field| field.parsed_items(LINES_MAX, |item| item.fields(read_item), distinct));
        let method = fields.optional("paymentToken", |field| field.text(MethodToken::parse));
        Some(Self { customer_id: customer_id?, items: items?, method })
    }
}

fn read_item(fields: &mut Fields) -> Option<(ForeignId, i64)> {
    for name in ["price", "unitPrice"] {
        fields.refused(name, "is what the product costs, and not for the client to say");
    }
    let product_id = fields.required("productId", |field: Field| field.text(ForeignId::parse));
    let quantity = fields.required("quantity", |field| field.integer(|quantity| within(quantity, 1, QUANTITY_MAX)));
    Some((product_id?, quantity?))
}

/// One line for each product: which of two quantities is meant, or both, is for the client to say.
fn distinct(items: Vec<(ForeignId, i64)>) -> Result<Vec<(ForeignId, i64)>, String> {
    if items.is_empty() {
        return Err("must have at least one item".to_owned());
    }
    let twice =
        items.iter().enumerate().find(|(place, (id, _))| items.iter().take(*place).any(|(other, _)| other == id));
    match twice {
        Some((_, (id, _))) => Err(format!("must name {} once", id.as_str())),
        None => Ok(items),
    }
}

fn within(number: i64, min: i64, max: i64) -> Result<i64, String> {
    if (min..=max).contains(&number) { Ok(number) } else { Err(format!("must be from {min} to {max}")) }
}
