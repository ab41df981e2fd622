//! Operations: begun under a key, taken up, put down, finished. Each is one transaction, so that whatever stops between two of them leaves something
//! that the next one goes on from.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use souk_database::contract::{Event, Step, Transaction};
use souk_kit::context::Context;
use souk_kit::database::{self, Attempt, Failure, Mismatch, Row, Sql, sql};
use souk_kit::event;
use souk_kit::log;
use souk_kit::time::Timestamp;

use super::{ATTEMPTS_MAX, PAYMENT, attempt, ledger, read_payment};
use crate::domain::operation::{
    Answer, Ask, Authorization, Fingerprint, Kind, Operation, OperationId, Outcome, Progress, RESOLVE_AFTER_S,
    RESOLVED_MAX, Snapshot, TakeUp, Verdict, Wanted,
};
use crate::domain::payment::{Conflict, DeclineReason, Move, Payment, State, Status};
use crate::domain::{Amount, Invalid, PaymentId, Refusal};

/// What came of beginning an operation.
#[derive(Clone, Debug)]
pub enum Begun {
    /// It has an outcome.
    Answered(Answer),
    /// Whoever began it asks the provider now, and nobody else does.
    Claimed(Claim),
    /// Another operation on the payment has no outcome yet.
    Pending(OperationId),
}

/// An operation that somebody holds until they finish it, put it down, or are gone.
#[derive(Clone, Debug)]
pub struct Claim {
    /// The operation as it is now.
    pub operation: Operation,
    /// Whether to ask the provider to do it, or what became of it.
    pub step: ClaimStep,
}

/// What to do with a claim.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ClaimStep {
    /// Ask the provider to do it.
    Send,
    /// Ask it what became of it.
    Inquire,
}

/// Begins an operation, or goes on with one that was begun under the same key. `provider` is the one for a new payment, and the only one whose payments
/// are touched.
pub async fn begin(context: &Context, provider: &str, wanted: &Wanted) -> Result<Begun, Refusal> {
    for _ in 0..ATTEMPTS_MAX {
        let begun = match operation(context, &wanted.id).await? {
            Some(known) => go_on(context, provider, known, wanted).await?,
            None => start(context, provider, wanted).await?,
        };
        if let Some(begun) = begun {
            return Ok(begun);
        }
        // Somebody was faster: look again.
    }
    Err(Failure::Stale.into())
}

/// With an operation whose key is known. Nothing, if somebody was faster.
async fn go_on(context: &Context, provider: &str, known: Operation, wanted: &Wanted) -> Result<Option<Begun>, Refusal> {
    if known.fingerprint != wanted.ask.fingerprint() {
        return Err(Refusal::KeyReused);
    }
    if let Some(answer) = answer(context, &known).await? {
        return Ok(Some(Begun::Answered(answer)));
    }
    demand_own(provider, &known.provider)?;
    if known.take_up(context.now()) == TakeUp::Leave {
        return Err(Refusal::InProgress);
    }
    Ok(claim(context, &known).await?.map(Begun::Claimed))
}

/// With a new key. Nothing, if somebody was faster.
async fn start(context: &Context, provider: &str, wanted: &Wanted) -> Result<Option<Begun>, Refusal> {
    let (payment_id, change) = match &wanted.ask {
        Ask::Authorize(new) => return Ok(authorize(context, provider, wanted, new).await?.map(Begun::Claimed)),
        Ask::Change(payment_id, change) => (payment_id, change),
    };
    let (payment, pending) = with_pending(context, payment_id).await?.ok_or(Refusal::UnknownPayment)?;
    demand_own(provider, &payment.provider)?;
    if let Some(pending) = pending {
        return Ok(Some(Begun::Pending(pending)));
    }
    match change.plan(&payment) {
        Ok(step) => Ok(record(context, wanted, &payment, step).await?.map(Begun::Claimed)),
        Err(conflict) => Ok(refuse(context, wanted, payment, conflict).await?.map(Begun::Answered)),
    }
}

/// One component of this service may take the place of another, over the same database. What the one's provider did the other's has never heard of, and
/// would say that it did not happen.
fn demand_own(provider: &str, of_payment: &str) -> Result<(), Refusal> {
    if provider == of_payment {
        return Ok(());
    }
    log::error(&format!("a payment of provider {of_payment} can't be changed while the provider is {provider}"));
    Err(Refusal::ProviderUnavailable)
}

