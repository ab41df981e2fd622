//! The outbox is the host's, also on a server where the component could name it.

use souk_database::contract::Error;

use crate::harness::shop;
use crate::words::{committed, event, step};

#[tokio::test]
async fn a_component_can_not_publish_by_itself() {
    let Some(shop) = shop().await else { return };
    committed(shop.publish(vec![], vec![event("1", "a")]).await);
    for sql in [
        "SELECT souk.souk_publish('', '1', 'a', NULL, 'a', 'now', 'x')",
        "SELECT souk.souk_publish(NULL, '1', 'a', NULL, 'a', 'now', 'x')",
        "SELECT souk.souk_publish((SELECT value FROM souk.souk_secret WHERE name = 'token'), '1', 'a', NULL, 'a', 'b', 'c')",
        "INSERT INTO souk.souk_outbox (id, type, key, time, data, created_ms) VALUES ('9', 'a', 'b', 'c', 'd', 0)",
        "DELETE FROM souk.souk_outbox",
        "SELECT data FROM souk.souk_outbox",
        "UPDATE souk.souk_secret SET value = 'known'",
    ] {
        let error = shop.transact(vec![step(sql)]).await.unwrap_err();
        assert!(matches!(error, Error::Denied(_)), "{sql}: {error}");
    }
    assert_eq!(shop.db.status().await.unwrap().outbox.waiting, 1);
}
