//! What the service does with its database: each operation is one transaction and one function that reads as the use
//! case.
//!
//! Statements serve every engine: `$1` parameters, text and integers, `ON CONFLICT DO NOTHING`. Only search asks for
//! the dialect (`listing`). They are right where writers come one after another (SQLite) and where they overlap
//! (PostgreSQL, READ COMMITTED): a guard is a condition of the `UPDATE` that it guards, and the first step that touches
//! a product locks its row by writing it.

use serde_json::{Value, json};
use souk_database::contract::{Effect, Error, Event, Step, Transaction};
use souk_kit::context::Context;
use souk_kit::database::{self, Attempt, Failure, Mismatch, Row, Sql, sql};
use souk_kit::event;
use souk_kit::time::Timestamp;

use crate::domain::{
    Attributes, Currency, Description, Details, ImageUrl, Money, Name, Product, ProductId, Refusal, Sku, Slug, Status,
    Summary,
};

pub mod category;
pub mod listing;
pub mod reservation;
pub mod stock;

/// The columns of a [`Summary`] of products `p`. `$1` is now: what expired is available again before anybody has swept
/// it.
const SUMMARY: &str = "p.id, p.sku, p.name, p.price_amount, p.price_currency, p.category, p.attributes, p.image_url, \
    p.status, p.stock, p.stock - p.held + CASE WHEN p.held = 0 THEN 0 ELSE ( \
        SELECT CAST(COALESCE(SUM(l.quantity), 0) AS BIGINT) FROM reservation_lines l \
        WHERE l.product_id = p.id AND l.live = 1 AND l.expires_at <= $1 \
    ) END, p.version, p.stock_version, p.created_at, p.updated_at";

/// Reads one product; the hot path.
pub async fn product(context: &Context, id: &ProductId) -> Result<Option<Product>, Failure> {
    database::first(context.database(), product_by_id(id, context.now()), read_product).await
}

/// Reads several products, in the order of the database.
pub async fn products(context: &Context, ids: &[ProductId]) -> Result<Vec<Product>, Failure> {
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    let places = places(2, ids.len());
    let statement = sql(format!("SELECT {SUMMARY}, p.description FROM products p WHERE p.id IN ({places})"));
    let statement =
        ids.iter().fold(statement.bind(context.now().to_string()), |statement, id| statement.bind(id.as_str()));
    database::all(context.database(), statement, read_product).await
}

/// Creates a product.
pub async fn create(context: &Context, details: &Details, stock: i64) -> Result<Product, Refusal> {
    let now = context.now();
    let id = ProductId::parse(context.id()).expect("a UUID is 36 hexadecimal digits and hyphens");
    let mut events = vec![described(context, "product.created", &id, details, 1)];
    if stock > 0 {
        events.push(stock::changed(context, &id, stock, "initial"));
    }
    let steps = vec![
        category_exists(&details.category),
        insert(&id, details, stock, now).exactly(1),
        product_by_id(&id, now).exactly(1),
    ];
    match attempt_to_write(context, Transaction { steps, events }).await? {
        Attempt::Committed(effects) => product_of(effects),
        Attempt::Unmet(0) => Err(Refusal::NoSuchCategory),
        Attempt::Unmet(_) => Err(Refusal::SkuTaken),
    }
}

/// Replaces what a merchant has written about a product, if it is still what `present` says.
pub async fn replace(context: &Context, present: &Summary, details: &Details) -> Result<Product, Refusal> {
    let (id, now) = (&present.id, context.now());
    let events = vec![described(context, "product.updated", id, details, present.version + 1)];
    let another_has_the_sku =
        sql("SELECT id FROM products WHERE sku = $1 AND id <> $2").bind(details.sku.as_str()).bind(id.as_str());
    let steps = vec![
        category_exists(&details.category),
        another_has_the_sku.exactly(0),
        update(present, details, now).exactly(1),
        product_by_id(id, now).exactly(1),
    ];
    match attempt_to_write(context, Transaction { steps, events }).await? {
        Attempt::Committed(effects) => product_of(effects),
        Attempt::Unmet(0) => Err(Refusal::NoSuchCategory),
        Attempt::Unmet(1) => Err(Refusal::SkuTaken),
        Attempt::Unmet(_) => Err(Refusal::Stale),
    }
}

/// Deletes a product that nobody has reserved, if it is still what `present` says.
pub async fn delete(context: &Context, present: &Summary) -> Result<(), Refusal> {
    let (id, now) = (&present.id, context.now());
    let event = event::occurred(context, "product.deleted", id.as_str(), &json!({"id": id, "sku": present.sku}));
    let lock = sql("UPDATE products SET stock_version = stock_version + 1 WHERE id = $1 AND version = $2")
        .bind(id.as_str())
        .bind(present.version);
    let unless_held = sql("DELETE FROM products WHERE id = $1 AND held = 0").bind(id.as_str());
    let [swept, ended] = stock::sweep(id, now);
    let steps = vec![lock.exactly(1), swept, ended, unless_held.exactly(1)];
    match attempt_to_write(context, Transaction { steps, events: vec![event] }).await? {
        Attempt::Committed(_) => Ok(()),
        Attempt::Unmet(0) => Err(Refusal::Stale),
        Attempt::Unmet(_) => Err(Refusal::Reserved),
    }
}

