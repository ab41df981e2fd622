//! What the gateway knows: payments, and operations by their keys. A key has one effect and one verdict, and sums are never exceeded.

use std::collections::BTreeMap;

use serde_json::{Value, json};

/// The truth about a payment, in minor units.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Payment {
    /// Held.
    pub authorized: i64,
    /// Taken of it.
    pub captured: i64,
    /// Given back of that.
    pub refunded: i64,
    /// Let go.
    pub is_voided: bool,
}

/// What can be asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Authorize,
    Capture,
    Void,
    Refund,
}

/// One request, read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Order {
    kind: Kind,
    payment: String,
    amount: i64,
    method: String,
}

/// How an operation ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    Succeeded,
    Declined(&'static str),
    Failed,
}

/// What is told of an operation.
pub(super) struct Told {
    key: String,
    /// None while it is at work.
    verdict: Option<Verdict>,
}

#[derive(Default)]
pub(super) struct Book {
    payments: BTreeMap<String, Held>,
    operations: BTreeMap<String, Operation>,
    events: u32,
}

struct Held {
    payment: Payment,
    /// What it is paid with.
    method: String,
}

struct Operation {
    /// None, if it was closed before it arrived.
    order: Option<Order>,
    verdict: Verdict,
    told_from_ms: i64,
    arrivals: u32,
}

impl Order {
    pub(super) fn read(kind: Kind, payment: Option<&str>, body: &Value) -> Option<Self> {
        let text = |name: &str| body[name].as_str().filter(|text| !text.is_empty()).map(str::to_owned);
        let amount = || body["amount"].as_i64().filter(|amount| *amount > 0);
        match (kind, payment) {
            (Kind::Authorize, None) => {
                text("currency").filter(|code| code.len() == 3)?;
                Some(Self { kind, payment: text("payment")?, amount: amount()?, method: text("method")? })
            }
            (Kind::Capture | Kind::Refund, Some(payment)) => {
                Some(Self { kind, payment: payment.to_owned(), amount: amount()?, method: String::new() })
            }
            (Kind::Void, Some(payment)) => {
                Some(Self { kind, payment: payment.to_owned(), amount: 0, method: String::new() })
            }
            (Kind::Authorize, Some(_)) | (Kind::Capture | Kind::Void | Kind::Refund, None) => None,
        }
    }
}

impl Told {
    /// The status of an answer to whoever asked for it.
    pub(super) fn status(&self) -> u16 {
        match self.verdict {
            None => 202,
            Some(Verdict::Succeeded) => 200,
            Some(Verdict::Declined(_)) => 402,
            Some(Verdict::Failed) => 400,
        }
    }

    pub(super) fn json(&self) -> Value {
        let (status, reason) = match self.verdict {
            None => ("processing", None),
            Some(Verdict::Succeeded) => ("succeeded", None),
            Some(Verdict::Declined(reason)) => ("declined", Some(reason)),
            Some(Verdict::Failed) => ("failed", None),
        };
        json!({"key": self.key, "status": status, "reason": reason, "object": "operation"})
    }
}

impl Book {
    pub(super) fn payment(&self, id: &str) -> Option<Payment> {
        self.payments.get(id).map(|held| held.payment)
    }

    pub(super) fn arrivals(&self, key: &str) -> Option<u32> {
        self.operations.get(key).map(|operation| operation.arrivals)
    }

    pub(super) fn operations(&self) -> usize {
        self.operations.len()
    }

    pub(super) fn effects(&self) -> usize {
        self.operations.values().filter(|operation| operation.verdict == Verdict::Succeeded).count()
    }

    /// What an order is, or was, paid with. Of a payment that is not known, nothing.
    pub(super) fn token(&self, order: &Order) -> String {
        match order.kind {
            Kind::Authorize => order.method.clone(),
            Kind::Capture | Kind::Void | Kind::Refund => {
                self.payments.get(&order.payment).map(|held| held.method.clone()).unwrap_or_default()
            }
        }
    }

    /// Does it once. Nothing, if the key was used for something else.
    pub(super) fn carry_out(
        &mut self,
        key: &str,
        order: &Order,
        verdict: Verdict,
        told_from_ms: i64,
        is_told: impl Fn(i64) -> bool,
    ) -> Option<Told> {
        if let Some(known) = self.operations.get_mut(key) {
            known.arrivals += 1;
            if known.order.as_ref().is_some_and(|first| first != order) {
                return None;
            }
            return Some(told(key, known, is_told));
        }
        let verdict = if verdict == Verdict::Succeeded && !self.apply(order) { Verdict::Failed } else { verdict };
        let operation = Operation { order: Some(order.clone()), verdict, told_from_ms, arrivals: 1 };
        let told = told(key, &operation, is_told);
        self.operations.insert(key.to_owned(), operation);
        Some(told)
    }

    /// Moves the money, if the sums allow it.
    fn apply(&mut self, order: &Order) -> bool {
        let amount = order.amount;
        if order.kind == Kind::Authorize {
            let is_new = !self.payments.contains_key(&order.payment);
            let payment = Payment { authorized: amount, ..Payment::default() };
            self.payments.entry(order.payment.clone()).or_insert(Held { payment, method: order.method.clone() });
            return is_new;
        }
        let Some(Held { payment, .. }) = self.payments.get_mut(&order.payment) else {
            return false;
        };
        let (is_allowed, after) = match order.kind {
            Kind::Authorize => unreachable!("it is no order on a payment that is there"),
            Kind::Capture => (
                !payment.is_voided && payment.refunded == 0 && payment.captured + amount <= payment.authorized,
                Payment { captured: payment.captured + amount, ..*payment },
            ),
            Kind::Void => (!payment.is_voided && payment.captured == 0, Payment { is_voided: true, ..*payment }),
            Kind::Refund => (
                payment.refunded + amount <= payment.captured,
                Payment { refunded: payment.refunded + amount, ..*payment },
            ),
        };
        if is_allowed {
            *payment = after;
        }
        is_allowed
    }

    pub(super) fn look_up(&self, key: &str, is_told: impl Fn(i64) -> bool) -> Option<Told> {
        self.operations.get(key).map(|operation| told(key, operation, is_told))
    }

    /// What never arrived has failed from now on.
    pub(super) fn close(&mut self, key: &str, is_told: impl Fn(i64) -> bool) -> Told {
        let closed = Operation { order: None, verdict: Verdict::Failed, told_from_ms: 0, arrivals: 0 };
        told(key, self.operations.entry(key.to_owned()).or_insert(closed), is_told)
    }

    pub(super) fn event(&mut self, key: &str) -> Value {
        self.events += 1;
        let (r#type, reason) = match self.operations[key].verdict {
            Verdict::Succeeded => ("operation.succeeded", None),
            Verdict::Declined(reason) => ("operation.declined", Some(reason)),
            Verdict::Failed => ("operation.failed", None),
        };
        json!({"id": format!("evt_{}", self.events), "type": r#type, "data": {"key": key, "reason": reason}})
    }
}

fn told(key: &str, operation: &Operation, is_told: impl Fn(i64) -> bool) -> Told {
    Told { key: key.to_owned(), verdict: is_told(operation.told_from_ms).then_some(operation.verdict) }
}
