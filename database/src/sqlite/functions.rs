//! SQL functions of the engine that are replaced, because they compare each byte with each.
//!
//! `instr`, `replace` and `trim` of two texts of a megabyte would run for a minute, and the engine cannot be stopped inside a
//! function. These take time in proportion to the text. They answer as the originals do, except that a real number is
//! written as Rust writes it (`1e100`, where SQLite writes `1.0e+100`).

use std::borrow::Cow;
use std::collections::HashSet;

use rusqlite::functions::{Context, FunctionFlags};
use rusqlite::types::ValueRef;
use rusqlite::{Connection, Error, Result};

/// Replaces them on a connection.
pub(super) fn install(db: &Connection) -> Result<()> {
    let flags = FunctionFlags::SQLITE_UTF8 | FunctionFlags::SQLITE_DETERMINISTIC | FunctionFlags::SQLITE_INNOCUOUS;
    db.create_scalar_function("instr", 2, flags, instr)?;
    db.create_scalar_function("replace", 3, flags, replace)?;
    db.create_scalar_function("trim", 2, flags, |context| trim(context, true, true))?;
    db.create_scalar_function("ltrim", 2, flags, |context| trim(context, true, false))?;
    db.create_scalar_function("rtrim", 2, flags, |context| trim(context, false, true))
}

/// The position of the second in the first, from 1; 0 if it is not there. In bytes if both are blobs, else in characters.
fn instr(context: &Context<'_>) -> Result<Option<i64>> {
    if let (ValueRef::Blob(within), ValueRef::Blob(sought)) = (context.get_raw(0), context.get_raw(1)) {
        return Ok(Some(position(find_bytes(within, sought))));
    }
    let (Some(within), Some(sought)) = (text(context, 0)?, text(context, 1)?) else {
        return Ok(None);
    };
    Ok(Some(position(within.find(&*sought).map(|at| within[..at].chars().count()))))
}

fn position(found: Option<usize>) -> i64 {
    found.map_or(0, |at| i64::try_from(at + 1).expect("a text is shorter than 2^63"))
}

/// Finds bytes through the search in texts, which is linear, by reading each byte as the character of that number.
fn find_bytes(within: &[u8], sought: &[u8]) -> Option<usize> {
    let latin = |bytes: &[u8]| bytes.iter().map(|byte| char::from(*byte)).collect::<String>();
    let within = latin(within);
    within.find(&latin(sought)).map(|at| within[..at].chars().count())
}

fn replace(context: &Context<'_>) -> Result<Option<String>> {
    let (Some(within), Some(from), Some(to)) = (text(context, 0)?, text(context, 1)?, text(context, 2)?) else {
        return Ok(None);
    };
    if from.is_empty() {
        return Ok(Some(within.into_owned()));
    }
    // Each replacement may be as long as the text: the result is bounded while it grows, not after.
    let bytes_max = usize::try_from(length_limit(context)?).unwrap_or(usize::MAX);
    let mut replaced = String::new();
    for (index, part) in within.split(&*from).enumerate() {
        if index > 0 {
            replaced.push_str(&to);
        }
        replaced.push_str(part);
        if replaced.len() > bytes_max {
            return Err(too_big());
        }
    }
    Ok(Some(replaced))
}

fn trim(context: &Context<'_>, start: bool, end: bool) -> Result<Option<String>> {
    let (Some(within), Some(characters)) = (text(context, 0)?, text(context, 1)?) else {
        return Ok(None);
    };
    let characters: HashSet<char> = characters.chars().collect();
    let mut rest = &*within;
    if start {
        rest = rest.trim_start_matches(|c| characters.contains(&c));
    }
    if end {
        rest = rest.trim_end_matches(|c| characters.contains(&c));
    }
    Ok(Some(rest.to_owned()))
}

/// An argument as text, as the engine itself would read it; none for NULL.
fn text<'a>(context: &'a Context<'_>, index: usize) -> Result<Option<Cow<'a, str>>> {
    Ok(Some(match context.get_raw(index) {
        ValueRef::Null => return Ok(None),
        ValueRef::Integer(number) => number.to_string().into(),
        ValueRef::Real(number) => format!("{number:?}").into(),
        ValueRef::Text(bytes) | ValueRef::Blob(bytes) => String::from_utf8_lossy(bytes),
    }))
}

fn length_limit(context: &Context<'_>) -> Result<i32> {
    // SAFETY: the connection is only borrowed to ask for a limit, on the thread that runs the statement.
    let db = unsafe { context.get_connection()? };
    db.limit(rusqlite::limits::Limit::SQLITE_LIMIT_LENGTH)
}

fn too_big() -> Error {
    Error::SqliteFailure(rusqlite::ffi::Error::new(rusqlite::ffi::SQLITE_TOOBIG), None)
}
