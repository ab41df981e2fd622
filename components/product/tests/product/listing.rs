//! Lists, filters, order, search.

use serde_json::{Value, json};

use crate::shop::{Shop, teapot, with};

async fn shop_with(products: &[(&str, i64, &str, &str)]) -> Shop {
    let shop = Shop::open().await;
    shop.post("/api/v1/categories", &json!({"slug": "cups", "name": "Cups"})).await;
    for (number, (name, amount, category, status)) in products.iter().enumerate() {
        shop.clock.advance_seconds(1);
        let body = with(&teapot(&number.to_string()), "name", *name);
        let body = with(&with(&body, "category", *category), "status", *status);
        let body = with(&body, "price", json!({"amount": amount, "currency": "EUR"}));
        let created = shop.post("/api/v1/products", &body).await;
        assert_eq!(created.status, 201, "{:?}", created.body);
    }
    shop
}

async fn three() -> Shop {
    shop_with(&[
        ("banana pot", 300, "tea", "published"),
        ("Apple cup", 100, "cups", "published"),
        ("Cherry pot", 200, "tea", "published"),
        ("Draft pot", 50, "tea", "draft"),
    ])
    .await
}

#[tokio::test]
async fn a_list_is_sorted_as_asked() {
    let shop = three().await;
    for (sort, expected) in [
        ("", ["Cherry pot", "Apple cup", "banana pot"]),
        ("?sort=created_at", ["banana pot", "Apple cup", "Cherry pot"]),
        ("?sort=name", ["Apple cup", "banana pot", "Cherry pot"]),
        ("?sort=-name", ["Cherry pot", "banana pot", "Apple cup"]),
        ("?sort=price", ["Apple cup", "Cherry pot", "banana pot"]),
        ("?sort=-price&currency=EUR", ["banana pot", "Cherry pot", "Apple cup"]),
    ] {
        let list = shop.get(&format!("/api/v1/products{sort}")).await;
        assert_eq!(list.names(), expected, "{sort}");
        assert_eq!(list.body["total"], 3);
        assert!(list.body["items"][0].get("description").is_none());
    }
}

#[tokio::test]
async fn a_list_is_filtered_as_asked() {
    let shop = three().await;
    let expected: [(&str, &[&str]); 6] = [
        ("category=tea", &["banana pot", "Cherry pot"]),
        ("category=nothing", &[]),
        ("status=draft", &["Draft pot"]),
        ("price_min=150&currency=EUR", &["banana pot", "Cherry pot"]),
        ("price_min=150&price_max=250&currency=EUR&category=tea", &["Cherry pot"]),
        ("currency=USD", &[]),
    ];
    for (filter, names) in expected {
        let list = shop.get(&format!("/api/v1/products?sort=name&{filter}")).await;
        assert_eq!(list.names(), names, "{filter}");
        assert_eq!(list.body["total"], names.len(), "{filter}");
    }
}

#[tokio::test]
async fn pages_follow_each_other_and_say_so() {
    let shop = three().await;
    let first = shop.get("/api/v1/products?sort=name&size=2").await;
    assert_eq!(first.names(), ["Apple cup", "banana pot"]);
    let links = first.headers["link"].to_str().expect("it is ASCII");
    assert!(links.contains("</api/v1/products?sort=name&page=2&size=2>; rel=\"next\""), "{links}");
    let second = shop.get("/api/v1/products?sort=name&page=2&size=2").await;
    assert_eq!((second.names(), &second.body["total"]), (vec!["Cherry pot"], &json!(3)));
    let beyond = shop.get("/api/v1/products?sort=name&page=3&size=2").await;
    assert_eq!((beyond.names().len(), &beyond.body["total"]), (0, &json!(3)));
    assert_eq!(shop.get("/api/v1/products?page=2&q=pot").await.body["total"], 2);
}

