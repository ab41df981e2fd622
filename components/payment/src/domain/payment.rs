//! The life of a payment.
//!
//! ```text
//! authorizing ─► authorized ─► partially-captured ─► captured
//!     │  │           │                 │                │
//!     │  └► declined └► voided         └───────┬────────┘
//!     └──► failed                     partially-refunded ─► refunded
//! ```
//!
//! A state carries its facts, and each operation is one function from state to state: what is not written there is not legal.

use serde::{Serialize, Serializer};

use super::{Amount, Currency, Customer, Invalid, Money, OrderId, PaymentId};

/// One payment for one order.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the fields are those of `souk:payment/types.payment`")]
pub struct Payment {
    pub id: PaymentId,
    pub order_id: OrderId,
    pub customer: Customer,
    pub provider: String,
    pub money: Money,
    pub state: State,
    pub version: i64,
    pub created_at: String,
    pub updated_at: String,
}

impl Payment {
    /// As its customer may see it: who pays with somebody else's money does not learn that it was noticed.
    #[must_use]
    pub fn for_customer(self) -> Self {
        if self.state.decline_reason() != Some(DeclineReason::SuspectedFraud) {
            return self;
        }
        Self { state: State::Declined { reason: DeclineReason::Declined }, ..self }
    }
}

/// Where a payment stands, and what is known there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// The provider's answer is not known.
    Authorizing,
    /// Held.
    Authorized,
    /// A part was taken.
    PartiallyCaptured {
        /// How much.
        captured: Amount,
    },
    /// All was taken.
    Captured {
        /// As much as was authorized.
        captured: Amount,
    },
    /// Let go.
    Voided,
    /// Refused.
    Declined {
        /// Why.
        reason: DeclineReason,
    },
    /// A part of what was taken was given back.
    PartiallyRefunded {
        /// Taken.
        captured: Amount,
        /// Given back.
        refunded: Amount,
    },
    /// All that was taken was given back.
    Refunded {
        /// As much as was taken.
        captured: Amount,
    },
    /// The provider could not.
    Failed,
}

/// A state by its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
#[expect(missing_docs, reason = "they are those of `souk:payment/types.status`")]
pub enum Status {
    Authorizing,
    Authorized,
    PartiallyCaptured,
    Captured,
    Voided,
    Declined,
    PartiallyRefunded,
    Refunded,
    Failed,
}

/// Why a provider refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
#[expect(missing_docs, reason = "they are those of `souk:payment/types.decline-reason`")]
pub enum DeclineReason {
    Declined,
    InsufficientFunds,
    Expired,
    InvalidMethod,
    SuspectedFraud,
}

/// Why the state does not allow an operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "they are those of `souk:payment/types.conflict`")]
pub enum Conflict {
    NotAuthorized,
    InsufficientAuthorization,
    AlreadyCaptured,
    AlreadyVoided,
    NothingCaptured,
    ExceedsCaptured,
    AlreadyRefunded,
}

/// A step of a payment's life: where it leads, and how much money moves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Move {
    /// The state after it.
    pub next: State,
    /// What is taken or given back; of a void, what is let go.
    pub amount: Amount,
}

impl State {
    /// The provider holds the money.
    pub fn authorize(self) -> Result<Self, Conflict> {
        self.leave_authorizing(Self::Authorized)
    }

    /// The provider refused.
    pub fn decline(self, reason: DeclineReason) -> Result<Self, Conflict> {
        self.leave_authorizing(Self::Declined { reason })
    }

    /// The provider could not, or was never asked.
    pub fn fail(self) -> Result<Self, Conflict> {
        self.leave_authorizing(Self::Failed)
    }

    fn leave_authorizing(self, next: Self) -> Result<Self, Conflict> {
        match self {
            Self::Authorizing => Ok(next),
            Self::Declined { .. } | Self::Failed => Err(Conflict::NotAuthorized),
            Self::Voided => Err(Conflict::AlreadyVoided),
            Self::Authorized
            | Self::PartiallyCaptured { .. }
            | Self::Captured { .. }
            | Self::PartiallyRefunded { .. }
            | Self::Refunded { .. } => Err(Conflict::AlreadyCaptured),
        }
    }

