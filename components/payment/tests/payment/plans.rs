//! How the embedded engine carries the service's statements out: by an index, however many payments there are.

use serde_json::json;
use souk_database::contract::{Expectation, Statement, Step, Transaction, Value};
use souk_kit::database::{Attempt, attempt};

use crate::provider::STATEMENTS_MIN;
use crate::shop::{CUSTOMER, Shop, Who, done};

/// Uses everything, so that each statement is sent.
async fn use_everything(shop: &Shop) {
    let id = shop.captured("a", "tok_visa").await;
    done(shop.refund("r", &id, Some(10)).await);
    let held = shop.authorized("b", "tok_capture_timeout_after_effect").await;
    shop.capture("c", &held, Some(1)).await.expect_err("there is no answer");
    shop.hook(&json!({"id": "e", "type": "operation.succeeded", "data": {"key": "capture:c"}})).await;
    shop.void("v", &held).await.expect("it is refused");
    let other = shop.authorized("d", "tok_visa").await;
    done(shop.void("v2", &other).await);
    shop.authorize("t", "t", 5, "tok_timeout").await.expect_err("there is no answer");
    shop.clock.advance_seconds(200);
    shop.payments.resolve().await.expect("the provider is there");
    let customer = CUSTOMER.replace(':', "%3A").replace('/', "%2F").replace('|', "%7C");
    for query in ["", "?page=2", "?status=captured", "?order_id=a", "?order_id=a&page=2"] {
        assert_eq!(shop.get(&Who::admin(), &format!("/api/v1/payments{query}")).await.status, 200);
    }
    assert_eq!(shop.get(&Who::admin(), &format!("/api/v1/payments?customer={customer}")).await.status, 200);
    shop.get(&Who::admin(), "/api/v1/payments/ledger").await;
    shop.of_order("a").await;
}

async fn plan(shop: &Shop, statement: Statement) -> String {
    let explained = Statement { sql: format!("EXPLAIN QUERY PLAN {}", statement.sql), ..statement };
    // As a transaction, though nothing is carried out: a query may not even explain a statement that writes.
    let step = Step { statement: explained, expect: Expectation::Anything };
    let outcome = attempt(shop.context.database(), Transaction { steps: vec![step], events: vec![] }).await;
    let Ok(Attempt::Committed(effects)) = outcome else { panic!("a plan can be asked for: {outcome:?}") };
    let texts = effects.into_iter().flat_map(|effect| effect.rows.cells).filter_map(|cell| match cell {
        Value::Text(text) => Some(text),
        _ => None,
    });
    texts.collect::<Vec<_>>().join("; ")
}

#[tokio::test]
async fn no_statement_looks_at_all_rows_of_a_table_or_sorts_them() {
    let shop = Shop::open().await;
    if shop.context.database().dialect() != "sqlite" {
        // Another engine plans by what is in the tables, and they are empty.
        return;
    }
    use_everything(&shop).await;
    let statements = shop.statements();
    assert!(statements.len() >= STATEMENTS_MIN, "{}", statements.len());
    for statement in statements {
        let text = statement.sql.clone();
        let plan = plan(&shop, statement).await;
        // The list of everything is walked in order and ends with the page or at the depth of pages; the audit reads one index.
        let is_list = text.contains("FROM payments p WHERE 1 = 1") && text.contains("LIMIT 10000");
        let is_audit = plan.contains("SCAN ledger_entries USING COVERING INDEX ledger_by_account");
        let is_fine = |walk: &str| {
            is_list || is_audit || ["counted", "CONSTANT", "VALUES"].iter().any(|fine| walk.contains(fine))
        };
        let walks: Vec<&str> = plan.split("; ").filter(|step| step.starts_with("SCAN") && !is_fine(step)).collect();
        assert!(walks.is_empty(), "{text}: {plan}");
        for (filter, index) in [
            ("p.status = $1", "payments_by_status"),
            ("p.order_id = $1", "payments_of_order"),
            ("p.customer = $1", "payments_of_customer"),
            ("o.state <> 'done' AND o.touched_at", "open_operations"),
        ] {
            assert!(!text.contains(filter) || plan.contains(&format!("INDEX {index}")), "{text}: {plan}");
        }
        // The four entries of one transaction are grouped, and nothing else is sorted.
        assert!(!plan.contains("TEMP B-TREE") || text.contains("HAVING SUM"), "{text}: {plan}");
    }
}
