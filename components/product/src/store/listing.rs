//! Lists of products: filtered, sorted, searched, in pages.
//!
//! Every order has an index that begins with what is always given (status, perhaps category): a page is read in order and
//! never sorted. `total` stops counting at the depth that pages reach.

use souk_database::contract::Error;
use souk_kit::context::Context;
use souk_kit::database::{self, Failure, Parameter, sql};
use souk_kit::listing::Select;
use souk_kit::page::Page;
use souk_kit::time::Timestamp;

use super::{SUMMARY, read_product, read_summary};
use crate::domain::{Currency, Product, ProductId, Slug, Status, Summary};

/// A list that somebody wants to see.
#[derive(Clone, Debug)]
pub struct Listing {
    /// Which part of it.
    pub page: Page,
    /// In which order.
    pub order: Order,
    /// Only these.
    pub filter: Filter,
}

/// The order of a list. The id decides between equals, so that no page misses or repeats a product.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Order {
    /// By what.
    pub by: Key,
    /// Highest first.
    pub is_descending: bool,
}

/// What a list is sorted by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Key {
    /// How well it fits the search; the best first, in either direction.
    Relevance,
    /// Without regard to case.
    Name,
    /// By currency, then amount: amounts of two currencies have no order.
    Price,
    /// When it was created.
    CreatedAt,
}

/// Which products a list holds.
#[derive(Clone, Debug)]
pub struct Filter {
    /// Of this status only.
    pub status: Status,
    /// Of this category only. One that does not exist has no products.
    pub category: Option<Slug>,
    /// With a price in this currency only.
    pub currency: Option<Currency>,
    /// Not cheaper.
    pub price_min: Option<i64>,
    /// Not dearer.
    pub price_max: Option<i64>,
    /// With all these words.
    pub words: Option<Words>,
}

/// What somebody searches for: all words must occur, the last perhaps as a beginning.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Words(Vec<String>);

/// More than a person types; each word is a lookup.
const WORDS_MAX: usize = 10;
/// The same in characters.
const SEARCH_CHARS_MAX: usize = 200;

impl Words {
    /// Takes the words out of whatever was typed: letters and digits, all else parts them. So nothing that a search
    /// engine has a meaning for is left.
    pub fn parse(text: &str) -> Result<Self, String> {
        if text.chars().count() > SEARCH_CHARS_MAX {
            return Err(format!("must have at most {SEARCH_CHARS_MAX} characters"));
        }
        let words = text.split(|character: char| !character.is_alphanumeric()).filter(|word| !word.is_empty());
        let words: Vec<String> = words.map(str::to_owned).collect();
        if words.len() > WORDS_MAX {
            return Err(format!("must have at most {WORDS_MAX} words"));
        }
        Ok(Self(words))
    }
}

/// Reads a page, and how many products the whole list has, up to [`DEPTH_MAX`](souk_kit::page::DEPTH_MAX).
pub async fn list(context: &Context, listing: &Listing) -> Result<(Vec<Summary>, u32), Failure> {
    let is_wordless = listing.filter.words.as_ref().is_some_and(|words| words.0.is_empty());
    if is_wordless {
        return Ok((Vec::new(), 0));
    }
    let (select, relevance) = select(&listing.filter, context.now(), context.database().dialect())?;
    let order = order(listing.order, relevance);
    select.read(context, (SUMMARY, &order), listing.page, read_summary).await
}

/// Reads the published products that come after an id, in the order of the ids.
pub async fn walk(context: &Context, after: Option<&ProductId>, limit: u32) -> Result<Vec<Product>, Failure> {
    let statement = sql(format!(
        "SELECT {SUMMARY}, p.description FROM products p WHERE p.status = 'published' AND p.id > $2 ORDER BY p.id LIMIT $3"
    ));
    let after = after.map_or("", ProductId::as_str);
    let statement = statement.bind(context.now().to_string()).bind(after).bind(limit);
    database::all(context.database(), statement, read_product).await
}

/// The list, and its order by relevance, where there is a search.
fn select(filter: &Filter, now: Timestamp, dialect: &str) -> Result<(Select, Option<String>), Failure> {
    let mut select = Select::of("products p", vec![now.to_string().into_value()]);
    let relevance = filter.words.as_ref().map(|words| search(&mut select, words, dialect)).transpose()?;
    select.only("p.status =", Some(filter.status.as_str()));
    select.only("p.category =", filter.category.as_ref().map(Slug::as_str));
    select.only("p.price_currency =", filter.currency.as_ref().map(Currency::as_str));
    select.only("p.price_amount >=", filter.price_min);
    select.only("p.price_amount <=", filter.price_max);
    Ok((select, relevance))
}

/// Keeps what matches, and says the order by relevance. The one place where dialects part.
fn search(select: &mut Select, words: &Words, dialect: &str) -> Result<String, Failure> {
    match dialect {
        "sqlite" => {
            // The index of words first, and from it to the products by their keys. Left to itself the planner takes
            // one of the indexes for lists and asks the index of words about each product: seconds instead of
            // milliseconds.
            select.instead_from(
                "product_search CROSS JOIN product_numbers n ON n.number = product_search.rowid \
                 CROSS JOIN products p INDEXED BY sqlite_autoindex_products_1 ON p.id = n.product_id",
            );
            let place = select.place(fts5(words));
            select.holds(format!("product_search MATCH {place}"));
            // The lower the better. Weights in the order of the columns: name, SKU, attributes, description.
            Ok("bm25(product_search, 10.0, 10.0, 3.0, 1.0), p.id".to_owned())
        }
        "postgres" => {
            let place = select.place(tsquery(words));
            select.holds(format!("p.search @@ to_tsquery('simple', plain({place}))"));
            Ok(format!("ts_rank(p.search, to_tsquery('simple', plain({place}))) DESC, p.id"))
        }
        unknown => Err(Error::Other(format!("no search is written for the dialect `{unknown}`")).into()),
    }
}

fn order(order: Order, relevance: Option<String>) -> String {
    let columns = match (order.by, relevance) {
        (Key::Relevance, Some(relevance)) => return relevance,
        (Key::Relevance | Key::CreatedAt, _) => ["p.created_at", "p.id"].as_slice(),
        (Key::Name, _) => &["p.sort_name", "p.id"],
        (Key::Price, _) => &["p.price_currency", "p.price_amount", "p.id"],
    };
    let direction = if order.is_descending { " DESC" } else { "" };
    columns.iter().map(|column| format!("{column}{direction}")).collect::<Vec<_>>().join(", ")
}

/// Each word quoted, so that none is an operator; the last is a beginning.
fn fts5(words: &Words) -> String {
    let quoted: Vec<String> = words.0.iter().map(|word| format!("\"{word}\"")).collect();
    format!("{}*", quoted.join(" "))
}

fn tsquery(words: &Words) -> String {
    format!("{}:*", words.0.join(" & "))
}

#[cfg(test)]
mod tests;
