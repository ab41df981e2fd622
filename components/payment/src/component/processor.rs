//! `souk:payment/processor`.

use souk_database::contract::Error as DatabaseError;
use souk_kit::database::Failure;
use souk_kit::log;

use super::bindings::exports::souk::payment::processor::{Error, Guest, Money, Outcome, Payment, Resolved};
use super::bindings::souk::payment::types::{Conflict, DeclineReason, Status};
use super::{Component, payments};
use crate::domain::operation::{self, Answer, Ask, Authorization, Change, Origin, Wanted};
use crate::domain::{
    self, Amount, Currency, Customer, Invalid, Key, MethodToken, OrderId, PaymentId, Refusal, payment,
};
use crate::store;

impl<C: Component> Guest for C {
    async fn authorize(
        key: String,
        order_id: String,
        customer: String,
        amount: Money,
        method_token: String,
    ) -> Result<Outcome, Error> {
        let ask = authorization(order_id, customer, amount, method_token).map_err(Error::Invalid)?;
        operate::<C>(key, ask).await
    }

    async fn capture(key: String, payment_id: String, amount: Option<i64>) -> Result<Outcome, Error> {
        let (payment_id, amount) = (known(payment_id)?, part(amount)?);
        operate::<C>(key, Ask::Change(payment_id, Change::Capture(amount))).await
    }

    async fn void(key: String, payment_id: String) -> Result<Outcome, Error> {
        let payment_id = known(payment_id)?;
        operate::<C>(key, Ask::Change(payment_id, Change::Void)).await
    }

    async fn refund(key: String, payment_id: String, amount: Option<i64>) -> Result<Outcome, Error> {
        let (payment_id, amount) = (known(payment_id)?, part(amount)?);
        operate::<C>(key, Ask::Change(payment_id, Change::Refund(amount))).await
    }

    async fn get(payment_id: String) -> Result<Payment, Error> {
        let payment = store::payment(&payments::<C>().context, &known(payment_id)?).await?;
        payment.map(Payment::from).ok_or(Error::UnknownPayment)
    }

    async fn find(order_id: String) -> Result<Vec<Payment>, Error> {
        // What is no id of an order is the id of none.
        let Ok(order_id) = OrderId::parse(order_id) else {
            return Ok(Vec::new());
        };
        let found = store::of_order(&payments::<C>().context, &order_id).await?;
        Ok(found.into_iter().map(Payment::from).collect())
    }

    async fn resolve() -> Result<Resolved, Error> {
        let resolved = payments::<C>().resolve().await?;
        Ok(Resolved { settled: resolved.settled, open: resolved.open })
    }
}

async fn operate<C: Component>(key: String, ask: Ask) -> Result<Outcome, Error> {
    let key = Key::parse(key).map_err(|reason| Error::Invalid(format!("key {reason}")))?;
    let wanted = Wanted::new(Origin::Component, &key, ask);
    Ok(payments::<C>().operate(&wanted).await?.into())
}

fn authorization(order_id: String, customer: String, amount: Money, method_token: String) -> Result<Ask, Invalid> {
    Ok(Ask::Authorize(Authorization {
        order_id: OrderId::parse(order_id).map_err(|reason| format!("order-id {reason}"))?,
        customer: Customer::parse(customer).map_err(|reason| format!("customer {reason}"))?,
        money: domain::Money {
            amount: Amount::parse(amount.amount).map_err(|reason| format!("amount {reason}"))?,
            currency: Currency::parse(amount.currency).map_err(|reason| format!("currency {reason}"))?,
        },
        method: MethodToken::parse(method_token).map_err(|reason| format!("method-token {reason}"))?,
    }))
}

fn part(amount: Option<i64>) -> Result<Option<Amount>, Error> {
    let amount = amount.map(Amount::parse).transpose();
    amount.map_err(|reason| Error::Invalid(format!("amount {reason}")))
}

/// What is no id of a payment is the id of none.
fn known(id: String) -> Result<PaymentId, Error> {
    PaymentId::parse(id).map_err(|_| Error::UnknownPayment)
}

