//! A provider without money: what it does is told by the method, so that every fault can be tried.
//!
//! It keeps its own truth in tables of its own, as a provider far away does, and the rest of the service learns of it through the trait alone.
//!
//! | method | `authorize` |
//! |---|---|
//! | `tok_visa` | done |
//! | `tok_declined`, `tok_insufficient_funds`, `tok_expired`, `tok_stolen` | declined: no reason, no money, expired, suspected fraud |
//! | `tok_error` | failed, without effect |
//! | `tok_unavailable` | never reached |
//! | `tok_timeout` | no answer; in truth it never arrived |
//! | `tok_timeout_after_effect` | no answer; in truth it is authorized |
//! | `tok_slow` | no answer; authorized, and told so [`SLOW_S`] seconds later |
//! | `tok_capture_…`, `tok_void_…`, `tok_refund_…` | done; the fault comes with that operation |
//! | anything else | declined as no method |
//!
//! The faults of later operations are `fails`, `unavailable`, `timeout`, `timeout_after_effect` and `slow`, such as `tok_capture_timeout`, with the
//! same meanings; `fails` is that of `tok_error`.

use souk_database::contract::{Effect, Error, Step, Transaction};
use souk_kit::context::Context;
use souk_kit::database::{self, Attempt, Failure, Mismatch, Row, read_all, sql};
use souk_kit::log;
use souk_kit::time::Timestamp;

use super::{Answer, Instruction, Provider, Reply, Standing, Work};
use crate::domain::operation::{Kind, OperationId, Verdict};
use crate::domain::payment::DeclineReason;
use crate::domain::{Invalid, PaymentId};
use crate::store;

/// How long `tok_slow` takes: longer than anybody waits for an answer, shorter than `resolve` does.
pub const SLOW_S: u32 = 20;

/// The provider.
pub struct Simulator {
    context: Context,
}

/// What is to go wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fault {
    None,
    Declines(DeclineReason),
    Fails,
    Unavailable,
    Timeout,
    TimeoutAfterEffect,
    Slow,
}

impl Simulator {
    /// In the service's own database, behind its own tables.
    pub fn new(context: Context) -> Self {
        Self { context }
    }

    async fn try_perform(&self, instruction: &Instruction) -> Result<Reply, Failure> {
        let token = self.token(instruction).await?;
        match Fault::of(&token, instruction.work.kind()) {
            Fault::Unavailable => Ok(Reply::Unreached),
            // Lost on its way there.
            Fault::Timeout => Ok(Reply::Silent),
            // Lost on its way back.
            Fault::TimeoutAfterEffect => {
                self.decide(instruction, Verdict::Done, &token, 0).await.map(|_| Reply::Silent)
            }
            Fault::Slow => self.decide(instruction, Verdict::Done, &token, SLOW_S).await,
            Fault::None => self.decide(instruction, Verdict::Done, &token, 0).await,
            Fault::Fails => self.decide(instruction, Verdict::Failed, &token, 0).await,
            Fault::Declines(reason) => self.decide(instruction, Verdict::Declined(reason), &token, 0).await,
        }
    }

    /// What the payment is paid with. Of a payment that is not known here, nothing.
    async fn token(&self, instruction: &Instruction) -> Result<String, Failure> {
        if let Work::Authorize { method, .. } = &instruction.work {
            return Ok(method.as_str().to_owned());
        }
        let statement = sql("SELECT token FROM simulator_authorizations WHERE payment_id = $1");
        let token = statement.bind(instruction.payment_id.as_str());
        Ok(database::first(self.context.database(), token, Row::text).await?.unwrap_or_default())
    }

    /// Does it once, and answers each time with what came of it.
    async fn decide(
        &self,
        instruction: &Instruction,
        verdict: Verdict,
        token: &str,
        after_s: u32,
    ) -> Result<Reply, Failure> {
        let told_from = self.context.now().plus_seconds(after_s);
        let first = insert(&instruction.id, verdict, told_from).exactly(1);
        let effect = if verdict == Verdict::Done { effect(instruction, token) } else { vec![] };
        match self.transact([vec![first], effect].concat()).await? {
            Attempt::Committed(_) => Ok(self.tell(verdict, told_from)),
            Attempt::Unmet(0) => self.repeat(&instruction.id).await,
            // The sums do not allow it.
            Attempt::Unmet(_) => {
                let failed = insert(&instruction.id, Verdict::Failed, told_from).exactly(1);
                self.transact(vec![failed]).await?;
                self.repeat(&instruction.id).await
            }
        }
    }

