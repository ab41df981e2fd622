//! The use cases: an order is placed, worked at until nothing is left to do, and changed by people.

use std::sync::Arc;

use souk_kit::context::Context;
use souk_kit::database::Failure;
use souk_kit::log;

use crate::domain::order::{Order, Status};
use crate::domain::saga::{HOLD_S, Happened, PAYMENT_PATIENCE_S, PAYMENT_PATIENCE_S_MAX, Saga, Step};
use crate::domain::{OrderId, Refusal};
use crate::others::{Authorization, Authorized, Captured, Committed, NoAnswer, Others, Refunded, Reserved, Voided};
use crate::store;

pub mod place;

/// How many steps are taken in a row: three times as many as the longest way has. What goes round in a circle, because others contradict themselves, waits
/// for the job instead of filling the journal.
const STEPS_MAX: usize = 32;

/// How many orders one call of the job takes up. Each takes some milliseconds, if all others answer.
pub const RESUMED_MAX: u32 = 20;

/// The world of the service: its database, clock, ids and settings, and the other services. Cloning it is cheap.
#[derive(Clone)]
pub struct Orders {
    /// Database, clock, ids, settings.
    pub context: Context,
    /// The other services.
    pub others: Arc<dyn Others>,
    payment_patience_s: u32,
}

impl Orders {
    /// Puts the two together.
    pub fn new(context: Context, others: impl Others + 'static) -> Self {
        let bounds = 1..=PAYMENT_PATIENCE_S_MAX;
        let payment_patience_s = context.number_setting("payment_patience_seconds", bounds, PAYMENT_PATIENCE_S);
        Self { context, others: Arc::new(others), payment_patience_s }
    }

    /// Takes one step after another until nothing is left to do, or until one has no outcome now. Whoever took the order up meanwhile goes
    /// on instead. The order as it is then.
    pub async fn work(&self, mut order: Order) -> Result<Order, Failure> {
        for _ in 0..STEPS_MAX {
            let Some(saga) = order.saga.clone() else { break };
            let step = saga.step;
            let happened = self.take(&order, &saga).await;
            let next = order.clone().after(saga, happened.clone(), self.context.now(), self.payment_patience_s);
            match store::save(&self.context, &order, next, (Some(step), happened.as_str())).await? {
                Some(saved) => order = saved,
                None => return self.stop(&order, &happened).await,
            }
            if order.saga.as_ref().is_some_and(Saga::is_put_off) {
                break;
            }
        }
        Ok(order)
    }

    /// Leaves an order to whoever has gone on with it. What was set aside for it in vain is let go at once; if that has no outcome, its time ends it.
    async fn stop(&self, left: &Order, happened: &Happened) -> Result<Order, Failure> {
        let order = store::order(&self.context, &left.id).await?.ok_or(Failure::Stale)?;
        let is_over = matches!(order.status, Status::Rejected | Status::Cancelled);
        let is_in_vain = is_over || order.reservation != left.reservation;
        if is_in_vain && *happened == Happened::Reserved {
            let released = self.others.release(&reservation(left)).await;
            released
                .unwrap_or_else(|no| log::error(&format!("order {}: release came late: {}", order.id.as_str(), no.0)));
        }
        Ok(order)
    }

    /// Takes the next step of an order. Whatever stops in here, or behind it, is found again by the step's own key.
    async fn take(&self, order: &Order, saga: &Saga) -> Happened {
        let reservation = reservation(order);
        let payment = order.payment_id.as_deref().unwrap_or_default();
        let outcome = match saga.step {
            Step::Reserve => self.others.reserve(&reservation, order.lines.quantities(), HOLD_S).await.map(reserved),
            Step::Authorize => self.authorize(order, saga).await,
            Step::Capture => self.others.capture(key(order, saga.step), payment).await.map(captured),
            Step::Commit => self.others.commit(&reservation).await.map(committed),
            Step::TakeOut => {
                let taken = self.others.take_out(&order.account, &order.id, order.lines.quantities()).await;
                taken.map(|()| Happened::TakenOut)
            }
            Step::Inquire => self.others.find(&order.id).await.map(found),
            Step::Void => self.others.void(undo_key(order, saga), payment).await.map(voided),
            Step::Refund => self.others.refund(undo_key(order, saga), payment).await.map(refunded),
            Step::Release => self.others.release(&reservation).await.map(|()| Happened::Released),
        };
        let id = order.id.as_str();
        match outcome {
            Ok(Happened::UndoFailed) => {
                log::error(&format!("order {id}: {} was refused for good; somebody has to look", saga.step.as_str()));
                Happened::UndoFailed
            }
            Ok(happened) => happened,
            Err(NoAnswer(text)) => {
                log::error(&format!("order {id}: {} has no outcome yet: {text}", saga.step.as_str()));
                Happened::NoAnswer
            }
        }
    }

