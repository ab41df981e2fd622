//! Help for stores: statements without noise, rows read into structs, and what a store may fail with.
//!
//! The types and the trait are `souk_database::contract`'s as they are; this file adds no promise to them.

use std::fmt;

use souk_database::contract::{
    Database, Effect, Error, Expectation, Outcome, Rows, Statement, Step, Transaction, Value,
};

/// Begins a statement: `sql("SELECT … WHERE id = $1").bind(id)`.
pub fn sql(text: impl Into<String>) -> Sql {
    Sql(Statement { sql: text.into(), parameters: Vec::new() })
}

/// A statement that is being written.
#[derive(Debug)]
pub struct Sql(Statement);

impl Sql {
    /// Gives the next parameter, `$1` first.
    #[must_use]
    pub fn bind(mut self, value: impl Parameter) -> Self {
        self.0.parameters.push(value.into_value());
        self
    }

    /// The step that must touch exactly `rows` rows.
    pub fn exactly(self, rows: u64) -> Step {
        self.expecting(Expectation::Exactly(rows))
    }

    /// The step that may touch any number of rows.
    pub fn anything(self) -> Step {
        self.expecting(Expectation::Anything)
    }

    fn expecting(self, expect: Expectation) -> Step {
        Step { statement: self.0, expect }
    }
}

impl From<Sql> for Statement {
    fn from(sql: Sql) -> Self {
        sql.0
    }
}

/// What can be given as a parameter of a statement.
pub trait Parameter {
    /// The value as the contract knows it.
    fn into_value(self) -> Value;
}

impl Parameter for i64 {
    fn into_value(self) -> Value {
        Value::Integer(self)
    }
}

impl Parameter for u32 {
    fn into_value(self) -> Value {
        Value::Integer(self.into())
    }
}

impl Parameter for String {
    fn into_value(self) -> Value {
        Value::Text(self)
    }
}

impl Parameter for &str {
    fn into_value(self) -> Value {
        Value::Text(self.to_owned())
    }
}

impl Parameter for Value {
    fn into_value(self) -> Value {
        self
    }
}

impl<T: Parameter> Parameter for Option<T> {
    fn into_value(self) -> Value {
        self.map_or(Value::Null, T::into_value)
    }
}

/// Why a store could not do its work, for reasons that the domain does not plan for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Failure {
    /// The database refused or was not there.
    Database(Error),
    /// Concurrent writers were preferred too often; nothing was written.
    Stale,
    /// A row is not what the code expects: the schema and the code have parted.
    Mismatch(Mismatch),
}

/// A cell that is not what was expected.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mismatch {
    /// From 0.
    pub column: usize,
    /// What was expected, or why the value is not acceptable.
    pub expected: String,
}

/// How a transaction ended that a store plans for.
#[derive(Clone, Debug, PartialEq)]
pub enum Attempt {
    /// Durable; one effect a step.
    Committed(Vec<Effect>),
    /// The step with this index (from 0) did not find what it expected; nothing was written.
    Unmet(usize),
}

/// Carries a transaction out.
pub async fn attempt(database: &dyn Database, transaction: Transaction) -> Result<Attempt, Failure> {
    match database.transact(transaction).await? {
        Outcome::Committed(effects) => Ok(Attempt::Committed(effects)),
        Outcome::Unmet(step) => Ok(Attempt::Unmet(step as usize)),
        Outcome::Stale => Err(Failure::Stale),
    }
}

/// How often [`attempt_again`] carries a transaction out when others are preferred to it. The engine has tried several
/// times already; a third crowd in a row is told to the client.
const ATTEMPTS_MAX: usize = 3;

/// Carries a transaction out, again if others were preferred. A constraint that refuses what the guards let pass is a
/// race, which only engines with concurrent writers know: the next time the guard finds it.
pub async fn attempt_again(database: &dyn Database, transaction: Transaction) -> Result<Attempt, Failure> {
    for _ in 1..ATTEMPTS_MAX {
        match attempt(database, transaction.clone()).await {
            Err(Failure::Stale | Failure::Database(Error::Constraint(_))) => {}
            outcome => return outcome,
        }
    }
    match attempt(database, transaction).await {
        Err(Failure::Database(Error::Constraint(_))) => Err(Failure::Stale),
        outcome => outcome,
    }
}

/// What the last step of a transaction read.
pub fn last<T>(mut effects: Vec<Effect>, read: impl Fn(&mut Row) -> Result<T, Mismatch>) -> Result<Vec<T>, Mismatch> {
    read_all(effects.pop().map(|effect| effect.rows).unwrap_or_default(), read)
}

/// Reads all rows of a query.
pub async fn all<T>(
    database: &dyn Database,
    statement: Sql,
    read: impl Fn(&mut Row) -> Result<T, Mismatch>,
) -> Result<Vec<T>, Failure> {
    let rows = database.query(statement.into()).await?;
    Ok(read_all(rows, read)?)
}

