//! Lists of customers, for admins: filtered, in the order of creation, in pages.
//!
//! A page and its total come from one statement, so that they agree. A search is two ranges of indexes, of the e-mails and the
//! names that begin so: every engine compares text by its bytes, which is the order of its characters. Its cost is the number of
//! those that it finds, not of those that there are.

use souk_database::contract::Value;
use souk_kit::context::Context;
use souk_kit::database::{self, Failure, Parameter, Row, Sql, sql};
use souk_kit::page::{DEPTH_MAX, Page};
use souk_kit::text::Invalid;

use super::profile::{PROFILE, read};
use crate::domain::{Profile, SEARCH_CHARS_MAX, Status};

/// A list that somebody wants to see.
#[derive(Clone, Debug)]
pub struct Listing {
    /// Which part of it.
    pub page: Page,
    /// Only customers whose e-mail or name begins so.
    pub prefix: Option<Prefix>,
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

    /// The first text behind all that begin so, if there is one.
    fn end(&self) -> Option<String> {
        let mut characters: Vec<char> = self.0.chars().collect();
        while let Some(last) = characters.pop() {
            if let Some(next) = (last..=char::MAX).nth(1) {
                characters.push(next);
                return Some(characters.into_iter().collect());
            }
        }
        None
    }
}

/// Reads a page, and how many customers the whole list has, up to [`DEPTH_MAX`].
pub async fn list(context: &Context, listing: &Listing) -> Result<(Vec<Profile>, u32), Failure> {
    let page = Select::of(listing).page(listing.page);
    let rows = database::all(context.database(), page, |row| Ok((row.integer()?, read(row)?))).await?;
    let total = match rows.first() {
        Some((total, _)) => Some(*total),
        // A page beyond the end has no row to carry the total.
        None if listing.page.number > 1 => {
            database::first(context.database(), Select::of(listing).count(), Row::integer).await?
        }
        None => None,
    };
    let total = total.map_or(0, |total| u32::try_from(total).unwrap_or(DEPTH_MAX));
    Ok((rows.into_iter().map(|(_, profile)| profile).collect(), total))
}

/// The parts of the statement for a list.
struct Select {
    conditions: Vec<String>,
    parameters: Vec<Value>,
}

impl Select {
    fn of(listing: &Listing) -> Self {
        let mut select = Self { conditions: vec!["1 = 1".to_owned()], parameters: Vec::new() };
        if let Some(prefix) = &listing.prefix {
            select.begins(prefix);
        }
        if let Some(status) = listing.status {
            // The text of the condition of the index.
            select.conditions.push(format!("c.status = '{}'", status.as_str()));
        }
        select
    }

    fn begins(&mut self, prefix: &Prefix) {
        // Everybody's begin with nothing, also those of who has neither.
        if prefix.0.is_empty() {
            return;
        }
        let from = self.place(prefix.0.as_str());
        let to = prefix.end().map(|end| self.place(end));
        let range = |column: &str| {
            let before_end = to.as_ref().map_or(String::new(), |to| format!(" AND {column} < {to}"));
            format!("SELECT id FROM customers WHERE {column} >= {from}{before_end}")
        };
        self.conditions.push(format!("c.id IN ({} UNION {})", range("email_key"), range("sort_name")));
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
            "SELECT ({total}), {PROFILE} FROM customers c WHERE {conditions} ORDER BY c.id LIMIT {limit} OFFSET {offset}"
        ))
    }

    fn count(self) -> Sql {
        let total = self.total();
        self.statement(total)
    }

    fn total(&self) -> String {
        let conditions = self.conditions.join(" AND ");
        format!("SELECT COUNT(*) FROM (SELECT 1 FROM customers c WHERE {conditions} LIMIT {DEPTH_MAX}) AS counted")
    }

    fn statement(self, text: String) -> Sql {
        self.parameters.into_iter().fold(sql(text), Sql::bind)
    }
}

#[cfg(test)]
mod tests {
    use super::Prefix;

    #[test]
    fn what_begins_so_ends_before_the_next_beginning() {
        for (text, end) in [
            ("", None),
            ("a", Some("b")),
            ("Mina@", Some("minaA")),
            ("a\u{10ffff}", Some("b")),
            ("\u{10ffff}", None),
            ("\u{d7ff}", Some("\u{e000}")),
        ] {
            assert_eq!(Prefix::parse(text).map(|prefix| prefix.end()), Ok(end.map(str::to_owned)), "{text:?}");
        }
    }
}