    /// Takes an amount out of what was authorized, or all that is left.
    pub fn capture(self, authorized: Amount, amount: Option<Amount>) -> Result<Move, Conflict> {
        let (amount, captured) = match self {
            Self::Authorized => {
                let amount = amount.unwrap_or(authorized);
                (amount, Some(amount).filter(|amount| *amount <= authorized))
            }
            Self::PartiallyCaptured { captured } => {
                let amount = amount.or(authorized.minus(captured)).ok_or(Conflict::AlreadyCaptured)?;
                (amount, captured.plus(amount, authorized))
            }
            Self::Captured { .. } => return Err(Conflict::AlreadyCaptured),
            Self::Voided => return Err(Conflict::AlreadyVoided),
            Self::PartiallyRefunded { .. } | Self::Refunded { .. } => return Err(Conflict::AlreadyRefunded),
            Self::Authorizing | Self::Declined { .. } | Self::Failed => return Err(Conflict::NotAuthorized),
        };
        let captured = captured.ok_or(Conflict::InsufficientAuthorization)?;
        let is_all = captured == authorized;
        Ok(Move {
            next: if is_all { Self::Captured { captured } } else { Self::PartiallyCaptured { captured } },
            amount,
        })
    }

    /// Lets what was authorized go.
    pub fn void(self, authorized: Amount) -> Result<Move, Conflict> {
        match self {
            Self::Authorized => Ok(Move { next: Self::Voided, amount: authorized }),
            Self::Voided => Err(Conflict::AlreadyVoided),
            Self::PartiallyCaptured { .. }
            | Self::Captured { .. }
            | Self::PartiallyRefunded { .. }
            | Self::Refunded { .. } => Err(Conflict::AlreadyCaptured),
            Self::Authorizing | Self::Declined { .. } | Self::Failed => Err(Conflict::NotAuthorized),
        }
    }

    /// Gives an amount of what was taken back, or all that is left.
    pub fn refund(self, amount: Option<Amount>) -> Result<Move, Conflict> {
        let (captured, amount, refunded) = match self {
            Self::PartiallyCaptured { captured } | Self::Captured { captured } => {
                let amount = amount.unwrap_or(captured);
                (captured, amount, Some(amount).filter(|amount| *amount <= captured))
            }
            Self::PartiallyRefunded { captured, refunded } => {
                let amount = amount.or(captured.minus(refunded)).ok_or(Conflict::AlreadyRefunded)?;
                (captured, amount, refunded.plus(amount, captured))
            }
            Self::Refunded { .. } => return Err(Conflict::AlreadyRefunded),
            Self::Authorizing | Self::Authorized | Self::Voided | Self::Declined { .. } | Self::Failed => {
                return Err(Conflict::NothingCaptured);
            }
        };
        let refunded = refunded.ok_or(Conflict::ExceedsCaptured)?;
        let is_all = refunded == captured;
        let next = if is_all { Self::Refunded { captured } } else { Self::PartiallyRefunded { captured, refunded } };
        Ok(Move { next, amount })
    }

    /// Its name.
    pub fn status(self) -> Status {
        match self {
            Self::Authorizing => Status::Authorizing,
            Self::Authorized => Status::Authorized,
            Self::PartiallyCaptured { .. } => Status::PartiallyCaptured,
            Self::Captured { .. } => Status::Captured,
            Self::Voided => Status::Voided,
            Self::Declined { .. } => Status::Declined,
            Self::PartiallyRefunded { .. } => Status::PartiallyRefunded,
            Self::Refunded { .. } => Status::Refunded,
            Self::Failed => Status::Failed,
        }
    }

    /// How much was taken, in minor units.
    pub fn captured(self) -> i64 {
        match self {
            Self::PartiallyCaptured { captured }
            | Self::Captured { captured }
            | Self::PartiallyRefunded { captured, .. }
            | Self::Refunded { captured } => captured.units(),
            Self::Authorizing | Self::Authorized | Self::Voided | Self::Declined { .. } | Self::Failed => 0,
        }
    }

    /// How much of that was given back, in minor units.
    pub fn refunded(self) -> i64 {
        match self {
            Self::PartiallyRefunded { refunded, .. } => refunded.units(),
            Self::Refunded { captured } => captured.units(),
            Self::Authorizing
            | Self::Authorized
            | Self::PartiallyCaptured { .. }
            | Self::Captured { .. }
            | Self::Voided
            | Self::Declined { .. }
            | Self::Failed => 0,
        }
    }

