//! The books: what is booked, and what can't be.

use payment::domain::ledger::Account;
use serde_json::json;
use souk_database::contract::{Error, Transaction};
use souk_kit::database::{Attempt, Failure, Row, all, attempt, sql};

use crate::shop::{Shop, Who, done};

#[tokio::test]
async fn each_movement_is_booked_on_four_lines() {
    let shop = Shop::open().await;
    let id = shop.authorized("a", "tok_visa").await;
    assert_eq!(shop.count("ledger_entries").await, 0);
    done(shop.capture("c", &id, Some(70)).await);
    done(shop.refund("r", &id, Some(20)).await);
    let lines = sql("SELECT transaction_id, account, CAST(amount AS TEXT), currency, payment_id FROM ledger_entries \
         ORDER BY transaction_id, line");
    let read = |row: &mut Row| Ok([row.text()?, row.text()?, row.text()?, row.text()?, row.text()?]);
    let lines = all(shop.context.database(), lines, read).await.expect("there is such a table");
    let line = |operation: &str, account: &str, amount: &str| {
        [operation, account, amount, "EUR", id.as_str()].map(str::to_owned)
    };
    let expected = [
        line("capture:c", "customer-receivable", "70"),
        line("capture:c", "revenue", "-70"),
        line("capture:c", "provider-clearing", "70"),
        line("capture:c", "customer-receivable", "-70"),
        line("refund:r", "refunds", "20"),
        line("refund:r", "customer-receivable", "-20"),
        line("refund:r", "customer-receivable", "20"),
        line("refund:r", "provider-clearing", "-20"),
    ];
    assert_eq!(lines, expected);
    assert_eq!(shop.balance(Account::ProviderClearing).await, 50);
}

#[tokio::test]
async fn an_admin_sees_that_the_books_balance_or_that_they_do_not() {
    let shop = Shop::open().await;
    let empty = shop.get(&Who::admin(), "/api/v1/payments/ledger").await;
    assert_eq!((empty.status, &empty.body), (200, &json!({"balanced": true, "accounts": []})));
    let id = shop.captured("a", "tok_visa").await;
    let books = shop.get(&Who::admin(), "/api/v1/payments/ledger").await;
    let sum = |account: &str, amount: i64| json!({"account": account, "currency": "EUR", "amount": amount});
    let accounts = [sum("customer-receivable", 0), sum("provider-clearing", 100), sum("revenue", -100)];
    assert_eq!(books.body, json!({"balanced": true, "accounts": accounts}));
    assert_eq!(books.field("cache-control"), "private, no-cache");
    // Somebody writes into the table by hand.
    let entry =
        sql("INSERT INTO ledger_entries (transaction_id, line, payment_id, account, currency, amount, booked_at) \
         VALUES ('capture:a', 5, $1, 'revenue', 'EUR', -1, '2026-11-20T10:00:00.000Z')");
    let steps = vec![entry.bind(id.as_str()).exactly(1)];
    attempt(shop.context.database(), Transaction { steps, events: vec![] }).await.expect("it is a good row");
    assert_eq!(shop.get(&Who::admin(), "/api/v1/payments/ledger").await.body["balanced"], false);
}

#[tokio::test]
async fn the_schema_refuses_what_the_code_never_does() {
    let shop = Shop::open().await;
    let id = shop.captured("a", "tok_visa").await;
    for wrong in [
        "UPDATE payments SET captured = 101 WHERE id = $1",
        "UPDATE payments SET refunded = 101 WHERE id = $1",
        "UPDATE payments SET captured = -1 WHERE id = $1",
        "UPDATE payments SET status = 'lost' WHERE id = $1",
        "UPDATE payments SET status = 'declined' WHERE id = $1",
        "UPDATE payments SET captured = 0 WHERE id = $1",
        "UPDATE operations SET answer = NULL WHERE payment_id = $1",
        "UPDATE operations SET state = 'unknown' WHERE payment_id = $1",
        "UPDATE ledger_entries SET line = 1 WHERE payment_id = $1",
        "UPDATE ledger_entries SET amount = 0 WHERE payment_id = $1",
        "UPDATE ledger_entries SET account = 'purse' WHERE payment_id = $1",
        "DELETE FROM payments WHERE id = $1",
    ] {
        let steps = vec![sql(wrong).bind(id.as_str()).anything()];
        let refused = attempt(shop.context.database(), Transaction { steps, events: vec![] }).await;
        assert!(matches!(refused, Err(Failure::Database(Error::Constraint(_)))), "{wrong}: {refused:?}");
    }
    let nothing = Transaction { steps: vec![sql("SELECT 1").anything()], events: vec![] };
    assert!(matches!(attempt(shop.context.database(), nothing).await, Ok(Attempt::Committed(_))));
}
