//! Whose cart is whose.

use http::Request;
use serde_json::{Value, json};
use souk_test_services::caller::Who;
use souk_test_services::database::all_texts;

use crate::shop::{Buyer, CART, ITEMS, Shop, held, holds};

#[tokio::test]
async fn the_first_thing_that_a_guest_puts_in_makes_a_cart_and_its_token_is_told_once() {
    let shop = Shop::open().await;
    let tea = shop.product("a", 500, 10).await;
    let first = shop.add(&Buyer::newcomer(), &tea, 2).await;
    assert_eq!((first.status, first.field("cart-token")), (200, first.text("token")));
    let guest = Buyer::holder(first.text("token"));
    let read = shop.cart(&guest).await;
    assert_eq!((held(&read), &read.body["id"]), (holds(&[(&tea, 2)]), &first.body["id"]));
    for answer in [read, shop.add(&guest, &tea, 1).await, shop.accept(&guest).await] {
        assert!(answer.body.get("token").is_none() && answer.field("cart-token").is_empty(), "{answer:?}");
    }
    assert_eq!(shop.count("carts").await, 1);
}

#[tokio::test]
async fn who_has_no_cart_has_an_empty_one_and_nothing_is_written_for_it() {
    let shop = Shop::open().await;
    let nothing = json!({"id": null, "items": [], "total": null, "differences": [], "version": 0, "updated_at": null,
        "expires_at": null});
    for buyer in [Buyer::newcomer(), Buyer::named("mina")] {
        let read = shop.cart(&buyer).await;
        assert_eq!((read.status, &read.body, read.field("cache-control")), (200, &nothing, "private, no-cache"));
        assert_eq!(shop.accept(&buyer).await.body, nothing);
        assert_eq!(shop.empty(&buyer).await.status, 204);
        assert_eq!(shop.remove(&buyer, "a").await.refusal().0, 404);
    }
    assert_eq!((shop.count("carts").await, shop.database.calls().transactions), (0, 0));
    assert_eq!(shop.warehouse.questions(), 0, "there is nothing to ask about");
}

#[tokio::test]
async fn a_token_that_is_no_carts_is_refused_on_each_route() {
    let shop = Shop::open().await;
    let tea = shop.product("a", 500, 10).await;
    shop.guest(&[(&tea, 1)]).await;
    let unknown = format!("souk_ct_{}", "ab".repeat(32));
    for token in [unknown.as_str(), "", "x", "souk_ct_", &unknown.to_uppercase(), &format!("{unknown}0")] {
        let buyer = Buyer::holder(token);
        for answer in [
            shop.cart(&buyer).await,
            shop.add(&buyer, &tea, 1).await,
            shop.set(&buyer, &tea, 1).await,
            shop.remove(&buyer, &tea).await,
            shop.empty(&buyer).await,
            shop.accept(&buyer).await,
            shop.merge(&Buyer::named("mina"), &buyer).await,
        ] {
            assert_eq!(answer.refusal(), (404, "unknown-cart"), "{token}");
            assert_eq!(answer.field("cache-control"), "private, no-cache");
        }
    }
    assert_eq!(shop.count("carts").await, 1);
}

#[tokio::test]
async fn two_tokens_are_no_token() {
    let shop = Shop::open().await;
    let tea = shop.product("a", 500, 10).await;
    let guest = shop.guest(&[(&tea, 1)]).await;
    let token = guest.token.expect("it has one");
    let request = Request::get(CART).header("cart-token", &token).header("cart-token", &token);
    assert_eq!(shop.request(&Who::nobody(), request, String::new()).await.refusal(), (404, "unknown-cart"));
}

#[tokio::test]
async fn each_has_their_own_cart_and_nobody_anothers() {
    let shop = Shop::open().await;
    let (tea, pot) = (shop.product("a", 500, 10).await, shop.product("b", 1_000, 10).await);
    let (mina, jonathan) = (shop.customer("mina", &[(&tea, 1)]).await, shop.customer("jonathan", &[(&pot, 2)]).await);
    let (one, other) = (shop.guest(&[(&tea, 3)]).await, shop.guest(&[(&pot, 4)]).await);
    for buyer in [&jonathan, &other] {
        assert_eq!(shop.empty(buyer).await.status, 204);
    }
    assert_eq!(shop.held(&mina).await, holds(&[(&tea, 1)]));
    assert_eq!(shop.held(&one).await, holds(&[(&tea, 3)]));
    assert_eq!(shop.held(&jonathan).await, []);
    assert_eq!(shop.held(&other).await, []);
}