/// Writes the intent down, with a new payment.
async fn authorize(
    context: &Context,
    provider: &str,
    wanted: &Wanted,
    new: &Authorization,
) -> Result<Option<Claim>, Failure> {
    let Authorization { order_id, customer, money, .. } = new;
    let now = context.now().to_string();
    let id = PaymentId::stored(context.id());
    let insert = sql("INSERT INTO payments (id, order_id, customer, provider, amount, currency, status, captured, \
             refunded, decline_reason, pending, version, created_at, updated_at) \
         VALUES ($1, $2, $3, $4, $5, $6, 'authorizing', 0, 0, NULL, $7, 1, $8, $8)")
    .bind(id.as_str())
    .bind(order_id.as_str())
    .bind(customer.as_str())
    .bind(provider)
    .bind(money.amount.units())
    .bind(money.currency.as_str())
    .bind(wanted.id.as_str())
    .bind(now);
    let operation = new_operation(wanted, (&id, provider), Some(money.amount), Progress::UnderWay, context.now());
    let steps = vec![insert.exactly(1), insert_operation(&operation, None).exactly(1)];
    let attempt = attempt(context, Transaction { steps, events: vec![] }).await?;
    Ok(claimed(&attempt, operation))
}

/// Writes the intent down, on a payment that no other operation is pending on.
async fn record(context: &Context, wanted: &Wanted, payment: &Payment, step: Move) -> Result<Option<Claim>, Failure> {
    let operation = new_operation(wanted, whose(payment), Some(step.amount), Progress::UnderWay, context.now());
    let mark = sql("UPDATE payments SET pending = $3 WHERE id = $1 AND version = $2 AND pending IS NULL")
        .bind(payment.id.as_str())
        .bind(payment.version)
        .bind(wanted.id.as_str());
    let steps = vec![insert_operation(&operation, None).exactly(1), mark.exactly(1)];
    let attempt = attempt(context, Transaction { steps, events: vec![] }).await?;
    Ok(claimed(&attempt, operation))
}

/// Writes down that the payment does not allow it, so that a repetition learns the same.
async fn refuse(
    context: &Context,
    wanted: &Wanted,
    payment: Payment,
    conflict: Conflict,
) -> Result<Option<Answer>, Failure> {
    let outcome = Outcome::Refused(conflict);
    let progress = Progress::Done(outcome, payment.snapshot());
    let operation = new_operation(wanted, whose(&payment), None, progress, context.now());
    let unchanged = sql("SELECT id FROM payments WHERE id = $1 AND version = $2 AND pending IS NULL")
        .bind(payment.id.as_str())
        .bind(payment.version);
    let written = written(outcome, &payment.snapshot());
    let steps = vec![insert_operation(&operation, Some(written)).exactly(1), unchanged.exactly(1)];
    match attempt(context, Transaction { steps, events: vec![] }).await? {
        Attempt::Committed(_) => Ok(Some(Answer { outcome, payment })),
        Attempt::Unmet(_) => Ok(None),
    }
}

fn claimed(attempt: &Attempt, operation: Operation) -> Option<Claim> {
    match attempt {
        Attempt::Committed(_) => Some(Claim { operation, step: ClaimStep::Send }),
        Attempt::Unmet(_) => None,
    }
}

/// Takes an operation up that has no outcome and that nobody is at. Of several who try, one does.
pub async fn claim(context: &Context, known: &Operation) -> Result<Option<Claim>, Failure> {
    let now = context.now();
    let step = match known.take_up(now) {
        TakeUp::Leave => return Ok(None),
        TakeUp::Send => ClaimStep::Send,
        TakeUp::Inquire => ClaimStep::Inquire,
    };
    let take = sql("UPDATE operations SET state = 'under-way', attempt = attempt + 1, touched_at = $3 \
         WHERE id = $1 AND attempt = $2 AND state = $4")
    .bind(known.id.as_str())
    .bind(known.attempt)
    .bind(now.to_string())
    .bind(state_word(&known.progress));
    match attempt(context, Transaction { steps: vec![take.exactly(1)], events: vec![] }).await? {
        Attempt::Committed(_) => {
            let operation = Operation {
                progress: Progress::UnderWay,
                attempt: known.attempt + 1,
                touched_at: now,
                ..known.clone()
            };
            Ok(Some(Claim { operation, step }))
        }
        Attempt::Unmet(_) => Ok(None),
    }
}

