//! What becomes of typed words, and how the engine carries the statements out.

use souk_database::contract::{Statement, Value};
use souk_kit::context::Context;
use souk_kit::native;
use souk_kit::page::Page;

use super::{Filter, Key, Listing, Order, SUMMARY, Words, fts5, order, select, tsquery};
use crate::domain::Status;

#[test]
fn what_a_search_engine_has_a_meaning_for_does_not_reach_it() {
    let words = Words::parse("tea* OR \"pot\" -name:x NEAR(a b) ' & | ! ü").expect("few words");
    assert_eq!(fts5(&words), "\"tea\" \"OR\" \"pot\" \"name\" \"x\" \"NEAR\" \"a\" \"b\" \"ü\"*");
    assert_eq!(tsquery(&words), "tea & OR & pot & name & x & NEAR & a & b & ü:*");
}

#[test]
fn a_search_has_bounds() {
    assert!(Words::parse(&"a ".repeat(10)).is_ok());
    assert!(Words::parse(&"a ".repeat(11)).is_err());
    assert!(Words::parse(&"x".repeat(201)).is_err());
    assert_eq!(Words::parse(" *\"' "), Ok(Words(vec![])));
}

/// Everything on sale, the second page.
fn everything(by: Key, is_descending: bool) -> Listing {
    let filter = Filter {
        status: Status::Published,
        category: None,
        currency: None,
        price_min: None,
        price_max: None,
        words: None,
    };
    Listing { page: Page { number: 2, size: 20 }, order: Order { by, is_descending }, filter }
}

fn of_tea(listing: Listing) -> Listing {
    let category = Some("tea".parse().expect("a good slug"));
    Listing { filter: Filter { category, ..listing.filter }, ..listing }
}

fn in_euro(listing: Listing) -> Listing {
    let currency = Some("EUR".parse().expect("a good code"));
    Listing { filter: Filter { currency, price_min: Some(5), ..listing.filter }, ..listing }
}

fn with_words(listing: Listing) -> Listing {
    let words = Some(Words::parse("blue pot").expect("few words"));
    Listing { filter: Filter { words, ..listing.filter }, ..listing }
}

fn shop() -> (Context, std::path::PathBuf) {
    let path = std::env::temp_dir().join(format!(
        "souk-product-plans-{}-{:?}.db",
        std::process::id(),
        std::thread::current().id()
    ));
    let context = native::open(&path, crate::MIGRATIONS).expect("a fresh database takes the migrations");
    (context, path)
}

/// How the engine would carry the statement for a list out.
async fn plan(context: &Context, listing: &Listing) -> String {
    let selected = select(&listing.filter, context.now(), context.database().dialect());
    let (select, relevance) = selected.expect("a known dialect");
    let statement = Statement::from(select.page(SUMMARY, &order(listing.order, relevance), listing.page));
    let statement = Statement { sql: format!("EXPLAIN QUERY PLAN {}", statement.sql), ..statement };
    let rows = context.database().query(statement).await.expect("a plan can be asked for");
    let texts = rows.cells.into_iter().filter_map(|cell| match cell {
        Value::Text(text) => Some(text),
        _ => None,
    });
    texts.collect::<Vec<_>>().join("; ")
}

#[tokio::test]
async fn every_order_is_read_from_an_index_and_never_sorted() {
    let (context, path) = shop();
    for (listing, index) in [
        (everything(Key::CreatedAt, true), "products_by_age"),
        (everything(Key::CreatedAt, false), "products_by_age"),
        (everything(Key::Name, false), "products_by_name"),
        (everything(Key::Name, true), "products_by_name"),
        (everything(Key::Price, false), "products_by_price"),
        (in_euro(everything(Key::Price, true)), "products_by_price"),
        (of_tea(everything(Key::CreatedAt, true)), "category_by_age"),
        (of_tea(everything(Key::Name, false)), "category_by_name"),
        (of_tea(in_euro(everything(Key::Price, true))), "category_by_price"),
    ] {
        let plan = plan(&context, &listing).await;
        assert!(plan.contains(&format!("USING INDEX {index}")), "{listing:?}: {plan}");
        assert!(!plan.contains("TEMP B-TREE"), "{listing:?}: {plan}");
    }
    drop(std::fs::remove_file(path));
}

#[tokio::test]
async fn a_search_starts_at_the_words_and_goes_to_the_products_by_key() {
    let (context, path) = shop();
    for listing in [
        with_words(everything(Key::Relevance, false)),
        with_words(everything(Key::Name, false)),
        with_words(of_tea(in_euro(everything(Key::Price, true)))),
    ] {
        let plan = plan(&context, &listing).await;
        let order = ["SCAN product_search", "SEARCH n USING INTEGER PRIMARY KEY", "sqlite_autoindex_products_1"];
        let places: Vec<_> = order.iter().map(|step| plan.find(step)).collect();
        assert!(places.iter().all(Option::is_some) && places.is_sorted(), "{listing:?}: {plan}");
    }
    drop(std::fs::remove_file(path));
}
