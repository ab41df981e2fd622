//! A guest's cart, put into an account's: once, and both in one transaction, so that nothing is in two carts or in none.

use souk_database::contract::{Step, Transaction};
use souk_kit::context::Context;
use souk_kit::database::{self, Attempt, Failure, Sql, attempt_again, sql};
use souk_kit::time::Timestamp;

use super::change::{self, Change};
use super::{Cart, Written, occurred};
use crate::domain::Account;
use crate::domain::items::LeftOut;
use crate::domain::token::TokenHash;

/// What was decided about two carts.
pub struct Merge<'a> {
    /// Who asked.
    pub account: &'a Account,
    /// By what the guest's cart is known.
    pub token: &'a TokenHash,
    /// The guest's cart, as it was when it was decided.
    pub guest: &'a Cart,
    /// What the account's is to become; none if it stays as it is.
    pub change: Option<Change<'a>>,
    /// What found no room.
    pub left_out: &'a [LeftOut],
}

/// Puts a guest's cart into an account's and forgets it. The account's cart, if it was changed.
pub async fn merge(context: &Context, wanted: &Merge<'_>) -> Result<Written<Option<Cart>>, Failure> {
    let now = context.now();
    let mut steps = vec![remember(wanted, now).exactly(1)];
    steps.extend(take_away(wanted.guest, now));
    let mut events = Vec::new();
    let mut cart = None;
    if let Some(change) = wanted.change {
        let (more, merged) = change::steps(context, change);
        steps.extend(more);
        events.push(occurred(context, "cart.merged", &merged, &[("from", wanted.guest.id.as_str())]));
        cart = Some(merged);
    }
    match attempt_again(context.database(), Transaction { steps, events }).await {
        Ok(Attempt::Committed(_)) => Ok(Written::Done(cart)),
        Ok(Attempt::Unmet(_)) | Err(Failure::Stale) => Ok(Written::Overtaken),
        Err(failure) => Err(failure),
    }
}

/// What found no room when this account merged this token's cart; nothing if it never did.
pub async fn merged(context: &Context, token: &TokenHash, account: &Account) -> Result<Option<Vec<LeftOut>>, Failure> {
    let statement = sql("SELECT left_out FROM merged_carts WHERE token_hash = $1 AND account = $2")
        .bind(token.as_str())
        .bind(account.as_str());
    database::first(context.database(), statement, |row| row.parsed(|text| serde_json::from_str(&text))).await
}

fn remember(wanted: &Merge<'_>, now: Timestamp) -> Sql {
    let left_out = serde_json::to_string(wanted.left_out).expect("a service's own records serialise");
    sql("INSERT INTO merged_carts (token_hash, account, left_out, merged_at) VALUES ($1, $2, $3, $4) \
         ON CONFLICT (token_hash) DO NOTHING")
    .bind(wanted.token.as_str())
    .bind(wanted.account.as_str())
    .bind(left_out)
    .bind(now.to_string())
}

/// The first locks the row, so that nobody puts anything in any more.
fn take_away(guest: &Cart, now: Timestamp) -> [Step; 3] {
    let lock = sql("UPDATE carts SET version = version + 1 WHERE id = $1 AND version = $2 AND expires_at > $3")
        .bind(guest.id.as_str())
        .bind(guest.version)
        .bind(now.to_string());
    let items = sql("DELETE FROM cart_items WHERE cart_id = $1").bind(guest.id.as_str());
    let cart = sql("DELETE FROM carts WHERE id = $1").bind(guest.id.as_str());
    [lock.exactly(1), items.anything(), cart.exactly(1)]
}
