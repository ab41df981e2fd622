//! What is told of a cart whose products changed since.

use serde_json::{Value, json};

use crate::shop::{Buyer, Shop, differences, held, holds};

#[tokio::test]
async fn another_price_is_told_and_the_one_that_was_seen_stays() {
    let shop = Shop::open().await;
    let tea = shop.product("a", 500, 10).await;
    let mina = shop.customer("mina", &[(&tea, 2)]).await;
    for cents in [600, 400] {
        shop.warehouse.reprice(&tea, cents).await;
        let cart = shop.cart(&mina).await;
        let price = json!({"product_id": tea, "kind": "price", "price": {"amount": cents, "currency": "EUR"}});
        assert_eq!(differences(&cart), [price]);
        assert_eq!(cart.body["total"]["amount"], 1_000);
    }
    let more = shop.add(&mina, &tea, 1).await;
    assert_eq!((&more.body["total"]["amount"], differences(&more).len()), (&json!(1_500), 1), "it was not accepted");
    shop.warehouse.reprice(&tea, 500).await;
    assert_eq!(differences(&shop.cart(&mina).await), Vec::<Value>::new());
}

#[tokio::test]
async fn a_shortage_is_told_with_what_there_is() {
    let shop = Shop::open().await;
    let tea = shop.product("a", 500, 10).await;
    let mina = shop.customer("mina", &[(&tea, 5)]).await;
    shop.warehouse.reserve(&tea, 6).await;
    let short = |available: u64| json!({"product_id": tea, "kind": "shortage", "available": available});
    assert_eq!(differences(&shop.cart(&mina).await), [short(4)]);
    shop.clock.advance_seconds(3_600);
    assert_eq!(differences(&shop.cart(&mina).await), Vec::<Value>::new(), "what was set aside is back");
    shop.warehouse.stock(&tea, 0).await;
    assert_eq!(differences(&shop.cart(&mina).await), [short(0)]);
}

#[tokio::test]
async fn what_was_deleted_or_withdrawn_is_gone() {
    let shop = Shop::open().await;
    let (tea, pot) = (shop.product("a", 500, 10).await, shop.product("b", 900, 10).await);
    let mina = shop.customer("mina", &[(&tea, 1), (&pot, 1)]).await;
    shop.warehouse.delete(&tea).await;
    shop.warehouse.patch(&pot, &json!({"status": "draft"})).await;
    let gone = |product: &str| json!({"product_id": product, "kind": "gone"});
    let cart = shop.cart(&mina).await;
    assert_eq!(differences(&cart), [gone(&tea), gone(&pot)]);
    assert_eq!(held(&cart), holds(&[(&tea, 1), (&pot, 1)]), "the customer takes them out");
    shop.warehouse.patch(&pot, &json!({"status": "published"})).await;
    assert_eq!(differences(&shop.cart(&mina).await), [gone(&tea)]);
}

#[tokio::test]
async fn what_is_sold_for_another_currency_now_is_gone_from_this_cart() {
    let shop = Shop::open().await;
    let tea = shop.product("a", 500, 10).await;
    let mina = shop.customer("mina", &[(&tea, 1)]).await;
    shop.warehouse.patch(&tea, &json!({"price": {"amount": 500, "currency": "USD"}})).await;
    assert_eq!(differences(&shop.cart(&mina).await), [json!({"product_id": tea, "kind": "gone"})]);
    assert_eq!(shop.accept(&mina).await.body["items"], json!([]));
}

#[tokio::test]
async fn a_product_may_have_two_differences_and_each_product_its_own() {
    let shop = Shop::open().await;
    let (tea, pot, cup) =
        (shop.product("a", 500, 10).await, shop.product("b", 900, 10).await, shop.product("c", 90, 10).await);
    let mina = shop.customer("mina", &[(&tea, 5), (&pot, 1), (&cup, 2)]).await;
    shop.warehouse.reprice(&tea, 510).await;
    shop.warehouse.stock(&tea, 1).await;
    shop.warehouse.stock(&cup, 1).await;
    let told = differences(&shop.cart(&mina).await);
    let told: Vec<_> = told.iter().map(|one| (one["product_id"].as_str(), one["kind"].as_str())).collect();
    let (tea, cup) = (Some(&*tea), Some(&*cup));
    assert_eq!(told, [(tea, Some("price")), (tea, Some("shortage")), (cup, Some("shortage"))]);
}

#[tokio::test]
async fn another_name_is_no_difference() {
    let shop = Shop::open().await;
    let tea = shop.product("a", 500, 10).await;
    let mina = shop.customer("mina", &[(&tea, 1)]).await;
    shop.warehouse.patch(&tea, &json!({"name": "Green tea", "sku": "z"})).await;
    let cart = shop.cart(&mina).await;
    assert_eq!((differences(&cart), &cart.items()[0]["name"]), (vec![], &json!("Tea a")));
}

#[tokio::test]
async fn a_write_tells_the_differences_of_the_whole_cart() {
    let shop = Shop::open().await;
    let (tea, pot) = (shop.product("a", 500, 10).await, shop.product("b", 900, 10).await);
    let mina = shop.customer("mina", &[(&tea, 5)]).await;
    shop.warehouse.stock(&tea, 3).await;
    let added = shop.add(&mina, &pot, 1).await;
    assert_eq!(differences(&added), [json!({"product_id": tea, "kind": "shortage", "available": 3})]);
    assert_eq!(added.tag(), shop.cart(&mina).await.tag());
}

#[tokio::test]
async fn forty_products_are_asked_about_in_one_question() {
    let shop = Shop::open().await;
    let mina = Buyer::named("mina");
    for number in 0..40 {
        let product = shop.product(&format!("s{number}"), 100, 10).await;
        assert_eq!(shop.add(&mina, &product, 1).await.status, 200);
    }
    shop.warehouse.questions();
    shop.warehouse.calls();
    shop.database.calls();
    assert_eq!(shop.cart(&mina).await.items().len(), 40);
    let calls = (shop.warehouse.calls().queries, shop.database.calls().queries);
    assert_eq!((shop.warehouse.questions(), calls), (1, (2, 1)), "what they are, and how many there are");
}