/// How a claim is put down that came to nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PutDown {
    /// The provider was not reached.
    Unsent,
    /// It did not say how it ended.
    Unknown,
}

/// Puts a claim down, so that the next one need not wait until nobody can be at it. If somebody has finished it meanwhile, or taken it up, that stays.
pub async fn put_down(context: &Context, claim: &Claim, how: PutDown) -> Result<(), Failure> {
    let state = match how {
        PutDown::Unsent => "unsent",
        PutDown::Unknown => "unknown",
    };
    let put = sql("UPDATE operations SET state = $3, touched_at = $4 \
         WHERE id = $1 AND attempt = $2 AND state = 'under-way'")
    .bind(claim.operation.id.as_str())
    .bind(claim.operation.attempt)
    .bind(state)
    .bind(context.now().to_string());
    attempt(context, Transaction { steps: vec![put.anything()], events: vec![] }).await.map(drop)
}

/// Finishes an operation with what the provider says: outcome, state, ledger and event together. One that has an outcome already keeps it, so whoever
/// comes second learns what the first has written. `also` are steps of the same transaction.
pub async fn finish(context: &Context, id: &OperationId, verdict: Verdict, also: &[Step]) -> Result<Finished, Failure> {
    for _ in 0..ATTEMPTS_MAX {
        let Some(known) = operation(context, id).await? else {
            return Ok(Finished::UnknownOperation);
        };
        if let Some(answer) = answer(context, &known).await? {
            return Ok(Finished::Before(answer));
        }
        let payment = with_pending(context, &known.payment_id).await?.ok_or_else(no_payment)?.0;
        let (outcome, state) = known.settle(&payment, verdict).map_err(|_| illegal())?;
        let now = context.now();
        let payment = Payment { state, version: payment.version + 1, updated_at: now.to_string(), ..payment };
        let transaction = settlement(context, &known, outcome, &payment, now, also);
        match attempt(context, transaction).await? {
            Attempt::Committed(_) => return Ok(Finished::Now(Answer { outcome, payment })),
            // Somebody was faster: look again.
            Attempt::Unmet(step) if step < BEFORE_ALSO => {}
            Attempt::Unmet(step) if step < BEFORE_ALSO + also.len() => return Ok(Finished::NotAlso),
            Attempt::Unmet(_) => return Err(unbalanced()),
        }
    }
    Err(Failure::Stale)
}

/// What came of finishing.
#[derive(Clone, Debug)]
pub enum Finished {
    /// It is done.
    Now(Answer),
    /// It was done before, perhaps with another verdict.
    Before(Answer),
    /// A step besides was not met; nothing was written.
    NotAlso,
    /// Nobody has begun it.
    UnknownOperation,
}

/// The steps of a settlement before those that come besides: the operation and the payment.
const BEFORE_ALSO: usize = 2;

fn settlement(
    context: &Context,
    operation: &Operation,
    outcome: Outcome,
    payment: &Payment,
    now: Timestamp,
    also: &[Step],
) -> Transaction {
    let end =
        sql("UPDATE operations SET state = 'done', answer = $2, touched_at = $3 WHERE id = $1 AND state <> 'done'")
            .bind(operation.id.as_str())
            .bind(written(outcome, &payment.snapshot()))
            .bind(now.to_string());
    let advance = sql("UPDATE payments SET status = $4, captured = $5, refunded = $6, decline_reason = $7, \
             pending = NULL, version = version + 1, updated_at = $8 \
         WHERE id = $1 AND version = $2 AND pending = $3")
    .bind(payment.id.as_str())
    .bind(payment.version - 1)
    .bind(operation.id.as_str())
    .bind(payment.state.status().as_str())
    .bind(payment.state.captured())
    .bind(payment.state.refunded())
    .bind(payment.state.decline_reason().map(DeclineReason::as_str))
    .bind(now.to_string());
    let mut steps = vec![end.exactly(1), advance.exactly(1)];
    steps.extend_from_slice(also);
    steps.extend(ledger::book(operation, outcome, payment, now));
    Transaction { steps, events: occurred(context, operation, outcome, payment).into_iter().collect() }
}