#[tokio::test]
async fn a_query_that_makes_no_sense_is_refused_by_name() {
    let shop = Shop::open().await;
    for (query, parameter) in [
        ("page=0", "page"),
        ("size=1000000", "size"),
        ("size=0", "size"),
        ("page=501", "page"),
        ("sort=weight", "sort"),
        ("sort=relevance", "sort"),
        ("sort=-relevance&q=x", "sort"),
        ("status=sold", "status"),
        ("category=A%20b", "category"),
        ("price_min=-1&currency=EUR", "price_min"),
        ("price_max=1.5&currency=EUR", "price_max"),
        ("price_min=1", "currency"),
        ("currency=euro", "currency"),
        ("catgory=tea", "catgory"),
        ("page=1&page=1", "page"),
    ] {
        let refused = shop.get(&format!("/api/v1/products?{query}")).await;
        assert_eq!(refused.refusal(), (400, "invalid-query"), "{query}");
        assert_eq!(refused.body["errors"][0]["parameter"], parameter, "{query}");
    }
    assert_eq!(shop.get("/api/v1/products?q=%ff").await.status, 400);
    let two = shop.get("/api/v1/products?page=0&colour=blue").await;
    assert_eq!(two.body["errors"].as_array().map(Vec::len), Some(2));
}

#[tokio::test]
async fn a_search_finds_words_and_beginnings_and_puts_names_first() {
    let shop = shop_with(&[
        ("Lamp for a café", 1, "tea", "published"),
        ("Kettle", 1, "tea", "published"),
        ("Kettle lamp", 1, "tea", "draft"),
    ])
    .await;
    let described = with(&with(&teapot("D"), "name", "Table"), "description", "Goes with a lamp.");
    shop.post("/api/v1/products", &described).await;
    for (search, expected) in [
        ("lamp", vec!["Lamp for a café", "Table"]),
        ("LAM", vec!["Lamp for a café", "Table"]),
        ("cafe%20la", vec!["Lamp for a café"]),
        ("kettle", vec!["Kettle"]),
        ("blue%20ket", vec!["Kettle"]),
        ("kett%20lamp", vec![]),
        ("nothing", vec![]),
        ("%22%27%29%28*", vec![]),
        ("", vec![]),
    ] {
        let list = shop.get(&format!("/api/v1/products?q={search}")).await;
        assert_eq!(list.status, 200, "{search}");
        assert_eq!(list.names(), expected, "{search}");
        assert_eq!(list.body["total"], expected.len(), "{search}");
    }
    let by_name = shop.get("/api/v1/products?q=la&sort=-name&category=tea").await;
    assert_eq!(by_name.names(), ["Table", "Lamp for a café"]);
}

#[tokio::test]
async fn nothing_that_is_typed_is_a_syntax_error() {
    let shop = three().await;
    let typed = [
        "\"",
        "\"\"",
        "*",
        "a*",
        "AND",
        "a AND",
        "NOT a",
        "a OR",
        "NEAR(",
        "name:",
        "-",
        "^a",
        "a + b",
        "{name}:a",
        "'; --",
        "(((((",
        "\u{0}",
        "\u{301}",
        "\u{301} pot",
        "日本語",
        "🫖",
        "%",
        "_",
        "\\",
        "a\"b\"c",
        "³",
        "ﬁ",
    ];
    for text in typed {
        let encoded: Vec<String> = text.bytes().map(|byte| format!("%{byte:02x}")).collect();
        let answer = shop.get(&format!("/api/v1/products?q={}", encoded.concat())).await;
        assert_eq!(answer.status, 200, "{text:?}: {:?}", answer.body);
    }
    assert_eq!(shop.get(&format!("/api/v1/products?q={}", "a".repeat(201))).await.status, 400);
}

#[tokio::test]
async fn search_follows_each_change() {
    let shop = Shop::open().await;
    let (path, created) = shop.product("TP-1", 1).await;
    let patched = shop.write("PATCH", &path, created.tag(), &json!({"name": "Samovar"})).await;
    assert_eq!(shop.get("/api/v1/products?q=teapot").await.body["total"], 0);
    assert_eq!(shop.get("/api/v1/products?q=samovar").await.body["total"], 1);
    shop.write("PUT", &format!("{path}/stock"), patched.tag(), &json!({"stock": 4})).await;
    assert_eq!(shop.get("/api/v1/products?q=samovar").await.body["total"], 1);
}

#[tokio::test]
async fn the_walk_over_everything_on_sale_meets_each_product_once() {
    let shop = three().await;
    let mut met = Vec::new();
    let mut after = None;
    loop {
        let page =
            product::store::listing::walk(&shop.context, after.as_ref(), 2).await.expect("the database is there");
        let Some(last) = page.last() else { break };
        after = Some(last.summary.id.clone());
        met.extend(page.into_iter().map(|product| Value::from(product.summary.name.as_str())));
    }
    assert_eq!(met, ["banana pot", "Apple cup", "Cherry pot"]);
}