/// Reads the first row of a query, if there is one.
pub async fn first<T>(
    database: &dyn Database,
    statement: Sql,
    read: impl Fn(&mut Row) -> Result<T, Mismatch>,
) -> Result<Option<T>, Failure> {
    Ok(all(database, statement, read).await?.into_iter().next())
}

/// Reads rows into structs, one call of `read` for each.
pub fn read_all<T>(rows: Rows, read: impl Fn(&mut Row) -> Result<T, Mismatch>) -> Result<Vec<T>, Mismatch> {
    let columns = rows.columns as usize;
    let count = rows.cells.len().checked_div(columns).unwrap_or(0);
    let mut row = Row { cells: rows.cells.into_iter(), column: 0, columns };
    let mut values = Vec::with_capacity(count);
    for _ in 0..count {
        row.column = 0;
        values.push(read(&mut row)?);
        row.end()?;
    }
    Ok(values)
}

/// A row that is being read, column by column in the order of the statement. Cells are moved out, not copied.
pub struct Row {
    cells: std::vec::IntoIter<Value>,
    column: usize,
    columns: usize,
}

impl Row {
    /// The next cell as text.
    pub fn text(&mut self) -> Result<String, Mismatch> {
        match self.cell()? {
            Value::Text(text) => Ok(text),
            _ => Err(self.mismatch("text")),
        }
    }

    /// The next cell as text, or nothing for NULL.
    pub fn optional_text(&mut self) -> Result<Option<String>, Mismatch> {
        match self.cell()? {
            Value::Text(text) => Ok(Some(text)),
            Value::Null => Ok(None),
            _ => Err(self.mismatch("text or NULL")),
        }
    }

    /// The next cell as a whole number.
    pub fn integer(&mut self) -> Result<i64, Mismatch> {
        match self.cell()? {
            Value::Integer(integer) => Ok(integer),
            _ => Err(self.mismatch("an integer")),
        }
    }

    /// The next cell as a whole number, or nothing for NULL.
    pub fn optional_integer(&mut self) -> Result<Option<i64>, Mismatch> {
        match self.cell()? {
            Value::Integer(integer) => Ok(Some(integer)),
            Value::Null => Ok(None),
            _ => Err(self.mismatch("an integer or NULL")),
        }
    }

    /// The next cell as text that stands for something else, such as a state or a JSON object.
    pub fn parsed<T, R: fmt::Display>(&mut self, parse: impl FnOnce(String) -> Result<T, R>) -> Result<T, Mismatch> {
        let text = self.text()?;
        parse(text).map_err(|reason| self.mismatch(&reason.to_string()))
    }

    fn cell(&mut self) -> Result<Value, Mismatch> {
        if self.column == self.columns {
            return Err(Mismatch { column: self.column, expected: "one column more".to_owned() });
        }
        self.column += 1;
        self.cells.next().ok_or_else(|| self.mismatch("a cell"))
    }

    fn end(&self) -> Result<(), Mismatch> {
        if self.column == self.columns {
            return Ok(());
        }
        Err(Mismatch { column: self.column, expected: format!("{} columns and not {}", self.column, self.columns) })
    }

    /// Of the cell that was read last.
    fn mismatch(&self, expected: &str) -> Mismatch {
        Mismatch { column: self.column - 1, expected: expected.to_owned() }
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self::Database(error)
    }
}

impl From<Mismatch> for Failure {
    fn from(mismatch: Mismatch) -> Self {
        Self::Mismatch(mismatch)
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Database(error) => write!(f, "database: {error}"),
            Self::Stale => write!(f, "database: concurrent transactions were preferred"),
            Self::Mismatch(mismatch) => write!(f, "database: {mismatch}"),
        }
    }
}

impl std::error::Error for Failure {}

impl fmt::Display for Mismatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "column {}: expected {}", self.column, self.expected)
    }
}

impl std::error::Error for Mismatch {}

#[cfg(test)]
mod tests {
    use super::{Row, Rows, Value, read_all};

    fn two_rows() -> Rows {
        Rows {
            columns: 2,
            cells: vec![Value::Text("a".to_owned()), Value::Integer(1), Value::Text("b".to_owned()), Value::Null],
        }
    }

    #[test]
    fn a_cell_of_another_type_is_named() {
        let read = read_all(two_rows(), |row| Ok((row.text()?, row.integer()?)));
        assert_eq!(read.map_err(|mismatch| mismatch.to_string()), Err("column 1: expected an integer".to_owned()));
    }

    #[test]
    fn a_column_that_nobody_reads_is_a_mismatch() {
        let read = read_all(two_rows(), Row::text);
        assert_eq!(
            read.map_err(|mismatch| mismatch.to_string()),
            Err("column 1: expected 1 columns and not 2".to_owned())
        );
    }
}
