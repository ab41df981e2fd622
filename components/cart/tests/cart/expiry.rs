//! Carts that nobody comes back to.

use cart::store::expiry::SWEPT_MAX;
use souk_kit::native::GivenSettings;

use crate::shop::{Buyer, DAY_S, Shop, holds};

#[tokio::test]
async fn a_guests_cart_lives_a_week_after_its_last_change() {
    let shop = Shop::open().await;
    let tea = shop.product("a", 500, 10).await;
    let guest = shop.guest(&[(&tea, 1)]).await;
    shop.clock.advance_seconds(7 * DAY_S - 1);
    assert_eq!(shop.cart(&guest).await.status, 200, "looking is no change");
    assert_eq!(shop.add(&guest, &tea, 1).await.status, 200);
    shop.clock.advance_seconds(7 * DAY_S - 1);
    assert_eq!(shop.held(&guest).await, holds(&[(&tea, 2)]));
    shop.clock.advance_seconds(1);
    for answer in [shop.cart(&guest).await, shop.add(&guest, &tea, 1).await, shop.empty(&guest).await] {
        assert_eq!(answer.refusal(), (404, "unknown-cart"));
    }
    assert_eq!(shop.merge(&Buyer::named("mina"), &guest).await.refusal(), (404, "unknown-cart"));
}

#[tokio::test]
async fn an_accounts_cart_lives_ninety_days_and_the_next_is_another() {
    let shop = Shop::open().await;
    let (tea, pot) = (shop.product("a", 500, 10).await, shop.product("b", 900, 10).await);
    let mina = shop.customer("mina", &[(&tea, 1)]).await;
    let first = shop.cart(&mina).await.text("id").to_owned();
    shop.clock.advance_seconds(90 * DAY_S);
    assert_eq!(shop.held(&mina).await, []);
    assert!(shop.carts.of_account(mina.who.account.clone()).await.is_err());
    let next = shop.add(&mina, &pot, 1).await;
    assert_ne!(next.text("id"), first);
    assert_eq!((next.body["version"].as_i64(), shop.held(&mina).await), (Some(1), holds(&[(&pot, 1)])));
    assert_eq!((shop.count("carts").await, shop.count("cart_items").await), (1, 1));
}

#[tokio::test]
async fn a_cart_whose_time_ends_while_it_is_changed_is_not_changed() {
    let shop = Shop::open().await;
    let (tea, pot) = (shop.product("a", 500, 10).await, shop.product("b", 900, 10).await);
    let (one, other) = (shop.guest(&[(&tea, 1)]).await, shop.guest(&[(&tea, 2)]).await);
    shop.database.events();
    shop.clock.advance_seconds(7 * DAY_S - 1);
    shop.warehouse.take_seconds(1);
    let mina = Buyer::named("mina");
    assert_eq!(shop.merge(&mina, &other).await.refusal(), (404, "unknown-cart"));
    shop.clock.advance_seconds(-1);
    assert_eq!(shop.add(&one, &pot, 1).await.refusal(), (404, "unknown-cart"));
    shop.clock.advance_seconds(-1);
    shop.warehouse.take_seconds(0);
    assert_eq!(shop.database.event_types(), Vec::<String>::new());
    assert_eq!((shop.held(&one).await, shop.held(&other).await), (holds(&[(&tea, 1)]), holds(&[(&tea, 2)])));
}

#[tokio::test]
async fn the_operator_may_set_how_long_and_what_is_none_is_not_taken() {
    let settings = GivenSettings::default().with("cart_guest_days", "1").with("cart_account_days", "many");
    let shop = Shop::open_with(settings).await;
    let tea = shop.product("a", 500, 10).await;
    let (guest, mina) = (shop.guest(&[(&tea, 1)]).await, shop.customer("mina", &[(&tea, 1)]).await);
    assert_eq!(shop.cart(&guest).await.text("expires_at"), "2026-11-21T10:00:00.000Z");
    assert_eq!(shop.cart(&mina).await.text("expires_at"), "2027-02-18T10:00:00.000Z");
}

#[tokio::test]
async fn the_job_takes_away_what_is_over_and_nothing_else() {
    let shop = Shop::open().await;
    let tea = shop.product("a", 500, 10_000).await;
    let (old, mina) = (shop.guest(&[(&tea, 1)]).await, shop.customer("mina", &[(&tea, 1)]).await);
    let merged = shop.guest(&[(&tea, 1)]).await;
    shop.merge(&mina, &merged).await;
    shop.take_out(&mina, "o", &[(&tea, 1)]).await;
    shop.clock.advance_seconds(6 * DAY_S);
    let young = shop.guest(&[(&tea, 1)]).await;
    assert_eq!((shop.carts.expire().await, shop.count("carts").await), (Ok(false), 3));
    shop.clock.advance_seconds(DAY_S);
    assert_eq!((shop.carts.expire().await, shop.count("carts").await), (Ok(false), 2));
    assert_eq!(shop.cart(&old).await.status, 404);
    assert_eq!((shop.held(&young).await, shop.held(&mina).await), (holds(&[(&tea, 1)]), holds(&[(&tea, 1)])));
    assert_eq!((shop.count("merged_carts").await, shop.count("taken_out").await), (1, 1));
    shop.clock.advance_seconds(83 * DAY_S);
    assert_eq!(shop.carts.expire().await, Ok(false));
    for table in ["carts", "cart_items", "merged_carts", "taken_out"] {
        assert_eq!(shop.count(table).await, 0, "{table}");
    }
}

#[tokio::test]
async fn one_call_of_the_job_takes_away_a_bounded_number() {
    let shop = Shop::open().await;
    let tea = shop.product("a", 500, 10).await;
    for _ in 0..=SWEPT_MAX {
        shop.guest(&[(&tea, 1)]).await;
    }
    shop.clock.advance_seconds(7 * DAY_S);
    assert_eq!((shop.carts.expire().await, shop.count("carts").await), (Ok(true), 1));
    assert_eq!((shop.carts.expire().await, shop.count("carts").await), (Ok(false), 0));
}
