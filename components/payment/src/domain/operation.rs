//! An operation on a payment: what was asked under a key, how far it is, and how it ended.
//!
//! An operation is written down before the provider is asked. Whoever finds one without an outcome may take it up when nobody can be at it any more,
//! and asks the provider what became of it.

use serde::Serialize;
use serde_json::json;
use sha2::{Digest, Sha256};
use souk_kit::text::hexadecimal;
use souk_kit::time::Timestamp;

use super::payment::{Conflict, DeclineReason, Move, Payment, State};
use super::{Amount, Customer, Invalid, Key, MethodToken, Money, OrderId, PaymentId};

/// After so long hardly anybody is at an operation any more that was under way: no provider is waited for longer than 15 seconds. Whoever takes it up
/// too early is no danger, since the provider knows the key; they would only ask for nothing. After a crash a customer waits for it.
pub const LEASE_S: u32 = 20;
/// What has had no outcome for so long is finished by `resolve`: callers that are still there have repeated their call before.
pub const RESOLVE_AFTER_S: u32 = 120;
/// So many does one `resolve` take up: each is a question to the provider, and they are asked one after another.
pub const RESOLVED_MAX: u32 = 50;
/// After so long one `resolve` takes up no more, since a provider that does not answer lets each question wait: a host ends a request after
/// 60 seconds, and the last one needs some of them.
pub const RESOLVE_WITHIN_S: u32 = 30;

/// What can be done with a payment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// Hold money.
    Authorize,
    /// Take it.
    Capture,
    /// Let it go.
    Void,
    /// Give it back.
    Refund,
}

impl Kind {
    /// Parses the word.
    pub fn parse(text: &str) -> Result<Self, Invalid> {
        match text {
            "authorize" => Ok(Self::Authorize),
            "capture" => Ok(Self::Capture),
            "void" => Ok(Self::Void),
            "refund" => Ok(Self::Refund),
            _ => Err("must be authorize, capture, void or refund".to_owned()),
        }
    }

    /// The word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Authorize => "authorize",
            Self::Capture => "capture",
            Self::Void => "void",
            Self::Refund => "refund",
        }
    }
}

/// Who chose a key. Two that do not know each other may choose the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// Another component.
    Component,
    /// A person, over HTTP.
    Http,
}

/// The name of an operation: of its kind, with the key that somebody chose for it. The provider knows it by the same name.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct OperationId(String);

impl OperationId {
    /// Puts it together. No kind holds an `@`, so that the origins stay apart.
    pub fn new(kind: Kind, origin: Origin, key: &Key) -> Self {
        let origin = match origin {
            Origin::Component => "",
            Origin::Http => "@http",
        };
        Self(format!("{}{origin}:{}", kind.as_str(), key.as_str()))
    }

    /// Takes it as it was stored, or as a provider tells it: one that nobody has names nothing.
    pub fn stored(text: String) -> Self {
        Self(text)
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// What somebody asks for under a key.
#[derive(Clone, Debug)]
pub struct Wanted {
    /// Of the key.
    pub id: OperationId,
    /// The arguments.
    pub ask: Ask,
}

/// The arguments of an operation.
#[derive(Clone, Debug)]
pub enum Ask {
    /// For a new payment.
    Authorize(Authorization),
    /// On one that is there.
    Change(PaymentId, Change),
}

/// What a new payment is to be.
#[derive(Clone, Debug)]
#[expect(missing_docs, reason = "the fields are the arguments of `souk:payment/processor.authorize`")]
pub struct Authorization {
    pub order_id: OrderId,
    pub customer: Customer,
    pub money: Money,
    pub method: MethodToken,
}

/// What is to be done with a payment; without an amount, with all that is left.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    /// Take held money.
    Capture(Option<Amount>),
    /// Let it go.
    Void,
    /// Give taken money back.
    Refund(Option<Amount>),
}

impl Change {
    /// Where it leads, if the state of the payment allows it.
    pub fn plan(self, payment: &Payment) -> Result<Move, Conflict> {
        let authorized = payment.money.amount;
        match self {
            Self::Capture(amount) => payment.state.capture(authorized, amount),
            Self::Void => payment.state.void(authorized),
            Self::Refund(amount) => payment.state.refund(amount),
        }
    }
}

impl Wanted {
    /// Names the operation after the key.
    pub fn new(origin: Origin, key: &Key, ask: Ask) -> Self {
        Self { id: OperationId::new(ask.kind(), origin, key), ask }
    }
}

impl Ask {
    /// Of what kind it is.
    pub fn kind(&self) -> Kind {
        match self {
            Self::Authorize(_) => Kind::Authorize,
            Self::Change(_, Change::Capture(_)) => Kind::Capture,
            Self::Change(_, Change::Void) => Kind::Void,
            Self::Change(_, Change::Refund(_)) => Kind::Refund,
        }
    }

