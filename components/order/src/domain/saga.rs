//! What is left to do for an order, one step after another, and how it is undone.
//!
//! ```text
//! reserve ─► authorize ─► capture ─► commit ─► take-out ─► (nothing is left)
//!    │           │           │          │
//!    │           │           │          └─► reserve again, or refund ─► release
//!    │           ├───────────┴────────────► void ────────────────────► release
//!    │           └─► inquire ─────────────► void ────────────────────► release
//!    └────────────────────────────────────────────────────────────────► release ─► (nothing is left)
//! ```
//!
//! The rule that everything stands on: **nobody goes on from a step that moves money before it has an outcome, and back only by an undo that has
//! one.** A step without an outcome is repeated with the same key. When that takes too long, `inquire` asks for a payment that may be there, and `void` ends
//! it, whatever became of the step: it says so if money was taken, and then it is given back. So there is never a payment that this service does not
//! know of. Steps that move goods are undone by `release`, whatever became of them.

use souk_kit::time::Timestamp;

use super::{Availability, MethodToken};

/// How long goods are set aside: time enough for a provider that answers late, and not so long that they are kept from others.
pub const HOLD_S: u32 = 900;
/// Who works at an order has so long for a step; then another one may take it up. Each step is safe to be taken twice.
pub const LEASE_S: u32 = 10;
/// How long a payment without an outcome is asked for again before the order turns back, unless the shop has set another time. The customer was told to
/// wait, and may want to try another card.
pub const PAYMENT_PATIENCE_S: u32 = 60;
/// One day: nobody waits longer for a checkout.
pub const PAYMENT_PATIENCE_S_MAX: u32 = 86_400;
/// How long a payment may still turn up of which nobody knows: longer than any call lasts that was sent before.
pub(super) const TURNS_UP_S: u32 = 70;
/// The longest pause between two tries at a step: a minute after a service has come back everything goes on.
const PAUSE_MAX_S: u32 = 60;

/// What is to be done next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// Set the goods aside.
    Reserve,
    /// Have the money held.
    Authorize,
    /// Take it.
    Capture,
    /// Sell the goods.
    Commit,
    /// Take them out of the cart.
    TakeOut,
    /// Undo: find out whether there is a payment.
    Inquire,
    /// Undo: let the money go.
    Void,
    /// Undo: give the money back.
    Refund,
    /// Undo: put the goods back, whether they are held or sold.
    Release,
}

impl Step {
    /// All of them.
    pub const ALL: [Self; 9] = [
        Self::Reserve,
        Self::Authorize,
        Self::Capture,
        Self::Commit,
        Self::TakeOut,
        Self::Inquire,
        Self::Void,
        Self::Refund,
        Self::Release,
    ];

    /// Parses the word.
    pub fn parse(text: &str) -> Result<Self, String> {
        let named = Self::ALL.into_iter().find(|step| step.as_str() == text);
        named.ok_or_else(|| "must be a step".to_owned())
    }

    /// The word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Reserve => "reserve",
            Self::Authorize => "authorize",
            Self::Capture => "capture",
            Self::Commit => "commit",
            Self::TakeOut => "take-out",
            Self::Inquire => "inquire",
            Self::Void => "void",
            Self::Refund => "refund",
            Self::Release => "release",
        }
    }

    /// For how long it is tried before the order turns back. None: until it has an outcome; an undo is never left out.
    pub fn deadline_s(self, payment_patience_s: u32) -> Option<u32> {
        match self {
            Self::Authorize | Self::Capture => Some(payment_patience_s),
            // A customer is waiting, and nothing has happened yet.
            Self::Reserve => Some(120),
            // It is paid: worth some patience before all is given back. Within the time of the reservation.
            Self::Commit => Some(600),
            // A cart that still shows what was bought is no harm.
            Self::TakeOut => Some(3_600),
            Self::Inquire | Self::Void | Self::Refund | Self::Release => None,
        }
    }
}

