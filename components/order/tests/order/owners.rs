//! Who sees what, and in which lists.

use http::Request;
use souk_test_services::answer::Answer;
use souk_test_services::caller::Who;

use crate::shop::{Buyer, ORDERS, Shop, TRANSACTIONS};

/// Mina's order.
async fn shop_with_an_order() -> (Shop, Buyer, String) {
    let shop = Shop::open().await;
    let tea = shop.product("T", 450, 100).await;
    let mina = shop.buyer_of("mina", &tea, 1).await;
    let id = shop.check_out(&mina, "k", "tok_visa").await.text("id").to_owned();
    (shop, mina, id)
}

#[tokio::test]
async fn anothers_order_does_not_exist() {
    let (shop, mina, id) = shop_with_an_order().await;
    let unknown = "01a1f866-0d00-7000-8000-ffffffffffff";
    // The same subject of another issuer is somebody else, and so is a merchant.
    let elsewhere = Who::of("https://other.example/|mina", &["customer"]);
    for who in [Who::named("lucy"), elsewhere, Who::with_roles("max", &["merchant"])] {
        for path in [format!("{ORDERS}/{id}"), format!("{TRANSACTIONS}/{id}")] {
            let hidden = shop.get(&who, &path).await;
            let missing = shop.get(&who, &path.replace(&id, unknown)).await;
            assert_eq!((hidden.status, &hidden.bytes), (404, &missing.bytes), "{who:?}");
        }
        assert_eq!(shop.change(&who, &id, "cancel").await.status, 404);
        assert_eq!(
            (shop.get(&who, ORDERS).await.items().len(), shop.get(&who, TRANSACTIONS).await.items().len()),
            (0, 0)
        );
    }
    for who in [&mina.who, &Who::admin()] {
        assert_eq!(shop.get(who, &format!("{ORDERS}/{id}")).await.text("id"), id);
        assert_eq!(shop.get(who, &format!("{ORDERS}/{unknown}")).await.status, 404);
        assert_eq!(shop.get(who, &format!("{ORDERS}/a%20b")).await.status, 404);
    }
    assert_eq!(shop.change(&Who::admin(), &id, "cancel").await.status, 200);
}

#[tokio::test]
async fn nobody_orders_without_signing_in() {
    let (shop, _, id) = shop_with_an_order().await;
    let nobody = Who::nobody();
    for path in [ORDERS.to_owned(), TRANSACTIONS.to_owned(), format!("{ORDERS}/{id}"), format!("{ORDERS}/{id}/journal")]
    {
        assert_eq!(shop.get(&nobody, &path).await.status, 401, "{path}");
    }
    for change in ["cancel", "ship", "deliver"] {
        assert_eq!(shop.change(&nobody, &id, change).await.status, 401, "{change}");
    }
    let body = serde_json::json!({"payment_token": "tok_visa"});
    assert_eq!(shop.order_with(&nobody, "k", &body).await.status, 401);
    assert_eq!(shop.buy_with(&nobody, Some("k"), &body).await.status, 401);
}

#[tokio::test]
async fn goods_are_sent_by_those_whose_work_it_is() {
    let (shop, mina, id) = shop_with_an_order().await;
    for change in ["ship", "deliver"] {
        assert_eq!(shop.change(&mina.who, &id, change).await.status, 403, "{change}");
        let merchant = Who::with_roles("max", &["customer", "merchant"]);
        assert_eq!(shop.change(&merchant, &id, change).await.status, 200, "{change}");
        assert_eq!(shop.change(&merchant, "unknown", change).await.status, 404);
    }
}

#[tokio::test]
async fn the_journal_is_for_admins() {
    let (shop, mina, id) = shop_with_an_order().await;
    let path = format!("{ORDERS}/{id}/journal");
    for who in [mina.who, Who::with_roles("max", &["merchant"])] {
        assert_eq!(shop.get(&who, &path).await.status, 403);
    }
    let journal = shop.get(&Who::admin(), &path).await;
    let steps = ["take-out", "commit", "capture", "authorize", "reserve", ""];
    assert_eq!(journal.each("step"), steps);
    let what = ["taken-out", "committed", "captured", "authorized", "reserved", "placed"];
    assert_eq!(journal.each("what"), what);
    assert_eq!(journal.items()[0]["version"], 6);
    assert_eq!(journal.items()[0]["at"], "2026-11-20T10:00:00.000Z");
    assert_eq!(shop.get(&Who::admin(), &format!("{ORDERS}/unknown/journal")).await.status, 404);
}

/// Seven orders, one each minute: Mina has the even ones, of which one was declined.
async fn shop_with_orders() -> (Shop, Buyer, Buyer, Vec<Answer>) {
    let shop = Shop::open().await;
    let tea = shop.product("T", 450, 100).await;
    let (mina, lucy) = (shop.buyer("mina").await, shop.buyer("lucy").await);
    let mut placed = Vec::new();
    for number in 0..7 {
        let buyer = if number % 2 == 0 { &mina } else { &lucy };
        let token = if number == 4 { "tok_declined" } else { "tok_visa" };
        placed.push(shop.buy(buyer, &number.to_string(), token, &[(&tea, 1)]).await);
        shop.pass(60);
    }
    (shop, mina, lucy, placed)
}

