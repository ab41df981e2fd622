//! Reservations: quantities that are set aside under one id, and what may happen to them.

use std::collections::BTreeMap;

use serde::Serialize;
use souk_kit::database::Failure;
use souk_kit::text;
use souk_kit::text::Invalid;

use super::{ProductId, bounded};

/// A large order of a person; a larger one is several. Bounds a transaction: 162 steps of the 256 and 81 events of the
/// 100 that the host carries out at once.
pub const LINES_MAX: usize = 40;
/// More of one thing than a shop sells at once.
pub const QUANTITY_MAX: i64 = 10_000;
/// One day. What is held can't be sold to others, so a forgotten hold must end soon.
pub const EXPIRES_IN_SECONDS_MAX: i64 = 86_400;

text!(
    /// The caller's id for a reservation.
    ReservationId,
    text::id
);

/// How many of one product, at least one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct Quantity(i64);

impl Quantity {
    /// Checks the number.
    pub fn parse(quantity: i64) -> Result<Self, Invalid> {
        bounded(quantity, 1, QUANTITY_MAX).map(Self)
    }

    /// Takes it as it was stored.
    pub(crate) fn stored(quantity: i64) -> Self {
        Self(quantity)
    }

    /// The number.
    pub fn number(self) -> i64 {
        self.0
    }
}

/// Checks how long a reservation is to be kept.
pub fn expires_in_seconds(seconds: i64) -> Result<u32, Invalid> {
    let seconds = bounded(seconds, 1, EXPIRES_IN_SECONDS_MAX)?;
    Ok(u32::try_from(seconds).expect("the bounds are within u32"))
}

/// A quantity of one product.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Line {
    /// Which product.
    pub product_id: ProductId,
    /// How many.
    pub quantity: Quantity,
}

/// What is reserved together: one line for each product, in the order of the ids. That order is also the order in which
/// transactions touch products, so that two of them can't wait for each other.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct Lines(Vec<Line>);

impl Lines {
    /// Adds up lines for the same product, and sorts.
    pub fn of(lines: impl IntoIterator<Item = Line>) -> Result<Self, Invalid> {
        let mut quantities: BTreeMap<ProductId, i64> = BTreeMap::new();
        for line in lines {
            *quantities.entry(line.product_id).or_default() += line.quantity.number();
        }
        if quantities.is_empty() || quantities.len() > LINES_MAX {
            return Err(format!("must have 1 to {LINES_MAX} lines"));
        }
        let lines = quantities.into_iter().map(|(product_id, quantity)| {
            let quantity = Quantity::parse(quantity)
                .map_err(|reason| format!("the quantity of {} {reason}", product_id.as_str()))?;
            Ok(Line { product_id, quantity })
        });
        lines.collect::<Result<_, _>>().map(Self)
    }

    /// Takes them as they were stored. Engines differ in how they sort text, so they are sorted here.
    pub(crate) fn stored(mut lines: Vec<Line>) -> Self {
        lines.sort_by(|one, other| one.product_id.cmp(&other.product_id));
        Self(lines)
    }

    /// One by one.
    pub fn as_slice(&self) -> &[Line] {
        &self.0
    }

    /// The ids of the products.
    pub fn product_ids(&self) -> Vec<ProductId> {
        self.0.iter().map(|line| line.product_id.clone()).collect()
    }
}

/// Where a reservation stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum State {
    /// Set aside.
    Held,
    /// Sold.
    Committed,
    /// Given back.
    Released,
    /// Given back by itself.
    Expired,
    /// Sold, and taken back.
    Returned,
}

/// Quantities that are kept together.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Reservation {
    /// The caller's id for it.
    pub id: ReservationId,
    /// What is kept.
    pub lines: Lines,
    /// Where it stands.
    pub state: State,
    /// The first moment at which it can't be committed any more.
    pub expires_at: String,
}

impl Reservation {
    /// The answer to a repeated `reserve`: as it stands, if it is for the same.
    pub fn reserve_again(self, lines: &Lines) -> Result<Self, ReserveRefusal> {
        if self.lines != *lines {
            return Err(ReserveRefusal::DifferentLines);
        }
        match self.state {
            State::Held | State::Committed => Ok(self),
            State::Released => Err(ReserveRefusal::Released),
            State::Expired => Err(ReserveRefusal::Expired),
            State::Returned => Err(ReserveRefusal::Returned),
        }
    }

