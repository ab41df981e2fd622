//! The product service that is away.

use cart::domain::Refusal;
use souk_test_services::database::Break;

use crate::shop::{Buyer, Shop, holds};

#[tokio::test]
async fn a_cart_that_can_not_be_checked_is_not_told() {
    let shop = Shop::open().await;
    let tea = shop.product("a", 500, 10).await;
    let (guest, mina) = (shop.guest(&[(&tea, 1)]).await, shop.customer("mina", &[(&tea, 1)]).await);
    // The first question is what they are, the second how many there are.
    for call in 0..2 {
        for buyer in [&guest, &mina] {
            shop.warehouse.database.break_at(call, Break::Before);
            let refused = shop.cart(buyer).await;
            assert_eq!((refused.refusal(), refused.field("retry-after")), ((503, "products-unavailable"), "2"));
            assert!(shop.warehouse.database.mend());
        }
        shop.warehouse.database.break_at(call, Break::Before);
        let refused = shop.carts.of_account(mina.who.account.clone()).await;
        assert!(matches!(refused, Err(Refusal::ProductsUnavailable(_))), "{refused:?}");
        assert!(shop.warehouse.database.mend());
    }
    assert_eq!(shop.cart(&guest).await.status, 200);
}

#[tokio::test]
async fn what_needs_the_products_changes_nothing_without_them() {
    let shop = Shop::open().await;
    let (tea, pot) = (shop.product("a", 500, 10).await, shop.product("b", 900, 10).await);
    let (guest, mina) = (shop.guest(&[(&tea, 1)]).await, shop.customer("mina", &[(&pot, 1)]).await);
    for call in 0..2 {
        let warehouse = &shop.warehouse.database;
        warehouse.break_at(call, Break::Before);
        assert_eq!(shop.add(&guest, &pot, 1).await.refusal(), (503, "products-unavailable"));
        warehouse.break_at(call, Break::Before);
        assert_eq!(shop.set(&guest, &tea, 2).await.refusal(), (503, "products-unavailable"));
        warehouse.break_at(call, Break::Before);
        assert_eq!(shop.accept(&guest).await.refusal(), (503, "products-unavailable"));
        warehouse.break_at(call, Break::Before);
        assert_eq!(shop.merge(&mina, &guest).await.refusal(), (503, "products-unavailable"));
        warehouse.break_at(call, Break::Before);
        assert_eq!(shop.add(&Buyer::newcomer(), &tea, 1).await.refusal(), (503, "products-unavailable"));
        assert!(warehouse.mend());
    }
    assert_eq!((shop.held(&guest).await, shop.held(&mina).await), (holds(&[(&tea, 1)]), holds(&[(&pot, 1)])));
    assert_eq!(shop.count("carts").await, 2);
}

#[tokio::test]
async fn a_merge_whose_answer_could_not_be_checked_is_repeated() {
    let shop = Shop::open().await;
    let tea = shop.product("a", 500, 10).await;
    let (guest, mina) = (shop.guest(&[(&tea, 1)]).await, Buyer::named("mina"));
    assert_eq!(shop.merge(&mina, &guest).await.status, 200);
    shop.warehouse.database.break_at(0, Break::Before);
    assert_eq!(shop.merge(&mina, &guest).await.refusal(), (503, "products-unavailable"));
    assert!(shop.warehouse.database.mend());
    assert_eq!(shop.merge(&mina, &guest).await.status, 200);
    assert_eq!(shop.held(&mina).await, holds(&[(&tea, 1)]));
}

#[tokio::test]
async fn what_somebody_does_not_want_goes_without_the_products() {
    let shop = Shop::open().await;
    let (tea, pot) = (shop.product("a", 500, 10).await, shop.product("b", 900, 10).await);
    let guest = shop.guest(&[(&tea, 1), (&pot, 1)]).await;
    shop.warehouse.database.break_at(0, Break::Before);
    assert_eq!(shop.remove(&guest, &tea).await.status, 204);
    assert_eq!(shop.empty(&guest).await.status, 204);
    assert_eq!(shop.cart(&guest).await.status, 200, "there is nothing to ask about");
    assert!(!shop.warehouse.database.mend(), "nobody asked");
}
