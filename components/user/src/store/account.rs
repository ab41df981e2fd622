//! Accounts: made, read, changed.

use serde_json::{Value, json};
use souk_database::contract::{Event, Transaction};
use souk_kit::context::Context;
use souk_kit::database::{self, Attempt, Failure, Mismatch, Row, Sql, attempt_again, last, sql};
use souk_kit::email::Email;
use souk_kit::event;

use super::{ACCOUNT, attempts, read_account, session};
use crate::domain::password::Hash;
use crate::domain::session::SessionId;
use crate::domain::throttle::Counted;
use crate::domain::{Account, AccountId, Changeable, Credentials, Name, Refusal, Role, Roles, Status};

/// Reads an account.
pub async fn account(context: &Context, id: &AccountId) -> Result<Option<Account>, Failure> {
    database::first(context.database(), by_id(id), read_account).await
}

/// Reads the account of a session that nobody has ended. Access tokens outlive their session where another host does not know
/// of its end.
pub async fn of_session(
    context: &Context,
    id: &AccountId,
    session: &SessionId,
) -> Result<Option<Credentials>, Failure> {
    let statement = sql(format!(
        "SELECT {ACCOUNT}, a.password_hash FROM accounts a JOIN sessions s ON s.account_id = a.id \
         WHERE a.id = $1 AND s.id = $2 AND s.ended_at IS NULL"
    ));
    database::first(context.database(), statement.bind(id.as_str()).bind(session.as_str()), read_credentials).await
}

/// Reads the account that signs in with an e-mail.
pub async fn by_email(context: &Context, email: &Email) -> Result<Option<Credentials>, Failure> {
    let statement = sql(format!("SELECT {ACCOUNT}, a.password_hash FROM accounts a WHERE a.email_key = $1"));
    database::first(context.database(), statement.bind(email.key()), read_credentials).await
}

/// Creates an account.
pub async fn create(
    context: &Context,
    email: &Email,
    name: &Name,
    roles: &Roles,
    hash: &Hash,
) -> Result<Account, Refusal> {
    let id = AccountId::parse(context.id()).expect("a UUID is 36 hexadecimal digits and hyphens");
    let data = json!({"id": id, "email": email, "name": name, "roles": roles});
    let event = event::occurred(context, "user.registered", id.as_str(), &data);
    let insert = sql("INSERT INTO accounts (id, email, email_key, password_hash, created_at, updated_at, version, \
         name, sort_name, is_customer, is_merchant, is_admin, status) \
         VALUES ($1, $2, $3, $4, $5, $5, 1, $6, $7, $8, $9, $10, $11) ON CONFLICT (email_key) DO NOTHING")
    .bind(id.as_str())
    .bind(email.as_str())
    .bind(email.key())
    .bind(hash.as_str())
    .bind(context.now().to_string());
    let insert = bind_changeable(insert, name, roles, Status::Active);
    let steps = vec![insert.exactly(1), by_id(&id).exactly(1)];
    match attempt_again(context.database(), Transaction { steps, events: vec![event] }).await? {
        Attempt::Committed(effects) => last(effects, read_account)?.pop().ok_or(Refusal::UnknownAccount),
        Attempt::Unmet(_) => Err(Refusal::EmailTaken),
    }
}

/// Gives an account another name, if it is still what `present` says.
pub async fn rename(context: &Context, present: &Account, name: &Name) -> Result<Account, Refusal> {
    let wanted = Changeable { name: name.clone(), ..present.clone().into_changeable() };
    let steps = vec![update(context, present, &wanted).exactly(1), by_id(&present.id).exactly(1)];
    match attempt_again(context.database(), Transaction { steps, events: vec![changed(context, present, &wanted)] })
        .await?
    {
        Attempt::Committed(effects) => last(effects, read_account)?.pop().ok_or(Refusal::UnknownAccount),
        Attempt::Unmet(_) => Err(Refusal::Stale),
    }
}