    async fn authorize(&self, order: &Order, saga: &Saga) -> Result<Happened, NoAnswer> {
        let Some(method) = &saga.method else {
            return Err(NoAnswer("the way to pay is gone".to_owned()));
        };
        let money = order.lines.total();
        let wanted = Authorization { order: &order.id, account: &order.account, money: &money, method };
        Ok(match self.others.authorize(key(order, saga.step), wanted).await? {
            Authorized::Held(payment_id) => Happened::Authorized(payment_id),
            Authorized::Declined(reason) => Happened::Declined(reason),
            Authorized::Failed => Happened::PaymentFailed,
        })
    }

    /// Takes up what is due: what a crash left, or what had no outcome. Whether there is more. An order that can't be taken up stays the one that is
    /// due for longest, so it must not stand before the others.
    pub async fn resume(&self) -> Result<bool, Failure> {
        let due = store::due(&self.context, RESUMED_MAX).await?;
        let more = due.len() >= RESUMED_MAX as usize;
        let mut first_failure = None;
        for order in due {
            let id = order.id.clone();
            if let Err(failure) = self.take_up(order).await {
                log::error(&format!("order {}: it can't be taken up: {failure}", id.as_str()));
                first_failure = first_failure.or(Some(failure));
            }
        }
        first_failure.map_or(Ok(more), Err)
    }

    async fn take_up(&self, order: Order) -> Result<(), Failure> {
        if let Some(claimed) = store::claim(&self.context, order).await? {
            self.work(claimed).await?;
        }
        Ok(())
    }

    /// Takes an order back: money and goods. Asked again, it goes on with that.
    pub async fn cancel(&self, order: Order) -> Result<Order, Refusal> {
        if matches!(order.status, Status::Cancelled | Status::Cancelling) {
            return Ok(order);
        }
        let cancelling = order.clone().cancel(self.context.now())?;
        let cancelling = self.change(&order, cancelling, "cancelled").await?;
        Ok(self.work(cancelling).await?)
    }

    /// Says that it is on its way. Said again, nothing changes.
    pub async fn ship(&self, order: Order) -> Result<Order, Refusal> {
        if order.status == Status::Shipped {
            return Ok(order);
        }
        let shipped = order.clone().ship()?;
        self.change(&order, shipped, "shipped").await
    }

    /// Says that it arrived. Said again, nothing changes.
    pub async fn deliver(&self, order: Order) -> Result<Order, Refusal> {
        if order.status == Status::Delivered {
            return Ok(order);
        }
        let delivered = order.clone().deliver()?;
        self.change(&order, delivered, "delivered").await
    }

    async fn change(&self, order: &Order, next: Order, what: &str) -> Result<Order, Refusal> {
        let saved = store::save(&self.context, order, next, (None, what)).await?;
        saved.ok_or(Refusal::Failed(Failure::Stale))
    }

    /// One's own order. Another's is as if it were not there.
    pub async fn order(&self, id: &OrderId, sees: impl Fn(&Order) -> bool) -> Result<Order, Refusal> {
        store::order(&self.context, id).await?.filter(sees).ok_or(Refusal::UnknownOrder)
    }
}

/// The id of the reservation that is used now. One whose time is over can't be used again, so each try has its own.
fn reservation(order: &Order) -> String {
    format!("{}.{}", order.id.as_str(), order.reservation)
}

/// What the payment service knows a repetition by.
fn key(order: &Order, step: Step) -> String {
    format!("{}:{}", order.id.as_str(), step.as_str())
}

/// The same for an undo, which may be tried anew after it was refused for good.
fn undo_key(order: &Order, saga: &Saga) -> String {
    format!("{}:{}", key(order, saga.step), saga.undo_number)
}

fn reserved(reserved: Reserved) -> Happened {
    match reserved {
        Reserved::Held => Happened::Reserved,
        Reserved::SoldOut(lines) => Happened::SoldOut(lines),
        Reserved::UnknownProduct(product_ids) => Happened::UnknownProduct(product_ids),
        Reserved::Gone => Happened::ReservationGone,
    }
}

fn captured(captured: Captured) -> Happened {
    match captured {
        Captured::Done => Happened::Captured,
        Captured::Failed => Happened::PaymentFailed,
    }
}

fn committed(committed: Committed) -> Happened {
    match committed {
        Committed::Done => Happened::Committed,
        Committed::Gone => Happened::ReservationGone,
    }
}

fn found(payment_id: Option<String>) -> Happened {
    payment_id.map_or(Happened::NotFound, Happened::Found)
}

fn voided(voided: Voided) -> Happened {
    match voided {
        Voided::Done => Happened::Voided,
        Voided::WasCaptured => Happened::WasCaptured,
        Voided::Failed => Happened::UndoFailed,
    }
}

fn refunded(refunded: Refunded) -> Happened {
    match refunded {
        Refunded::Done => Happened::Refunded,
        Refunded::WasNotCaptured => Happened::WasNotCaptured,
        Refunded::Failed => Happened::UndoFailed,
    }
}
