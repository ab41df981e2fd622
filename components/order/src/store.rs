//! What the service does with its database: each operation is one transaction and one function that reads as the use case.
//!
//! Statements serve every engine: `$1` parameters, text and integers, `ON CONFLICT`. An order is guarded by its version, which each transaction lets grow: of
//! two that work at the same one the second finds out and stops.

use souk_database::contract::{Step as DatabaseStep, Transaction};
use souk_kit::context::Context;
use souk_kit::database::{self, Attempt, Failure, Mismatch, Row, Sql, attempt_again, sql};
use souk_kit::time::Timestamp;

use crate::domain::order::{Form, Order, Reason, Status};
use crate::domain::saga::{LEASE_S, Saga, Step};
use crate::domain::{Address, Key, Line, Lines, MethodToken, Number, OrderId};

pub mod key;

pub mod listing;

pub mod journal;

mod events;

/// The columns of a [`Head`] of orders `o`.
const HEAD: &str = "o.id, o.number, o.account, o.customer_id, o.cart_id, o.form, o.address, o.currency, o.status, o.reason, \
    o.payment_id, o.captured, o.reservation, o.step, o.step_since, o.due_at, o.attempts, o.undo_number, \
    o.method_token, o.version, o.created_at, o.updated_at";

/// An order that is to be placed.
#[derive(Clone, Debug)]
pub struct Placement {
    /// The order, with its first step.
    pub order: Order,
    /// The cart, and its version.
    pub cart: Option<(String, i64)>,
    /// Under which key it is asked for.
    pub key: Key,
    /// What is asked for.
    pub fingerprint: String,
}

/// What came of placing an order.
#[derive(Clone, Debug)]
pub enum Placed {
    /// It is there, and whoever placed it works at it.
    Now(Box<Order>),
    /// The key was used.
    Before(key::Known),
    /// This version of the cart was bought, by this order.
    CartWasBought(OrderId),
    /// Another order has the number.
    NumberTaken,
}

/// Writes down the key, the order, and its first step: all of it or nothing.
pub async fn place(context: &Context, placement: &Placement) -> Result<Placed, Failure> {
    let Placement { order, cart, key, fingerprint } = placement;
    let mut steps = vec![key::insert(order, key, fingerprint).exactly(1), insert(order).exactly(1)];
    steps.extend(order.lines.as_slice().iter().zip(1_u32..).map(|(line, place)| insert_line(&order.id, place, line)));
    steps.push(journal::insert(order, (None, "placed")));
    steps.extend(cart.as_ref().map(|(id, version)| buy(order, id, *version)));
    match attempt_again(context.database(), Transaction { steps, events: vec![] }).await? {
        Attempt::Committed(_) => Ok(Placed::Now(Box::new(order.clone()))),
        Attempt::Unmet(0) => {
            let known = key::known(context, &order.account, key).await?;
            known.map(Placed::Before).ok_or(Failure::Stale)
        }
        Attempt::Unmet(1) => Ok(Placed::NumberTaken),
        Attempt::Unmet(_) => match bought_by(context, cart.as_ref()).await? {
            Some(by) => Ok(Placed::CartWasBought(by)),
            // That order was rejected just now.
            None => Err(Failure::Stale),
        },
    }
}

/// Writes down what an order has become, if nobody else has changed it: its columns, a line of the journal, the answer if this is the end that its customer waits
/// for, the event. None if somebody has.
pub async fn save(
    context: &Context,
    before: &Order,
    next: Order,
    what: (Option<Step>, &str),
) -> Result<Option<Order>, Failure> {
    let next = Order { version: before.version + 1, updated_at: context.now(), ..next };
    let mut steps = vec![update(&next, before.version).exactly(1), journal::insert(&next, what)];
    if before.status != next.status && matches!(next.status, Status::Paid | Status::Rejected) {
        steps.push(key::keep(&next));
    }
    // What was not bought in the end can be bought. A cart that was taken out has another version.
    if matches!(next.status, Status::Rejected | Status::Cancelled) {
        steps.push(sql("DELETE FROM carts_bought WHERE order_id = $1").bind(next.id.as_str()).anything());
    }
    let events = events::of(context, before, &next);
    match attempt_again(context.database(), Transaction { steps, events }).await? {
        Attempt::Committed(_) => Ok(Some(next)),
        Attempt::Unmet(_) => Ok(None),
    }
}

