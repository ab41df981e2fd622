//! What only the simulator has: tables of its own.

use souk_database::contract::{Error, Transaction};
use souk_kit::database::{Failure, attempt, sql};

use crate::shop::Shop;

#[tokio::test]
async fn its_schema_refuses_what_its_code_never_does() {
    let shop = Shop::open().await;
    let id = shop.captured("a", "tok_visa").await;
    for wrong in [
        "UPDATE simulator_authorizations SET captured = 101 WHERE payment_id = $1",
        "UPDATE simulator_authorizations SET refunded = 101 WHERE payment_id = $1",
        "UPDATE simulator_authorizations SET is_voided = 1 WHERE payment_id = $1",
    ] {
        let steps = vec![sql(wrong).bind(id.as_str()).anything()];
        let refused = attempt(shop.context.database(), Transaction { steps, events: vec![] }).await;
        assert!(matches!(refused, Err(Failure::Database(Error::Constraint(_)))), "{wrong}: {refused:?}");
    }
}
