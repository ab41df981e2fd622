//! Addresses, and which of them are the defaults. These stand with the customer, so there is never more than one of each; each
//! transaction here leaves one of each as long as there are addresses.

use serde::Serialize;
use souk_database::contract::{Event, Step, Transaction};
use souk_kit::context::Context;
use souk_kit::database::{self, Attempt, Failure, Mismatch, Row, Sql, attempt_again, last, sql};
use souk_kit::page::Page;
use souk_kit::time::Timestamp;

use super::{change, profile};
use crate::domain::address::{
    ADDRESSES_MAX, Address, AddressId, Claims, Country, Details, Label, Line, Lines, PostalCode,
};
use crate::domain::change::{Actor, Difference, Kind};
use crate::domain::{CustomerId, Profile, Refusal};

/// The columns of an [`Address`] of addresses `a` of customers `c`.
const ADDRESS: &str = "a.id, a.label, a.recipient, a.lines, a.postal_code, a.city, a.region, a.country, \
    CASE WHEN c.delivery_address_id = a.id THEN 1 ELSE 0 END, CASE WHEN c.invoice_address_id = a.id THEN 1 ELSE 0 END, \
    a.version, a.created_at, a.updated_at";

/// The two tables together.
const OF_CUSTOMER: &str = "FROM addresses a JOIN customers c ON c.id = a.customer_id WHERE a.customer_id = $1";

/// Reads one of a customer's addresses. Another customer's is none.
pub async fn address(context: &Context, customer: &CustomerId, id: &AddressId) -> Result<Option<Address>, Failure> {
    database::first(context.database(), by_id(customer, id), read).await
}

/// Reads where a customer's deliveries go.
pub async fn default_for_delivery(context: &Context, customer: &CustomerId) -> Result<Option<Address>, Failure> {
    let statement = sql(format!("SELECT {ADDRESS} {OF_CUSTOMER} AND a.id = c.delivery_address_id"));
    database::first(context.database(), statement.bind(customer.as_str()), read).await
}

/// Reads a page of a customer's addresses in the order in which they were added, and how many there are.
pub async fn list(context: &Context, customer: &CustomerId, page: Page) -> Result<(Vec<Address>, u32), Failure> {
    let statement = sql(format!("SELECT {ADDRESS} {OF_CUSTOMER} ORDER BY a.id")).bind(customer.as_str());
    let addresses = database::all(context.database(), statement, read).await?;
    let total = u32::try_from(addresses.len()).unwrap_or(ADDRESSES_MAX);
    // All are read, since they are so few: a page and its total then agree.
    Ok((addresses.into_iter().skip(page.offset() as usize).take(page.size as usize).collect(), total))
}

/// Adds an address. The first is the default for both, whatever it claims.
pub async fn add(
    context: &Context,
    customer: &Profile,
    details: &Details,
    claims: Claims,
    actor: Actor,
) -> Result<Address, Refusal> {
    let (owner, now) = (&customer.id, context.now());
    let id = AddressId::parse(context.id()).expect("a UUID is 36 hexadecimal digits and hyphens");
    let begin = begin(owner, &first_or_claimed(claims), Some(&id));
    let mut steps = vec![begin, has_room(owner), insert(owner, &id, details, now)];
    steps.push(change::note(owner, now, actor, Kind::AddressAdded, &Difference::default()));
    steps.push(change::forget_oldest(owner));
    steps.push(by_id(owner, &id).exactly(1));
    match attempt_again(context.database(), Transaction { steps, events: vec![changed(context, customer)] }).await? {
        Attempt::Committed(effects) => last(effects, read)?.pop().ok_or(Refusal::UnknownAddress),
        // It was deleted meanwhile.
        Attempt::Unmet(0) => Err(Refusal::Deleted),
        Attempt::Unmet(_) => Err(Refusal::TooManyAddresses),
    }
}