/// Takes an order up that is due. Of several who try, one does.
pub async fn claim(context: &Context, order: Order) -> Result<Option<Order>, Failure> {
    let Some(saga) = order.saga.clone() else { return Ok(None) };
    let saga = Saga { due: context.now().plus_seconds(LEASE_S), ..saga };
    let step = saga.step;
    save(context, &order.clone(), Order { saga: Some(saga), ..order }, (Some(step), "taken-up")).await
}

/// Orders with work that nobody does, longest due first.
pub async fn due(context: &Context, max: u32) -> Result<Vec<Order>, Failure> {
    let statement = sql(format!(
        "SELECT {HEAD} FROM orders o WHERE o.due_at IS NOT NULL AND o.due_at <= $1 ORDER BY o.due_at, o.id LIMIT $2"
    ))
    .bind(context.now().to_string())
    .bind(max);
    let heads = database::all(context.database(), statement, read_head).await?;
    with_lines(context, heads).await
}

/// Looks an order up.
pub async fn order(context: &Context, id: &OrderId) -> Result<Option<Order>, Failure> {
    let statement = sql(format!("SELECT {HEAD} FROM orders o WHERE o.id = $1")).bind(id.as_str());
    let heads = database::all(context.database(), statement, read_head).await?;
    Ok(with_lines(context, heads).await?.into_iter().next())
}

/// An order without its lines.
#[derive(Clone, Debug)]
struct Head {
    order: Order,
    currency: String,
}

/// Puts the lines of all of them in, with one statement.
async fn with_lines(context: &Context, heads: Vec<Head>) -> Result<Vec<Order>, Failure> {
    if heads.is_empty() {
        return Ok(Vec::new());
    }
    let places: Vec<String> = (1..=heads.len()).map(|number| format!("${number}")).collect();
    let text = format!(
        "SELECT order_id, product_id, sku, name, quantity, unit_price FROM order_lines WHERE order_id IN ({}) \
         ORDER BY order_id, line",
        places.join(", ")
    );
    let statement = heads.iter().fold(sql(text), |statement, head| statement.bind(head.order.id.as_str()));
    let lines = database::all(context.database(), statement, |row| Ok((row.text()?, read_line(row)?))).await?;
    let with = |head: Head| {
        let own = lines.iter().filter(|(order, _)| order == head.order.id.as_str()).map(|(_, line)| line.clone());
        Order { lines: Lines::stored(own.collect(), head.currency), ..head.order }
    };
    Ok(heads.into_iter().map(with).collect())
}

fn insert(order: &Order) -> Sql {
    let saga = order.saga.as_ref();
    sql("INSERT INTO orders (id, number, account, customer_id, cart_id, form, address, currency, total, status, captured, \
             reservation, step, step_since, due_at, attempts, undo_number, method_token, version, created_at, \
             updated_at) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, 'pending', 0, 1, $10, $11, $12, 0, 1, $13, 1, $11, $11) \
         ON CONFLICT (number) DO NOTHING")
    .bind(order.id.as_str())
    .bind(order.number.as_str())
    .bind(order.account.as_str())
    .bind(order.customer_id.as_deref())
    .bind(order.cart_id.as_deref())
    .bind(order.form.as_str())
    .bind(order.address.as_ref().map(json))
    .bind(order.lines.total().currency)
    .bind(order.lines.total().amount)
    .bind(saga.map(|saga| saga.step.as_str()))
    .bind(order.created_at.to_string())
    .bind(saga.map(|saga| saga.due.to_string()))
    .bind(saga.and_then(|saga| saga.method.as_ref()).map(MethodToken::as_str))
}

fn insert_line(order: &OrderId, place: u32, line: &Line) -> DatabaseStep {
    sql("INSERT INTO order_lines (order_id, line, product_id, sku, name, quantity, unit_price) \
         VALUES ($1, $2, $3, $4, $5, $6, $7)")
    .bind(order.as_str())
    .bind(place)
    .bind(line.product_id.as_str())
    .bind(line.sku.as_str())
    .bind(line.name.as_str())
    .bind(line.quantity)
    .bind(line.unit_price)
    .exactly(1)
}

fn buy(order: &Order, cart: &str, version: i64) -> DatabaseStep {
    sql("INSERT INTO carts_bought (cart_id, cart_version, order_id) VALUES ($1, $2, $3) \
         ON CONFLICT (cart_id, cart_version) DO NOTHING")
    .bind(cart)
    .bind(version)
    .bind(order.id.as_str())
    .exactly(1)
}

