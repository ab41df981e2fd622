//! `souk:product/inventory`.

use souk_kit::component::context;
use souk_kit::database::Failure;
use souk_kit::text::Invalid;

use super::Service;
use super::bindings::exports::souk::product::inventory::{
    Availability, Guest, Line, ReadError, Reservation, ReserveError, SettleError, State,
};
use super::catalog::{known_form, unavailable_or_other};
use crate::domain::ProductId;
use crate::domain::reservation::{self, Lines, Quantity, ReservationId, ReserveRefusal, SettleRefusal};
use crate::store;

impl Guest for Service {
    async fn available(product_ids: Vec<String>) -> Result<Vec<Availability>, ReadError> {
        let ids = known_form(product_ids)?;
        let available = store::stock::available(context(), &ids).await?;
        Ok(available.into_iter().map(Availability::from).collect())
    }

    async fn reserve(id: String, lines: Vec<Line>, expires_in_seconds: u32) -> Result<Reservation, ReserveError> {
        let wanted = parse(id, lines, expires_in_seconds).map_err(ReserveError::Invalid)?;
        let (id, lines, expires_in_seconds) = wanted;
        let reserved = store::reservation::reserve(context(), &id, &lines, expires_in_seconds).await?;
        Ok(reserved.into_reservation().into())
    }

    async fn commit(id: String) -> Result<Reservation, SettleError> {
        let id = known(id)?;
        Ok(store::reservation::commit(context(), &id).await?.into())
    }

    async fn release(id: String) -> Result<Reservation, SettleError> {
        let id = known(id)?;
        Ok(store::reservation::release(context(), &id).await?.into())
    }

    async fn take_back(id: String) -> Result<Reservation, SettleError> {
        let id = known(id)?;
        Ok(store::reservation::take_back(context(), &id).await?.into())
    }

    async fn get(id: String) -> Result<Reservation, SettleError> {
        let id = known(id)?;
        let reservation = store::reservation::reservation(context(), &id).await;
        let reservation = reservation.map_err(SettleRefusal::Failed)?;
        reservation.map(Reservation::from).ok_or(SettleError::UnknownReservation)
    }
}

fn parse(id: String, lines: Vec<Line>, expires_in_seconds: u32) -> Result<(ReservationId, Lines, u32), Invalid> {
    let id = ReservationId::parse(id).map_err(|reason| format!("id {reason}"))?;
    let lines: Result<Vec<_>, Invalid> = lines.into_iter().map(parse_line).collect();
    let lines = Lines::of(lines?).map_err(|reason| format!("lines {reason}"))?;
    let expires_in_seconds = reservation::expires_in_seconds(expires_in_seconds.into())
        .map_err(|reason| format!("expires-in-seconds {reason}"))?;
    Ok((id, lines, expires_in_seconds))
}

fn parse_line(line: Line) -> Result<reservation::Line, Invalid> {
    Ok(reservation::Line {
        product_id: ProductId::parse(line.product_id).map_err(|reason| format!("product-id {reason}"))?,
        quantity: Quantity::parse(line.quantity.into()).map_err(|reason| format!("quantity {reason}"))?,
    })
}

/// What is no id of a reservation is the id of none.
fn known(id: String) -> Result<ReservationId, SettleError> {
    ReservationId::parse(id).map_err(|_| SettleError::UnknownReservation)
}

impl From<reservation::Availability> for Availability {
    fn from(availability: reservation::Availability) -> Self {
        Self { product_id: availability.product_id.into_string(), available: availability.available.unsigned_abs() }
    }
}

impl From<reservation::Reservation> for Reservation {
    fn from(reservation: reservation::Reservation) -> Self {
        let lines = reservation.lines.as_slice().iter().map(|line| Line {
            product_id: line.product_id.as_str().to_owned(),
            quantity: u32::try_from(line.quantity.number()).expect("a quantity is at most 10,000"),
        });
        Self {
            lines: lines.collect(),
            state: match reservation.state {
                reservation::State::Held => State::Held,
                reservation::State::Committed => State::Committed,
                reservation::State::Released => State::Released,
                reservation::State::Expired => State::Expired,
                reservation::State::Returned => State::Returned,
            },
            id: reservation.id.into_string(),
            expires_at: reservation.expires_at,
        }
    }
}

impl From<ReserveRefusal> for ReserveError {
    fn from(refusal: ReserveRefusal) -> Self {
        match refusal {
            ReserveRefusal::SoldOut(short) => Self::SoldOut(short.into_iter().map(Availability::from).collect()),
            ReserveRefusal::UnknownProduct(ids) => {
                Self::UnknownProduct(ids.into_iter().map(ProductId::into_string).collect())
            }
            ReserveRefusal::DifferentLines => Self::DifferentLines,
            ReserveRefusal::Expired => Self::Expired,
            ReserveRefusal::Released => Self::Released,
            ReserveRefusal::Returned => Self::Returned,
            ReserveRefusal::Failed(failure) => Self::from(failure),
        }
    }
}

impl From<Failure> for ReserveError {
    fn from(failure: Failure) -> Self {
        match unavailable_or_other(&failure) {
            (true, text) => Self::Unavailable(text),
            (false, text) => Self::Other(text),
        }
    }
}

impl From<SettleRefusal> for SettleError {
    fn from(refusal: SettleRefusal) -> Self {
        match refusal {
            SettleRefusal::UnknownReservation => Self::UnknownReservation,
            SettleRefusal::Expired => Self::Expired,
            SettleRefusal::Committed => Self::Committed,
            SettleRefusal::Released => Self::Released,
            SettleRefusal::Held => Self::Held,
            SettleRefusal::Returned => Self::Returned,
            SettleRefusal::Failed(failure) => match unavailable_or_other(&failure) {
                (true, text) => Self::Unavailable(text),
                (false, text) => Self::Other(text),
            },
        }
    }
}
