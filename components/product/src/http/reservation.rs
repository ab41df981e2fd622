//! Reservations over HTTP: the functions of `souk:product/inventory` for callers that are no components.
//!
//! No `If-Match`: a reservation's id and lines say all, and each operation may be repeated.

use axum::extract::State;
use axum::response::Response;
use http::StatusCode;
use souk_kit::context::Context;
use souk_kit::json::{self, Body, Field, Fields, Input};
use souk_kit::problem::Problem;
use souk_kit::segment::Segment;

use crate::domain::ProductId;
use crate::domain::reservation::{
    LINES_MAX, Line, Lines, Quantity, Reservation, ReservationId, Reserved, SettleRefusal, expires_in_seconds,
};
use crate::store;

pub(super) async fn read(
    State(context): State<Context>,
    Segment(id): Segment<ReservationId>,
) -> Result<Response, Problem> {
    let reservation = store::reservation::reservation(&context, &id).await?;
    Ok(response(&reservation.ok_or(SettleRefusal::UnknownReservation)?))
}

pub(super) async fn put(
    State(context): State<Context>,
    Segment(id): Segment<ReservationId>,
    Body(wanted): Body<Wanted>,
) -> Result<Response, Problem> {
    match store::reservation::reserve(&context, &id, &wanted.lines, wanted.expires_in_seconds).await? {
        Reserved::New(reservation) => Ok(json::response(StatusCode::CREATED, &reservation)),
        Reserved::Known(reservation) => Ok(response(&reservation)),
    }
}

pub(super) async fn commit(
    State(context): State<Context>,
    Segment(id): Segment<ReservationId>,
) -> Result<Response, Problem> {
    Ok(response(&store::reservation::commit(&context, &id).await?))
}

pub(super) async fn take_back(
    State(context): State<Context>,
    Segment(id): Segment<ReservationId>,
) -> Result<Response, Problem> {
    Ok(response(&store::reservation::take_back(&context, &id).await?))
}

/// Answers with the reservation, which is still there to be read: it is given back and not forgotten.
pub(super) async fn release(
    State(context): State<Context>,
    Segment(id): Segment<ReservationId>,
) -> Result<Response, Problem> {
    Ok(response(&store::reservation::release(&context, &id).await?))
}

fn response(reservation: &Reservation) -> Response {
    json::response(StatusCode::OK, reservation)
}

/// The body of a `PUT`.
pub(super) struct Wanted {
    lines: Lines,
    expires_in_seconds: u32,
}

impl Input for Wanted {
    fn read(fields: &mut Fields) -> Option<Self> {
        let lines =
            fields.required("lines", |field| field.parsed_items(LINES_MAX, |line| line.fields(read_line), Lines::of));
        let expires_in_seconds = fields.required("expires_in_seconds", |field| field.integer(expires_in_seconds));
        Some(Self { lines: lines?, expires_in_seconds: expires_in_seconds? })
    }
}

fn read_line(fields: &mut Fields) -> Option<Line> {
    let product_id = fields.required("product_id", |field: Field| field.text(ProductId::parse));
    let quantity = fields.required("quantity", |field| field.integer(Quantity::parse));
    Some(Line { product_id: product_id?, quantity: quantity? })
}