fn id(placed: &Answer) -> &str {
    if placed.status < 300 { placed.text("id") } else { placed.text("order_id") }
}

#[tokio::test]
async fn one_sees_ones_own_orders_and_an_admin_all_latest_first() {
    let (shop, mina, lucy, placed) = shop_with_orders().await;
    let of = |numbers: &[usize]| numbers.iter().map(|number| id(&placed[*number])).collect::<Vec<_>>();
    for path in [ORDERS, TRANSACTIONS] {
        assert_eq!(shop.get(&mina.who, path).await.each("id"), of(&[6, 4, 2, 0]));
        assert_eq!(shop.get(&lucy.who, path).await.each("id"), of(&[5, 3, 1]));
        assert_eq!(shop.get(&Who::admin(), path).await.each("id"), of(&[6, 5, 4, 3, 2, 1, 0]));
        // Whose orders are asked for is for admins to say.
        let account = "https://id.example/%7Clucy";
        assert_eq!(shop.get(&Who::admin(), &format!("{path}?account={account}")).await.each("id"), of(&[5, 3, 1]));
        assert_eq!(shop.get(&mina.who, &format!("{path}?account={account}")).await.status, 400);
    }
    assert_eq!(shop.get(&mina.who, ORDERS).await.field("cache-control"), "private, no-cache");
}

#[tokio::test]
async fn a_list_holds_what_is_asked_for() {
    let (shop, mina, _, placed) = shop_with_orders().await;
    let number = placed[2].text("number");
    let (plain, small) = (number.replace('-', ""), number.to_lowercase());
    let lookalike = number.replace('0', "o").replace('1', "l");
    let found = |numbers: &[usize]| numbers.iter().map(|number| id(&placed[*number])).collect::<Vec<_>>();
    for (query, expected) in [
        ("status=rejected".to_owned(), &[4][..]),
        ("status=paid".to_owned(), &[6, 2, 0]),
        ("status=shipped".to_owned(), &[]),
        (format!("number={number}"), &[2]),
        (format!("number={plain}"), &[2]),
        (format!("number={small}"), &[2]),
        (format!("number={lookalike}"), &[2]),
        (format!("number={}", placed[3].text("number")), &[]),
        (format!("number={number}&status=rejected"), &[]),
        ("from=2026-11-20T10:02:00Z".to_owned(), &[6, 4, 2]),
        ("before=2026-11-20T10:02:00Z".to_owned(), &[0]),
        ("from=2026-11-20T10:02:00Z&before=2026-11-20T10:04:00Z".to_owned(), &[2]),
        ("from=2026-11-20T12:02:00%2B02:00&status=paid".to_owned(), &[6, 2]),
    ] {
        let list = shop.get(&mina.who, &format!("{ORDERS}?{query}")).await;
        assert_eq!(list.status, 200, "{query}: {list:?}");
        assert_eq!(list.each("id"), found(expected), "{query}");
        assert_eq!(list.body["total"], expected.len(), "{query}");
    }
}

#[tokio::test]
async fn a_list_comes_in_pages() {
    let (shop, _, _, placed) = shop_with_orders().await;
    let admin = Who::admin();
    let page = shop.get(&admin, &format!("{ORDERS}?size=3&page=2")).await;
    assert_eq!(page.each("id"), [3, 2, 1].map(|number| id(&placed[number])));
    assert_eq!((&page.body["total"], &page.body["page"], &page.body["size"]), (&7.into(), &2.into(), &3.into()));
    assert!(page.field("link").contains(&format!("<{ORDERS}?page=3&size=3>; rel=\"next\"")), "{page:?}");
    let beyond = shop.get(&admin, &format!("{ORDERS}?size=3&page=9")).await;
    assert_eq!((beyond.items().len(), &beyond.body["total"]), (0, &7.into()));
    for bad in
        ["size=0", "size=101", "page=0", "page=x", "status=done", "number=7KQ4M", "from=yesterday", "before=", "q=x"]
    {
        let refused = shop.get(&admin, &format!("{ORDERS}?{bad}")).await;
        assert_eq!(refused.status, 400, "{bad}");
        assert_eq!(refused.faults(), [bad.split('=').next().unwrap_or_default()], "{bad}");
    }
}

#[tokio::test]
async fn who_has_seen_an_order_is_told_when_it_is_still_so() {
    let (shop, mina, id) = shop_with_an_order().await;
    let read = |path: String, tag: String| {
        let (shop, who) = (shop.clone(), mina.who.clone());
        async move { shop.send(&who, Request::get(path).header("if-none-match", tag), "").await }
    };
    let (order, transaction) = (format!("{ORDERS}/{id}"), format!("{TRANSACTIONS}/{id}"));
    let seen = shop.get(&mina.who, &order).await.tag().to_owned();
    let unchanged = read(order.clone(), seen.clone()).await;
    assert_eq!((unchanged.status, unchanged.bytes.len()), (304, 0));
    assert_eq!(read(transaction, seen.clone()).await.status, 200, "another form is another text");
    shop.change(&Who::admin(), &id, "ship").await;
    let changed = read(order, seen).await;
    assert_eq!((changed.status, changed.text("status")), (200, "shipped"));
}
