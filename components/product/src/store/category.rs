//! Categories. They are few, change rarely, and can't go while products are in them.

use souk_database::contract::{Effect, Transaction};
use souk_kit::context::Context;
use souk_kit::database::{self, Attempt, Failure, Mismatch, Row, Sql, sql};
use souk_kit::listing;
use souk_kit::page::{DEPTH_MAX, Page};
use souk_kit::time::Timestamp;

use super::attempt_to_write;
use crate::domain::{Category, Description, Name, Refusal, Slug};

const COLUMNS: &str = "slug, name, description, version, created_at, updated_at";

/// Reads a category.
pub async fn category(context: &Context, slug: &Slug) -> Result<Option<Category>, Failure> {
    database::first(context.database(), by_slug(slug), read).await
}

/// Reads a page of categories in the order of their slugs, and how many there are.
pub async fn list(context: &Context, page: Page) -> Result<(Vec<Category>, u32), Failure> {
    let total = format!("SELECT COUNT(*) FROM (SELECT 1 FROM categories LIMIT {DEPTH_MAX}) AS counted");
    let statement = sql(format!("SELECT {COLUMNS} FROM categories ORDER BY slug LIMIT $1 OFFSET $2"));
    let statement = statement.bind(page.size).bind(page.offset());
    let categories = database::all(context.database(), statement, read).await?;
    let total = database::first(context.database(), sql(total), Row::integer).await?;
    Ok((categories, total.map_or(0, listing::bounded)))
}

/// Creates a category.
pub async fn create(
    context: &Context,
    slug: &Slug,
    name: &Name,
    description: &Description,
) -> Result<Category, Refusal> {
    let insert = sql("INSERT INTO categories (slug, name, description, version, created_at, updated_at) \
         VALUES ($1, $2, $3, 1, $4, $4) ON CONFLICT (slug) DO NOTHING");
    let insert = bind(insert, slug, name, description, context.now());
    write(context, insert, slug).await?.ok_or(Refusal::SlugTaken)
}

/// Replaces what is written about a category, if it is still what `present` says.
pub async fn replace(
    context: &Context,
    present: &Category,
    name: &Name,
    description: &Description,
) -> Result<Category, Refusal> {
    let slug = &present.slug;
    let update = sql("UPDATE categories SET name = $2, description = $3, updated_at = $4, version = version + 1 \
         WHERE slug = $1 AND version = $5");
    let update = bind(update, slug, name, description, context.now()).bind(present.version);
    write(context, update, slug).await?.ok_or(Refusal::Stale)
}

/// Deletes a category without products, if it is still what `present` says.
pub async fn delete(context: &Context, present: &Category) -> Result<(), Refusal> {
    let slug = present.slug.as_str();
    let steps = vec![
        sql("SELECT category FROM products WHERE category = $1 LIMIT 1").bind(slug).exactly(0),
        sql("DELETE FROM categories WHERE slug = $1 AND version = $2").bind(slug).bind(present.version).exactly(1),
    ];
    match attempt_to_write(context, Transaction { steps, events: vec![] }).await? {
        Attempt::Committed(_) => Ok(()),
        Attempt::Unmet(0) => Err(Refusal::CategoryInUse),
        Attempt::Unmet(_) => Err(Refusal::Stale),
    }
}

/// Writes one row and reads it back; nothing if there was no row to write.
async fn write(context: &Context, statement: Sql, slug: &Slug) -> Result<Option<Category>, Failure> {
    let steps = vec![statement.exactly(1), by_slug(slug).exactly(1)];
    match attempt_to_write(context, Transaction { steps, events: vec![] }).await? {
        Attempt::Committed(mut effects) => {
            let rows = effects.pop().map(|effect: Effect| effect.rows).unwrap_or_default();
            Ok(database::read_all(rows, read)?.pop())
        }
        Attempt::Unmet(_) => Ok(None),
    }
}

fn by_slug(slug: &Slug) -> Sql {
    sql(format!("SELECT {COLUMNS} FROM categories WHERE slug = $1")).bind(slug.as_str())
}

/// `$1` to `$4`.
fn bind(statement: Sql, slug: &Slug, name: &Name, description: &Description, now: Timestamp) -> Sql {
    statement.bind(slug.as_str()).bind(name.as_str()).bind(description.as_str()).bind(now.to_string())
}

fn read(row: &mut Row) -> Result<Category, Mismatch> {
    Ok(Category {
        slug: Slug::stored(row.text()?),
        name: Name::stored(row.text()?),
        description: Description::stored(row.text()?),
        version: row.integer()?,
        created_at: row.text()?,
        updated_at: row.text()?,
    })
}
