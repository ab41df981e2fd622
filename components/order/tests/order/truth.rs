//! What must be true of an order that has ended, as all services see it.

use order::domain::order::{Order, Status};
use payment::domain::ledger::is_balanced;
use payment::domain::payment::{Payment, Status as PaymentStatus};
use product::domain::reservation::{ReservationId, State};
use souk_kit::database::{Row, all, first, sql};

use crate::shop::Shop;

/// What was taken and given back for an order, as payments, books and provider say in one voice.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Moved {
    pub(crate) captured: i64,
    pub(crate) refunded: i64,
}

impl Shop {
    /// An order that has ended: paid for once or not at all, its goods sold or free, every key with one effect. `what` tells the case.
    pub(crate) async fn check(&self, id: &str, what: &str) -> Order {
        let order = self.order(id).await;
        assert_eq!(order.saga, None, "{what}: {order:?}");
        let is_sold = matches!(order.status, Status::Paid | Status::Shipped | Status::Delivered);
        assert!(is_sold || matches!(order.status, Status::Cancelled | Status::Rejected), "{what}: {order:?}");
        assert_eq!(order.reason.is_none(), is_sold, "{what}: {order:?}");
        let total = order.lines.total().amount;
        let moved = self.moved(id, what).await;
        let expected = if is_sold { total } else { 0 };
        assert_eq!(moved.captured - moved.refunded, expected, "{what}: {order:?}");
        assert_eq!(order.is_captured, expected > 0, "{what}: {order:?}");
        self.check_reservations(&order, is_sold, what).await;
        self.journal(id).await;
        self.check_answer(&order, what).await;
        order
    }

    /// The payments of an order: one at most, and none that holds money.
    async fn moved(&self, id: &str, what: &str) -> Moved {
        let payments = self.payments(id).await;
        assert!(payments.len() <= 1, "{what}: {payments:?}");
        let Some(payment) = payments.first() else { return Moved { captured: 0, refunded: 0 } };
        let state = payment.state;
        let moved = Moved { captured: state.captured(), refunded: state.refunded() };
        let is_over = !matches!(state.status(), PaymentStatus::Authorizing | PaymentStatus::Authorized);
        assert!(is_over, "{what}: {payment:?}");
        self.check_provider(payment, moved, what).await;
        self.check_books(payment, moved, what).await;
        moved
    }

    async fn check_provider(&self, payment: &Payment, moved: Moved, what: &str) {
        let statement = sql("SELECT captured, refunded, is_voided FROM simulator_authorizations WHERE payment_id = $1");
        let read = |row: &mut Row| Ok((row.integer()?, row.integer()?, row.integer()? == 1));
        let database = self.services.payment.context.database();
        let truth = first(database, statement.bind(payment.id.as_str()), read).await.expect("there is such a table");
        let is_voided = payment.state.status() == PaymentStatus::Voided;
        match truth {
            Some(truth) => assert_eq!(truth, (moved.captured, moved.refunded, is_voided), "{what}"),
            None => assert_eq!((moved.captured, is_voided), (0, false), "{what}"),
        }
    }

    async fn check_books(&self, payment: &Payment, moved: Moved, what: &str) {
        let context = &self.services.payment.context;
        let sums = payment::store::ledger::sums(context).await.expect("it can be read");
        assert!(is_balanced(&sums), "{what}: {sums:?}");
        let sums = sql("SELECT account, CAST(SUM(amount) AS BIGINT) FROM ledger_entries WHERE payment_id = $1 \
             GROUP BY account");
        let read = |row: &mut Row| Ok((row.text()?, row.integer()?));
        let sums = all(context.database(), sums.bind(payment.id.as_str()), read).await.expect("it can be read");
        let of = |name: &str| sums.iter().find(|(account, _)| account == name).map_or(0, |(_, units)| *units);
        assert_eq!((-of("revenue"), of("refunds")), (moved.captured, moved.refunded), "{what}");
    }

    /// Of all reservations that were made for an order the last is sold, or none; nothing is held.
    async fn check_reservations(&self, order: &Order, is_sold: bool, what: &str) {
        for number in 1..=order.reservation + 1 {
            let state = self.reservation(order.id.as_str(), number).await;
            let is_last = number == order.reservation;
            let is_fine = match state {
                Some(State::Committed) => is_sold && is_last,
                Some(State::Held) => false,
                Some(State::Released | State::Expired | State::Returned) => !(is_sold && is_last),
                None => !is_sold || !is_last,
            };
            assert!(is_fine, "{what}: reservation {number} is {state:?} of {order:?}");
        }
    }

    /// Whoever asked has an answer, or finds one when they ask again.
    async fn check_answer(&self, order: &Order, what: &str) {
        let statement = sql("SELECT answer_status FROM keys WHERE order_id = $1").bind(order.id.as_str());
        let status = first(self.context.database(), statement, Row::optional_integer).await.expect("it can be read");
        assert!(status.flatten().is_some(), "{what}: {order:?}");
    }

    pub(crate) async fn payments(&self, order: &str) -> Vec<Payment> {
        let order = payment::domain::OrderId::stored(order.to_owned());
        payment::store::of_order(&self.services.payment.context, &order).await.expect("they can be read")
    }

    pub(crate) async fn reservation(&self, order: &str, number: u32) -> Option<State> {
        let id = ReservationId::stored(format!("{order}.{number}"));
        let found = product::store::reservation::reservation(&self.services.product.context, &id).await;
        found.expect("it can be read").map(|reservation| reservation.state)
    }

    /// The keys under which the payment service was asked to do this for an order, in their order.
    pub(crate) async fn keys(&self, kind: &str, order: &str) -> Vec<String> {
        let statement = sql("SELECT id FROM operations WHERE kind = $1 ORDER BY created_at, id").bind(kind);
        let keys = all(self.services.payment.context.database(), statement, Row::text).await;
        let keys = keys.expect("there is such a table").into_iter();
        keys.filter(|key| key.starts_with(&format!("{kind}:{order}:"))).collect()
    }
}