/// What others learn of it. Of what changed nothing, nothing.
fn occurred(context: &Context, operation: &Operation, outcome: Outcome, payment: &Payment) -> Option<Event> {
    let r#type = match (operation.kind, outcome) {
        (Kind::Authorize, Outcome::Done) => "payment.authorized",
        (Kind::Authorize, Outcome::Declined) => "payment.declined",
        (Kind::Authorize, Outcome::Failed) => "payment.failed",
        (Kind::Capture, Outcome::Done) => "payment.captured",
        (Kind::Void, Outcome::Done) => "payment.voided",
        (Kind::Refund, Outcome::Done) => "payment.refunded",
        (Kind::Capture | Kind::Void | Kind::Refund, Outcome::Declined | Outcome::Failed)
        | (Kind::Authorize | Kind::Capture | Kind::Void | Kind::Refund, Outcome::Refused(_)) => return None,
    };
    let mut data = json!({
        "id": payment.id,
        "order_id": payment.order_id,
        "customer": payment.customer,
        "amount": payment.money,
        "captured": payment.state.captured(),
        "refunded": payment.state.refunded(),
        "status": payment.state.status(),
    });
    if let Some(reason) = payment.state.decline_reason() {
        data["reason"] = reason.as_str().into();
    }
    if let (Kind::Capture | Kind::Refund, Some(amount)) = (operation.kind, operation.amount) {
        data["moved"] = amount.units().into();
    }
    Some(event::occurred(context, r#type, payment.id.as_str(), &data))
}

/// Looks an operation up.
pub async fn operation(context: &Context, id: &OperationId) -> Result<Option<Operation>, Failure> {
    let statement = sql(format!("SELECT {OPERATION} FROM operations o WHERE o.id = $1")).bind(id.as_str());
    database::first(context.database(), statement, read_operation).await
}

/// The operations at a provider that have had no outcome for long, longest forgotten first.
pub async fn forgotten(context: &Context, provider: &str) -> Result<Vec<Operation>, Failure> {
    let since = context.now().milliseconds() - i64::from(RESOLVE_AFTER_S) * 1000;
    let statement = sql(format!(
        "SELECT {OPERATION} FROM operations o WHERE o.state <> 'done' AND o.touched_at <= $1 \
         AND (SELECT p.provider FROM payments p WHERE p.id = o.payment_id) = $2 \
         ORDER BY o.touched_at, o.id LIMIT {RESOLVED_MAX}"
    ));
    let statement = statement.bind(Timestamp::from_milliseconds(since).to_string()).bind(provider);
    database::all(context.database(), statement, read_operation).await
}

/// The answer that an operation has, if it has one.
async fn answer(context: &Context, operation: &Operation) -> Result<Option<Answer>, Failure> {
    match &operation.progress {
        Progress::Done(outcome, then) => {
            let payment = super::payment(context, &operation.payment_id).await?.ok_or_else(no_payment)?;
            Ok(Some(Answer::again(*outcome, then, payment)))
        }
        Progress::UnderWay | Progress::Unsent | Progress::Unknown => Ok(None),
    }
}

async fn with_pending(context: &Context, id: &PaymentId) -> Result<Option<(Payment, Option<OperationId>)>, Failure> {
    let statement = sql(format!("SELECT {PAYMENT}, p.pending FROM payments p WHERE p.id = $1")).bind(id.as_str());
    let read = |row: &mut Row| Ok((read_payment(row)?, row.optional_text()?.map(OperationId::stored)));
    database::first(context.database(), statement, read).await
}

/// The payment of an operation, and its provider.
fn whose(payment: &Payment) -> (&PaymentId, &str) {
    (&payment.id, &payment.provider)
}

fn new_operation(
    wanted: &Wanted,
    (payment_id, provider): (&PaymentId, &str),
    amount: Option<Amount>,
    progress: Progress,
    now: Timestamp,
) -> Operation {
    Operation {
        id: wanted.id.clone(),
        kind: wanted.ask.kind(),
        payment_id: payment_id.clone(),
        provider: provider.to_owned(),
        fingerprint: wanted.ask.fingerprint(),
        amount,
        progress,
        attempt: 1,
        touched_at: now,
    }
}

fn insert_operation(operation: &Operation, answer: Option<String>) -> Sql {
    sql("INSERT INTO operations (id, kind, payment_id, fingerprint, amount, state, attempt, touched_at, answer, \
             created_at) \
         VALUES ($1, $2, $3, $4, $5, $6, 1, $7, $8, $7) ON CONFLICT (id) DO NOTHING")
    .bind(operation.id.as_str())
    .bind(operation.kind.as_str())
    .bind(operation.payment_id.as_str())
    .bind(operation.fingerprint.as_str())
    .bind(operation.amount.map_or(0, Amount::units))
    .bind(state_word(&operation.progress))
    .bind(operation.touched_at.to_string())
    .bind(answer)
}

fn state_word(progress: &Progress) -> &'static str {
    match progress {
        Progress::UnderWay => "under-way",
        Progress::Unsent => "unsent",
        Progress::Unknown => "unknown",
        Progress::Done(..) => "done",
    }
}