    /// Whether there is something to do to commit it; not if it is committed already.
    pub fn can_commit(&self) -> Result<bool, SettleRefusal> {
        match self.state {
            State::Held => Ok(true),
            State::Committed => Ok(false),
            State::Released => Err(SettleRefusal::Released),
            State::Expired => Err(SettleRefusal::Expired),
            State::Returned => Err(SettleRefusal::Returned),
        }
    }

    /// Whether there is something to do to release it; not if it is released already, by somebody or by time.
    pub fn can_release(&self) -> Result<bool, SettleRefusal> {
        match self.state {
            State::Held => Ok(true),
            State::Released | State::Expired => Ok(false),
            State::Committed => Err(SettleRefusal::Committed),
            State::Returned => Err(SettleRefusal::Returned),
        }
    }

    /// Whether there is something to do to take back what was sold; not if it came back already.
    pub fn can_take_back(&self) -> Result<bool, SettleRefusal> {
        match self.state {
            State::Committed => Ok(true),
            State::Returned => Ok(false),
            State::Held => Err(SettleRefusal::Held),
            State::Released => Err(SettleRefusal::Released),
            State::Expired => Err(SettleRefusal::Expired),
        }
    }
}

/// A reservation that somebody asked for, and got.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reserved {
    /// It was made now.
    New(Reservation),
    /// It was made before, by the same request.
    Known(Reservation),
}

impl Reserved {
    /// Either way.
    pub fn into_reservation(self) -> Reservation {
        match self {
            Self::New(reservation) | Self::Known(reservation) => reservation,
        }
    }
}

/// What is left of one product.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Availability {
    /// Which product.
    pub product_id: ProductId,
    /// In stock and held by nobody.
    pub available: i64,
}

/// Why quantities were not set aside.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ReserveRefusal {
    /// There is not enough of these.
    SoldOut(Vec<Availability>),
    /// No published product has these ids.
    UnknownProduct(Vec<ProductId>),
    /// The id was used for other lines.
    DifferentLines,
    /// The id was used for these lines, and their time is over.
    Expired,
    /// The id was used for these lines, and they were given back.
    Released,
    /// The id was used for these lines, and they were sold and taken back.
    Returned,
    /// It could not be done.
    Failed(Failure),
}

/// Why a reservation was not settled.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SettleRefusal {
    /// There is none with this id.
    UnknownReservation,
    /// Its time is over.
    Expired,
    /// It was sold.
    Committed,
    /// It was given back.
    Released,
    /// It was not sold yet.
    Held,
    /// It was sold and taken back.
    Returned,
    /// It could not be done.
    Failed(Failure),
}

impl<F: Into<Failure>> From<F> for ReserveRefusal {
    fn from(failure: F) -> Self {
        Self::Failed(failure.into())
    }
}

impl<F: Into<Failure>> From<F> for SettleRefusal {
    fn from(failure: F) -> Self {
        Self::Failed(failure.into())
    }
}

#[cfg(test)]
mod tests {
    use super::{Line, Lines, Quantity};

    fn line(product_id: &str, quantity: i64) -> Line {
        Line {
            product_id: product_id.parse().expect("a good id"),
            quantity: Quantity::parse(quantity).expect("a good quantity"),
        }
    }

    #[test]
    fn lines_for_one_product_are_added_up_and_all_are_sorted() {
        let lines = Lines::of([line("b", 1), line("a", 2), line("b", 3)]);
        assert_eq!(lines, Lines::of([line("a", 2), line("b", 4)]));
    }

    #[test]
    fn a_sum_has_the_same_bound_as_a_line() {
        assert!(Lines::of([line("a", 10_000)]).is_ok());
        assert!(Lines::of([line("a", 10_000), line("a", 1)]).is_err());
    }

    #[test]
    fn there_is_at_least_one_line_and_a_bound() {
        assert!(Lines::of([]).is_err());
        let many = |count: usize| Lines::of((0..count).map(|index| line(&index.to_string(), 1)));
        assert!(many(40).is_ok() && many(41).is_err());
    }
}
