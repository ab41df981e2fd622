//! What moves the money, as a trait: one implementation for each provider. This file says what each of them promises.
//!
//! - A provider knows each operation by its name ([`OperationId`]). However often one arrives, it has one effect and one verdict.
//! - Asked what became of an operation that never arrived, it closes it: from then on it is `Failed`, also if it arrives after all. An
//!   implementation for a provider that can't do this answers [`Standing::Open`] until whatever is on its way must have arrived.
//! - A provider checks the sums too. This service never asks for more than there is, but an operation at the provider's own desk may have.

pub mod simulator;

pub mod http;

use std::pin::Pin;

use crate::domain::operation::{Kind, OperationId, Verdict};
use crate::domain::{Amount, MethodToken, Money, PaymentId};

/// What a provider is asked to do.
#[derive(Clone, Debug)]
pub struct Instruction {
    /// By what it knows a repetition.
    pub id: OperationId,
    /// On which payment.
    pub payment_id: PaymentId,
    /// What.
    pub work: Work,
}

/// The work itself.
#[derive(Clone, Debug)]
pub enum Work {
    /// Hold money.
    Authorize {
        /// How much.
        money: Money,
        /// Whose.
        method: MethodToken,
    },
    /// Take some of it.
    Capture(Amount),
    /// Let it go.
    Void,
    /// Give some of it back.
    Refund(Amount),
}

impl Work {
    /// Of what kind it is.
    pub fn kind(&self) -> Kind {
        match self {
            Self::Authorize { .. } => Kind::Authorize,
            Self::Capture(_) => Kind::Capture,
            Self::Void => Kind::Void,
            Self::Refund(_) => Kind::Refund,
        }
    }
}

/// What came of asking.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reply {
    /// It has a verdict.
    Settled(Verdict),
    /// The provider was not reached: certainly nothing happened.
    Unreached,
    /// There was no answer, or none that says how it ended: it may have happened, or happen yet.
    Silent,
}

/// What became of an operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// It has a verdict.
    Settled(Verdict),
    /// It is not known: the provider is at it, or was not reached. Ask again later.
    Open,
}

/// A future as [`Provider`] returns it.
pub type Answer<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// Somebody who moves money.
pub trait Provider: Send + Sync {
    /// Its name, in payments, in the path of its webhooks and in the name of their secret: lower-case letters and digits.
    fn name(&self) -> &'static str;

    /// Asks it to do something.
    fn perform(&self, instruction: Instruction) -> Answer<'_, Reply>;

    /// Asks it what became of an operation, and closes one that never arrived.
    fn status<'a>(&'a self, id: &'a OperationId) -> Answer<'a, Standing>;
}