/// The columns of an [`Operation`] of operations `o`.
const OPERATION: &str = "o.id, o.kind, o.payment_id, (SELECT p.provider FROM payments p WHERE p.id = o.payment_id), \
    o.fingerprint, o.amount, o.state, o.answer, o.attempt, o.touched_at";

fn read_operation(row: &mut Row) -> Result<Operation, Mismatch> {
    Ok(Operation {
        id: OperationId::stored(row.text()?),
        kind: row.parsed(|text| Kind::parse(&text))?,
        payment_id: PaymentId::stored(row.text()?),
        provider: row.text()?,
        fingerprint: Fingerprint::stored(row.text()?),
        amount: Amount::parse(row.integer()?).ok(),
        progress: read_progress(row)?,
        attempt: row.integer()?,
        touched_at: row.parsed(|text| Timestamp::parse(&text))?,
    })
}

/// Two columns.
fn read_progress(row: &mut Row) -> Result<Progress, Mismatch> {
    let (state, answer) = (row.text()?, row.optional_text()?);
    let progress = match (state.as_str(), answer) {
        ("under-way", None) => Ok(Progress::UnderWay),
        ("unsent", None) => Ok(Progress::Unsent),
        ("unknown", None) => Ok(Progress::Unknown),
        ("done", Some(answer)) => read_answer(&answer).map(|(outcome, then)| Progress::Done(outcome, then)),
        _ => Err("a state, with an answer if it is done".to_owned()),
    };
    progress.map_err(|expected| Mismatch { column: 7, expected })
}

/// An answer as it is kept.
#[derive(Deserialize, Serialize)]
struct Kept {
    outcome: String,
    status: String,
    captured: i64,
    refunded: i64,
    reason: Option<String>,
    version: i64,
    updated_at: String,
}

fn written(outcome: Outcome, then: &Snapshot) -> String {
    let outcome = match outcome {
        Outcome::Done => "done".to_owned(),
        Outcome::Declined => "declined".to_owned(),
        Outcome::Refused(conflict) => format!("refused:{}", conflict.as_str()),
        Outcome::Failed => "failed".to_owned(),
    };
    let kept = Kept {
        outcome,
        status: then.state.status().as_str().to_owned(),
        captured: then.state.captured(),
        refunded: then.state.refunded(),
        reason: then.state.decline_reason().map(|reason| reason.as_str().to_owned()),
        version: then.version,
        updated_at: then.updated_at.clone(),
    };
    serde_json::to_value(kept).map(|kept: Value| kept.to_string()).expect("a service's own records serialise")
}

fn read_answer(text: &str) -> Result<(Outcome, Snapshot), Invalid> {
    let kept: Kept = serde_json::from_str(text).map_err(|error| error.to_string())?;
    let outcome = match kept.outcome.split_once(':') {
        None if kept.outcome == "done" => Outcome::Done,
        None if kept.outcome == "declined" => Outcome::Declined,
        None if kept.outcome == "failed" => Outcome::Failed,
        Some(("refused", conflict)) => Outcome::Refused(Conflict::parse(conflict)?),
        None | Some(_) => return Err("an outcome".to_owned()),
    };
    let reason = kept.reason.map(|reason| DeclineReason::parse(&reason)).transpose()?;
    let state = State::stored(Status::parse(&kept.status)?, kept.captured, kept.refunded, reason)?;
    Ok((outcome, Snapshot { state, version: kept.version, updated_at: kept.updated_at }))
}

fn no_payment() -> Failure {
    Failure::Mismatch(Mismatch { column: 0, expected: "the payment of an operation".to_owned() })
}

/// What is booked is made of pairs that come to zero.
fn unbalanced() -> Failure {
    Failure::Mismatch(Mismatch { column: 0, expected: "entries that sum to zero".to_owned() })
}

/// While an operation is pending no other changes the payment, so what was planned is still legal.
fn illegal() -> Failure {
    Failure::Mismatch(Mismatch { column: 0, expected: "a payment that allows what is pending on it".to_owned() })
}
