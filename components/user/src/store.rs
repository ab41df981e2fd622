//! What the service does with its database: each operation is one transaction and one function that reads as the use
//! case.
//!
//! Statements serve every engine: `$1` parameters, text and integers, `ON CONFLICT`. Whatever must not happen twice is a
//! conditional `UPDATE` with an expectation of one row. Other guards are a `SELECT` with one, of which the contract promises
//! that they still hold when the transaction commits.

use souk_database::contract::{Effect, Expectation, Step, Transaction};
use souk_kit::context::Context;
use souk_kit::database::{self, Attempt, Failure, Mismatch, Row};
use souk_kit::email::Email;
use souk_kit::time::Timestamp;

use crate::domain::{Account, AccountId, Name, Role, Roles, Status};

pub mod account;

pub mod session;

pub mod attempts;

pub mod listing;

/// The columns of an [`Account`] of accounts `a`.
const ACCOUNT: &str = "a.id, a.email, a.name, a.is_customer, a.is_merchant, a.is_admin, a.status, a.version, \
    a.created_at, a.updated_at";

/// Carries out a transaction that expects nothing which could be missing.
async fn attempt_unguarded(context: &Context, steps: Vec<Step>) -> Result<Vec<Effect>, Failure> {
    debug_assert!(steps.iter().all(|step| step.expect == Expectation::Anything), "no step has a guard");
    match database::attempt_again(context.database(), Transaction { steps, events: vec![] }).await? {
        Attempt::Committed(effects) => Ok(effects),
        Attempt::Unmet(_) => Err(Failure::Stale),
    }
}

fn read_account(row: &mut Row) -> Result<Account, Mismatch> {
    Ok(Account {
        id: AccountId::stored(row.text()?),
        email: Email::stored(row.text()?),
        name: Name::stored(row.text()?),
        roles: read_roles(row)?,
        status: row.parsed(|text| Status::parse(&text))?,
        version: row.integer()?,
        created_at: row.text()?,
        updated_at: row.text()?,
    })
}

fn read_roles(row: &mut Row) -> Result<Roles, Mismatch> {
    let mut roles = Vec::new();
    for role in Role::ALL {
        if row.integer()? == 1 {
            roles.push(role);
        }
    }
    Ok(Roles::stored(roles))
}

fn read_moment(row: &mut Row) -> Result<Timestamp, Mismatch> {
    row.parsed(|text| Timestamp::parse(&text))
}