    /// Why it was refused, if it was.
    pub fn decline_reason(self) -> Option<DeclineReason> {
        match self {
            Self::Declined { reason } => Some(reason),
            Self::Authorizing
            | Self::Authorized
            | Self::PartiallyCaptured { .. }
            | Self::Captured { .. }
            | Self::Voided
            | Self::PartiallyRefunded { .. }
            | Self::Refunded { .. }
            | Self::Failed => None,
        }
    }

    /// Puts together what was stored of it.
    pub fn stored(
        status: Status,
        captured: i64,
        refunded: i64,
        reason: Option<DeclineReason>,
    ) -> Result<Self, Invalid> {
        let state = match status {
            Status::Authorizing => Self::Authorizing,
            Status::Authorized => Self::Authorized,
            Status::PartiallyCaptured => Self::PartiallyCaptured { captured: Amount::parse(captured)? },
            Status::Captured => Self::Captured { captured: Amount::parse(captured)? },
            Status::Voided => Self::Voided,
            Status::Declined => Self::Declined { reason: reason.ok_or("must have a reason")? },
            Status::PartiallyRefunded => {
                Self::PartiallyRefunded { captured: Amount::parse(captured)?, refunded: Amount::parse(refunded)? }
            }
            Status::Refunded => Self::Refunded { captured: Amount::parse(captured)? },
            Status::Failed => Self::Failed,
        };
        let is_whole = (state.captured(), state.refunded()) == (captured, refunded);
        if is_whole { Ok(state) } else { Err(format!("must have the amounts of {}", status.as_str())) }
    }
}

/// The words of an enum, read and written.
macro_rules! words {
    ($name:ident { $($case:ident = $word:literal),+ $(,)? }) => {
        impl $name {
            /// All of them.
            pub const ALL: &[Self] = &[$(Self::$case),+];

            /// Parses the word.
            pub fn parse(text: &str) -> Result<Self, Invalid> {
                match text {
                    $($word => Ok(Self::$case),)+
                    _ => Err(format!("must be one of {}", [$($word),+].join(", "))),
                }
            }

            /// The word.
            pub fn as_str(self) -> &'static str {
                match self {
                    $(Self::$case => $word),+
                }
            }
        }
    };
}

words!(Status {
    Authorizing = "authorizing",
    Authorized = "authorized",
    PartiallyCaptured = "partially-captured",
    Captured = "captured",
    Voided = "voided",
    Declined = "declined",
    PartiallyRefunded = "partially-refunded",
    Refunded = "refunded",
    Failed = "failed",
});

words!(DeclineReason {
    Declined = "declined",
    InsufficientFunds = "insufficient-funds",
    Expired = "expired",
    InvalidMethod = "invalid-method",
    SuspectedFraud = "suspected-fraud",
});

words!(Conflict {
    NotAuthorized = "not-authorized",
    InsufficientAuthorization = "insufficient-authorization",
    AlreadyCaptured = "already-captured",
    AlreadyVoided = "already-voided",
    NothingCaptured = "nothing-captured",
    ExceedsCaptured = "exceeds-captured",
    AlreadyRefunded = "already-refunded",
});

/// As it is answered over HTTP.
impl Serialize for Payment {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        struct Answered<'a> {
            id: &'a PaymentId,
            order_id: &'a OrderId,
            customer: &'a Customer,
            provider: &'a str,
            amount: Written<'a>,
            captured: i64,
            refunded: i64,
            status: Status,
            decline_reason: Option<DeclineReason>,
            version: i64,
            created_at: &'a str,
            updated_at: &'a str,
        }
        #[derive(Serialize)]
        struct Written<'a> {
            amount: Amount,
            currency: &'a Currency,
        }
        let answered = Answered {
            id: &self.id,
            order_id: &self.order_id,
            customer: &self.customer,
            provider: &self.provider,
            amount: Written { amount: self.money.amount, currency: &self.money.currency },
            captured: self.state.captured(),
            refunded: self.state.refunded(),
            status: self.state.status(),
            decline_reason: self.state.decline_reason(),
            version: self.version,
            created_at: &self.created_at,
            updated_at: &self.updated_at,
        };
        answered.serialize(serializer)
    }
}

#[cfg(test)]
mod tests;