/// Changes an account as an admin does, if it is still what `present` says. Somebody stays who can keep the shop. A disabled
/// account has no sessions.
///
/// Answers with the account and the sessions whose access tokens may still be good.
pub async fn change(
    context: &Context,
    present: &Account,
    wanted: &Changeable,
) -> Result<(Account, Vec<SessionId>), Refusal> {
    let id = &present.id;
    let mut steps = vec![update(context, present, wanted).exactly(1)];
    let is_losing_an_admin = present.is_active_admin() && !wanted.is_active_admin();
    if is_losing_an_admin {
        steps.push(another_admin(id).exactly(1));
    }
    if wanted.status == Status::Disabled {
        steps.push(session::end_all(id, None, context.now()).anything());
    }
    let read_at = steps.len();
    steps.push(by_id(id).anything());
    steps.push(session::revocable(id, None, context.now()).anything());
    let mut events = vec![changed(context, present, wanted)];
    events.extend(switched(context, present, wanted));
    match attempt_again(context.database(), Transaction { steps, events }).await? {
        Attempt::Committed(mut effects) => {
            let sessions = last(effects.split_off(read_at + 1), session::read_id)?;
            let account = last(effects, read_account)?.pop().ok_or(Refusal::UnknownAccount)?;
            Ok((account, sessions))
        }
        Attempt::Unmet(0) => Err(Refusal::Stale),
        Attempt::Unmet(_) => Err(Refusal::LastAdmin),
    }
}

/// Replaces a password, if it is still the one that was found right, and ends the account's other sessions. Takes the attempt
/// back.
///
/// Answers with those of them whose access tokens may still be good.
pub async fn replace_password(
    context: &Context,
    credentials: &Credentials,
    hash: &Hash,
    current: &SessionId,
    counted: &[Counted],
) -> Result<Vec<SessionId>, Refusal> {
    let (id, now) = (&credentials.account.id, context.now());
    let replace = sql("UPDATE accounts SET password_hash = $3 WHERE id = $1 AND password_hash = $2")
        .bind(id.as_str())
        .bind(credentials.hash.as_str())
        .bind(hash.as_str());
    let mut steps = vec![replace.exactly(1)];
    steps.extend(attempts::forgive(counted, now));
    steps.push(session::end_all(id, Some(current), now).anything());
    steps.push(session::revocable(id, Some(current), now).anything());
    match attempt_again(context.database(), Transaction { steps, events: vec![] }).await? {
        Attempt::Committed(effects) => Ok(last(effects, session::read_id)?),
        Attempt::Unmet(_) => Err(Refusal::Failed(Failure::Stale)),
    }
}

pub(super) fn by_id(id: &AccountId) -> Sql {
    sql(format!("SELECT {ACCOUNT} FROM accounts a WHERE a.id = $1")).bind(id.as_str())
}

fn another_admin(id: &AccountId) -> Sql {
    sql("SELECT id FROM accounts WHERE is_admin = 1 AND status = 'active' AND id <> $1 LIMIT 1").bind(id.as_str())
}

fn update(context: &Context, present: &Account, wanted: &Changeable) -> Sql {
    let statement = sql("UPDATE accounts SET version = version + 1, updated_at = $3, \
         name = $4, sort_name = $5, is_customer = $6, is_merchant = $7, is_admin = $8, status = $9 \
         WHERE id = $1 AND version = $2")
    .bind(present.id.as_str())
    .bind(present.version)
    .bind(context.now().to_string());
    bind_changeable(statement, &wanted.name, &wanted.roles, wanted.status)
}

/// The next six parameters.
fn bind_changeable(statement: Sql, name: &Name, roles: &Roles, status: Status) -> Sql {
    let statement = statement.bind(name.as_str()).bind(name.as_str().to_lowercase());
    let statement = Role::ALL.into_iter().fold(statement, |statement, role| statement.bind(i64::from(roles.has(role))));
    statement.bind(status.as_str())
}

fn changed(context: &Context, present: &Account, wanted: &Changeable) -> Event {
    let data: Value = json!({
        "id": present.id,
        "email": present.email,
        "name": wanted.name,
        "roles": wanted.roles,
        "status": wanted.status,
        "version": present.version + 1,
    });
    event::occurred(context, "user.changed", present.id.as_str(), &data)
}

fn switched(context: &Context, present: &Account, wanted: &Changeable) -> Option<Event> {
    let r#type = match (present.status, wanted.status) {
        (Status::Active, Status::Disabled) => "user.disabled",
        (Status::Disabled, Status::Active) => "user.enabled",
        (Status::Active, Status::Active) | (Status::Disabled, Status::Disabled) => return None,
    };
    Some(event::occurred(context, r#type, present.id.as_str(), &json!({"id": present.id})))
}

fn read_credentials(row: &mut Row) -> Result<Credentials, Mismatch> {
    Ok(Credentials { account: read_account(row)?, hash: Hash::new(row.text()?) })
}
