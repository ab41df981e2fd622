//! How the embedded engine carries the service's statements out: by an index, however many accounts there are.

use serde_json::json;
use souk_database::contract::{Expectation, Statement, Step, Transaction, Value};
use souk_kit::database::{Attempt, attempt};

use crate::shop::{PASSWORD, Shop, Who, json_request};

const USERS: &str = "/api/v1/users";

/// Uses each route, so that each statement is sent.
async fn use_everything(shop: &Shop) {
    let operator = Who::foreigner(&["admin"]);
    let mina = shop.member("mina@shop.example").await;
    let other = shop.sign_in("mina@shop.example").await;
    shop.identity.raise_cost();
    shop.login_from("mina@shop.example", PASSWORD, Some("192.0.2.1")).await;
    for _ in 0..7 {
        shop.login_from("mina@shop.example", "wrong", Some("192.0.2.1")).await;
    }
    shop.clock.advance_seconds(60);
    shop.refresh(&mina.refresh_token).await;
    shop.refresh(&mina.refresh_token).await;
    shop.get(&other.who, "/api/v1/me/sessions").await;
    shop.patch(&other.who, "/api/v1/me", &shop.tag(&mina.account).await, &json!({"name": "M"})).await;
    let body = json!({"current_password": PASSWORD, "new_password": "another long one"}).to_string();
    assert_eq!(shop.send(&other.who, json_request("PUT", "/api/v1/me/password"), body).await.status, 204);
    shop.call(&other.who, "DELETE", &format!("/api/v1/me/sessions/{}", mina.id)).await;
    let admins = [shop.staff("ada@shop.example", &["admin"]).await, shop.staff("bea@shop.example", &["admin"]).await];
    let path = format!("{USERS}/{}", admins[0].account);
    let tag = shop.tag(&admins[0].account).await;
    assert_eq!(shop.patch(&operator, &path, &tag, &json!({"status": "disabled"})).await.status, 200);
    for query in ["", "?role=admin", "?status=disabled", "?role=merchant&page=2", "?status=active"] {
        assert_eq!(shop.get(&operator, &format!("{USERS}{query}")).await.status, 200);
    }
    for path in ["/api/v1/logout", "/api/v1/logout/everywhere"] {
        assert_eq!(shop.call(&other.who, "POST", path).await.status, 204);
    }
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
async fn no_statement_looks_at_all_rows_of_a_table() {
    let shop = Shop::open().await;
    if shop.context.database().dialect() != "sqlite" {
        // Another engine plans by what is in the tables, and they are empty.
        return;
    }
    use_everything(&shop).await;
    let statements = shop.statements();
    assert!(statements.len() > 35, "{}", statements.len());
    for statement in statements {
        let text = statement.sql.clone();
        let plan = plan(&shop, statement).await;
        // Lists are walked in order, and end with the page or at the depth of pages. Admins are few.
        let is_list = text.contains("FROM accounts a WHERE 1 = 1") && text.contains("LIMIT 10000");
        let is_fine =
            |walk: &str| is_list || ["counted", "CONSTANT", "INDEX admins"].iter().any(|fine| walk.contains(fine));
        let walks: Vec<&str> = plan.split("; ").filter(|step| step.starts_with("SCAN") && !is_fine(step)).collect();
        assert!(walks.is_empty(), "{text}: {plan}");
        for (few, index) in [("is_merchant = 1", "merchants"), ("'disabled' ORDER", "disabled_accounts")] {
            assert!(!text.contains(few) || plan.contains(&format!("INDEX {index}")), "{text}: {plan}");
        }
        // Sorted is only what one account has had within an hour.
        let is_sorted = plan.contains("TEMP B-TREE FOR ORDER BY");
        assert!(!is_sorted || text.contains("FROM sessions WHERE account_id = $1"), "{text}: {plan}");
    }
}
