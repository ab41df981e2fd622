//! Lists of accounts, for admins: filtered, in the order of creation, in pages.
//!
//! A search looks at each account that the other filters leave: a list of beginnings by an index has no form that all engines share, and an admin searches now and then.

use souk_kit::context::Context;
use souk_kit::database::Failure;
use souk_kit::listing::Select;
use souk_kit::page::Page;
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

/// Reads a page, and how many accounts the whole list has, up to [`DEPTH_MAX`](souk_kit::page::DEPTH_MAX).
pub async fn list(context: &Context, listing: &Listing) -> Result<(Vec<Account>, u32), Failure> {
    // The order of the ids is the order of creation.
    select(listing).read(context, (ACCOUNT, "a.id"), listing.page, read_account).await
}

fn select(listing: &Listing) -> Select {
    let mut select = Select::of("accounts a", Vec::new());
    if let Some(Prefix(text)) = &listing.prefix {
        let place = format!("CAST({} AS TEXT)", select.place(text.as_str()));
        let begins = |column: &str| format!("substr(a.{column}, 1, length({place})) = {place}");
        select.holds(format!("({} OR {})", begins("email_key"), begins("sort_name")));
    }
    if let Some(role) = listing.role {
        // The text of the condition of the role's index.
        select.holds(format!("a.is_{} = 1", role.as_str()));
    }
    if let Some(status) = listing.status {
        select.holds(format!("a.status = '{}'", status.as_str()));
    }
    select
}
