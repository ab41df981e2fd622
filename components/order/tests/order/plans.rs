//! How the embedded engine carries the service's statements out: by an index, however many orders there are.

use order::store::{key, listing};
use souk_test_services::caller::Who;
use souk_test_services::plan::{is_telling, plan};

use crate::shop::{ORDERS, Shop, TRANSACTIONS};

/// Uses each route, each step and each job, so that each statement is sent.
async fn use_everything(shop: &Shop) {
    let tea = shop.product("T", 450, 100).await;
    for (name, token) in [("mina", "tok_visa"), ("lucy", "tok_declined"), ("nina", "tok_capture_fails")] {
        let buyer = shop.buyer_of(name, &tea, 1).await;
        shop.check_out(&buyer, "k", token).await;
        shop.check_out(&buyer, "k", token).await;
        shop.check_out(&buyer, "l", token).await;
    }
    let waits = shop.buyer_of("wilma", &tea, 1).await;
    shop.check_out(&waits, "k", "tok_slow").await;
    shop.check_out(&waits, "l", "tok_slow").await;
    shop.settle().await;
    let mina = Who::named("mina");
    let id = shop.orders_of(&mina).await[0].id.clone();
    let number = shop.order(id.as_str()).await.number;
    for path in [format!("{ORDERS}/{id}/journal", id = id.as_str()), format!("{TRANSACTIONS}/{}", id.as_str())] {
        assert_eq!(shop.get(&Who::admin(), &path).await.status, 200);
    }
    let moments = "from=2026-11-20T10:00:00Z&before=2026-12-20T10:00:00Z";
    let account = "account=https://id.example/%7Cmina";
    for query in [
        String::new(),
        "?status=paid".to_owned(),
        format!("?number={}", number.as_str()),
        format!("?{account}"),
        format!("?{account}&status=paid"),
        format!("?{moments}"),
        format!("?{account}&{moments}&status=paid&page=2"),
    ] {
        assert_eq!(shop.get(&Who::admin(), &format!("{ORDERS}{query}")).await.status, 200, "{query}");
    }
    assert_eq!(shop.get(&mina, &format!("{ORDERS}?status=paid&page=2")).await.status, 200);
    assert_eq!(shop.change(&mina, id.as_str(), "cancel").await.status, 200);
    listing::walk(&shop.context, &mina.account, Some(&id), 10).await.expect("they can be read");
    key::forget(&shop.context).await.expect("they can be forgotten");
}

#[tokio::test]
async fn no_statement_looks_at_all_rows_of_a_table_or_sorts_any() {
    let shop = Shop::open().await;
    let database = shop.context.database();
    if !is_telling(database) {
        return;
    }
    use_everything(&shop).await;
    let statements = shop.database.statements();
    assert!(statements.len() > 25, "{}", statements.len());
    for statement in statements {
        let text = statement.sql.clone();
        // The tests' own.
        if text.starts_with("SELECT COUNT(*) FROM orders WHERE step") {
            continue;
        }
        let steps = plan(database, statement).await;
        // A list of all is walked in order, and ends with the page or at the depth of pages.
        let is_list_of_all = text.contains("FROM orders o WHERE 1 = 1 ") && !text.contains("o.account =")
            || text.contains("FROM orders o WHERE 1 = 1)");
        let is_fine = |step: &&String| is_list_of_all || ["counted", "CONSTANT"].iter().any(|fine| step.contains(fine));
        let walks: Vec<_> =
            steps.iter().filter(|step| step.starts_with("SCAN")).filter(|step| !is_fine(step)).collect();
        assert!(walks.is_empty(), "{text}: {steps:?}");
        assert!(!steps.iter().any(|step| step.contains("TEMP B-TREE")), "{text}: {steps:?}");
        if text.contains("o.due_at <=") {
            assert!(steps.iter().any(|step| step.contains("INDEX orders_due")), "{steps:?}");
        }
    }
}