#[tokio::test]
async fn the_same_subject_of_another_issuer_is_somebody_else() {
    let shop = Shop::open().await;
    let tea = shop.product("a", 500, 10).await;
    shop.customer("mina", &[(&tea, 1)]).await;
    let other = Buyer { who: Who::of("https://other.example/|mina", &["customer"]), token: None };
    assert_eq!(shop.held(&other).await, []);
}

#[tokio::test]
async fn who_signed_in_has_their_own_cart_whatever_token_they_send() {
    let shop = Shop::open().await;
    let (tea, pot) = (shop.product("a", 500, 10).await, shop.product("b", 1_000, 10).await);
    let guest = shop.guest(&[(&tea, 1)]).await;
    let mina = shop.customer("mina", &[(&pot, 1)]).await;
    let both = mina.with_token_of(&guest);
    assert_eq!(shop.held(&both).await, holds(&[(&pot, 1)]));
    assert_eq!(shop.add(&both, &pot, 1).await.status, 200);
    assert_eq!(shop.held(&guest).await, holds(&[(&tea, 1)]));
    assert_eq!(shop.held(&Buyer { token: Some("x".to_owned()), ..mina }).await, holds(&[(&pot, 2)]));
}

#[tokio::test]
async fn the_id_of_a_cart_opens_nothing() {
    let shop = Shop::open().await;
    let tea = shop.product("a", 500, 10).await;
    let guest = shop.guest(&[(&tea, 1)]).await;
    let id = shop.cart(&guest).await.text("id").to_owned();
    assert_eq!(shop.cart(&Buyer::holder(&id)).await.refusal(), (404, "unknown-cart"));
    let path = format!("{CART}/{id}");
    assert_eq!(shop.send(&Buyer::newcomer(), "GET", &path, None, None).await.refusal().0, 404);
}

#[tokio::test]
async fn a_token_is_in_no_table_and_no_event() {
    let shop = Shop::open().await;
    let tea = shop.product("a", 500, 10).await;
    let (guest, mina) = (shop.guest(&[(&tea, 1)]).await, shop.customer("mina", &[(&tea, 1)]).await);
    assert_eq!(shop.merge(&mina, &guest).await.status, 200);
    let other = shop.guest(&[(&tea, 1)]).await;
    let mut texts = all_texts(shop.context.database(), cart::MIGRATIONS).await;
    texts.extend(shop.database.whole_events().into_iter().map(|event| (event.r#type, event.data)));
    for token in [guest.token, other.token] {
        let token = token.expect("a guest has one");
        let secret = token.trim_start_matches("souk_ct_");
        assert!(texts.iter().all(|(_, text)| !text.contains(secret)), "{texts:?}");
    }
    let events = texts.iter().filter(|(place, _)| place.starts_with("cart."));
    assert!(events.clone().count() >= 4 && events.into_iter().all(|(_, data)| !data.contains("mina")), "{texts:?}");
}

#[tokio::test]
async fn a_caller_that_names_nobody_is_the_gateways_fault() {
    let shop = Shop::open().await;
    let who = Who::said(&json!({"sub": "mina", "roles": []}));
    let answer = shop.cart(&Buyer { who, token: None }).await;
    assert_eq!((answer.status, &answer.body["detail"]), (500, &Value::Null));
}

#[tokio::test]
async fn a_cart_that_was_not_made_has_no_token() {
    let shop = Shop::open().await;
    let tea = shop.product("a", 500, 1).await;
    let body = json!({"product_id": tea, "quantity": 2});
    let refused = shop.send(&Buyer::newcomer(), "POST", ITEMS, None, Some(&body)).await;
    assert_eq!((refused.refusal(), refused.field("cart-token")), ((409, "sold-out"), ""));
    assert_eq!(shop.count("carts").await, 0);
}
