//! Who has an account, in types that cannot be wrong: whoever holds a [`Name`] holds a good one.
//!
//! Everything that comes from outside is parsed here and checked nowhere else; the constants are the limits, with their
//! reasons. No database, no HTTP, no clock. What a password, a session and the counting of wrong passwords are stands in a
//! file each.

use std::collections::BTreeSet;

use serde::Serialize;
use souk_kit::database::Failure;
use souk_kit::email::Email;
use souk_kit::text;
use souk_kit::text::Invalid;

use password::Hash;

pub mod password;

pub mod session;

pub mod throttle;

/// Full names in any culture; one line on a page.
pub const NAME_CHARS_MAX: usize = 100;
/// What somebody types to find an account.
pub const SEARCH_CHARS_MAX: usize = 100;

text!(
    /// The id of an account. The service makes UUIDs; what it did not make names nothing.
    AccountId,
    text::id
);

text!(
    /// What the shop calls somebody: one line.
    Name,
    |text| text::line(text, NAME_CHARS_MAX)
);

/// What somebody may do in the shop.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// Buys.
    Customer,
    /// Sells.
    Merchant,
    /// Keeps the shop, and everybody's account.
    Admin,
}

impl Role {
    /// All of them: an account has each at most once.
    pub const ALL: [Self; 3] = [Self::Customer, Self::Merchant, Self::Admin];

    /// Parses the word.
    pub fn parse(text: &str) -> Result<Self, Invalid> {
        let role = Self::ALL.into_iter().find(|role| role.as_str() == text);
        role.ok_or_else(|| "must be customer, merchant or admin".to_owned())
    }

    /// The word, in tokens too.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Customer => "customer",
            Self::Merchant => "merchant",
            Self::Admin => "admin",
        }
    }
}

/// The roles of an account: one or more.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct Roles(BTreeSet<Role>);

impl Roles {
    /// Those of somebody who registered.
    pub fn of_a_customer() -> Self {
        Self(BTreeSet::from([Role::Customer]))
    }

    /// Puts roles together. An account without any could do nothing: to shut somebody out, disable the account.
    pub fn of(roles: Vec<Role>) -> Result<Self, Invalid> {
        let count = roles.len();
        let roles: BTreeSet<Role> = roles.into_iter().collect();
        match roles.len() {
            0 => Err("must name at least one role".to_owned()),
            distinct if distinct < count => Err("must name a role once".to_owned()),
            _ => Ok(Self(roles)),
        }
    }

    /// Takes them as they were stored.
    pub fn stored(roles: impl IntoIterator<Item = Role>) -> Self {
        Self(roles.into_iter().collect())
    }

    /// Whether this is one of them.
    pub fn has(&self, role: Role) -> bool {
        self.0.contains(&role)
    }

    /// The words.
    pub fn words(&self) -> Vec<String> {
        self.0.iter().map(|role| role.as_str().to_owned()).collect()
    }
}

/// Whether an account may be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Status {
    /// It may.
    Active,
    /// An admin has shut it.
    Disabled,
}

impl Status {
    /// Parses the word.
    pub fn parse(text: &str) -> Result<Self, Invalid> {
        match text {
            "active" => Ok(Self::Active),
            "disabled" => Ok(Self::Disabled),
            _ => Err("must be active or disabled".to_owned()),
        }
    }

    /// The word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Disabled => "disabled",
        }
    }
}

/// An account, as its owner and admins see it.
#[derive(Clone, Debug, Serialize)]
pub struct Account {
    /// For ever the same.
    pub id: AccountId,
    /// Where its owner is reached, and what they sign in with.
    pub email: Email,
    /// What the shop calls its owner.
    pub name: Name,
    /// What its owner may do.
    pub roles: Roles,
    /// Whether it may be used.
    pub status: Status,
    /// Grows with each change of the fields above.
    pub version: i64,
    /// When it was created.
    pub created_at: String,
    /// When `version` last grew.
    pub updated_at: String,
}

impl Account {
    /// Whether it can keep the shop.
    pub fn is_active_admin(&self) -> bool {
        self.status == Status::Active && self.roles.has(Role::Admin)
    }

    /// What an admin can change.
    pub fn into_changeable(self) -> Changeable {
        Changeable { name: self.name, roles: self.roles, status: self.status }
    }
}

/// What an admin can change about an account.
#[derive(Clone, Debug, Serialize)]
#[expect(missing_docs, reason = "the fields are those of `Account`")]
pub struct Changeable {
    pub name: Name,
    pub roles: Roles,
    pub status: Status,
}

impl Changeable {
    /// Whether an account that is so can keep the shop.
    pub fn is_active_admin(&self) -> bool {
        self.status == Status::Active && self.roles.has(Role::Admin)
    }
}

/// An account and what is kept of its password.
#[derive(Clone, Debug)]
pub struct Credentials {
    /// Whose.
    pub account: Account,
    /// What.
    pub hash: Hash,
}

/// Why something was not done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// Another account has this e-mail.
    EmailTaken,
    /// The e-mail or the password is wrong; nobody is told which.
    WrongCredentials,
    /// The password that is to be replaced is another one.
    WrongPassword,
    /// An admin has shut the account.
    Disabled,
    /// There were too many wrong passwords; none is looked at for so long.
    Blocked {
        /// From now on.
        retry_after_s: u32,
    },
    /// The refresh token is unknown, used, or its session over.
    InvalidRefreshToken,
    /// The session of the access token is over.
    SessionOver,
    /// There is no such account.
    UnknownAccount,
    /// There is no such session, or it is another account's.
    UnknownSession,
    /// Nobody would be left to keep the shop.
    LastAdmin,
    /// It was changed meanwhile.
    Stale,
    /// The new password can't be taken for this account.
    UnfitPassword(Invalid),
    /// The host can't sign or revoke now.
    NoTokens(String),
    /// Too many passwords wait to be hashed.
    BusyPasswords,
    /// The host did not take what it was given: a mistake of this service.
    Misused(String),
    /// The database could not do it.
    Failed(Failure),
}

impl<F: Into<Failure>> From<F> for Refusal {
    fn from(failure: F) -> Self {
        Self::Failed(failure.into())
    }
}

#[cfg(test)]
mod tests {
    use super::{Name, Role, Roles};

    #[test]
    fn a_name_is_one_line_of_bounded_length() {
        for good in ["Mina", "茶", &"ü".repeat(100)] {
            assert!(good.parse::<Name>().is_ok(), "{good}");
        }
        for bad in ["", " a", "a ", "a\nb", "a\0b", &"ü".repeat(101)] {
            assert!(bad.parse::<Name>().is_err(), "{bad:?}");
        }
    }

    #[test]
    fn roles_are_some_and_each_once() {
        assert!(Roles::of(vec![]).is_err() && Roles::of(vec![Role::Admin, Role::Admin]).is_err());
        let roles = Roles::of(vec![Role::Admin, Role::Customer]).expect("they are good");
        assert_eq!(roles.words(), ["customer", "admin"]);
        assert!(Role::parse("Admin").is_err() && Role::parse("root").is_err());
    }
}
