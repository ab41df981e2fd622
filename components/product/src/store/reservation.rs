//! Setting quantities aside, selling them, giving them back.
//!
//! The guard against selling twice is one row update: `held + quantity` only where `stock - held` is enough. All else
//! in here is about saying the right thing when it is not.

use std::collections::BTreeMap;

use serde_json::json;
use souk_database::contract::{Event, Step, Transaction};
use souk_kit::context::Context;
use souk_kit::database::{self, Attempt, Failure, Sql, sql};
use souk_kit::event;
use souk_kit::time::Timestamp;

use super::stock::{self, ATTEMPTS_MAX};
use super::{attempt_to_write, products};
use crate::domain::reservation::{
    Availability, Line, Lines, Quantity, Reservation, ReservationId, ReserveRefusal, Reserved, SettleRefusal, State,
};
use crate::domain::{ProductId, Status};

/// Sets all lines aside, or none. Under an id that was used for the same lines it answers what became of them.
pub async fn reserve(
    context: &Context,
    id: &ReservationId,
    lines: &Lines,
    expires_in_seconds: u32,
) -> Result<Reserved, ReserveRefusal> {
    let wanted = Reservation {
        id: id.clone(),
        lines: lines.clone(),
        state: State::Held,
        expires_at: context.now().plus_seconds(expires_in_seconds).to_string(),
    };
    for _ in 0..ATTEMPTS_MAX {
        match attempt_to_write(context, hold(context, &wanted)).await? {
            Attempt::Committed(_) => return Ok(Reserved::New(wanted)),
            Attempt::Unmet(0) => {
                if let Some(known) = reservation(context, id).await? {
                    return known.reserve_again(lines).map(Reserved::Known);
                }
            }
            Attempt::Unmet(_) => refuse_if_short(context, lines).await?,
        }
        // Nothing is short any more: somebody gave something back in between.
    }
    Err(ReserveRefusal::Failed(Failure::Stale))
}

/// Takes the quantities out of stock for good.
pub async fn commit(context: &Context, id: &ReservationId) -> Result<Reservation, SettleRefusal> {
    for _ in 0..ATTEMPTS_MAX {
        let held = reservation(context, id).await?.ok_or(SettleRefusal::UnknownReservation)?;
        if !held.can_commit()? {
            return Ok(held);
        }
        let stocks = stock::counts(context, &held.lines.product_ids()).await?.into_iter().collect();
        if let Attempt::Committed(_) = attempt_to_write(context, sell(context, &held, &stocks)).await? {
            return Ok(Reservation { state: State::Committed, ..held });
        }
        // It was settled meanwhile, or a stock crossed the threshold: look again.
    }
    Err(SettleRefusal::Failed(Failure::Stale))
}

/// Gives the quantities back.
pub async fn release(context: &Context, id: &ReservationId) -> Result<Reservation, SettleRefusal> {
    for _ in 0..ATTEMPTS_MAX {
        let held = reservation(context, id).await?.ok_or(SettleRefusal::UnknownReservation)?;
        if !held.can_release()? {
            return Ok(held);
        }
        if let Attempt::Committed(_) = attempt_to_write(context, give_back(context, &held)).await? {
            return Ok(Reservation { state: State::Released, ..held });
        }
    }
    Err(SettleRefusal::Failed(Failure::Stale))
}

/// Puts what was sold back into stock.
pub async fn take_back(context: &Context, id: &ReservationId) -> Result<Reservation, SettleRefusal> {
    for _ in 0..ATTEMPTS_MAX {
        let sold = reservation(context, id).await?.ok_or(SettleRefusal::UnknownReservation)?;
        if !sold.can_take_back()? {
            return Ok(sold);
        }
        // A product that was deleted since has no stock to go back into.
        let stocks = stock::counts(context, &sold.lines.product_ids()).await?.into_iter().collect();
        if let Attempt::Committed(_) = attempt_to_write(context, put_back(context, &sold, &stocks)).await? {
            return Ok(Reservation { state: State::Returned, ..sold });
        }
    }
    Err(SettleRefusal::Failed(Failure::Stale))
}

