//! The payment service with its simulator, and the functions of `souk:payment` that orders call.

use axum::Router;
use payment::domain::operation::{Answer, Ask, Authorization, Change, Origin, Outcome as Ended, Wanted};
use payment::domain::{Amount, Currency, Customer, Key, MethodToken, Money, OrderId, PaymentId, Refusal};
use payment::payments::Payments;
use payment::provider::simulator::Simulator;
use payment::store;
use souk_kit::context::Context;
use souk_kit::text::Invalid;

use super::function::{Fault, function};
use super::wire::{self, Outcome};

pub(super) fn router(context: Context) -> Router {
    let payments = Payments::new(context.clone(), Simulator::new(context));
    let functions = Router::new()
        .route(wire::AUTHORIZE, function(authorize))
        .route(wire::CAPTURE, function(capture))
        .route(wire::VOID, function(void))
        .route(wire::REFUND, function(refund))
        .route(wire::FIND, function(find));
    payment::http::router(payments.clone()).merge(functions.with_state(payments))
}

/// Of an authorization: order, customer, amount, currency, method.
type Arguments = (String, String, i64, String, String);

async fn authorize(payments: Payments, (key, arguments): (String, Arguments)) -> Result<Outcome, Fault> {
    operate(&payments, key, authorization(arguments).map_err(Fault::invalid)?).await
}

async fn capture(payments: Payments, (key, id): (String, String)) -> Result<Outcome, Fault> {
    change(&payments, key, id, Change::Capture(None)).await
}

async fn void(payments: Payments, (key, id): (String, String)) -> Result<Outcome, Fault> {
    change(&payments, key, id, Change::Void).await
}

async fn refund(payments: Payments, (key, id): (String, String)) -> Result<Outcome, Fault> {
    change(&payments, key, id, Change::Refund(None)).await
}

/// The id of an order's payment.
async fn find(payments: Payments, (order,): (String,)) -> Result<Option<String>, Fault> {
    let Ok(order) = OrderId::parse(order) else { return Ok(None) };
    let found = store::of_order(&payments.context, &order).await?;
    Ok(found.into_iter().map(|payment| payment.id.into_string()).next())
}

async fn change(payments: &Payments, key: String, id: String, change: Change) -> Result<Outcome, Fault> {
    let id = PaymentId::parse(id).map_err(Fault::invalid)?;
    operate(payments, key, Ask::Change(id, change)).await
}

async fn operate(payments: &Payments, key: String, ask: Ask) -> Result<Outcome, Fault> {
    let wanted = Wanted::new(Origin::Component, &Key::parse(key).map_err(Fault::invalid)?, ask);
    Ok(payments.operate(&wanted).await?.into())
}

fn authorization((order, customer, amount, currency, method): Arguments) -> Result<Ask, Invalid> {
    Ok(Ask::Authorize(Authorization {
        order_id: OrderId::parse(order)?,
        customer: Customer::parse(customer)?,
        money: Money { amount: Amount::parse(amount)?, currency: Currency::parse(currency)? },
        method: MethodToken::parse(method)?,
    }))
}

impl From<Answer> for Outcome {
    fn from(Answer { outcome, payment }: Answer) -> Self {
        match outcome {
            Ended::Done => Self::Done(payment.id.into_string()),
            Ended::Declined => {
                let reason = payment.state.decline_reason().map_or("declined", |reason| reason.as_str());
                Self::Declined(reason.to_owned())
            }
            Ended::Refused(conflict) => Self::Refused(conflict.as_str().to_owned()),
            Ended::Failed => Self::Failed,
        }
    }
}

impl From<Refusal> for Fault {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::Failed(failure) => failure.into(),
            Refusal::UnknownPayment | Refusal::KeyReused => Self::other(format!("{refusal:?}")),
            Refusal::InProgress | Refusal::Unknown(_) | Refusal::ProviderUnavailable => {
                Self::unavailable(format!("{refusal:?}"))
            }
        }
    }
}
