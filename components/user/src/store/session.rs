//! Sessions: begun by signing in, kept going by refresh tokens, ended.
//!
//! Nothing runs by a timer: each transaction that writes a session takes a few away that are over and forgotten.

use serde_json::json;
use souk_database::contract::{Step, Transaction};
use souk_kit::context::Context;
use souk_kit::database::{self, Attempt, Failure, Mismatch, Row, Sql, attempt_again, last, sql};
use souk_kit::event;
use souk_kit::listing;
use souk_kit::page::{DEPTH_MAX, Page};
use souk_kit::time::Timestamp;

use super::{ACCOUNT, attempt_unguarded, attempts, read_account, read_moment};
use crate::domain::password::Hash;
use crate::domain::session::{
    ACCESS_TOKEN_S_MAX, REFRESHES_MAX, REVOKED_MAX, RefreshToken, SESSIONS_MAX, SWEPT_SESSIONS_MAX, SWEPT_TOKENS_MAX,
    Session, SessionId, Span,
};
use crate::domain::throttle::Counted;
use crate::domain::{Account, AccountId, Credentials, Status};

/// Somebody whose password was found right.
#[derive(Clone, Debug)]
pub struct Beginning<'a> {
    /// Who it is, and with which hash.
    pub credentials: &'a Credentials,
    /// The hash to keep from now on, where the old one is dated.
    pub fresher: Option<&'a Hash>,
    /// The new session.
    pub session: &'a SessionId,
    /// Its first refresh token.
    pub token: &'a RefreshToken,
    /// How the attempt was counted.
    pub counted: &'a [Counted],
}

/// What a refresh token was found to be.
#[derive(Clone, Debug)]
pub struct Held {
    /// Whose.
    pub account: Account,
    /// Of which session.
    pub session: SessionId,
    /// When that is over.
    pub ends_at: Timestamp,
    is_used: bool,
    is_ended: bool,
    expires_at: Timestamp,
    refreshes: i64,
}

impl Held {
    /// Whether it was used before: a second use.
    pub fn is_used(&self) -> bool {
        self.is_used
    }

    /// Whether it gives another one.
    pub fn is_good(&self, now: Timestamp) -> bool {
        let is_active = self.account.status == Status::Active;
        is_active && !self.is_used && !self.is_ended && now < self.expires_at && self.refreshes < REFRESHES_MAX
    }
}

/// Begins a session, if the account and its password are still those that were looked at; the oldest session makes room.
/// Answers with those that had to go, or nothing if the account changed.
pub async fn begin(
    context: &Context,
    beginning: &Beginning<'_>,
    span: Span,
) -> Result<Option<Vec<SessionId>>, Failure> {
    let now = context.now();
    let Credentials { account, hash } = beginning.credentials;
    let unchanged = sql("SELECT id FROM accounts WHERE id = $1 AND version = $2 AND password_hash = $3")
        .bind(account.id.as_str())
        .bind(account.version)
        .bind(hash.as_str());
    let mut steps = vec![unchanged.exactly(1)];
    if let Some(fresher) = beginning.fresher {
        let keep = sql("UPDATE accounts SET password_hash = $2 WHERE id = $1");
        steps.push(keep.bind(account.id.as_str()).bind(fresher.as_str()).exactly(1));
    }
    steps.extend(attempts::forgive(beginning.counted, now));
    steps.extend(sweep(now));
    steps.push(insert(&account.id, beginning.session, now, span).exactly(1));
    steps.push(insert_token(beginning.token, beginning.session).exactly(1));
    steps.push(end_oldest(&account.id, now).anything());
    match attempt_again(context.database(), Transaction { steps, events: vec![] }).await? {
        Attempt::Committed(effects) => Ok(Some(last(effects, read_id)?)),
        Attempt::Unmet(_) => Ok(None),
    }
}

/// Looks a refresh token up.
pub async fn held(context: &Context, token: &RefreshToken) -> Result<Option<Held>, Failure> {
    let statement = sql(format!(
        "SELECT {ACCOUNT}, s.id, s.ends_at, t.used_at, s.ended_at, s.expires_at, s.refreshes \
         FROM refresh_tokens t JOIN sessions s ON s.id = t.session_id JOIN accounts a ON a.id = s.account_id \
         WHERE t.hash = $1"
    ));
    database::first(context.database(), statement.bind(token.hash()), read_held).await
}