/// A constraint that refuses what the guards of the transaction let pass is a race, which only engines with concurrent
/// writers know: the client repeats the request, and then the guard finds it.
async fn attempt_to_write(context: &Context, transaction: Transaction) -> Result<Attempt, Failure> {
    match database::attempt(context.database(), transaction).await {
        Err(Failure::Database(Error::Constraint(_))) => Err(Failure::Stale),
        attempt => attempt,
    }
}

fn product_by_id(id: &ProductId, now: Timestamp) -> Sql {
    // Made once: this statement is the hot path's.
    static TEXT: std::sync::LazyLock<String> =
        std::sync::LazyLock::new(|| format!("SELECT {SUMMARY}, p.description FROM products p WHERE p.id = $2"));
    sql(TEXT.as_str()).bind(now.to_string()).bind(id.as_str())
}

fn category_exists(slug: &Slug) -> Step {
    sql("SELECT slug FROM categories WHERE slug = $1").bind(slug.as_str()).exactly(1)
}

fn insert(id: &ProductId, details: &Details, stock: i64, now: Timestamp) -> Sql {
    let statement = sql("INSERT INTO products (id, created_at, updated_at, stock, held, stock_version, version, \
         sku, name, sort_name, description, price_amount, price_currency, category, attributes, image_url, status) \
         VALUES ($1, $2, $2, $3, 0, 1, 1, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13) ON CONFLICT (sku) DO NOTHING");
    bind_details(statement.bind(id.as_str()).bind(now.to_string()).bind(stock), details)
}

fn update(present: &Summary, details: &Details, now: Timestamp) -> Sql {
    let statement = sql("UPDATE products SET version = version + 1, updated_at = $3, \
         sku = $4, name = $5, sort_name = $6, description = $7, price_amount = $8, price_currency = $9, \
         category = $10, attributes = $11, image_url = $12, status = $13 WHERE id = $1 AND version = $2");
    bind_details(statement.bind(present.id.as_str()).bind(present.version).bind(now.to_string()), details)
}

/// `$4` to `$13`.
fn bind_details(statement: Sql, details: &Details) -> Sql {
    statement
        .bind(details.sku.as_str())
        .bind(details.name.as_str())
        .bind(details.name.as_str().to_lowercase())
        .bind(details.description.as_str())
        .bind(details.price.amount)
        .bind(details.price.currency.as_str())
        .bind(details.category.as_str())
        .bind(details.attributes.json())
        .bind(details.image_url.as_ref().map(ImageUrl::as_str))
        .bind(details.status.as_str())
}

/// `$first, $first+1, …`.
fn places(first: usize, count: usize) -> String {
    let places: Vec<String> = (first..first + count).map(|number| format!("${number}")).collect();
    places.join(", ")
}

fn described(context: &Context, r#type: &str, id: &ProductId, details: &Details, version: i64) -> Event {
    let data: Value = json!({
        "id": id,
        "sku": details.sku,
        "name": details.name,
        "price": details.price,
        "category": details.category,
        "status": details.status,
        "version": version,
    });
    event::occurred(context, r#type, id.as_str(), &data)
}

/// The product as the last step of its transaction read it.
fn product_of(mut effects: Vec<Effect>) -> Result<Product, Refusal> {
    let rows = effects.pop().map(|effect| effect.rows).unwrap_or_default();
    let mut products = database::read_all(rows, read_product)?;
    products.pop().ok_or(Refusal::UnknownProduct)
}

fn read_product(row: &mut Row) -> Result<Product, Mismatch> {
    Ok(Product { summary: read_summary(row)?, description: Description::stored(row.text()?) })
}

fn read_summary(row: &mut Row) -> Result<Summary, Mismatch> {
    Ok(Summary {
        id: ProductId::stored(row.text()?),
        sku: Sku::stored(row.text()?),
        name: Name::stored(row.text()?),
        price: Money { amount: row.integer()?, currency: Currency::stored(row.text()?) },
        category: Slug::stored(row.text()?),
        attributes: row.parsed(Attributes::stored)?,
        image_url: row.optional_text()?.map(ImageUrl::stored),
        status: row.parsed(|text| Status::parse(&text))?,
        stock: row.integer()?,
        available: row.integer()?,
        version: row.integer()?,
        stock_version: row.integer()?,
        created_at: row.text()?,
        updated_at: row.text()?,
    })
}
