//! A provider that is asked over HTTP: a gateway with the API of `components/payment-http/README.md`.
//!
//! Each operation is one `POST` with its name as `Idempotency-Key`. What an answer means:
//!
//! | answer to `POST` | reply |
//! |---|---|
//! | 2xx with `succeeded`, `declined` or `failed` | that verdict |
//! | 402 | declined, with the gateway's reason |
//! | 401, 403, 429, or never sent | unreached: it was turned away before anybody looked at it, and may be sent again |
//! | 408, 409, 5xx, 2xx with `processing` or unreadable, none in time, anything else | silent: it may have had its effect |
//! | other 4xx | failed, without effect |
//!
//! The state of an operation is looked up by the same name. One that the gateway does not know is closed there first, so that it stays without effect
//! also if it arrives after all; whatever is not clearly a state is open.
//!
//! The key of the account and the method go into the request and nowhere else: no log line has them.

use std::fmt::Display;

use http::{Method, StatusCode};
use serde::Deserialize;
use serde_json::{Value, json};
use souk_kit::context::Context;
use souk_kit::log;
use souk_kit::outbound::{Fault, Outbound, Response};
use souk_kit::segment::encoded;

use super::{Answer, Instruction, Provider, Reply, Standing, Work};
use crate::domain::operation::{Kind, OperationId, Verdict};
use crate::domain::payment::DeclineReason;

mod access;

use access::Access;

/// The provider's name.
pub const NAME: &str = "gateway";

/// The provider.
pub struct Gateway {
    context: Context,
    outbound: Box<dyn Outbound>,
}

impl Gateway {
    /// The gateway that the settings name, over this way out.
    pub fn new(context: Context, outbound: impl Outbound + 'static) -> Self {
        Self { context, outbound: Box::new(outbound) }
    }

    /// As the settings say. They are read each time: who sets one that was missing need not wait for a new instance.
    fn access(&self) -> Option<Access> {
        match Access::parse(|name| self.context.setting(name)) {
            Ok(access) => Some(access),
            Err(faults) => {
                for fault in faults {
                    log::error(&format!("{NAME}: {fault}"));
                }
                None
            }
        }
    }

    async fn try_perform(&self, instruction: &Instruction) -> Reply {
        let Some(access) = self.access() else {
            return Reply::Unreached;
        };
        let (path, body) = wire(instruction);
        let request = access.request(Method::POST, &path, Some(&instruction.id), Some(&body));
        let kind = instruction.work.kind();
        match self.outbound.send(request, access.bounds).await {
            Ok(answer) => reply(kind, &instruction.id, &answer),
            Err(fault) => {
                trouble(kind.as_str(), &fault);
                match fault {
                    Fault::NeverSent(_) => Reply::Unreached,
                    Fault::NoAnswer(_) => Reply::Silent,
                }
            }
        }
    }

    async fn try_status(&self, id: &OperationId) -> Standing {
        let Some(access) = self.access() else {
            return Standing::Open;
        };
        let path = format!("/v1/operations/{}", encoded(id.as_str()));
        let looked_up = self.ask(&access, Method::GET, &path).await;
        match looked_up {
            Some(answer) if answer.status() == StatusCode::NOT_FOUND => {
                let closed = self.ask(&access, Method::POST, &format!("{path}/close")).await;
                closed.map_or(Standing::Open, |answer| standing(id, &answer))
            }
            Some(answer) => standing(id, &answer),
            None => Standing::Open,
        }
    }

    async fn ask(&self, access: &Access, method: Method, path: &str) -> Option<Response> {
        let answer = self.outbound.send(access.request(method, path, None, None), access.bounds).await;
        answer.inspect_err(|fault| trouble("what became of an operation", fault)).ok()
    }
}

impl Provider for Gateway {
    fn name(&self) -> &'static str {
        NAME
    }

    fn perform(&self, instruction: Instruction) -> Answer<'_, Reply> {
        Box::pin(async move { self.try_perform(&instruction).await })
    }

    fn status<'a>(&'a self, id: &'a OperationId) -> Answer<'a, Standing> {
        Box::pin(self.try_status(id))
    }
}

/// The path and the body of what is to be done. The gateway knows a payment by the id that it has here.
fn wire(Instruction { payment_id, work, .. }: &Instruction) -> (String, Value) {
    let path = |end: &str| format!("/v1/authorizations/{}/{end}", encoded(payment_id.as_str()));
    match work {
        Work::Authorize { money, method } => {
            let body = json!({
                "payment": payment_id, "amount": money.amount, "currency": money.currency, "method": method.as_str(),
            });
            ("/v1/authorizations".to_owned(), body)
        }
        Work::Capture(amount) => (path("captures"), json!({"amount": amount})),
        Work::Void => (path("void"), json!({})),
        Work::Refund(amount) => (path("refunds"), json!({"amount": amount})),
    }
}

/// What the gateway says of an operation. What it adds later is ignored.
#[derive(Deserialize)]
struct Told {
    key: String,
    status: Word,
    #[serde(default)]
    reason: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "lowercase")]
enum Word {
    Processing,
    Succeeded,
    Declined,
    Failed,
}

fn reply(kind: Kind, id: &OperationId, answer: &Response) -> Reply {
    let status = answer.status();
    if !status.is_success() && status != StatusCode::PAYMENT_REQUIRED {
        trouble(kind.as_str(), &hint(status));
    }
    match status.as_u16() {
        200..=299 => match standing(id, answer) {
            Standing::Settled(verdict) => Reply::Settled(verdict),
            Standing::Open => Reply::Silent,
        },
        402 => Reply::Settled(Verdict::Declined(reason(told(id, answer).and_then(|told| told.reason)))),
        401 | 403 | 429 => Reply::Unreached,
        408 | 409 => Reply::Silent,
        400..=499 => Reply::Settled(Verdict::Failed),
        _ => Reply::Silent,
    }
}

/// Of an answer that is about an operation and nothing else.
fn standing(id: &OperationId, answer: &Response) -> Standing {
    if !answer.status().is_success() {
        trouble("what became of an operation", &hint(answer.status()));
        return Standing::Open;
    }
    let Some(told) = told(id, answer) else {
        return Standing::Open;
    };
    match told.status {
        Word::Processing => Standing::Open,
        Word::Succeeded => Standing::Settled(Verdict::Done),
        Word::Declined => Standing::Settled(Verdict::Declined(reason(told.reason))),
        Word::Failed => Standing::Settled(Verdict::Failed),
    }
}

/// The body, if it is about this operation: something between here and the gateway may answer in its place.
fn told(id: &OperationId, answer: &Response) -> Option<Told> {
    let told: Option<Told> = serde_json::from_slice(answer.body()).ok();
    let told = told.filter(|told| told.key == id.as_str());
    if told.is_none() {
        trouble("an operation", &format!("HTTP {} with a body that is not about it", answer.status().as_u16()));
    }
    told
}

/// A class that is not known is the one that says nothing.
fn reason(word: Option<String>) -> DeclineReason {
    word.and_then(|word| DeclineReason::parse(&word).ok()).unwrap_or(DeclineReason::Declined)
}

fn hint(status: StatusCode) -> String {
    let number = status.as_u16();
    match number {
        401 | 403 => format!("HTTP {number}: the gateway does not take the setting {}", access::KEY),
        _ => format!("HTTP {number}"),
    }
}

fn trouble(what: &str, fault: &impl Display) {
    log::error(&format!("{NAME}: {what}: {fault}"));
}
