//! Many at once on one cart.

use souk_test_services::crowd::at_once;

use crate::shop::{Buyer, Shop, held, holds};

#[tokio::test(flavor = "multi_thread")]
async fn twenty_who_add_one_at_once_have_twenty() {
    let shop = Shop::open().await;
    let tea = shop.product("a", 500, 100).await;
    for buyer in [shop.guest(&[(&tea, 1)]).await, shop.customer("mina", &[(&tea, 1)]).await] {
        let add = |_| {
            let (shop, buyer, tea) = (shop.clone(), buyer.clone(), tea.clone());
            async move { shop.add(&buyer, &tea, 1).await.status }
        };
        assert_eq!(at_once(20, add).await, vec![200; 20]);
        assert_eq!(shop.held(&buyer).await, holds(&[(&tea, 21)]));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_first_things_of_an_account_make_one_cart() {
    let shop = Shop::open().await;
    let mut ids = Vec::new();
    for number in 0..10 {
        ids.push(shop.product(&format!("s{number}"), 100, 10).await);
    }
    let add = |number: usize| {
        let (shop, product) = (shop.clone(), ids[number].clone());
        async move { shop.add(&Buyer::named("mina"), &product, 1).await.status }
    };
    assert_eq!(at_once(10, add).await, vec![200; 10]);
    let cart = shop.cart(&Buyer::named("mina")).await;
    let mut products: Vec<String> = held(&cart).into_iter().map(|(product, _)| product).collect();
    products.sort();
    ids.sort();
    assert_eq!((products, shop.count("carts").await, cart.body["version"].as_i64()), (ids, 1, Some(10)));
}

#[tokio::test(flavor = "multi_thread")]
async fn who_merges_twice_at_once_has_it_once() {
    let shop = Shop::open().await;
    let tea = shop.product("a", 500, 100).await;
    for (subject, has) in [("mina", 0), ("lucy", 5)] {
        let guest = shop.guest(&[(&tea, 3)]).await;
        let buyer = Buyer::named(subject);
        if has > 0 {
            shop.add(&buyer, &tea, has).await;
        }
        let merge = |_| {
            let (shop, guest, buyer) = (shop.clone(), guest.clone(), buyer.clone());
            async move { shop.merge(&buyer, &guest).await }
        };
        for answer in at_once(8, merge).await {
            assert_eq!((answer.status, held(&answer)), (200, holds(&[(&tea, u64::from(has) + 3)])));
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_accounts_that_merge_one_cart_one_has_it() {
    let shop = Shop::open().await;
    let tea = shop.product("a", 500, 100).await;
    let guest = shop.guest(&[(&tea, 3)]).await;
    let merge = |number: usize| {
        let (shop, guest) = (shop.clone(), guest.clone());
        async move { shop.merge(&Buyer::named(&format!("s{number}")), &guest).await.status }
    };
    let mut answers = at_once(6, merge).await;
    answers.sort_unstable();
    assert_eq!(answers, [200, 404, 404, 404, 404, 404]);
    assert_eq!((shop.count("carts").await, shop.count("cart_items").await), (1, 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_guest_adds_while_they_sign_in_is_in_the_cart_or_refused() {
    let shop = Shop::open().await;
    let tea = shop.product("a", 500, 100).await;
    for round in 0..5 {
        let guest = shop.guest(&[(&tea, 1)]).await;
        let buyer = Buyer::named(&format!("s{round}"));
        let both = |number: usize| {
            let (shop, guest, buyer, tea) = (shop.clone(), guest.clone(), buyer.clone(), tea.clone());
            async move {
                match number {
                    0 => shop.merge(&buyer, &guest).await.status,
                    _ => shop.add(&guest, &tea, 1).await.status,
                }
            }
        };
        let answers = at_once(4, both).await;
        let added = answers[1..].iter().filter(|status| **status == 200).count() as u64;
        assert!(answers[0] == 200 && answers[1..].iter().all(|status| [200, 404].contains(status)), "{answers:?}");
        assert_eq!(shop.held(&buyer).await, holds(&[(&tea, 1 + added)]));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_order_is_taken_out_once_by_many_while_the_customer_goes_on() {
    let shop = Shop::open().await;
    let tea = shop.product("a", 500, 100).await;
    let mina = shop.customer("mina", &[(&tea, 10)]).await;
    let work = |number: usize| {
        let (shop, mina, tea) = (shop.clone(), mina.clone(), tea.clone());
        async move {
            if number.is_multiple_of(2) {
                shop.take_out(&mina, "o", &[(&tea, 4)]).await;
            } else {
                assert_eq!(shop.add(&mina, &tea, 1).await.status, 200);
            }
        }
    };
    at_once(12, work).await;
    assert_eq!(shop.held(&mina).await, holds(&[(&tea, 10 - 4 + 6)]));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_job_and_customers_do_not_disturb_each_other() {
    let shop = Shop::open().await;
    let tea = shop.product("a", 500, 100).await;
    for _ in 0..10 {
        shop.guest(&[(&tea, 1)]).await;
    }
    shop.customer("mina", &[(&tea, 1)]).await;
    shop.clock.advance_seconds(90 * crate::shop::DAY_S);
    let work = |number: usize| {
        let (shop, tea) = (shop.clone(), tea.clone());
        async move {
            if number < 3 {
                shop.carts.expire().await.map(|_| 200)
            } else {
                Ok(shop.add(&Buyer::named("mina"), &tea, 1).await.status)
            }
        }
    };
    for answer in at_once(8, work).await {
        assert_eq!(answer, Ok(200));
    }
    assert_eq!(shop.held(&Buyer::named("mina")).await, holds(&[(&tea, 5)]));
    assert_eq!((shop.carts.expire().await, shop.count("carts").await), (Ok(false), 1));
}