/// Looks a reservation up, as it stands now.
pub async fn reservation(context: &Context, id: &ReservationId) -> Result<Option<Reservation>, Failure> {
    let statement = sql("SELECT CASE WHEN r.returned_at IS NULL THEN r.state ELSE 'returned' END, r.expires_at, l.product_id, l.quantity \
         FROM reservations r JOIN reservation_lines l ON l.reservation_id = r.id WHERE r.id = $1")
    .bind(id.as_str());
    let rows = database::all(context.database(), statement, |row| {
        let (state, expires_at) = (row.text()?, row.text()?);
        let line = Line { product_id: ProductId::stored(row.text()?), quantity: Quantity::stored(row.integer()?) };
        Ok((state, expires_at, line))
    });
    let rows = rows.await?;
    let Some((state, expires_at, _)) = rows.first() else {
        return Ok(None);
    };
    let state = match state.as_str() {
        "committed" => State::Committed,
        "released" => State::Released,
        "returned" => State::Returned,
        // Text of one width: the order of text is the order of time.
        _ if *expires_at <= context.now().to_string() => State::Expired,
        _ => State::Held,
    };
    let expires_at = expires_at.clone();
    let lines = Lines::stored(rows.into_iter().map(|(_, _, line)| line).collect());
    Ok(Some(Reservation { id: id.clone(), lines, state, expires_at }))
}

/// Step 0 fails if the id is known, any other if a product is unknown or sold out.
fn hold(context: &Context, wanted: &Reservation) -> Transaction {
    let now = context.now();
    let mut steps = vec![insert(wanted, now).exactly(1)];
    for line in wanted.lines.as_slice() {
        let id = &line.product_id;
        let lock_if_published =
            sql("UPDATE products SET stock_version = stock_version + 1 WHERE id = $1 AND status = $2")
                .bind(id.as_str())
                .bind(Status::Published.as_str());
        let hold_if_enough = sql("UPDATE products SET held = held + $2 WHERE id = $1 AND stock - held >= $2")
            .bind(id.as_str())
            .bind(line.quantity.number());
        steps.push(lock_if_published.exactly(1));
        steps.extend(stock::sweep(id, now));
        steps.push(hold_if_enough.exactly(1));
    }
    steps.push(insert_lines(wanted));
    let data = json!({"id": wanted.id, "lines": wanted.lines, "expires_at": wanted.expires_at});
    Transaction { steps, events: vec![occurred(context, "reservation.held", wanted, &data)] }
}

fn sell(context: &Context, held: &Reservation, stocks: &BTreeMap<ProductId, i64>) -> Transaction {
    let mut steps = vec![settle(held, "committed", context.now()).exactly(1)];
    let mut events = vec![settled(context, "reservation.committed", held)];
    for line in held.lines.as_slice() {
        let (id, quantity) = (&line.product_id, line.quantity.number());
        let crossing = stocks.get(id).is_some_and(|stock| stock::is_crossing(*stock, -quantity));
        steps.push(stock::sell(id, quantity, crossing).exactly(1));
        events.extend(stock::events(context, id, -quantity, "reservation", crossing));
    }
    steps.push(end_lines(held));
    Transaction { steps, events }
}

fn give_back(context: &Context, held: &Reservation) -> Transaction {
    let mut steps = vec![settle(held, "released", context.now()).exactly(1)];
    for line in held.lines.as_slice() {
        let give_back = sql("UPDATE products SET held = held - $2, stock_version = stock_version + 1 WHERE id = $1")
            .bind(line.product_id.as_str())
            .bind(line.quantity.number());
        steps.push(give_back.exactly(1));
    }
    steps.push(end_lines(held));
    Transaction { steps, events: vec![settled(context, "reservation.released", held)] }
}

