//! The course of an order: what it becomes when something has happened to its next step. No I/O: whoever takes a step asks here what comes next.

use souk_kit::time::Timestamp;

use super::order::{Order, Reason, Status};
use super::saga::{HOLD_S, Happened, Saga, Step, TURNS_UP_S};

impl Order {
    /// The order after something happened to its next step. `saga` is what was left of it.
    #[must_use]
    pub fn after(self, saga: Saga, happened: Happened, now: Timestamp, payment_patience_s: u32) -> Self {
        let is_too_late = saga.is_too_late(now, payment_patience_s);
        match happened {
            Happened::Reserved if self.is_captured => self.go_on(saga, Step::Commit, now),
            Happened::Reserved if self.payment_id.is_some() => self.go_on(saga, Step::Capture, now),
            Happened::Reserved if self.lines.total().amount == 0 => {
                Self { status: Status::Confirmed, ..self.go_on(saga, Step::Commit, now) }
            }
            Happened::Reserved => self.go_on(saga, Step::Authorize, now),
            Happened::SoldOut(lines) => self.give_up(saga, Reason::SoldOut { lines }, now),
            Happened::UnknownProduct(product_ids) => self.give_up(saga, Reason::UnknownProduct { product_ids }, now),
            Happened::ReservationGone if is_too_late => self.give_up(saga, Reason::Unavailable, now),
            Happened::ReservationGone => self.reserve_anew(saga, now),
            Happened::Authorized(payment_id) => self.authorized(saga, payment_id, now),
            Happened::Declined(reason) => self.give_up(saga, Reason::Declined { reason }, now),
            Happened::PaymentFailed => self.give_up(saga, Reason::PaymentFailed, now),
            Happened::Captured => Self { is_captured: true, ..self.go_on(saga, Step::Commit, now) },
            Happened::Committed => Self { status: Status::Paid, ..self.sold(saga, now) },
            Happened::TakenOut => Self { saga: None, ..self },
            Happened::Found(payment_id) => Self { payment_id: Some(payment_id), ..self.go_on(saga, Step::Void, now) },
            Happened::NotFound if now < saga.since.plus_seconds(TURNS_UP_S) => {
                Self { saga: Some(saga.again(now)), ..self }
            }
            Happened::NotFound | Happened::Voided => self.go_on(saga, Step::Release, now),
            Happened::WasCaptured => Self { is_captured: true, ..self.go_on(saga, Step::Refund, now) },
            Happened::Refunded => Self { is_captured: false, ..self.go_on(saga, Step::Release, now) },
            Happened::WasNotCaptured => Self { is_captured: false, ..self.go_on(saga, Step::Void, now) },
            Happened::UndoFailed => {
                let saga = Saga { undo_number: saga.undo_number + 1, ..saga.again(now) };
                Self { saga: Some(saga), ..self }
            }
            Happened::Released => self.ended(),
            Happened::NoAnswer if is_too_late => self.out_of_time(saga, now),
            Happened::NoAnswer => Self { saga: Some(saga.again(now)), ..self },
        }
    }

    fn go_on(self, saga: Saga, step: Step, now: Timestamp) -> Self {
        Self { saga: Some(saga.then(step, now)), ..self }
    }

    /// The order is confirmed: the goods are set aside, unless it took so long that their time is over.
    fn authorized(self, saga: Saga, payment_id: String, now: Timestamp) -> Self {
        let held_until = saga.since.plus_seconds(HOLD_S);
        let order = Self { status: Status::Confirmed, payment_id: Some(payment_id), ..self };
        if now < held_until { order.go_on(saga, Step::Capture, now) } else { order.reserve_anew(saga, now) }
    }

    fn reserve_anew(self, saga: Saga, now: Timestamp) -> Self {
        Self { reservation: self.reservation + 1, ..self.go_on(saga, Step::Reserve, now) }
    }

    fn sold(self, saga: Saga, now: Timestamp) -> Self {
        if self.cart_id.is_some() { self.go_on(saga, Step::TakeOut, now) } else { Self { saga: None, ..self } }
    }

    /// Turns back. Whether money is held is known; if it may have been taken, `void` finds out.
    fn give_up(self, saga: Saga, reason: Reason, now: Timestamp) -> Self {
        let step = match (self.is_captured, &self.payment_id) {
            (true, _) => Step::Refund,
            (false, Some(_)) => Step::Void,
            (false, None) => Step::Release,
        };
        Self { reason: Some(reason), ..self.go_on(saga, step, now) }
    }

    fn out_of_time(self, saga: Saga, now: Timestamp) -> Self {
        match saga.step {
            Step::TakeOut => Self { saga: None, ..self },
            Step::Authorize => Self { reason: Some(Reason::PaymentFailed), ..self.go_on(saga, Step::Inquire, now) },
            Step::Capture => self.give_up(saga, Reason::PaymentFailed, now),
            Step::Reserve | Step::Commit | Step::Inquire | Step::Void | Step::Refund | Step::Release => {
                self.give_up(saga, Reason::Unavailable, now)
            }
        }
    }

    fn ended(self) -> Self {
        let status = if self.status == Status::Cancelling { Status::Cancelled } else { Status::Rejected };
        Self { status, saga: None, ..self }
    }
}
