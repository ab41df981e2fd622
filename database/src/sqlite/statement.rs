//! One statement on one connection: checked, compiled once, bound by number, read within limits.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU8, Ordering};

use rusqlite::fallible_iterator::FallibleIterator;
use rusqlite::types::{ToSql, ToSqlOutput, ValueRef};
use rusqlite::{Batch, Connection};

use super::fault::Fault;
use crate::contract::{Error, Rows, Statement, Value};
use crate::engine::sizes::{Room, check_parameter_count};

/// What is known about a text once it was compiled for a component. Kept beside the engine's cache of statements.
pub(super) struct Shape {
    /// For each variable of the engine, the number that the text gives it.
    numbers: Box<[u32]>,
    /// The highest of them: how many parameters belong to it.
    highest: u32,
    /// Whether it only reads.
    pub(super) reads: bool,
    /// How many calls from now on go straight to a reader thread, since the last tries inline were in vain.
    skips: AtomicU8,
    /// Whether the last try inline was in vain.
    vain: AtomicBool,
}

impl Shape {
    /// Compiles a text and looks at it. The authorizer is asked here, with the floor given to the component.
    pub(super) fn of(db: &Connection, sql: &str) -> Result<Arc<Self>, Fault> {
        let mut batch = Batch::new(db, sql);
        let Some(statement) = batch.next()? else {
            return Err(Error::Invalid("the statement is empty".into()).into());
        };
        // Not left to `prepare`: it looks for further statements by recursion, as deep as there are statements.
        if batch.next()?.is_some() {
            return Err(Error::Invalid("more than one statement in a text".into()).into());
        }
        let mut numbers = Vec::with_capacity(statement.parameter_count());
        for index in 1..=statement.parameter_count() {
            numbers.push(number(statement.parameter_name(index))?);
        }
        let highest = numbers.iter().copied().max().unwrap_or(0);
        // Each name counts once here. A server can't tell the type of a parameter that the text does not use.
        if let Some(unused) = (1..=highest).find(|number| !numbers.contains(number)) {
            return Err(Error::Invalid(format!("the text uses ${highest} and not ${unused}")).into());
        }
        Ok(Arc::new(Self {
            numbers: numbers.into(),
            highest,
            reads: statement.readonly(),
            skips: AtomicU8::new(0),
            vain: AtomicBool::new(false),
        }))
    }

    /// Whether to spare the try inline this time.
    pub(super) fn skips_inline(&self) -> bool {
        self.skips.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |skips| skips.checked_sub(1)).is_ok()
    }

    /// Remembers whether the statement did fit into the inline budget.
    ///
    /// Once is not yet a habit: a thread that the system stops in the middle of a quick statement is over its time as well.
    pub(super) fn tried_inline(&self, fits: bool) {
        const SKIPS: u8 = 15; // One try in sixteen costs little, and finds out when it became quick again.
        if fits {
            self.vain.store(false, Ordering::Relaxed);
        } else if self.vain.swap(true, Ordering::Relaxed) {
            self.skips.store(SKIPS, Ordering::Relaxed);
        }
    }
}

/// The number of a parameter. SQLite takes `$1` as a name and counts by first appearance, so the number has to be read from it.
fn number(name: Option<&str>) -> Result<u32, Error> {
    let digits = name.and_then(|name| name.strip_prefix('$'));
    let digits = digits.filter(|digits| !digits.starts_with('0') && digits.bytes().all(|b| b.is_ascii_digit()));
    digits.and_then(|digits| digits.parse().ok()).ok_or_else(|| {
        Error::Invalid(format!("parameters are written $1, $2, …: `{}` is not portable", name.unwrap_or("?")))
    })
}

/// Runs a compiled statement to its end. It is reset when this returns, so no snapshot stays open.
pub(super) fn run(
    db: &Connection,
    shape: &Shape,
    statement: &Statement,
    room: &mut Room,
) -> Result<(Rows, u64), Fault> {
    let Statement { sql, parameters } = statement;
    check_parameter_count(parameters.len(), shape.highest as usize)?;
    let mut compiled = db.prepare_cached(sql)?;
    for (index, number) in shape.numbers.iter().enumerate() {
        compiled.raw_bind_parameter(index + 1, &parameters[*number as usize - 1])?;
    }
    let mut cells = Vec::new();
    let mut columns = None;
    let mut returned: u64 = 0;
    let mut rows = compiled.raw_query();
    while let Some(row) = rows.next()? {
        // Asked after the first step: a migration that ran meanwhile may have changed what `*` stands for.
        let columns = *columns.get_or_insert_with(|| row.as_ref().column_count());
        returned += 1;
        if returned > room.sizes.rows {
            return Err(room.too_many_rows().into());
        }
        for column in 0..columns {
            let value = value(row.get_ref(column)?, column)?;
            room.take(&value)?;
            cells.push(value);
        }
    }
    drop(rows);
    let columns = columns.unwrap_or_else(|| compiled.column_count());
    let columns = u32::try_from(columns).expect("the engine allows at most 32767 columns");
    Ok((Rows { columns, cells }, returned))
}

fn value(cell: ValueRef<'_>, column: usize) -> Result<Value, Error> {
    Ok(match cell {
        ValueRef::Null => Value::Null,
        ValueRef::Integer(integer) => Value::Integer(integer),
        ValueRef::Real(real) => Value::Real(real),
        ValueRef::Text(text) => match std::str::from_utf8(text) {
            Ok(text) => Value::Text(text.to_owned()),
            Err(_) => {
                return Err(Error::Invalid(format!("column {column} holds a text that is not UTF-8")));
            }
        },
        ValueRef::Blob(bytes) => Value::Bytes(bytes.to_vec()),
    })
}

impl ToSql for Value {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::Borrowed(match self {
            Self::Null => ValueRef::Null,
            Self::Integer(integer) => ValueRef::Integer(*integer),
            Self::Real(real) => ValueRef::Real(*real),
            Self::Text(text) => ValueRef::Text(text.as_bytes()),
            Self::Bytes(bytes) => ValueRef::Blob(bytes),
        }))
    }
}