    async fn repeat(&self, id: &OperationId) -> Result<Reply, Failure> {
        let arrives = sql("UPDATE simulator_operations SET arrivals = arrivals + 1 WHERE key = $1 \
             RETURNING verdict, told_from");
        match self.transact(vec![arrives.bind(id.as_str()).exactly(1)]).await? {
            Attempt::Committed(effects) => {
                let (verdict, told_from) = known(effects)?;
                Ok(self.tell(verdict, told_from))
            }
            Attempt::Unmet(_) => Err(Failure::Stale),
        }
    }

    async fn try_status(&self, id: &OperationId) -> Result<Standing, Failure> {
        let close = sql("INSERT INTO simulator_operations (key, verdict, told_from, arrivals) \
             VALUES ($1, 'failed', $2, 0) ON CONFLICT (key) DO NOTHING");
        let close = close.bind(id.as_str()).bind(self.context.now().to_string());
        let read = sql("SELECT verdict, told_from FROM simulator_operations WHERE key = $1").bind(id.as_str());
        match self.transact(vec![close.anything(), read.exactly(1)]).await? {
            Attempt::Committed(effects) => {
                let (verdict, told_from) = known(effects)?;
                Ok(if self.context.now() < told_from { Standing::Open } else { Standing::Settled(verdict) })
            }
            Attempt::Unmet(_) => Err(Failure::Stale),
        }
    }

    fn tell(&self, verdict: Verdict, told_from: Timestamp) -> Reply {
        if self.context.now() < told_from { Reply::Silent } else { Reply::Settled(verdict) }
    }

    async fn transact(&self, steps: Vec<Step>) -> Result<Attempt, Failure> {
        store::attempt(&self.context, Transaction { steps, events: vec![] }).await
    }
}

impl Provider for Simulator {
    fn name(&self) -> &'static str {
        "simulator"
    }

    fn perform(&self, instruction: Instruction) -> Answer<'_, Reply> {
        Box::pin(async move {
            self.try_perform(&instruction).await.unwrap_or_else(|failure| {
                log::error(&format!("simulator: {failure}"));
                match failure {
                    // The commit was on its way, as a request to a provider far away may be.
                    Failure::Database(Error::Undecided(_)) => Reply::Silent,
                    Failure::Database(_) | Failure::Stale | Failure::Mismatch(_) => Reply::Unreached,
                }
            })
        })
    }

    fn status<'a>(&'a self, id: &'a OperationId) -> Answer<'a, Standing> {
        Box::pin(async move {
            self.try_status(id).await.unwrap_or_else(|failure| {
                log::error(&format!("simulator: {failure}"));
                Standing::Open
            })
        })
    }
}

impl Fault {
    /// What the token says about operations of this kind.
    fn of(token: &str, kind: Kind) -> Self {
        let own = Self::of_authorization(token);
        match (own, later(token)) {
            (Some(own), _) if kind == Kind::Authorize => own,
            (None, Some((of, fault))) if of == kind => fault,
            // That of another operation.
            (Some(_), _) | (None, Some(_)) => Self::None,
            (None, None) if kind == Kind::Authorize => Self::Declines(DeclineReason::InvalidMethod),
            (None, None) => Self::Fails,
        }
    }

    fn of_authorization(token: &str) -> Option<Self> {
        match token {
            "tok_visa" => Some(Self::None),
            "tok_declined" => Some(Self::Declines(DeclineReason::Declined)),
            "tok_insufficient_funds" => Some(Self::Declines(DeclineReason::InsufficientFunds)),
            "tok_expired" => Some(Self::Declines(DeclineReason::Expired)),
            "tok_stolen" => Some(Self::Declines(DeclineReason::SuspectedFraud)),
            "tok_error" => Some(Self::Fails),
            "tok_unavailable" => Some(Self::Unavailable),
            "tok_timeout" => Some(Self::Timeout),
            "tok_timeout_after_effect" => Some(Self::TimeoutAfterEffect),
            "tok_slow" => Some(Self::Slow),
            _ => None,
        }
    }

    fn of_later(word: &str) -> Option<Self> {
        match word {
            "fails" => Some(Self::Fails),
            "unavailable" => Some(Self::Unavailable),
            "timeout" => Some(Self::Timeout),
            "timeout_after_effect" => Some(Self::TimeoutAfterEffect),
            "slow" => Some(Self::Slow),
            _ => None,
        }
    }
}

/// The operation and the fault in `tok_<operation>_<fault>`.
fn later(token: &str) -> Option<(Kind, Fault)> {
    let (kind, word) = token.strip_prefix("tok_")?.split_once('_')?;
    let kind = Kind::parse(kind).ok().filter(|kind| *kind != Kind::Authorize)?;
    Some((kind, Fault::of_later(word)?))
}

