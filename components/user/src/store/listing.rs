//! Lists of accounts, for admins: filtered, in the order of creation, in pages.
//!
//! A page and its total come from one statement, so that they agree. A search looks at each account that the other filters
//! leave: a list of beginnings by an index has no form that all engines share, and an admin searches now and then.

use souk_database::contract::Value;
use souk_kit::context::Context;
use souk_kit::database::{self, Failure, Parameter, Row, Sql, sql};
use souk_kit::page::{DEPTH_MAX, Page};
use souk_kit::text::Invalid;

use super::{ACCOUNT, read_account};
use crate::domain::{Account, Role, SEARCH_CHARS_MAX, Status};

/// A list that somebody wants to see.
#[derive(Clone, Debug)]
pub struct Listing {
    /// Which part of it.
    pub page: Page,
    /// Only accounts whose e-mail or name begins so.
    pub prefix: Option<Prefix>,
    /// Only those with this role.
    pub role: Option<Role>,
    /// Only those of this status.
    pub status: Option<Status>,
}

/// How an e-mail or a name begins, in lower case.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Prefix(String);

impl Prefix {
    /// Takes what was typed. Nothing in it has a meaning of its own.
    pub fn parse(text: &str) -> Result<Self, Invalid> {
        let count = text.chars().count();
        if count > SEARCH_CHARS_MAX || text.contains('\0') {
            return Err(format!("must have at most {SEARCH_CHARS_MAX} characters, NUL not among them"));
        }
        Ok(Self(text.to_lowercase()))
    }
}

/// Reads a page, and how many accounts the whole list has, up to [`DEPTH_MAX`].
pub async fn list(context: &Context, listing: &Listing) -> Result<(Vec<Account>, u32), Failure> {
    let page = Select::of(listing).page(listing.page);
    let rows = database::all(context.database(), page, |row| Ok((row.integer()?, read_account(row)?))).await?;
    let total = match rows.first() {
        Some((total, _)) => Some(*total),
        // A page beyond the end has no row to carry the total.
        None if listing.page.number > 1 => {
            database::first(context.database(), Select::of(listing).count(), Row::integer).await?
        }
        None => None,
    };
    Ok((rows.into_iter().map(|(_, account)| account).collect(), total.map_or(0, count)))
}

/// A count that a statement has bounded already.
pub(super) fn count(total: i64) -> u32 {
    u32::try_from(total).unwrap_or(DEPTH_MAX)
}

/// The parts of the statement for a list.
struct Select {
    conditions: Vec<String>,
    parameters: Vec<Value>,
}

impl Select {
    fn of(listing: &Listing) -> Self {
        let mut select = Self { conditions: vec!["1 = 1".to_owned()], parameters: Vec::new() };
        if let Some(Prefix(text)) = &listing.prefix {
            let place = format!("CAST({} AS TEXT)", select.place(text.as_str()));
            let begins = |column: &str| format!("substr(a.{column}, 1, length({place})) = {place}");
            select.conditions.push(format!("({} OR {})", begins("email_key"), begins("sort_name")));
        }
        if let Some(role) = listing.role {
            // The text of the condition of the role's index.
            select.conditions.push(format!("a.is_{} = 1", role.as_str()));
        }
        if let Some(status) = listing.status {
            select.conditions.push(format!("a.status = '{}'", status.as_str()));
        }
        select
    }

    fn place(&mut self, value: impl Parameter) -> String {
        self.parameters.push(value.into_value());
        format!("${}", self.parameters.len())
    }

    /// The order of the ids is the order of creation.
    fn page(mut self, page: Page) -> Sql {
        let (limit, offset) = (self.place(page.size), self.place(page.offset()));
        let (conditions, total) = (self.conditions.join(" AND "), self.total());
        self.statement(format!(
            "SELECT ({total}), {ACCOUNT} FROM accounts a WHERE {conditions} ORDER BY a.id LIMIT {limit} OFFSET {offset}"
        ))
    }

    fn count(self) -> Sql {
        let total = self.total();
        self.statement(total)
    }

    fn total(&self) -> String {
        let conditions = self.conditions.join(" AND ");
        format!("SELECT COUNT(*) FROM (SELECT 1 FROM accounts a WHERE {conditions} LIMIT {DEPTH_MAX}) AS counted")
    }

    fn statement(self, text: String) -> Sql {
        self.parameters.into_iter().fold(sql(text), Sql::bind)
    }
}