    /// What tells it from the same key with other arguments. The arguments themselves are not kept: a method is among them.
    pub fn fingerprint(&self) -> Fingerprint {
        let arguments = match self {
            Self::Authorize(Authorization { order_id, customer, money, method }) => {
                json!([order_id, customer, money.amount, money.currency, method.as_str()])
            }
            Self::Change(payment_id, Change::Capture(amount) | Change::Refund(amount)) => json!([payment_id, amount]),
            Self::Change(payment_id, Change::Void) => json!([payment_id]),
        };
        Fingerprint(hexadecimal(&Sha256::digest(arguments.to_string())))
    }
}

/// SHA-256 of the arguments, hexadecimal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fingerprint(String);

impl Fingerprint {
    /// Takes it as it was stored.
    pub fn stored(text: String) -> Self {
        Self(text)
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// An operation as it is written down.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Operation {
    /// Its name.
    pub id: OperationId,
    /// What it does.
    pub kind: Kind,
    /// On which payment.
    pub payment_id: PaymentId,
    /// Whose payment that is: nobody else knows what became of it.
    pub provider: String,
    /// Of its arguments.
    pub fingerprint: Fingerprint,
    /// How much is to move. Nothing, if it was refused before.
    pub amount: Option<Amount>,
    /// How far it is.
    pub progress: Progress,
    /// Which attempt this is, from 1.
    pub attempt: i64,
    /// When somebody last took it up or put it down.
    pub touched_at: Timestamp,
}

/// How far an operation is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Progress {
    /// Somebody is at it, or was when everything stopped.
    UnderWay,
    /// The provider was not reached.
    Unsent,
    /// The provider was asked and did not answer.
    Unknown,
    /// It has an outcome.
    Done(Outcome, Snapshot),
}

/// What whoever comes to an operation does with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TakeUp {
    /// Nothing: somebody is at it.
    Leave,
    /// Ask the provider to do it: so far it has not been asked.
    Send,
    /// Ask the provider what became of it.
    Inquire,
}

impl Operation {
    /// What is to be done at this moment about one without an outcome; of one with an outcome, nothing.
    pub fn take_up(&self, now: Timestamp) -> TakeUp {
        match self.progress {
            Progress::UnderWay if now < self.touched_at.plus_seconds(LEASE_S) => TakeUp::Leave,
            Progress::UnderWay | Progress::Unknown => TakeUp::Inquire,
            Progress::Unsent => TakeUp::Send,
            Progress::Done(..) => TakeUp::Leave,
        }
    }

    /// What a verdict makes of the payment, and of the operation.
    pub fn settle(&self, payment: &Payment, verdict: Verdict) -> Result<(Outcome, State), Conflict> {
        let (state, authorized) = (payment.state, payment.money.amount);
        let done = |step: Move| (Outcome::Done, step.next);
        match (self.kind, verdict) {
            (Kind::Authorize, Verdict::Done) => Ok((Outcome::Done, state.authorize()?)),
            (Kind::Authorize, Verdict::Declined(reason)) => Ok((Outcome::Declined, state.decline(reason)?)),
            (Kind::Authorize, Verdict::Failed) => Ok((Outcome::Failed, state.fail()?)),
            (Kind::Capture, Verdict::Done) => state.capture(authorized, self.amount).map(done),
            (Kind::Void, Verdict::Done) => state.void(authorized).map(done),
            (Kind::Refund, Verdict::Done) => state.refund(self.amount).map(done),
            // Held money that can't be taken after all, for whatever reason: the caller asks again or lets it go.
            (Kind::Capture | Kind::Void | Kind::Refund, Verdict::Declined(_) | Verdict::Failed) => {
                Ok((Outcome::Failed, state))
            }
        }
    }
}

/// What the provider says of an operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It took effect.
    Done,
    /// The money was refused.
    Declined(DeclineReason),
    /// It had no effect and will have none.
    Failed,
}

/// How an operation ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It took effect.
    Done,
    /// The money was refused; the state says why.
    Declined,
    /// The state of the payment did not allow it.
    Refused(Conflict),
    /// It had no effect and will have none.
    Failed,
}

/// What of a payment changes, as it was when an operation ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Snapshot {
    /// Where it stood.
    pub state: State,
    /// After so many changes.
    pub version: i64,
    /// Since when.
    pub updated_at: String,
}

/// What the caller gets, the first time and each time after.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// How it ended.
    pub outcome: Outcome,
    /// The payment as it was then.
    pub payment: Payment,
}

impl Answer {
    /// The answer that was given, of a payment that may have changed since.
    pub fn again(outcome: Outcome, then: &Snapshot, payment: Payment) -> Self {
        let Snapshot { state, version, updated_at } = then.clone();
        Self { outcome, payment: Payment { state, version, updated_at, ..payment } }
    }
}

impl Payment {
    /// What of it changes.
    pub fn snapshot(&self) -> Snapshot {
        Snapshot { state: self.state, version: self.version, updated_at: self.updated_at.clone() }
    }
}

#[cfg(test)]
mod tests {
    use super::{Ask, Change, Kind, OperationId, Origin, Wanted};
    use crate::domain::{Amount, Key, PaymentId};

    #[test]
    fn a_key_of_http_is_never_one_of_a_component() {
        let name = |origin, key: &str| {
            let key = Key::parse(key.to_owned()).expect("it is printable");
            OperationId::new(Kind::Refund, origin, &key).as_str().to_owned()
        };
        assert_eq!(name(Origin::Component, "a"), "refund:a");
        assert_eq!(name(Origin::Http, "a"), "refund@http:a");
        assert_ne!(name(Origin::Component, "@http:a"), name(Origin::Http, "a"));
    }

    #[test]
    fn all_of_the_rest_and_as_much_in_figures_are_two_requests() {
        let refund = |amount: Option<i64>| {
            let payment_id = PaymentId::stored("p".to_owned());
            let amount = amount.map(|units| Amount::parse(units).expect("it is above zero"));
            let key = Key::parse("k".to_owned()).expect("it is printable");
            Wanted::new(Origin::Component, &key, Ask::Change(payment_id, Change::Refund(amount))).ask.fingerprint()
        };
        assert_eq!(refund(None), refund(None));
        assert_ne!(refund(None), refund(Some(100)));
        assert_ne!(refund(Some(10)), refund(Some(100)));
        assert_eq!(refund(Some(1)).as_str().len(), 64);
    }
}
