//! Sizes of what goes into an engine and comes out, held against its limits.

use crate::contract::{Error, Statement, Value};

/// The limits on sizes that every engine has under the same names. Their reasons stand in the engine's `limits.rs`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sizes {
    pub(crate) rows: u64,
    pub(crate) result_bytes: u64,
    pub(crate) value_bytes: u32,
    pub(crate) sql_bytes: u32,
    pub(crate) parameters: u32,
    pub(crate) parameter_bytes: u64,
    pub(crate) steps: u32,
    pub(crate) events: u32,
    pub(crate) event_bytes: u64,
}

/// What each cell and parameter counts beside its text, so that a million NULLs are not free.
const CELL_BYTES: u64 = 16;

/// Checks what can be said without the engine: on the caller's thread, before a queue.
pub(crate) fn check(statement: &Statement, sizes: &Sizes) -> Result<(), Error> {
    let Statement { sql, parameters } = statement;
    if sql.len() as u64 > u64::from(sizes.sql_bytes) {
        return Err(too_large("a statement of", sql.len() as u64, "bytes", "sql-bytes", sizes.sql_bytes.into()));
    }
    if sql.contains('\0') {
        return Err(Error::Invalid(
            "a statement may not contain the character NUL: the engine would stop reading there".into(),
        ));
    }
    if parameters.len() as u64 > u64::from(sizes.parameters) {
        return Err(too_large("", parameters.len() as u64, "parameters", "parameters", sizes.parameters.into()));
    }
    for (index, value) in parameters.iter().enumerate() {
        let number = index + 1;
        match value {
            Value::Real(real) if real.is_nan() => return Err(Error::Invalid(format!("parameter ${number} is NaN"))),
            // Not every engine has one in a text.
            Value::Text(text) if text.contains('\0') => {
                return Err(Error::Invalid(format!("parameter ${number} contains the character NUL")));
            }
            Value::Text(text) => check_value(number, text.len(), sizes)?,
            Value::Bytes(bytes) => check_value(number, bytes.len(), sizes)?,
            _ => {}
        }
    }
    Ok(())
}

fn check_value(number: usize, bytes: usize, sizes: &Sizes) -> Result<(), Error> {
    if bytes as u64 <= u64::from(sizes.value_bytes) {
        return Ok(());
    }
    Err(too_large(&format!("parameter ${number} of"), bytes as u64, "bytes", "value-bytes", sizes.value_bytes.into()))
}

/// Checks that a statement comes with as many parameters as belong to its text.
pub(crate) fn check_parameter_count(given: usize, highest: usize) -> Result<(), Error> {
    if given == highest {
        return Ok(());
    }
    Err(Error::Invalid(format!("{given} parameters given, the highest number in the text is {highest}")))
}

/// Checks the parameters of all statements of one call together.
pub(crate) fn check_parameter_bytes<'a>(
    statements: impl Iterator<Item = &'a Statement>,
    sizes: &Sizes,
) -> Result<(), Error> {
    let bytes = statements.flat_map(|statement| &statement.parameters).map(size).sum();
    if bytes <= sizes.parameter_bytes {
        return Ok(());
    }
    Err(too_large("parameters of", bytes, "bytes", "parameter-bytes", sizes.parameter_bytes))
}

fn size(value: &Value) -> u64 {
    CELL_BYTES
        + match value {
            Value::Text(text) => text.len() as u64,
            Value::Bytes(bytes) => bytes.len() as u64,
            Value::Null | Value::Integer(_) | Value::Real(_) => 0,
        }
}

/// The error for a limit that was reached; names it and its value.
pub(crate) fn too_large(what: &str, is: u64, unit: &str, limit: &str, most: u64) -> Error {
    let what = if what.is_empty() { String::new() } else { format!("{what} ") };
    Error::TooLarge(format!("{what}{is} {unit}, the limit {limit} is {most}"))
}

/// The error for a call that returns more than it may.
pub(crate) fn result_too_large(result_bytes: u64) -> Error {
    Error::TooLarge(format!("the result is larger than the limit result-bytes, {result_bytes}"))
}

/// How much a call may still return.
pub(crate) struct Room {
    pub(crate) sizes: Sizes,
    bytes_left: u64,
}

impl Room {
    /// All that one call may return.
    pub(crate) fn new(sizes: Sizes) -> Self {
        Self { sizes, bytes_left: sizes.result_bytes }
    }

    /// Takes the room of one cell.
    pub(crate) fn take(&mut self, value: &Value) -> Result<(), Error> {
        let Some(left) = self.bytes_left.checked_sub(size(value)) else {
            return Err(result_too_large(self.sizes.result_bytes));
        };
        self.bytes_left = left;
        Ok(())
    }

    /// The error for a statement that returns more rows than it may.
    pub(crate) fn too_many_rows(&self) -> Error {
        Error::TooLarge(format!("more rows than the limit rows, {}", self.sizes.rows))
    }
}

/// Says where it happened, in front of the text.
pub(crate) fn at(place: impl std::fmt::Display, error: Error) -> Error {
    match error {
        Error::Invalid(text) => Error::Invalid(format!("{place}: {text}")),
        Error::Denied(text) => Error::Denied(format!("{place}: {text}")),
        Error::Constraint(text) => Error::Constraint(format!("{place}: {text}")),
        Error::TooLarge(text) => Error::TooLarge(format!("{place}: {text}")),
        Error::TooSlow(text) => Error::TooSlow(format!("{place}: {text}")),
        Error::Unavailable(text) => Error::Unavailable(format!("{place}: {text}")),
        Error::Undecided(text) => Error::Undecided(format!("{place}: {text}")),
        Error::Other(text) => Error::Other(format!("{place}: {text}")),
    }
}
