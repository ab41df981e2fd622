//! How the embedded engine carries the service's statements out: by an index, however many carts there are.

use souk_test_services::plan::{is_telling, plan};

use crate::shop::{Buyer, DAY_S, Shop};

/// Uses everything, so that each statement is sent.
async fn use_everything(shop: &Shop) {
    let (tea, pot) = (shop.product("a", 500, 10).await, shop.product("b", 900, 10).await);
    let (guest, mina) = (shop.guest(&[(&tea, 2), (&pot, 1)]).await, shop.customer("mina", &[(&tea, 1)]).await);
    shop.merge(&mina, &guest).await;
    shop.merge(&mina, &guest).await;
    shop.remove(&mina, &pot).await;
    shop.take_out(&mina, "o", &[(&tea, 1)]).await;
    shop.empty(&mina).await;
    let old = shop.guest(&[(&tea, 1)]).await;
    shop.clock.advance_seconds(90 * DAY_S);
    assert_eq!(shop.cart(&old).await.status, 404);
    shop.carts.expire().await.expect("the database is there");
    shop.add(&Buyer::named("mina"), &tea, 1).await;
}

#[tokio::test]
async fn no_statement_looks_at_all_rows_of_a_table_or_sorts_any() {
    let shop = Shop::open().await;
    if !is_telling(shop.context.database()) {
        return;
    }
    use_everything(&shop).await;
    let statements = shop.database.statements();
    assert!(statements.len() >= 20, "{}", statements.len());
    for statement in statements {
        let text = statement.sql.clone();
        let plan = plan(shop.context.database(), statement).await;
        // The rows that a statement brings along are looked at one by one.
        let is_fine = |step: &str| ["CONSTANT", "VALUES CLAUSE"].iter().any(|fine| step.contains(fine));
        assert!(!plan.iter().any(|step| step.starts_with("SCAN") && !is_fine(step)), "{text}: {plan:?}");
        assert!(!plan.iter().any(|step| step.contains("TEMP B-TREE")), "{text}: {plan:?}");
        for (some, index) in [
            ("c.account = $1", "sqlite_autoindex_carts_2"),
            ("c.token_hash = $1", "sqlite_autoindex_carts_3"),
            ("ORDER BY expires_at", "carts_by_expiry"),
            ("ORDER BY merged_at", "merged_carts_by_time"),
            ("ORDER BY taken_at", "taken_out_by_time"),
        ] {
            let is_used = plan.iter().any(|step| step.contains(&format!("INDEX {index}")));
            assert!(!text.contains(some) || is_used, "{text}: {plan:?}");
        }
    }
}