impl From<Answer> for Outcome {
    fn from(Answer { outcome, payment }: Answer) -> Self {
        let payment = Payment::from(payment);
        match outcome {
            operation::Outcome::Done => Self::Done(payment),
            operation::Outcome::Declined => Self::Declined(payment),
            operation::Outcome::Refused(conflict) => Self::Refused((conflict.into(), payment)),
            operation::Outcome::Failed => Self::Failed(payment),
        }
    }
}

impl From<payment::Payment> for Payment {
    fn from(payment: payment::Payment) -> Self {
        let state = payment.state;
        Self {
            id: payment.id.into_string(),
            order_id: payment.order_id.into_string(),
            customer: payment.customer.into_string(),
            provider: payment.provider,
            amount: Money { amount: payment.money.amount.units(), currency: payment.money.currency.into_string() },
            captured: state.captured(),
            refunded: state.refunded(),
            status: state.status().into(),
            decline_reason: state.decline_reason().map(DeclineReason::from),
            version: payment.version.unsigned_abs(),
            created_at: payment.created_at,
            updated_at: payment.updated_at,
        }
    }
}

impl From<payment::Status> for Status {
    fn from(status: payment::Status) -> Self {
        match status {
            payment::Status::Authorizing => Self::Authorizing,
            payment::Status::Authorized => Self::Authorized,
            payment::Status::PartiallyCaptured => Self::PartiallyCaptured,
            payment::Status::Captured => Self::Captured,
            payment::Status::Voided => Self::Voided,
            payment::Status::Declined => Self::Declined,
            payment::Status::PartiallyRefunded => Self::PartiallyRefunded,
            payment::Status::Refunded => Self::Refunded,
            payment::Status::Failed => Self::Failed,
        }
    }
}

impl From<payment::DeclineReason> for DeclineReason {
    fn from(reason: payment::DeclineReason) -> Self {
        match reason {
            payment::DeclineReason::Declined => Self::Declined,
            payment::DeclineReason::InsufficientFunds => Self::InsufficientFunds,
            payment::DeclineReason::Expired => Self::Expired,
            payment::DeclineReason::InvalidMethod => Self::InvalidMethod,
            payment::DeclineReason::SuspectedFraud => Self::SuspectedFraud,
        }
    }
}

impl From<payment::Conflict> for Conflict {
    fn from(conflict: payment::Conflict) -> Self {
        match conflict {
            payment::Conflict::NotAuthorized => Self::NotAuthorized,
            payment::Conflict::InsufficientAuthorization => Self::InsufficientAuthorization,
            payment::Conflict::AlreadyCaptured => Self::AlreadyCaptured,
            payment::Conflict::AlreadyVoided => Self::AlreadyVoided,
            payment::Conflict::NothingCaptured => Self::NothingCaptured,
            payment::Conflict::ExceedsCaptured => Self::ExceedsCaptured,
            payment::Conflict::AlreadyRefunded => Self::AlreadyRefunded,
        }
    }
}

impl From<Refusal> for Error {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::UnknownPayment => Self::UnknownPayment,
            Refusal::KeyReused => Self::KeyReused,
            Refusal::InProgress => Self::InProgress,
            Refusal::Unknown(payment_id) => Self::Unknown(payment_id.into_string()),
            Refusal::ProviderUnavailable => Self::Unavailable("the provider can't be reached now".to_owned()),
            Refusal::Failed(failure) => failure.into(),
        }
    }
}

/// What callers may know of it; the details are in this component's log.
impl From<Failure> for Error {
    fn from(failure: Failure) -> Self {
        log::error(&failure.to_string());
        match failure {
            Failure::Stale => Self::Unavailable("too many change the same payment".to_owned()),
            // What may have been written is found again by its key.
            Failure::Database(DatabaseError::Unavailable(_) | DatabaseError::Undecided(_)) => {
                Self::Unavailable("the database can't be used now".to_owned())
            }
            Failure::Database(_) | Failure::Mismatch(_) => Self::Other("see the log of the payment service".to_owned()),
        }
    }
}
