//! What was changed about a customer: the history that admins read.
//!
//! It keeps what a value was before and not what it became, which the next change or the profile itself tells. So blanking
//! the former values at the deletion leaves none.

use serde::Serialize;
use serde_json::value::RawValue;
use serde_json::{Map, Value};
use souk_kit::text::Invalid;

/// Changes that are kept of a customer, the latest: more than anybody makes in years, and a bound on what one table keeps of one
/// person.
pub const CHANGES_MAX: u32 = 1_000;

/// Defines an enum of words.
macro_rules! words {
    ($(#[$documentation:meta])* $name:ident { $($(#[$of_case:meta])* $case:ident = $word:literal,)* }) => {
        $(#[$documentation])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
        pub enum $name {
            $($(#[$of_case])* #[serde(rename = $word)] $case,)*
        }

        impl $name {
            /// Parses the word.
            pub fn parse(text: &str) -> Result<Self, Invalid> {
                match text {
                    $($word => Ok(Self::$case),)*
                    _ => Err(concat!("must be", $(" ", $word),*).to_owned()),
                }
            }

            /// The word.
            pub fn as_str(self) -> &'static str {
                match self {
                    $(Self::$case => $word,)*
                }
            }
        }
    };
}

words! {
    /// Who made a change.
    Actor {
        /// The customer.
        Own = "own",
        /// An admin.
        Admin = "admin",
        /// Another service, for the customer.
        Service = "service",
    }
}

words! {
    /// What kind of change it was.
    Kind {
        /// The profile was made.
        Created = "created",
        /// Fields of the profile were.
        Changed = "changed",
        /// The customer has one address more.
        AddressAdded = "address-added",
        /// Fields of an address were.
        AddressChanged = "address-changed",
        /// The customer has one address less.
        AddressRemoved = "address-removed",
        /// The profile was made nobody's.
        Deleted = "deleted",
    }
}

/// One change, as it is read.
#[derive(Debug, Serialize)]
pub struct Change {
    /// 1, 2, 3, … for each customer.
    pub number: i64,
    /// When.
    pub changed_at: String,
    /// By whom.
    pub actor: Actor,
    /// What.
    pub kind: Kind,
    /// The names of the fields.
    pub fields: Box<RawValue>,
    /// What they were before; nothing once the customer was deleted.
    pub previous: Option<Box<RawValue>>,
}

/// By which fields two things differ, and what the first has there.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Difference {
    /// In the order of the names.
    pub fields: Vec<String>,
    /// By name.
    pub previous: Map<String, Value>,
}

impl Difference {
    /// Compares two records of the same type.
    pub fn between<T: Serialize>(present: &T, wanted: &T) -> Self {
        let (present, wanted) = (members(present), members(wanted));
        let previous: Map<String, Value> =
            present.into_iter().filter(|(name, value)| wanted.get(name) != Some(value)).collect();
        Self { fields: previous.keys().cloned().collect(), previous }
    }

    /// Everything that there was.
    pub fn all_of(present: &impl Serialize) -> Self {
        Self { fields: Vec::new(), previous: members(present) }
    }
}

fn members(record: &impl Serialize) -> Map<String, Value> {
    match serde_json::to_value(record).expect("a service's own records serialise") {
        Value::Object(members) => members,
        other => unreachable!("a record is an object and not {other}"),
    }
}

#[cfg(test)]
mod tests {
    use super::{Actor, Difference, Kind};
    use crate::domain::Details;
    use serde_json::json;

    #[test]
    fn a_difference_names_what_changed_and_what_it_was() {
        let present = Details { name: "Mina".parse().ok(), ..Details::default() };
        let wanted = Details { name: "Mina Harker".parse().ok(), marketing_consent: true, ..Details::default() };
        let difference = Difference::between(&present, &wanted);
        assert_eq!(difference.fields, ["marketing_consent", "name"]);
        assert_eq!(json!(difference.previous), json!({"name": "Mina", "marketing_consent": false}));
        assert_eq!(Difference::between(&present, &present), Difference::default());
    }

    #[test]
    fn words_are_read_as_they_are_written() {
        assert_eq!(Kind::parse(Kind::AddressRemoved.as_str()), Ok(Kind::AddressRemoved));
        assert_eq!(Actor::parse("root"), Err("must be own admin service".to_owned()));
        assert_eq!(json!(Kind::AddressAdded), "address-added");
    }
}