/// Uses a refresh token up and gives the next one, if nobody was faster and the account is still the one that was looked at.
pub async fn rotate(
    context: &Context,
    held: &Held,
    token: &RefreshToken,
    next: &RefreshToken,
    span: Span,
) -> Result<bool, Failure> {
    let now = context.now().to_string();
    let r#use = sql("UPDATE refresh_tokens SET used_at = $2 WHERE hash = $1 AND used_at IS NULL")
        .bind(token.hash())
        .bind(now.as_str());
    let prolong =
        sql("UPDATE sessions SET last_used_at = $2, expires_at = $3, forget_at = $4, refreshes = refreshes + 1 \
         WHERE id = $1 AND ended_at IS NULL AND expires_at > $2")
        .bind(held.session.as_str())
        .bind(now)
        .bind(span.expires_at.to_string())
        .bind(span.forget_at.to_string());
    let unchanged = sql("SELECT id FROM accounts WHERE id = $1 AND version = $2")
        .bind(held.account.id.as_str())
        .bind(held.account.version);
    let mut steps = vec![r#use.exactly(1), prolong.exactly(1), unchanged.exactly(1)];
    steps.push(insert_token(next, &held.session).exactly(1));
    steps.extend(sweep(context.now()));
    let outcome = attempt_again(context.database(), Transaction { steps, events: vec![] }).await?;
    Ok(matches!(outcome, Attempt::Committed(_)))
}

/// Ends the session of a refresh token that was used twice. That is told once.
pub async fn end_reused(context: &Context, held: &Held) -> Result<(), Failure> {
    let data = json!({"id": held.account.id, "session_id": held.session});
    let event = event::occurred(context, "user.session-reused", held.account.id.as_str(), &data);
    let end = end_one(&held.account.id, &held.session, context.now());
    attempt_again(context.database(), Transaction { steps: vec![end.exactly(1)], events: vec![event] }).await?;
    Ok(())
}

/// Ends a session, or finds it ended. Answers whether the account has or had it within the last hour.
pub async fn end(context: &Context, account: &AccountId, session: &SessionId) -> Result<bool, Failure> {
    let now = context.now();
    let known = sql("SELECT id FROM sessions WHERE id = $1 AND account_id = $2 AND forget_at > $3")
        .bind(session.as_str())
        .bind(account.as_str())
        .bind(now.to_string());
    let mut steps = vec![end_one(account, session, now).anything()];
    steps.extend(sweep(now));
    steps.push(known.anything());
    let effects = attempt_unguarded(context, steps).await?;
    Ok(!last(effects, read_id)?.is_empty())
}

/// Ends all sessions of an account. Answers with those whose access tokens may still be good.
pub async fn end_everywhere(context: &Context, account: &AccountId) -> Result<Vec<SessionId>, Failure> {
    let now = context.now();
    let mut steps = vec![end_all(account, None, now).anything()];
    steps.extend(sweep(now));
    steps.push(revocable(account, None, now).anything());
    let effects = attempt_unguarded(context, steps).await?;
    Ok(last(effects, read_id)?)
}

/// Reads a page of the sessions that live, newest first, and how many there are.
pub async fn list(
    context: &Context,
    account: &AccountId,
    current: &SessionId,
    page: Page,
) -> Result<(Vec<Session>, u32), Failure> {
    let live = "account_id = $1 AND ended_at IS NULL AND expires_at > $2";
    let bound = |text: String| sql(text).bind(account.as_str()).bind(context.now().to_string());
    let rows = bound(format!(
        "SELECT id, created_at, last_used_at FROM sessions WHERE {live} ORDER BY id DESC LIMIT $3 OFFSET $4"
    ));
    let read = |row: &mut Row| {
        let id = read_id(row)?;
        Ok(Session { current: id == *current, id, created_at: row.text()?, last_used_at: row.text()? })
    };
    let sessions = database::all(context.database(), rows.bind(page.size).bind(page.offset()), read).await?;
    let total =
        bound(format!("SELECT COUNT(*) FROM (SELECT 1 FROM sessions WHERE {live} LIMIT {DEPTH_MAX}) AS counted"));
    let total = database::first(context.database(), total, Row::integer).await?;
    Ok((sessions, total.map_or(0, listing::bounded)))
}

/// All that live but the one.
pub(super) fn end_all(account: &AccountId, but: Option<&SessionId>, now: Timestamp) -> Sql {
    let statement = sql("UPDATE sessions SET ended_at = $2, forget_at = $3 \
         WHERE account_id = $1 AND ended_at IS NULL AND expires_at > $2 AND id <> $4")
    .bind(account.as_str());
    bind_end(statement, now).bind(but.map_or("", SessionId::as_str))
}

/// The sessions whose access tokens may still be good, but the one: also those that were ended by somebody who could not
/// revoke them then.
pub(super) fn revocable(account: &AccountId, but: Option<&SessionId>, now: Timestamp) -> Sql {
    sql(format!(
        "SELECT id FROM sessions WHERE account_id = $1 AND forget_at > $2 AND id <> $3 \
         ORDER BY CASE WHEN ended_at IS NULL THEN 0 ELSE 1 END, ended_at DESC LIMIT {REVOKED_MAX}"
    ))
    .bind(account.as_str())
    .bind(now.to_string())
    .bind(but.map_or("", SessionId::as_str))
}

pub(super) fn read_id(row: &mut Row) -> Result<SessionId, Mismatch> {
    Ok(SessionId::stored(row.text()?))
}

fn end_one(account: &AccountId, session: &SessionId, now: Timestamp) -> Sql {
    let statement = sql("UPDATE sessions SET ended_at = $2, forget_at = $3 \
         WHERE id = $1 AND ended_at IS NULL AND expires_at > $2 AND account_id = $4")
    .bind(session.as_str());
    bind_end(statement, now).bind(account.as_str())
}

fn end_oldest(account: &AccountId, now: Timestamp) -> Sql {
    let statement = sql(format!(
        "UPDATE sessions SET ended_at = $2, forget_at = $3 WHERE id IN (SELECT id FROM sessions \
         WHERE account_id = $1 AND ended_at IS NULL AND expires_at > $2 \
         ORDER BY id DESC LIMIT {SESSIONS_MAX} OFFSET {SESSIONS_MAX}) RETURNING id"
    ));
    bind_end(statement.bind(account.as_str()), now)
}

/// `$2` and `$3`.
fn bind_end(statement: Sql, now: Timestamp) -> Sql {
    statement.bind(now.to_string()).bind(now.plus_seconds(ACCESS_TOKEN_S_MAX).to_string())
}

fn insert(account: &AccountId, session: &SessionId, now: Timestamp, span: Span) -> Sql {
    sql("INSERT INTO sessions (id, account_id, created_at, last_used_at, refreshes, expires_at, ends_at, forget_at) \
         VALUES ($1, $2, $3, $3, 0, $4, $5, $6)")
    .bind(session.as_str())
    .bind(account.as_str())
    .bind(now.to_string())
    .bind(span.expires_at.to_string())
    .bind(span.ends_at.to_string())
    .bind(span.forget_at.to_string())
}

fn insert_token(token: &RefreshToken, session: &SessionId) -> Sql {
    sql("INSERT INTO refresh_tokens (hash, session_id) VALUES ($1, $2)").bind(token.hash()).bind(session.as_str())
}

/// Takes a few sessions away that are forgotten, their tokens first.
fn sweep(now: Timestamp) -> [Step; 2] {
    let tokens = format!(
        "DELETE FROM refresh_tokens WHERE hash IN (SELECT t.hash FROM sessions s \
         JOIN refresh_tokens t ON t.session_id = s.id WHERE s.forget_at <= $1 LIMIT {SWEPT_TOKENS_MAX})"
    );
    let sessions = format!(
        "DELETE FROM sessions WHERE id IN (SELECT s.id FROM sessions s WHERE s.forget_at <= $1 \
         AND NOT EXISTS (SELECT 1 FROM refresh_tokens t WHERE t.session_id = s.id) LIMIT {SWEPT_SESSIONS_MAX})"
    );
    [tokens, sessions].map(|text| sql(text).bind(now.to_string()).anything())
}

fn read_held(row: &mut Row) -> Result<Held, Mismatch> {
    Ok(Held {
        account: read_account(row)?,
        session: read_id(row)?,
        ends_at: read_moment(row)?,
        is_used: row.optional_text()?.is_some(),
        is_ended: row.optional_text()?.is_some(),
        expires_at: read_moment(row)?,
        refreshes: row.integer()?,
    })
}