/// Changes an address, if it is still what `present` says, and makes it what it claims. A change of nothing is none.
pub async fn replace(
    context: &Context,
    customer: &Profile,
    present: &Address,
    wanted: &Details,
    claims: Claims,
    actor: Actor,
) -> Result<Address, Refusal> {
    let difference = Written::of(present).difference(wanted, claims);
    if difference.fields.is_empty() {
        return Ok(present.clone());
    }
    let (owner, now) = (&customer.id, context.now());
    let steps = vec![
        begin(owner, &claimed(claims), Some(&present.id)),
        update(owner, present, wanted, now),
        change::note(owner, now, actor, Kind::AddressChanged, &difference),
        change::forget_oldest(owner),
        by_id(owner, &present.id).exactly(1),
    ];
    match attempt_again(context.database(), Transaction { steps, events: vec![changed(context, customer)] }).await? {
        Attempt::Committed(effects) => last(effects, read)?.pop().ok_or(Refusal::UnknownAddress),
        Attempt::Unmet(_) => Err(Refusal::Stale),
    }
}

/// Takes an address away, if it is still what `present` says. What it was the default for, the address is that was added last.
pub async fn remove(context: &Context, customer: &Profile, present: &Address, actor: Actor) -> Result<(), Refusal> {
    let (owner, now) = (&customer.id, context.now());
    let delete = sql("DELETE FROM addresses WHERE customer_id = $1 AND id = $2 AND version = $3")
        .bind(owner.as_str())
        .bind(present.id.as_str())
        .bind(present.version);
    let steps = vec![
        begin(owner, &[], None),
        delete.exactly(1),
        pass_on(owner, &present.id),
        change::note(owner, now, actor, Kind::AddressRemoved, &Difference::all_of(&Written::of(present))),
        change::forget_oldest(owner),
    ];
    match attempt_again(context.database(), Transaction { steps, events: vec![changed(context, customer)] }).await? {
        Attempt::Committed(_) => Ok(()),
        Attempt::Unmet(_) => Err(Refusal::Stale),
    }
}

/// What the history keeps of an address.
#[derive(Serialize)]
struct Written<'a> {
    id: &'a AddressId,
    #[serde(flatten)]
    details: &'a Details,
    default_delivery: bool,
    default_invoice: bool,
}

impl<'a> Written<'a> {
    fn of(address: &'a Address) -> Self {
        let Address { id, details, default_delivery, default_invoice, .. } = address;
        Self { id, details, default_delivery: *default_delivery, default_invoice: *default_invoice }
    }

    /// Also which address it is about, if there is a difference.
    fn difference(&self, wanted: &Details, claims: Claims) -> Difference {
        let wanted = Written {
            id: self.id,
            details: wanted,
            default_delivery: self.default_delivery || claims.delivery,
            default_invoice: self.default_invoice || claims.invoice,
        };
        let mut difference = Difference::between(self, &wanted);
        difference.previous.insert("id".to_owned(), self.id.as_str().into());
        difference
    }
}

/// Addresses are no part of the profile's version.
fn changed(context: &Context, customer: &Profile) -> Event {
    profile::changed(context, &customer.id, customer.version, &["addresses".to_owned()])
}

/// Locks the customer's row by writing it, and sets the defaults. Nobody adds to what was deleted.
fn begin(customer: &CustomerId, defaults: &[&str], id: Option<&AddressId>) -> Step {
    let defaults: String = defaults.iter().flat_map(|default| [", ", default]).collect();
    let statement =
        sql(format!("UPDATE customers SET changes = changes + 1{defaults} WHERE id = $1 AND status = 'active'"));
    let id = id.filter(|_| !defaults.is_empty());
    id.into_iter().fold(statement.bind(customer.as_str()), |statement, id| statement.bind(id.as_str())).exactly(1)
}

/// `$2` becomes what it claims.
fn claimed(claims: Claims) -> Vec<&'static str> {
    let delivery = claims.delivery.then_some("delivery_address_id = $2");
    let invoice = claims.invoice.then_some("invoice_address_id = $2");
    delivery.into_iter().chain(invoice).collect()
}

