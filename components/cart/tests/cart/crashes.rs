//! The database that goes away before or after each call: what was asked for has its effect or has none, and asking again is safe where that is
//! promised.

use souk_test_services::database::Break;

use crate::shop::{Buyer, Shop, held, holds};

const BREAKS: [Break; 2] = [Break::Before, Break::After];

#[tokio::test]
async fn a_merge_that_broke_anywhere_is_merged_once_when_it_is_repeated() {
    for how in BREAKS {
        for call in 0.. {
            let shop = Shop::open().await;
            let tea = shop.product("a", 500, 10).await;
            let (guest, mina) = (shop.guest(&[(&tea, 2)]).await, shop.customer("mina", &[(&tea, 1)]).await);
            shop.database.break_at(call, how);
            let broken = shop.merge(&mina, &guest).await.status;
            if !shop.database.mend() {
                assert_eq!((broken, call > 2), (200, true));
                break;
            }
            assert!([500, 503].contains(&broken), "{how:?} {call}: {broken}");
            let repeated = shop.merge(&mina, &guest).await;
            assert_eq!(held(&repeated), holds(&[(&tea, 3)]), "{how:?} {call}");
            assert_eq!(shop.cart(&guest).await.status, 404);
            assert_eq!((shop.count("carts").await, shop.count("cart_items").await), (1, 1));
        }
    }
}

#[tokio::test]
async fn a_merge_whose_answer_was_lost_tells_in_the_second_what_was_left_out() {
    let shop = Shop::open().await;
    let tea = shop.product("a", 500, 1_000).await;
    let (guest, mina) = (shop.guest(&[(&tea, 999)]).await, shop.customer("mina", &[(&tea, 1)]).await);
    shop.database.break_at(2, Break::After);
    assert_eq!(shop.merge(&mina, &guest).await.status, 500);
    assert!(shop.database.mend());
    assert_eq!(shop.merge(&mina, &guest).await.body["left_out"][0]["quantity"], 1);
}

#[tokio::test]
async fn an_order_whose_taking_out_broke_anywhere_is_taken_out_once() {
    for how in BREAKS {
        for call in 0.. {
            let shop = Shop::open().await;
            let tea = shop.product("a", 500, 10).await;
            let mina = shop.customer("mina", &[(&tea, 3)]).await;
            shop.database.break_at(call, how);
            let broken = shop.try_to_take_out(&mina, "o", &[(&tea, 2)]).await;
            if !shop.database.mend() {
                assert_eq!((broken, call > 1), (Ok(()), true));
                break;
            }
            broken.expect_err("the database is gone");
            shop.add(&mina, &tea, 1).await;
            shop.take_out(&mina, "o", &[(&tea, 2)]).await;
            assert_eq!(shop.held(&mina).await, holds(&[(&tea, 2)]), "{how:?} {call}");
        }
    }
}

#[tokio::test]
async fn what_was_added_to_a_cart_is_in_it_once_or_not_at_all() {
    for (how, effect) in [(Break::Before, 1), (Break::After, 2)] {
        let shop = Shop::open().await;
        let tea = shop.product("a", 500, 10).await;
        let guest = shop.guest(&[(&tea, 1)]).await;
        shop.database.break_at(0, how);
        assert_eq!(shop.add(&guest, &tea, 1).await.refusal().0, 503);
        shop.database.break_at(1, how);
        assert!(shop.add(&guest, &tea, 1).await.status >= 500);
        assert!(shop.database.mend());
        assert_eq!(shop.held(&guest).await, holds(&[(&tea, effect)]), "{how:?}");
        assert_eq!(held(&shop.set(&guest, &tea, 2).await), holds(&[(&tea, 2)]), "setting may be repeated");
    }
}

#[tokio::test]
async fn a_guest_who_never_heard_of_their_cart_makes_another() {
    let shop = Shop::open().await;
    let tea = shop.product("a", 500, 10).await;
    shop.database.break_at(0, Break::After);
    assert_eq!(shop.add(&Buyer::newcomer(), &tea, 1).await.status, 500);
    assert!(shop.database.mend());
    let guest = shop.guest(&[(&tea, 1)]).await;
    assert_eq!((shop.held(&guest).await, shop.count("carts").await), (holds(&[(&tea, 1)]), 2));
}

#[tokio::test]
async fn an_accepting_and_an_emptying_that_broke_may_be_repeated() {
    for how in BREAKS {
        for call in 0..2 {
            let shop = Shop::open().await;
            let tea = shop.product("a", 500, 10).await;
            let guest = shop.guest(&[(&tea, 4)]).await;
            shop.warehouse.stock(&tea, 3).await;
            shop.database.break_at(call, how);
            assert!(shop.accept(&guest).await.status >= 500);
            assert!(shop.database.mend());
            assert_eq!(held(&shop.accept(&guest).await), holds(&[(&tea, 3)]), "{how:?} {call}");
            shop.database.break_at(call, how);
            assert!(shop.empty(&guest).await.status >= 500);
            assert!(shop.database.mend());
            assert_eq!((shop.empty(&guest).await.status, shop.held(&guest).await), (204, vec![]), "{how:?} {call}");
        }
    }
}

#[tokio::test]
async fn a_job_that_broke_is_done_by_the_next_call() {
    for how in BREAKS {
        for call in 0..2 {
            let shop = Shop::open().await;
            let tea = shop.product("a", 500, 10).await;
            shop.guest(&[(&tea, 1)]).await;
            shop.clock.advance_seconds(7 * crate::shop::DAY_S);
            shop.database.break_at(call, how);
            shop.carts.expire().await.expect_err("the database is gone");
            assert!(shop.database.mend());
            assert_eq!((shop.carts.expire().await, shop.count("carts").await), (Ok(false), 0), "{how:?} {call}");
        }
    }
}
