//! Lists of customers, for admins: filtered, in the order of creation, in pages.
//!
//! A search is two ranges of indexes, of the e-mails and the names that begin so: every engine compares text by its bytes, which is the order of its characters. Its cost is the number of
//! those that it finds, not of those that there are.

use souk_kit::context::Context;
use souk_kit::database::Failure;
use souk_kit::listing::Select;
use souk_kit::page::Page;
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

/// Reads a page, and how many customers the whole list has, up to [`DEPTH_MAX`](souk_kit::page::DEPTH_MAX).
pub async fn list(context: &Context, listing: &Listing) -> Result<(Vec<Profile>, u32), Failure> {
    // The order of the ids is the order of creation.
    select(listing).read(context, (PROFILE, "c.id"), listing.page, read).await
}

fn select(listing: &Listing) -> Select {
    let mut select = Select::of("customers c", Vec::new());
    // Everybody's begin with nothing, also those of who has neither.
    if let Some(prefix) = listing.prefix.as_ref().filter(|prefix| !prefix.0.is_empty()) {
        begins(&mut select, prefix);
    }
    if let Some(status) = listing.status {
        // The text of the condition of the index.
        select.holds(format!("c.status = '{}'", status.as_str()));
    }
    select
}

fn begins(select: &mut Select, prefix: &Prefix) {
    let from = select.place(prefix.0.as_str());
    let to = prefix.end().map(|end| select.place(end));
    let range = |column: &str| {
        let before_end = to.as_ref().map_or(String::new(), |to| format!(" AND {column} < {to}"));
        format!("SELECT id FROM customers WHERE {column} >= {from}{before_end}")
    };
    select.holds(format!("c.id IN ({} UNION {})", range("email_key"), range("sort_name")));
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
