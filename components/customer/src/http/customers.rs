//! What only admins see: the list of all customers, and what was changed about one.

use axum::extract::State;
use axum::response::Response;
use http::Uri;
use souk_kit::caller::{Admin, private};
use souk_kit::context::Context;
use souk_kit::page::Page;
use souk_kit::problem::Problem;
use souk_kit::query::Query;

use super::subject::Subject;
use crate::domain::Status;
use crate::store;
use crate::store::listing::{Listing, Prefix};

pub(super) async fn list(
    State(context): State<Context>,
    _: Admin,
    uri: Uri,
    mut query: Query,
) -> Result<Response, Problem> {
    let listing = Listing {
        page: Page::of(&mut query),
        prefix: query.optional("q", Prefix::parse),
        status: query.optional("status", Status::parse),
    };
    query.finish()?;
    let (customers, total) = store::listing::list(&context, &listing).await?;
    Ok(private(listing.page.response(&uri, total, &customers)))
}

pub(super) async fn changes(
    State(context): State<Context>,
    subject: Subject,
    uri: Uri,
    mut query: Query,
) -> Result<Response, Problem> {
    let page = Page::of(&mut query);
    query.finish()?;
    let customer = subject.known(&context).await?;
    let (changes, total) = store::change::list(&context, &customer.id, page).await?;
    Ok(private(page.response(&uri, total, &changes)))
}
