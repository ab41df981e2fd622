//! Profiles: made, read, changed, made nobody's.

use serde_json::json;
use souk_database::contract::{Event, Transaction};
use souk_kit::context::Context;
use souk_kit::database::{self, Attempt, Failure, Mismatch, Row, Sql, attempt_again, last, sql};
use souk_kit::email::Email;
use souk_kit::event;
use souk_kit::time::Timestamp;

use super::change;
use crate::domain::change::{Actor, Difference, Kind};
use crate::domain::language::Language;
use crate::domain::phone::Phone;
use crate::domain::{Account, CustomerId, Details, Key, Name, Profile, Refusal, Status};

/// The columns of a [`Profile`] of customers `c`.
pub(super) const PROFILE: &str = "c.id, c.status, c.name, c.email, c.phone, c.language, c.marketing_consent, \
    c.marketing_consent_at, c.version, c.created_at, c.updated_at";

/// How often [`ensure`] looks for a profile and tries to make it. A second time it finds the one that was in its way, unless
/// that was deleted in between.
const ENSURES_MAX: usize = 3;

/// Reads a profile. A deleted one is found by its id only.
pub async fn profile(context: &Context, key: &Key) -> Result<Option<Profile>, Failure> {
    database::first(context.database(), by(key), read).await
}

/// Makes the profile of an account that has none.
pub async fn create(context: &Context, account: &Account, details: &Details, actor: Actor) -> Result<Profile, Refusal> {
    let now = context.now();
    let id = CustomerId::parse(context.id()).expect("a UUID is 36 hexadecimal digits and hyphens");
    let event = event::occurred(context, "customer.created", id.as_str(), &json!({"id": id, "version": 1}));
    let given = Difference { previous: serde_json::Map::new(), ..Difference::between(&Details::default(), details) };
    let steps = vec![
        insert(&id, account, details, now).exactly(1),
        change::note(&id, now, actor, Kind::Created, &given),
        by(&Key::Id(id)).exactly(1),
    ];
    match attempt_again(context.database(), Transaction { steps, events: vec![event] }).await? {
        Attempt::Committed(effects) => last(effects, read)?.pop().ok_or(Refusal::UnknownCustomer),
        Attempt::Unmet(_) => Err(Refusal::Stale),
    }
}

/// Makes sure that an account has a profile: of many calls at once one makes it. One that is there stays as it is.
pub async fn ensure(context: &Context, account: &Account, details: &Details) -> Result<Profile, Refusal> {
    let key = Key::Account(account.clone());
    for _ in 0..ENSURES_MAX {
        if let Some(profile) = profile(context, &key).await? {
            return Ok(profile);
        }
        match create(context, account, details, Actor::Service).await {
            Err(Refusal::Stale) => {}
            outcome => return outcome,
        }
    }
    Err(Failure::Stale.into())
}

/// Changes what is written about a customer, if it is still what `present` says. A change of nothing is none.
pub async fn replace(context: &Context, present: &Profile, wanted: &Details, actor: Actor) -> Result<Profile, Refusal> {
    let difference = Difference::between(&present.details, wanted);
    if difference.fields.is_empty() {
        return Ok(present.clone());
    }
    let (id, now) = (&present.id, context.now());
    let mut steps = vec![
        update(present, wanted, now).exactly(1),
        change::note(id, now, actor, Kind::Changed, &difference),
        change::forget_oldest(id),
    ];
    steps.push(by(&Key::Id(id.clone())).exactly(1));
    let events = vec![changed(context, id, present.version + 1, &difference.fields)];
    match attempt_again(context.database(), Transaction { steps, events }).await? {
        Attempt::Committed(effects) => last(effects, read)?.pop().ok_or(Refusal::UnknownCustomer),
        Attempt::Unmet(_) => Err(Refusal::Stale),
    }
}

/// Takes away all that is known of a customer, from all tables, if the profile is still what `present` says. Their id and the
/// kinds of changes stay.
pub async fn delete(context: &Context, present: &Profile, actor: Actor) -> Result<(), Refusal> {
    let (id, now) = (&present.id, context.now());
    let steps = vec![
        anonymise(present, now).exactly(1),
        sql("DELETE FROM addresses WHERE customer_id = $1").bind(id.as_str()).anything(),
        change::blank(id),
        change::note(id, now, actor, Kind::Deleted, &Difference::default()),
        change::forget_oldest(id),
    ];
    let data = json!({"id": id, "version": present.version + 1});
    let events = vec![event::occurred(context, "customer.deleted", id.as_str(), &data)];
    match attempt_again(context.database(), Transaction { steps, events }).await? {
        Attempt::Committed(_) => Ok(()),
        Attempt::Unmet(_) => Err(Refusal::Stale),
    }
}