/// The work that is left.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Saga {
    /// What is next.
    pub step: Step,
    /// Since when.
    pub since: Timestamp,
    /// Nobody else takes it up before.
    pub due: Timestamp,
    /// How often the step had no outcome in a row.
    pub attempts: u32,
    /// Which try at giving money back.
    pub undo_number: u32,
    /// The way to pay, until the authorization has an outcome.
    pub method: Option<MethodToken>,
}

impl Saga {
    /// Work that begins now, and that whoever began it does.
    pub fn begin(step: Step, now: Timestamp) -> Self {
        Self { step, since: now, due: now.plus_seconds(LEASE_S), attempts: 0, undo_number: 1, method: None }
    }

    /// The next step, which whoever ended this one takes. Of the way to pay nothing is kept once it was used.
    pub(super) fn then(self, step: Step, now: Timestamp) -> Self {
        let is_unused = self.step == Step::Reserve && matches!(step, Step::Reserve | Step::Authorize);
        let method = self.method.filter(|_| is_unused);
        Self { method, undo_number: self.undo_number, ..Self::begin(step, now) }
    }

    /// The same step, later: after 1, 2, 4, … seconds.
    pub(super) fn again(self, now: Timestamp) -> Self {
        let pause_s = 1_u32.checked_shl(self.attempts).unwrap_or(PAUSE_MAX_S).clamp(1, PAUSE_MAX_S);
        Self { due: now.plus_seconds(pause_s), attempts: self.attempts + 1, ..self }
    }

    /// Whether the step had no outcome, and is to be tried again later.
    pub fn is_put_off(&self) -> bool {
        self.attempts > 0
    }

    pub(super) fn is_too_late(&self, now: Timestamp, payment_patience_s: u32) -> bool {
        let deadline_s = self.step.deadline_s(payment_patience_s);
        deadline_s.is_some_and(|seconds| now >= self.since.plus_seconds(seconds))
    }
}

/// What came of a step.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Happened {
    /// The goods are set aside.
    Reserved,
    /// There is not enough of these.
    SoldOut(Vec<Availability>),
    /// These can't be bought.
    UnknownProduct(Vec<String>),
    /// The time of the reservation is over, or it was released: a new one is needed.
    ReservationGone,
    /// The money is held, under this id.
    Authorized(String),
    /// The provider refused.
    Declined(String),
    /// It had no effect and will have none: an authorization, or a capture.
    PaymentFailed,
    /// The money is here.
    Captured,
    /// The goods are sold.
    Committed,
    /// The cart is without them.
    TakenOut,
    /// There is a payment, in whatever state.
    Found(String),
    /// There is no payment.
    NotFound,
    /// No money is held any more.
    Voided,
    /// Money that was to be let go had been taken.
    WasCaptured,
    /// The money is back with the customer.
    Refunded,
    /// Nothing was taken that could be given back.
    WasNotCaptured,
    /// The provider refused an undo for good. Somebody has to look.
    UndoFailed,
    /// The goods are back.
    Released,
    /// There is no outcome.
    NoAnswer,
}

impl Happened {
    /// For the journal.
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::Reserved => "reserved",
            Self::SoldOut(_) => "sold-out",
            Self::UnknownProduct(_) => "unknown-product",
            Self::ReservationGone => "reservation-gone",
            Self::Authorized(_) => "authorized",
            Self::Declined(_) => "declined",
            Self::PaymentFailed => "payment-failed",
            Self::Captured => "captured",
            Self::Committed => "committed",
            Self::TakenOut => "taken-out",
            Self::Found(_) => "found",
            Self::NotFound => "not-found",
            Self::Voided => "voided",
            Self::WasCaptured => "was-captured",
            Self::Refunded => "refunded",
            Self::WasNotCaptured => "was-not-captured",
            Self::UndoFailed => "undo-failed",
            Self::Released => "released",
            Self::NoAnswer => "no-answer",
        }
    }
}
