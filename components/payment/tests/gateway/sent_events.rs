//! Events that the gateway itself makes, signs and sends, over a socket.

use std::sync::Arc;

use payment::domain::PaymentId;
use payment::domain::operation::{Ask, OperationId, Outcome, Verdict};
use payment::domain::payment::{DeclineReason, Status};
use payment::provider::{Instruction, Standing, Work};
use payment::store::operation::{self, Begun};
use souk_kit::native::{self, GivenSettings};
use tokio::net::TcpListener;

use crate::provider::{NAME, SECRET};
use crate::shop::{Shop, outcome};

/// The service on a socket, and where its events go.
async fn served(shop: &Shop) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port is free");
    let address = listener.local_addr().expect("it is bound");
    tokio::spawn(native::serve(payment::http::router(shop.payments.clone()), listener));
    format!("http://{address}/api/v1/payments/webhooks/gateway")
}

/// The gateway's side waits for its answer.
async fn deliver(shop: &Arc<Shop>, url: &str, event: &str) -> u16 {
    let (shop, url, event) = (Arc::clone(shop), url.to_owned(), event.to_owned());
    tokio::task::spawn_blocking(move || shop.desk.gateway.deliver(&url, &event)).await.expect("it has an answer")
}

async fn only(shop: &Shop) -> PaymentId {
    shop.of_order("order-1").await[0].id.clone()
}

#[tokio::test]
async fn the_gateway_finishes_what_it_has_not_answered() {
    for (token, status) in [
        ("tok_timeout_after_effect", Status::Authorized),
        ("tok_slow", Status::Authorized),
        ("tok_hangs", Status::Failed),
    ] {
        let settings = GivenSettings::default().with("payment_gateway_timeout_ms", "200");
        let shop = Arc::new(Shop::open_with(settings.with("gateway_webhook_secret", SECRET)).await);
        let url = served(&shop).await;
        shop.authorize("a", "order-1", 100, token).await.expect_err("there is no answer");
        let id = only(&shop).await;
        if status == Status::Failed {
            // Somebody else had it closed.
            let standing = shop.payments.provider.status(&OperationId::stored("authorize:a".to_owned())).await;
            assert_eq!(standing, Standing::Settled(Verdict::Failed));
        }
        let event = shop.desk.gateway.event("authorize:a");
        for _ in 0..2 {
            assert_eq!(deliver(&shop, &url, &event).await, 204, "{token}");
        }
        assert_eq!(shop.status(&id).await, status, "{token}");
        assert_eq!((shop.count("webhook_events").await, shop.event_types().len()), (1, 1), "{token}");
    }
}

#[tokio::test]
async fn an_event_and_a_question_have_one_effect_together() {
    let shop = Arc::new(Shop::open().await);
    let url = served(&shop).await;
    let id = shop.captured("a", "tok_refund_timeout_after_effect").await;
    shop.refund("r", &id, Some(40)).await.expect_err("there is no answer");
    let event = shop.desk.gateway.event("refund:r");
    let (told, asked) = tokio::join!(deliver(&shop, &url, &event), shop.refund("r", &id, Some(40)));
    assert_eq!((told, outcome(asked)), (204, Outcome::Done));
    assert_eq!((shop.booked(&id).await, shop.truth(&id).await.expect("it is known").refunded), ((100, 40), 40));
}

#[tokio::test]
async fn a_declined_authorization_is_told_with_its_reason() {
    let shop = Arc::new(Shop::open().await);
    let url = served(&shop).await;
    // Its process stopped between the two: the gateway has decided, and nobody here knows.
    let wanted = crate::shop::authorize("a", "order-1", 100, "tok_expired");
    let begun = operation::begin(&shop.context, NAME, &wanted).await;
    let Ok(Begun::Claimed(claim)) = begun else { panic!("{begun:?}") };
    let Ask::Authorize(new) = &wanted.ask else { unreachable!("it is made above") };
    let work = Work::Authorize { money: new.money.clone(), method: new.method.clone() };
    let (id, payment_id) = (claim.operation.id.clone(), claim.operation.payment_id.clone());
    shop.payments.provider.perform(Instruction { id, payment_id, work }).await;
    let event = shop.desk.gateway.event("authorize:a");
    assert_eq!(deliver(&shop, &url, &event).await, 204);
    let payment = shop.payment(&only(&shop).await).await;
    assert_eq!(payment.state.decline_reason(), Some(DeclineReason::Expired));
}

#[tokio::test]
async fn an_event_of_somebody_with_another_secret_is_refused() {
    let settings = GivenSettings::default().with("gateway_webhook_secret", "another secret that is as long as it");
    let shop = Arc::new(Shop::open_with(settings).await);
    let url = served(&shop).await;
    shop.authorize("a", "order-1", 100, "tok_timeout_after_effect").await.expect_err("there is no answer");
    let event = shop.desk.gateway.event("authorize:a");
    assert_eq!(deliver(&shop, &url, &event).await, 401);
    assert_eq!(shop.status(&only(&shop).await).await, Status::Authorizing);
}