fn insert(id: &OperationId, verdict: Verdict, told_from: Timestamp) -> database::Sql {
    sql("INSERT INTO simulator_operations (key, verdict, told_from, arrivals) VALUES ($1, $2, $3, 1) \
         ON CONFLICT (key) DO NOTHING")
    .bind(id.as_str())
    .bind(word(verdict))
    .bind(told_from.to_string())
}

/// What is done with the money. One row, or the sums do not allow it.
fn effect(instruction: &Instruction, token: &str) -> Vec<Step> {
    let of = |text: &str, payment_id: &PaymentId| sql(text).bind(payment_id.as_str());
    let id = &instruction.payment_id;
    let effect = match &instruction.work {
        Work::Authorize { money, .. } => of(
            "INSERT INTO simulator_authorizations (payment_id, token, amount, captured, refunded, is_voided) \
             VALUES ($1, $2, $3, 0, 0, 0) ON CONFLICT (payment_id) DO NOTHING",
            id,
        )
        .bind(token)
        .bind(money.amount.units()),
        Work::Capture(amount) => of(
            "UPDATE simulator_authorizations SET captured = captured + $2 \
             WHERE payment_id = $1 AND is_voided = 0 AND refunded = 0 AND captured + $2 <= amount",
            id,
        )
        .bind(amount.units()),
        Work::Void => of(
            "UPDATE simulator_authorizations SET is_voided = 1 \
             WHERE payment_id = $1 AND is_voided = 0 AND captured = 0",
            id,
        ),
        Work::Refund(amount) => of(
            "UPDATE simulator_authorizations SET refunded = refunded + $2 \
             WHERE payment_id = $1 AND refunded + $2 <= captured",
            id,
        )
        .bind(amount.units()),
    };
    vec![effect.exactly(1)]
}

/// What the last step read.
fn known(mut effects: Vec<Effect>) -> Result<(Verdict, Timestamp), Failure> {
    let rows = effects.pop().map(|effect| effect.rows).unwrap_or_default();
    let read = |row: &mut Row| Ok((row.parsed(|text| verdict(&text))?, row.parsed(|text| Timestamp::parse(&text))?));
    let missing = || Mismatch { column: 0, expected: "a row".to_owned() };
    Ok(read_all(rows, read)?.pop().ok_or_else(missing)?)
}

fn word(verdict: Verdict) -> String {
    match verdict {
        Verdict::Done => "done".to_owned(),
        Verdict::Declined(reason) => format!("declined:{}", reason.as_str()),
        Verdict::Failed => "failed".to_owned(),
    }
}

fn verdict(word: &str) -> Result<Verdict, Invalid> {
    match word.split_once(':') {
        None if word == "done" => Ok(Verdict::Done),
        None if word == "failed" => Ok(Verdict::Failed),
        Some(("declined", reason)) => DeclineReason::parse(reason).map(Verdict::Declined),
        None | Some(_) => Err("must be a verdict".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::{Fault, later};
    use crate::domain::operation::Kind;
    use crate::domain::payment::DeclineReason;

    #[test]
    fn a_token_says_what_goes_wrong_and_when() {
        for (token, kind, fault) in [
            ("tok_visa", Kind::Authorize, Fault::None),
            ("tok_visa", Kind::Refund, Fault::None),
            ("tok_timeout_after_effect", Kind::Authorize, Fault::TimeoutAfterEffect),
            ("tok_timeout_after_effect", Kind::Capture, Fault::None),
            ("tok_capture_timeout_after_effect", Kind::Authorize, Fault::None),
            ("tok_capture_timeout_after_effect", Kind::Capture, Fault::TimeoutAfterEffect),
            ("tok_capture_timeout_after_effect", Kind::Void, Fault::None),
            ("tok_void_slow", Kind::Void, Fault::Slow),
            ("tok_refund_fails", Kind::Refund, Fault::Fails),
            ("tok_refund_unavailable", Kind::Refund, Fault::Unavailable),
            ("tok_refund_breaks", Kind::Authorize, Fault::Declines(DeclineReason::InvalidMethod)),
            ("visa", Kind::Authorize, Fault::Declines(DeclineReason::InvalidMethod)),
            ("", Kind::Capture, Fault::Fails),
        ] {
            assert_eq!(Fault::of(token, kind), fault, "{token} {kind:?}");
        }
        assert_eq!(later("tok_authorize_fails"), None);
    }
}
