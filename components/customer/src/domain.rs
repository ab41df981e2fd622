//! Who buys, in types that cannot be wrong: whoever holds a [`Name`] holds a good one.
//!
//! Everything that comes from outside is parsed here and checked nowhere else; the constants are the limits, with their
//! reasons. No database, no HTTP, no clock. What an address, a phone number, a language and a change are stands in a file
//! each.

use serde::Serialize;
use souk_kit::database::Failure;
use souk_kit::email::Email;
use souk_kit::text;
use souk_kit::text::Invalid;

use phone::Phone;

use language::Language;

pub mod phone;

pub mod language;

pub mod address;

pub mod change;

/// Full names in any culture; one line on a page. What the user service takes.
pub const NAME_CHARS_MAX: usize = 100;
/// What somebody types to find a customer.
pub const SEARCH_CHARS_MAX: usize = 100;

text!(
    /// The id of a customer. The service makes UUIDs; what it did not make names nothing.
    CustomerId,
    text::id
);

text!(
    /// Whose a profile is: the issuer whose word it is, `|`, and its subject. Either may hold a `|`, so it is never taken
    /// apart.
    Account,
    text::account
);

text!(
    /// What the shop calls somebody: one line.
    Name,
    |text| text::line(text, NAME_CHARS_MAX)
);

/// By what a profile is found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Key {
    /// Whose it is now.
    Account(Account),
    /// Which it is, for ever.
    Id(CustomerId),
}

/// Whether there is a person behind a profile. Deleted is final.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Status {
    /// There is.
    Active,
    /// There was.
    Deleted,
}

impl Status {
    /// Parses the word.
    pub fn parse(text: &str) -> Result<Self, Invalid> {
        match text {
            "active" => Ok(Self::Active),
            "deleted" => Ok(Self::Deleted),
            _ => Err("must be active or deleted".to_owned()),
        }
    }

    /// The word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Deleted => "deleted",
        }
    }
}

/// A customer, as they and admins see them.
#[derive(Clone, Debug, Serialize)]
pub struct Profile {
    /// For ever the same.
    pub id: CustomerId,
    /// Whether there is a person behind it.
    pub status: Status,
    /// Empty once it was deleted.
    #[serde(flatten)]
    pub details: Details,
    /// When the consent was given or withdrawn; none if it was never given.
    pub marketing_consent_at: Option<String>,
    /// Grows with each change of the fields above.
    pub version: i64,
    /// When it was created.
    pub created_at: String,
    /// When `version` last grew.
    pub updated_at: String,
}

/// What people write about a customer.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Details {
    /// What the shop calls them; none if nobody said it yet.
    pub name: Option<Name>,
    /// Where they want mail.
    pub email: Option<Email>,
    /// Where they are called.
    pub phone: Option<Phone>,
    /// What they read.
    pub language: Option<Language>,
    /// Whether they want advertisements.
    pub marketing_consent: bool,
}

/// Why something was not done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// Nobody has this id.
    UnknownCustomer,
    /// The account has no profile.
    NoProfile,
    /// Nothing of a deleted customer can be changed.
    Deleted,
    /// The customer has no such address.
    UnknownAddress,
    /// The customer has no address at all.
    NoAddress,
    /// The customer has as many addresses as anybody can.
    TooManyAddresses,
    /// It would leave the customer without a default.
    StaysDefault,
    /// It was changed meanwhile, or is there already.
    Stale,
    /// An argument that another service gave.
    Invalid(Invalid),
    /// The database could not do it.
    Failed(Failure),
}

impl<F: Into<Failure>> From<F> for Refusal {
    fn from(failure: F) -> Self {
        Self::Failed(failure.into())
    }
}
