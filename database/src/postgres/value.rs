//! Values of the contract as parameters of the types that the server inferred, and columns as values of the contract.
//!
//! Both travel as the server's own text, which every type has, except `bytea`, which travels as it is.

use bytes::{BufMut, BytesMut};

use super::fault::Fault;
use crate::contract::{Error, Value};

/// Object ids of types, from the server's `pg_type.dat`; they are the same for ever.
const BOOL: u32 = 16;
const BYTEA: u32 = 17;
const NAME: u32 = 19;
const INT8: u32 = 20;
const INT2: u32 = 21;
const INT4: u32 = 23;
pub(super) const TEXT: u32 = 25;
const OID: u32 = 26;
const FLOAT4: u32 = 700;
const FLOAT8: u32 = 701;
const BPCHAR: u32 = 1042;
const VARCHAR: u32 = 1043;
const NUMERIC: u32 = 1700;
pub(super) const VOID: u32 = 2278;

/// How a value of this type travels: 1 as it is, 0 as text.
pub(super) fn format(r#type: u32) -> i16 {
    i16::from(r#type == BYTEA)
}

/// Checks that a value fits the type that the server inferred for the parameter with this number.
pub(super) fn check(number: usize, value: &Value, r#type: u32) -> Result<(), Error> {
    let fits = match value {
        Value::Null => true,
        Value::Integer(0 | 1) if r#type == BOOL => true,
        Value::Integer(_) => matches!(r#type, INT2 | INT4 | INT8 | OID | FLOAT4 | FLOAT8 | NUMERIC),
        Value::Real(_) => matches!(r#type, FLOAT4 | FLOAT8 | NUMERIC),
        // Timestamps, decimals, JSON, UUIDs, arrays and what else there is: the server reads it from text.
        Value::Text(_) => !matches!(r#type, BOOL | BYTEA | INT2 | INT4 | INT8 | OID | FLOAT4 | FLOAT8),
        Value::Bytes(_) => r#type == BYTEA,
    };
    if fits {
        return Ok(());
    }
    let is = match value {
        Value::Null => "null",
        Value::Integer(_) => "an integer",
        Value::Real(_) => "a real",
        Value::Text(_) => "a text",
        Value::Bytes(_) => "bytes",
    };
    let takes = name(r#type);
    Err(Error::Invalid(format!(
        "parameter ${number} is {is}, the statement takes {takes} there: a cast says what is meant"
    )))
}

fn name(r#type: u32) -> String {
    let known = match r#type {
        BOOL => "boolean (0 or 1)",
        BYTEA => "bytea",
        INT2 => "smallint",
        INT4 => "integer",
        INT8 => "bigint",
        FLOAT4 => "real",
        FLOAT8 => "double precision",
        NUMERIC => "numeric",
        TEXT | VARCHAR | BPCHAR | NAME => "text",
        other => return format!("the type {other}"),
    };
    known.to_owned()
}

/// Writes a value that was checked; answers whether it is NULL.
pub(super) fn write(value: &Value, out: &mut BytesMut) -> bool {
    match value {
        Value::Null => return true,
        Value::Integer(integer) => out.put_slice(integer.to_string().as_bytes()),
        // With an exponent, or the largest numbers would be three hundred digits.
        Value::Real(real) => out.put_slice(format!("{real:e}").as_bytes()),
        Value::Text(text) => out.put_slice(text.as_bytes()),
        Value::Bytes(bytes) => out.put_slice(bytes),
    }
    false
}

/// Reads a cell of a column of this type.
pub(super) fn read(cell: Option<&[u8]>, r#type: u32) -> Result<Value, Fault> {
    let Some(cell) = cell else { return Ok(Value::Null) };
    if r#type == BYTEA {
        return Ok(Value::Bytes(cell.to_vec()));
    }
    let odd = || Fault::Refused(Error::Other(format!("the server sent a value that is no {}", name(r#type))));
    let text = std::str::from_utf8(cell).map_err(|_| odd())?;
    Ok(match r#type {
        BOOL => Value::Integer(i64::from(text == "t")),
        INT2 | INT4 | INT8 | OID => Value::Integer(text.parse().map_err(|_| odd())?),
        FLOAT4 | FLOAT8 => match text.parse::<f64>() {
            // NULL, as the embedded engine stores it: the contract knows no NaN.
            Ok(real) if real.is_nan() => Value::Null,
            Ok(real) => Value::Real(real),
            Err(_) => return Err(odd()),
        },
        VOID => Value::Null,
        _ => Value::Text(text.to_owned()),
    })
}
