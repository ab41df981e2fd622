//! The use cases: the three steps of an operation, and what finishes one that was left between them.

use std::sync::Arc;

use souk_kit::context::Context;
use souk_kit::database::Failure;
use souk_kit::log;

use crate::domain::Refusal;
use crate::domain::operation::{
    Answer, Ask, Authorization, Change, Operation, OperationId, Outcome, RESOLVE_WITHIN_S, RESOLVED_MAX, TakeUp,
    Verdict, Wanted,
};
use crate::domain::webhook::Notice;
use crate::provider::{Instruction, Provider, Reply, Standing, Work};
use crate::store::operation::{self, Begun, Claim, ClaimStep, Finished, PutDown};
use crate::store::webhook;

/// The world of the service: its database, clock, ids and settings, and who moves the money. Cloning it is cheap.
#[derive(Clone)]
pub struct Payments {
    /// Database, clock, ids, settings.
    pub context: Context,
    /// Who moves the money.
    pub provider: Arc<dyn Provider>,
}

/// What `resolve` did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Resolved {
    /// So many have an outcome now.
    pub settled: u32,
    /// So many have none.
    pub open: u32,
}

impl Resolved {
    /// Whether the bound of one call was reached, and another would do something. Where nothing was settled, the provider says nothing, and to
    /// come back at once would only ask it again.
    pub fn is_more_due(self) -> bool {
        self.settled > 0 && self.settled + self.open >= RESOLVED_MAX
    }
}

impl Payments {
    /// Puts the two together.
    pub fn new(context: Context, provider: impl Provider + 'static) -> Self {
        Self { context, provider: Arc::new(provider) }
    }

    /// Carries an operation out, or goes on with it: writes it down, asks the provider, writes down what it says.
    pub async fn operate(&self, wanted: &Wanted) -> Result<Answer, Refusal> {
        match self.begin(wanted).await? {
            Begun::Answered(answer) => Ok(answer),
            Begun::Claimed(claim) => self.carry_out(&claim, wanted).await,
            Begun::Pending(_) => Err(Refusal::InProgress),
        }
    }

    /// Begins it. What is pending on the payment and left is finished first, so that nobody need wait for `resolve`.
    async fn begin(&self, wanted: &Wanted) -> Result<Begun, Refusal> {
        let begun = operation::begin(&self.context, self.provider.name(), wanted).await?;
        let Begun::Pending(id) = &begun else {
            return Ok(begun);
        };
        match operation::operation(&self.context, id).await? {
            Some(pending) if pending.take_up(self.context.now()) != TakeUp::Leave => {
                if !self.resolve_one(&pending).await? {
                    return Ok(begun);
                }
                operation::begin(&self.context, self.provider.name(), wanted).await
            }
            Some(_) | None => Ok(begun),
        }
    }

    /// The second and the third step.
    async fn carry_out(&self, claim: &Claim, wanted: &Wanted) -> Result<Answer, Refusal> {
        let reply = match (claim.step, instruction(&claim.operation, &wanted.ask)) {
            (ClaimStep::Send, Some(instruction)) => self.provider.perform(instruction).await,
            (ClaimStep::Send | ClaimStep::Inquire, _) => match self.provider.status(&claim.operation.id).await {
                Standing::Settled(verdict) => Reply::Settled(verdict),
                Standing::Open => Reply::Silent,
            },
        };
        match reply {
            Reply::Settled(verdict) => self.settle(&claim.operation.id, verdict).await,
            Reply::Unreached => {
                operation::put_down(&self.context, claim, PutDown::Unsent).await?;
                Err(Refusal::ProviderUnavailable)
            }
            Reply::Silent => {
                operation::put_down(&self.context, claim, PutDown::Unknown).await?;
                Err(Refusal::Unknown(claim.operation.payment_id.clone()))
            }
        }
    }

    async fn settle(&self, id: &OperationId, verdict: Verdict) -> Result<Answer, Refusal> {
        match operation::finish(&self.context, id, verdict, &[]).await? {
            Finished::Now(answer) | Finished::Before(answer) => Ok(answer),
            Finished::NotAlso | Finished::UnknownOperation => Err(Failure::Stale.into()),
        }
    }

    /// Asks the provider about all operations that have had no outcome for long, and finishes those of which it knows. Those for which there is no
    /// time left stay as they are.
    pub async fn resolve(&self) -> Result<Resolved, Refusal> {
        let mut resolved = Resolved::default();
        let until = self.context.now().plus_seconds(RESOLVE_WITHIN_S);
        for forgotten in operation::forgotten(&self.context, self.provider.name()).await? {
            if self.context.now() < until && self.resolve_one(&forgotten).await? {
                resolved.settled += 1;
            } else {
                resolved.open += 1;
            }
        }
        Ok(resolved)
    }

    /// Whether it has an outcome now. One that was never sent is not sent now either: whoever wanted it may have gone.
    async fn resolve_one(&self, known: &Operation) -> Result<bool, Refusal> {
        let Some(claim) = operation::claim(&self.context, known).await? else {
            // Somebody else is at it, or has finished it.
            return Ok(false);
        };
        match self.provider.status(&known.id).await {
            Standing::Settled(verdict) => self.settle(&known.id, verdict).await.map(|_| true),
            Standing::Open => {
                operation::put_down(&self.context, &claim, PutDown::Unknown).await?;
                Ok(false)
            }
        }
    }

    /// Takes in what a provider says by itself. It can only finish what is open here; so no order of events takes anything back.
    pub async fn notice(&self, notice: &Notice) -> Result<(), Failure> {
        let Notice::Settled { event_id, operation, verdict } = notice else {
            return Ok(());
        };
        let known = operation::operation(&self.context, operation).await?;
        if known.is_none_or(|known| known.provider != self.provider.name()) {
            return Ok(());
        }
        let seen = webhook::first_time(&self.context, self.provider.name(), event_id);
        match operation::finish(&self.context, operation, *verdict, &seen).await? {
            Finished::Before(answer) if !agrees(answer.outcome, *verdict) => {
                log::error(&format!(
                    "webhook: {verdict:?} about an operation that ended otherwise; nothing was changed"
                ));
                Ok(())
            }
            Finished::Now(_) | Finished::Before(_) | Finished::NotAlso | Finished::UnknownOperation => Ok(()),
        }
    }
}

fn agrees(outcome: Outcome, verdict: Verdict) -> bool {
    match verdict {
        Verdict::Done => outcome == Outcome::Done,
        Verdict::Declined(_) | Verdict::Failed => outcome != Outcome::Done,
    }
}

/// What the provider is to do. Nothing, if the operation has no amount, which only one has that was refused.
fn instruction(operation: &Operation, ask: &Ask) -> Option<Instruction> {
    let amount = operation.amount?;
    let work = match ask {
        Ask::Authorize(Authorization { money, method, .. }) => {
            Work::Authorize { money: money.clone(), method: method.clone() }
        }
        Ask::Change(_, Change::Capture(_)) => Work::Capture(amount),
        Ask::Change(_, Change::Void) => Work::Void,
        Ask::Change(_, Change::Refund(_)) => Work::Refund(amount),
    };
    Some(Instruction { id: operation.id.clone(), payment_id: operation.payment_id.clone(), work })
}
