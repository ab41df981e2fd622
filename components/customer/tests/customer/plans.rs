//! How the embedded engine carries the service's statements out: by an index, however many customers there are.

use serde_json::json;
use souk_test_services::caller::Who;
use souk_test_services::plan::{is_telling, plan};

use crate::shop::{ADDRESSES, CUSTOMERS, ME, Shop, address};

/// Uses each route and function, so that each statement is sent.
async fn use_everything(shop: &Shop) {
    let (mina, ada) = (Who::named("mina"), Who::admin());
    let id = shop.customer(&mina, "Mina").await;
    let tag = shop.tag(&mina, ME).await;
    assert_eq!(shop.patch(&mina, ME, &tag, &json!({"email": "mina@shop.example"})).await.status, 200);
    for (city, others) in [
        ("Berlin", json!({})),
        ("Bonn", json!({"default_delivery": true})),
        ("Ulm", json!({"default_invoice": true})),
        ("Köln", json!({"default_delivery": true, "default_invoice": true})),
    ] {
        let path = format!("{ADDRESSES}/{}", shop.add(&mina, city, &others).await);
        assert_eq!(shop.put(&mina, &path, "*", &address("Trier", &others)).await.status, 200);
    }
    for flags in [json!({"default_delivery": true}), json!({"default_invoice": true})] {
        let path = format!("{ADDRESSES}/{}", shop.get(&mina, ADDRESSES).await.each("id")[0]);
        assert_eq!(shop.put(&mina, &path, "*", &address("Essen", &flags)).await.status, 200);
        assert_eq!(shop.delete(&mina, &path, "*").await.status, 204);
    }
    customer::profiles::ensure(&shop.context, "a|b".to_owned(), None, None).await.expect("it is made");
    customer::profiles::address(&shop.context, mina.account.clone(), None).await.expect("there is a default");
    for query in ["", "?q=mi", "?status=deleted", "?status=active", "?q=x&page=2", "?page=2&status=deleted"] {
        assert_eq!(shop.get(&ada, &format!("{CUSTOMERS}{query}")).await.status, 200);
    }
    assert_eq!(shop.get(&ada, &format!("{CUSTOMERS}/{id}/changes")).await.status, 200);
    assert_eq!(shop.delete(&mina, ME, "*").await.status, 204);
}

#[tokio::test]
async fn no_statement_looks_at_all_rows_of_a_table_or_sorts_any() {
    let shop = Shop::open().await;
    if !is_telling(shop.context.database()) {
        return;
    }
    use_everything(&shop).await;
    let statements = shop.statements();
    assert!(statements.len() > 25, "{}", statements.len());
    for statement in statements {
        let text = statement.sql.clone();
        let plan = plan(shop.context.database(), statement).await.join("; ");
        // Lists are walked in order, and end with the page or at the depth of pages.
        let is_list = text.contains("FROM customers c WHERE 1 = 1") && !text.contains("email_key >=");
        let is_fine = |walk: &str| is_list || ["counted", "CONSTANT"].iter().any(|fine| walk.contains(fine));
        let walks: Vec<&str> = plan.split("; ").filter(|step| step.starts_with("SCAN") && !is_fine(step)).collect();
        assert!(walks.is_empty(), "{text}: {plan}");
        for (some, index) in [
            ("email_key >=", "customers_by_email"),
            ("sort_name >=", "customers_by_name"),
            ("status = 'deleted' ORDER", "deleted_customers"),
        ] {
            assert!(!text.contains(some) || plan.contains(&format!("INDEX {index}")), "{text}: {plan}");
        }
        assert!(!plan.contains("TEMP B-TREE FOR ORDER BY"), "{text}: {plan}");
    }
}
