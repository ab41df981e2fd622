//! The contract `souk:database/sql` in Rust. The promises stand in `wit/database/database.wit`; this file must not add any.

use std::future::Future;
use std::pin::Pin;

/// A value of a column or a parameter.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// SQL NULL.
    Null,
    /// A whole number; booleans are 0 and 1.
    Integer(i64),
    /// IEEE 754, never NaN.
    Real(f64),
    /// UTF-8.
    Text(String),
    /// Anything.
    Bytes(Vec<u8>),
}

/// One SQL statement with its parameters `$1`, `$2`, ….
#[derive(Clone, Debug, PartialEq)]
pub struct Statement {
    /// The text; one statement.
    pub sql: String,
    /// As many as the highest number used in the text.
    pub parameters: Vec<Value>,
}

/// The rows that a statement returned, flat: row `r`, column `c` is `cells[r * columns + c]`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Rows {
    /// 0 for a statement that returns nothing by nature.
    pub columns: u32,
    /// A multiple of `columns`.
    pub cells: Vec<Value>,
}

/// How many rows a step must change (or return, if it only reads) for the transaction to go on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Expectation {
    /// Any number.
    Anything,
    /// Exactly this many.
    Exactly(u64),
    /// This many or more.
    AtLeast(u64),
}

/// One statement of a transaction and what it must find.
#[derive(Clone, Debug, PartialEq)]
pub struct Step {
    /// What to run.
    pub statement: Statement,
    /// What it must find.
    pub expect: Expectation,
}

/// An event to publish with a transaction (`souk:events/types.event`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// The attribute `id`.
    pub id: String,
    /// The attribute `type`.
    pub r#type: String,
    /// The attribute `subject`.
    pub subject: Option<String>,
    /// The attribute `partitionkey`.
    pub key: String,
    /// The attribute `time`, RFC 3339 in UTC.
    pub time: String,
    /// The attribute `data`, a JSON text.
    pub data: String,
}

/// Steps and events that are committed together or not at all.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Transaction {
    /// Run in this order.
    pub steps: Vec<Step>,
    /// Published in this order.
    pub events: Vec<Event>,
}

/// What a committed step did.
#[derive(Clone, Debug, PartialEq)]
pub struct Effect {
    /// The rows it changed.
    pub changed: u64,
    /// The rows it returned.
    pub rows: Rows,
}

/// How a transaction that was carried out ended.
#[derive(Clone, Debug, PartialEq)]
pub enum Outcome {
    /// Durable; one effect a step.
    Committed(Vec<Effect>),
    /// The step with this index did not find what it expected; nothing was written.
    Unmet(u32),
    /// A concurrent transaction was preferred too often; nothing was written.
    Stale,
}

/// Why a call could not be carried out; nothing was written, except after `Undecided` perhaps.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Error {
    /// The statement is wrong.
    Invalid(String),
    /// The statement is not allowed here.
    Denied(String),
    /// A constraint of the schema refuses the change.
    Constraint(String),
    /// A limit on size was reached.
    TooLarge(String),
    /// The statement ran longer than its time limit.
    TooSlow(String),
    /// The database can't be used now.
    Unavailable(String),
    /// The connection broke while the commit was on its way.
    Undecided(String),
    /// Anything else.
    Other(String),
}

/// A future as [`Database`] returns it.
pub type Answer<'a, T> = Pin<Box<dyn Future<Output = Result<T, Error>> + Send + 'a>>;

/// A component's own database.
pub trait Database: Send + Sync {
    /// `sqlite`, `postgres`, ….
    fn dialect(&self) -> &str;

    /// Reads with one statement on one consistent snapshot.
    fn query(&self, statement: Statement) -> Answer<'_, Rows>;

    /// Carries out the steps, stores the events and commits: all or nothing.
    fn transact(&self, transaction: Transaction) -> Answer<'_, Outcome>;
}

impl std::fmt::Display for Error {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (case, text) = match self {
            Self::Invalid(text) => ("invalid", text),
            Self::Denied(text) => ("denied", text),
            Self::Constraint(text) => ("constraint", text),
            Self::TooLarge(text) => ("too large", text),
            Self::TooSlow(text) => ("too slow", text),
            Self::Unavailable(text) => ("unavailable", text),
            Self::Undecided(text) => ("undecided", text),
            Self::Other(text) => ("other", text),
        };
        write!(f, "{case}: {text}")
    }
}

impl std::error::Error for Error {}