fn put_back(context: &Context, sold: &Reservation, stocks: &BTreeMap<ProductId, i64>) -> Transaction {
    let mark = sql("UPDATE reservations SET returned_at = $2 \
         WHERE id = $1 AND state = 'committed' AND returned_at IS NULL")
    .bind(sold.id.as_str())
    .bind(context.now().to_string());
    let mut steps = vec![mark.exactly(1)];
    let mut events = vec![settled(context, "reservation.returned", sold)];
    for line in sold.lines.as_slice().iter().filter(|line| stocks.contains_key(&line.product_id)) {
        let (id, quantity) = (&line.product_id, line.quantity.number());
        let put_back = sql("UPDATE products SET stock = stock + $2, stock_version = stock_version + 1 WHERE id = $1")
            .bind(id.as_str())
            .bind(quantity);
        steps.push(put_back.exactly(1));
        events.extend(stock::events(context, id, quantity, "return", false));
    }
    Transaction { steps, events }
}

fn insert(wanted: &Reservation, now: Timestamp) -> Sql {
    sql("INSERT INTO reservations (id, state, expires_at, created_at) VALUES ($1, 'held', $2, $3) \
         ON CONFLICT (id) DO NOTHING")
    .bind(wanted.id.as_str())
    .bind(wanted.expires_at.as_str())
    .bind(now.to_string())
}

fn insert_lines(wanted: &Reservation) -> Step {
    let count = wanted.lines.as_slice().len();
    let rows: Vec<String> = (0..count).map(|row| format!("($1, ${}, ${}, 1, $2)", 2 * row + 3, 2 * row + 4)).collect();
    let statement = sql(format!(
        "INSERT INTO reservation_lines (reservation_id, product_id, quantity, live, expires_at) VALUES {}",
        rows.join(", ")
    ));
    let statement = statement.bind(wanted.id.as_str()).bind(wanted.expires_at.as_str());
    let statement = wanted
        .lines
        .as_slice()
        .iter()
        .fold(statement, |statement, line| statement.bind(line.product_id.as_str()).bind(line.quantity.number()));
    statement.exactly(count as u64)
}

fn settle(held: &Reservation, state: &str, now: Timestamp) -> Sql {
    sql("UPDATE reservations SET state = $2 WHERE id = $1 AND state = 'held' AND expires_at > $3")
        .bind(held.id.as_str())
        .bind(state)
        .bind(now.to_string())
}

/// All lines must be live still: another machine, whose clock is ahead, may have swept one.
fn end_lines(held: &Reservation) -> Step {
    sql("UPDATE reservation_lines SET live = 0 WHERE reservation_id = $1 AND live = 1")
        .bind(held.id.as_str())
        .exactly(held.lines.as_slice().len() as u64)
}

async fn refuse_if_short(context: &Context, lines: &Lines) -> Result<(), ReserveRefusal> {
    let products = products(context, &lines.product_ids()).await?;
    let mut unknown = Vec::new();
    let mut short = Vec::new();
    for line in lines.as_slice() {
        let product = products
            .iter()
            .map(|product| &product.summary)
            .find(|product| product.id == line.product_id && product.status == Status::Published);
        match product {
            None => unknown.push(line.product_id.clone()),
            Some(product) if product.available < line.quantity.number() => {
                short.push(Availability { product_id: product.id.clone(), available: product.available });
            }
            Some(_) => {}
        }
    }
    if !unknown.is_empty() {
        return Err(ReserveRefusal::UnknownProduct(unknown));
    }
    if !short.is_empty() {
        return Err(ReserveRefusal::SoldOut(short));
    }
    Ok(())
}

fn settled(context: &Context, r#type: &str, reservation: &Reservation) -> Event {
    let data = json!({"id": reservation.id, "lines": reservation.lines});
    occurred(context, r#type, reservation, &data)
}

fn occurred(context: &Context, r#type: &str, reservation: &Reservation, data: &serde_json::Value) -> Event {
    event::occurred(context, r#type, reservation.id.as_str(), data)
}