/// `$2` becomes what it claims, and what no other address is.
fn first_or_claimed(claims: Claims) -> [&'static str; 2] {
    [
        if claims.delivery {
            "delivery_address_id = $2"
        } else {
            "delivery_address_id = COALESCE(delivery_address_id, $2)"
        },
        if claims.invoice {
            "invoice_address_id = $2"
        } else {
            "invoice_address_id = COALESCE(invoice_address_id, $2)"
        },
    ]
}

fn pass_on(customer: &CustomerId, removed: &AddressId) -> Step {
    let added_last = "(SELECT MAX(a.id) FROM addresses a WHERE a.customer_id = $1)";
    let passed_on = |column: &str| format!("{column} = CASE WHEN {column} = $2 THEN {added_last} ELSE {column} END");
    let (delivery, invoice) = (passed_on("delivery_address_id"), passed_on("invoice_address_id"));
    let statement = sql(format!("UPDATE customers SET {delivery}, {invoice} WHERE id = $1"));
    statement.bind(customer.as_str()).bind(removed.as_str()).exactly(1)
}

fn has_room(customer: &CustomerId) -> Step {
    sql(format!(
        "SELECT c.id FROM customers c WHERE c.id = $1 \
         AND (SELECT COUNT(*) FROM addresses a WHERE a.customer_id = $1) < {ADDRESSES_MAX}"
    ))
    .bind(customer.as_str())
    .exactly(1)
}

fn insert(customer: &CustomerId, id: &AddressId, details: &Details, now: Timestamp) -> Step {
    let statement = sql("INSERT INTO addresses (customer_id, id, version, created_at, updated_at, \
         label, recipient, lines, postal_code, city, region, country) \
         VALUES ($1, $2, 1, $3, $3, $4, $5, $6, $7, $8, $9, $10)")
    .bind(customer.as_str())
    .bind(id.as_str())
    .bind(now.to_string());
    bind(statement, details).exactly(1)
}

fn update(customer: &CustomerId, present: &Address, wanted: &Details, now: Timestamp) -> Step {
    let statement = sql("UPDATE addresses SET version = version + 1, updated_at = $3, \
         label = $4, recipient = $5, lines = $6, postal_code = $7, city = $8, region = $9, country = $10 \
         WHERE customer_id = $1 AND id = $2 AND version = $11")
    .bind(customer.as_str())
    .bind(present.id.as_str())
    .bind(now.to_string());
    bind(statement, wanted).bind(present.version).exactly(1)
}

/// The next seven parameters.
fn bind(statement: Sql, details: &Details) -> Sql {
    let Details { label, recipient, lines, postal_code, city, region, country } = details;
    statement
        .bind(label.as_ref().map(Label::as_str))
        .bind(recipient.as_str())
        .bind(lines.text())
        .bind(postal_code.as_ref().map(PostalCode::as_str))
        .bind(city.as_str())
        .bind(region.as_ref().map(Line::as_str))
        .bind(country.as_str())
}

fn by_id(customer: &CustomerId, id: &AddressId) -> Sql {
    sql(format!("SELECT {ADDRESS} {OF_CUSTOMER} AND a.id = $2")).bind(customer.as_str()).bind(id.as_str())
}

fn read(row: &mut Row) -> Result<Address, Mismatch> {
    Ok(Address {
        id: AddressId::stored(row.text()?),
        details: Details {
            label: row.optional_text()?.map(Label::stored),
            recipient: Line::stored(row.text()?),
            lines: Lines::stored(&row.text()?),
            postal_code: row.optional_text()?.map(PostalCode::stored),
            city: Line::stored(row.text()?),
            region: row.optional_text()?.map(Line::stored),
            country: Country::stored(row.text()?),
        },
        default_delivery: row.integer()? == 1,
        default_invoice: row.integer()? == 1,
        version: row.integer()?,
        created_at: row.text()?,
        updated_at: row.text()?,
    })
}