async fn bought_by(context: &Context, cart: Option<&(String, i64)>) -> Result<Option<OrderId>, Failure> {
    let Some((id, version)) = cart else { return Ok(None) };
    let statement = sql("SELECT order_id FROM carts_bought WHERE cart_id = $1 AND cart_version = $2");
    let statement = statement.bind(id.as_str()).bind(*version);
    Ok(database::first(context.database(), statement, Row::text).await?.map(OrderId::stored))
}

fn update(next: &Order, version: i64) -> Sql {
    let saga = next.saga.as_ref();
    sql("UPDATE orders SET status = $3, reason = $4, payment_id = $5, captured = $6, reservation = $7, step = $8, \
             step_since = $9, due_at = $10, attempts = $11, undo_number = $12, method_token = $13, \
             version = version + 1, updated_at = $14 \
         WHERE id = $1 AND version = $2")
    .bind(next.id.as_str())
    .bind(version)
    .bind(next.status.as_str())
    .bind(next.reason.as_ref().map(json))
    .bind(next.payment_id.as_deref())
    .bind(i64::from(next.is_captured))
    .bind(next.reservation)
    .bind(saga.map(|saga| saga.step.as_str()))
    .bind(saga.map(|saga| saga.since.to_string()))
    .bind(saga.map(|saga| saga.due.to_string()))
    .bind(saga.map_or(0, |saga| saga.attempts))
    .bind(saga.map_or(1, |saga| saga.undo_number))
    .bind(saga.and_then(|saga| saga.method.as_ref()).map(MethodToken::as_str))
    .bind(next.updated_at.to_string())
}

fn json(value: &impl serde::Serialize) -> String {
    serde_json::to_string(value).expect("a service's own records serialise")
}

fn read_head(row: &mut Row) -> Result<Head, Mismatch> {
    let id = OrderId::stored(row.text()?);
    let number = Number::stored(row.text()?);
    let (account, customer_id, cart_id) = (row.text()?, row.optional_text()?, row.optional_text()?);
    let form = row.parsed(|text| Form::parse(&text))?;
    let address = read_json::<Address>(row, 6)?;
    let currency = row.text()?;
    let status = row.parsed(|text| Status::parse(&text))?;
    let reason = read_json::<Reason>(row, 9)?;
    let payment_id = row.optional_text()?;
    let is_captured = row.integer()? == 1;
    let reservation = read_count(row, 12)?;
    let saga = read_saga(row)?;
    let version = row.integer()?;
    let created_at = read_moment(row)?;
    let updated_at = read_moment(row)?;
    let lines = Lines::stored(Vec::new(), String::new());
    let order = Order {
        id,
        number,
        account,
        customer_id,
        cart_id,
        form,
        lines,
        address,
        status,
        reason,
        payment_id,
        is_captured,
        reservation,
        saga,
        version,
        created_at,
        updated_at,
    };
    Ok(Head { order, currency })
}

/// Six columns.
fn read_saga(row: &mut Row) -> Result<Option<Saga>, Mismatch> {
    let (step, since, due) = (row.optional_text()?, row.optional_text()?, row.optional_text()?);
    let (attempts, undo_number) = (read_count(row, 16)?, read_count(row, 17)?);
    let method = row.optional_text()?.map(MethodToken::stored);
    let (Some(step), Some(since), Some(due)) = (step, since, due) else { return Ok(None) };
    let mismatch = |column: usize| move |expected: String| Mismatch { column, expected };
    Ok(Some(Saga {
        step: Step::parse(&step).map_err(mismatch(13))?,
        since: Timestamp::parse(&since).map_err(|expected| mismatch(14)(expected.to_owned()))?,
        due: Timestamp::parse(&due).map_err(|expected| mismatch(15)(expected.to_owned()))?,
        attempts,
        undo_number,
        method,
    }))
}

fn read_line(row: &mut Row) -> Result<Line, Mismatch> {
    Ok(Line {
        product_id: row.text()?,
        sku: row.text()?,
        name: row.text()?,
        quantity: row.integer()?,
        unit_price: row.integer()?,
    })
}

fn read_moment(row: &mut Row) -> Result<Timestamp, Mismatch> {
    row.parsed(|text| Timestamp::parse(&text))
}

fn read_count(row: &mut Row, column: usize) -> Result<u32, Mismatch> {
    let count = row.integer()?;
    u32::try_from(count).map_err(|_| Mismatch { column, expected: "a count".to_owned() })
}

fn read_json<T: serde::de::DeserializeOwned>(row: &mut Row, column: usize) -> Result<Option<T>, Mismatch> {
    let text = row.optional_text()?;
    let read = text.map(|text| serde_json::from_str(&text)).transpose();
    read.map_err(|error| Mismatch { column, expected: error.to_string() })
}
