//! What an order asks: the cart of an account, and that what it bought is taken out.

use cart::domain::difference::Change;
use cart::domain::{QUANTITY_MAX, Refusal};

use crate::shop::{Buyer, Shop, holds};

#[tokio::test]
async fn an_order_reads_the_cart_with_its_differences() {
    let shop = Shop::open().await;
    let (tea, pot) = (shop.product("a", 500, 10).await, shop.product("b", 900, 10).await);
    let mina = shop.customer("mina", &[(&tea, 2), (&pot, 1)]).await;
    shop.warehouse.delete(&pot).await;
    let (cart, differences) = shop.carts.of_account(mina.who.account.clone()).await.expect("there is one");
    assert_eq!((cart.version, cart.items.products().len()), (2, 2));
    assert_eq!((differences[0].product_id.as_str(), &differences[0].change), (&*pot, &Change::Gone));
    assert_eq!(differences.len(), 1);
}

#[tokio::test]
async fn an_account_without_a_cart_has_none_and_one_that_emptied_it_has_an_empty_one() {
    let shop = Shop::open().await;
    let tea = shop.product("a", 500, 10).await;
    let mina = Buyer::named("mina");
    assert_eq!(shop.carts.of_account(mina.who.account.clone()).await.err(), Some(Refusal::NoCart));
    shop.add(&mina, &tea, 1).await;
    shop.empty(&mina).await;
    let (cart, _) = shop.carts.of_account(mina.who.account.clone()).await.expect("there is one");
    assert!(cart.items.as_slice().is_empty());
}

#[tokio::test]
async fn what_was_bought_is_taken_out_once_for_each_order() {
    let shop = Shop::open().await;
    let (tea, pot) = (shop.product("a", 500, 10).await, shop.product("b", 900, 10).await);
    let mina = shop.customer("mina", &[(&tea, 5), (&pot, 1)]).await;
    for _ in 0..3 {
        shop.take_out(&mina, "order-1", &[(&tea, 2), (&pot, 1)]).await;
        assert_eq!(shop.held(&mina).await, holds(&[(&tea, 3)]));
    }
    shop.take_out(&mina, "order-2", &[(&tea, 2)]).await;
    assert_eq!(shop.held(&mina).await, holds(&[(&tea, 1)]));
}

#[tokio::test]
async fn what_was_added_meanwhile_stays_and_what_was_taken_out_is_not_missed() {
    let shop = Shop::open().await;
    let (tea, pot, cup) =
        (shop.product("a", 500, 10).await, shop.product("b", 900, 10).await, shop.product("c", 90, 10).await);
    let mina = shop.customer("mina", &[(&tea, 2), (&pot, 2)]).await;
    shop.add(&mina, &tea, 1).await;
    shop.set(&mina, &pot, 1).await;
    shop.add(&mina, &cup, 4).await;
    shop.take_out(&mina, "o", &[(&tea, 2), (&pot, 2), ("never-there", 1)]).await;
    assert_eq!(shop.held(&mina).await, holds(&[(&tea, 1), (&cup, 4)]));
}

#[tokio::test]
async fn a_product_that_stands_twice_was_bought_twice() {
    let shop = Shop::open().await;
    let tea = shop.product("a", 500, 10).await;
    let mina = shop.customer("mina", &[(&tea, 5)]).await;
    shop.take_out(&mina, "o", &[(&tea, 1), (&tea, 2), (&tea, u32::MAX)]).await;
    assert_eq!(shop.held(&mina).await, []);
}

#[tokio::test]
async fn an_account_without_a_cart_is_done_and_its_next_cart_is_left_alone() {
    let shop = Shop::open().await;
    let tea = shop.product("a", 500, 10).await;
    let mina = Buyer::named("mina");
    shop.take_out(&mina, "o", &[(&tea, 1)]).await;
    shop.add(&mina, &tea, 1).await;
    shop.take_out(&mina, "o", &[(&tea, 1)]).await;
    assert_eq!(shop.held(&mina).await, holds(&[(&tea, 1)]));
}

#[tokio::test]
async fn what_is_taken_out_needs_no_products() {
    let shop = Shop::open().await;
    let tea = shop.product("a", 500, 10).await;
    let mina = shop.customer("mina", &[(&tea, 1)]).await;
    shop.warehouse.questions();
    shop.take_out(&mina, "o", &[(&tea, 1)]).await;
    assert_eq!(shop.warehouse.questions(), 0);
}

#[tokio::test]
async fn an_argument_outside_its_limits_is_named() {
    let shop = Shop::open().await;
    let mina = Buyer::named("mina");
    let many = vec![("a", 1); 41];
    for (order, items, named) in [
        ("", vec![], "order-id "),
        ("a b", vec![], "order-id "),
        (&"x".repeat(65), vec![], "order-id "),
        ("o", vec![("", 1)], "product-id "),
        ("o", vec![("a", 0)], "quantity "),
        ("o", many.clone(), "items "),
    ] {
        let refused = shop.try_to_take_out(&mina, order, &items).await;
        assert!(matches!(&refused, Err(Refusal::Invalid(text)) if text.starts_with(named)), "{refused:?}");
    }
    for account in ["", "mina", "|", "a|b\n"] {
        let refused = shop.carts.of_account(account.to_owned()).await;
        assert!(matches!(&refused, Err(Refusal::Invalid(text)) if text.starts_with("account ")), "{refused:?}");
    }
    assert_eq!(shop.try_to_take_out(&mina, "o", &many[..40]).await, Ok(()));
    assert_eq!(shop.try_to_take_out(&mina, "p", &[("a", QUANTITY_MAX + 1)]).await, Ok(()));
}