/// The event that tells which fields were changed, and of none what it is.
pub(super) fn changed(context: &Context, id: &CustomerId, version: i64, fields: &[String]) -> Event {
    let data = json!({"id": id, "version": version, "fields": fields});
    event::occurred(context, "customer.changed", id.as_str(), &data)
}

fn by(key: &Key) -> Sql {
    let select = |column: &str| sql(format!("SELECT {PROFILE} FROM customers c WHERE c.{column} = $1"));
    match key {
        Key::Account(account) => select("account").bind(account.as_str()),
        Key::Id(id) => select("id").bind(id.as_str()),
    }
}

fn insert(id: &CustomerId, account: &Account, details: &Details, now: Timestamp) -> Sql {
    let consent_at = details.marketing_consent.then(|| now.to_string());
    let statement = sql("INSERT INTO customers (id, account, status, created_at, updated_at, version, changes, \
         name, sort_name, email, email_key, phone, language, marketing_consent, marketing_consent_at) \
         VALUES ($1, $2, 'active', $3, $3, 1, 1, $4, $5, $6, $7, $8, $9, $10, $11) ON CONFLICT (account) DO NOTHING")
    .bind(id.as_str())
    .bind(account.as_str())
    .bind(now.to_string());
    bind(statement, details, consent_at)
}

fn update(present: &Profile, wanted: &Details, now: Timestamp) -> Sql {
    let is_consent_new = present.details.marketing_consent != wanted.marketing_consent;
    let consent_at = if is_consent_new { Some(now.to_string()) } else { present.marketing_consent_at.clone() };
    let statement = sql("UPDATE customers SET version = version + 1, changes = changes + 1, updated_at = $3, \
         name = $4, sort_name = $5, email = $6, email_key = $7, phone = $8, language = $9, marketing_consent = $10, \
         marketing_consent_at = $11 WHERE id = $1 AND version = $2 AND status = 'active'")
    .bind(present.id.as_str())
    .bind(present.version)
    .bind(now.to_string());
    bind(statement, wanted, consent_at)
}

/// The next eight parameters.
fn bind(statement: Sql, details: &Details, consent_at: Option<String>) -> Sql {
    let Details { name, email, phone, language, marketing_consent } = details;
    statement
        .bind(name.as_ref().map(Name::as_str))
        .bind(name.as_ref().map(|name| name.as_str().to_lowercase()))
        .bind(email.as_ref().map(Email::as_str))
        .bind(email.as_ref().map(Email::key))
        .bind(phone.as_ref().map(Phone::as_str))
        .bind(language.as_ref().map(Language::as_str))
        .bind(i64::from(*marketing_consent))
        .bind(consent_at)
}

/// The table refuses it if a column is forgotten here.
fn anonymise(present: &Profile, now: Timestamp) -> Sql {
    sql("UPDATE customers SET status = 'deleted', account = NULL, name = NULL, sort_name = NULL, email = NULL, \
         email_key = NULL, phone = NULL, language = NULL, marketing_consent = 0, marketing_consent_at = NULL, \
         delivery_address_id = NULL, invoice_address_id = NULL, \
         version = version + 1, changes = changes + 1, updated_at = $3 \
         WHERE id = $1 AND version = $2 AND status = 'active'")
    .bind(present.id.as_str())
    .bind(present.version)
    .bind(now.to_string())
}

pub(super) fn read(row: &mut Row) -> Result<Profile, Mismatch> {
    Ok(Profile {
        id: CustomerId::stored(row.text()?),
        status: row.parsed(|text| Status::parse(&text))?,
        details: Details {
            name: row.optional_text()?.map(Name::stored),
            email: row.optional_text()?.map(Email::stored),
            phone: row.optional_text()?.map(Phone::stored),
            language: row.optional_text()?.map(Language::stored),
            marketing_consent: row.integer()? == 1,
        },
        marketing_consent_at: row.optional_text()?,
        version: row.integer()?,
        created_at: row.text()?,
        updated_at: row.text()?,
    })
}
