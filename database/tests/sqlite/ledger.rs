//! What callers write while something breaks, and how the survivors are judged.
//!
//! Each caller writes transactions with the numbers 1, 2, 3, …, one after another. A transaction is some rows, an event, and the
//! caller's last number in a row that is changed again and again. So each of these shows: an answered transaction that is lost,
//! one that is half there, one that came after a lost one.

use std::collections::BTreeMap;
use std::path::Path;

use souk_database::contract::{Database, Error, Expectation, Outcome, Statement, Step, Transaction, Value};
use souk_database::migration::Migration;
use souk_database::sqlite::{Limits, Sqlite};

use crate::words::{event, migration, statement};

const SCHEMA: &str = "
    CREATE TABLE caller (id INTEGER PRIMARY KEY, last INTEGER NOT NULL);
    CREATE TABLE entry (
        caller INTEGER NOT NULL REFERENCES caller (id),
        number INTEGER NOT NULL,
        part INTEGER NOT NULL,
        body TEXT NOT NULL,
        PRIMARY KEY (caller, number, part)
    );
";

/// Rows of one transaction.
const PARTS: i64 = 3;

/// The last number of each caller; callers that have none are left out.
pub(crate) type Last = BTreeMap<i64, i64>;

/// The migrations of a database that is opened for the nth time: one more each time, so that migrating is interrupted too.
pub(crate) fn migrations(life: u32) -> Vec<Migration> {
    let later = (2..=life).map(|life| {
        let sql = format!(
            "CREATE TABLE life_{life} (number INTEGER); INSERT INTO life_{life} SELECT value FROM json_each('[1,2,3]')"
        );
        migration(&format!("{life:04}_life.sql"), &sql)
    });
    std::iter::once(migration("0001_ledger.sql", SCHEMA)).chain(later).collect()
}

/// Writes a caller's next transactions, so many of them or until one is refused, and then answers with the error. `answered`
/// hears of each that was committed.
pub(crate) async fn write(db: &Sqlite, caller: i64, most: u64, answered: impl Fn(i64, i64)) -> Result<(), Error> {
    let mut number = last(db, caller).await?;
    for _ in 0..most {
        number += 1;
        match db.transact(transaction(caller, number)).await? {
            Outcome::Committed(_) => answered(caller, number),
            // Also if a transaction that was refused is there after all.
            outcome => panic!("caller {caller}, number {number}: {outcome:?}"),
        }
    }
    Ok(())
}

/// The last number that a caller wrote, 0 if none.
pub(crate) async fn last(db: &Sqlite, caller: i64) -> Result<i64, Error> {
    let sql = "SELECT coalesce(max(last), 0) FROM caller WHERE id = $1";
    let rows = db.query(statement(sql, &[Value::Integer(caller)])).await?;
    let [Value::Integer(last)] = rows.cells[..] else { panic!("{rows:?}") };
    Ok(last)
}

/// A transaction of a caller. That it is the next one is expected of the database, too.
pub(crate) fn transaction(caller: i64, number: i64) -> Transaction {
    let id = Value::Integer(caller);
    let step = |sql: &str, parameters: Vec<Value>| Step {
        statement: Statement { sql: sql.into(), parameters },
        expect: Expectation::Exactly(1),
    };
    let next = "INSERT INTO caller VALUES ($1, $2) ON CONFLICT DO UPDATE SET last = $2 WHERE last = $2 - 1";
    let entries = (1..=PARTS).map(|part| {
        // From nothing to half a page, so that pages fill and split at different moments.
        let body = "body ".repeat(usize::try_from((caller * 31 + number * 17 + part * 7) % 9 * 45).unwrap());
        let parameters = vec![id.clone(), Value::Integer(number), Value::Integer(part), Value::Text(body)];
        step("INSERT INTO entry VALUES ($1, $2, $3, $4)", parameters)
    });
    let steps = std::iter::once(step(next, vec![id.clone(), Value::Integer(number)])).chain(entries).collect();
    Transaction { steps, events: vec![event(&format!("{caller}-{number}"), &caller.to_string())] }
}

/// Opens what is left with the plain engine and looks whether all of it is whole. Answers with what is there, or what is wrong.
pub(crate) fn judge(path: &Path, life: u32) -> Result<Last, String> {
    let opened = Sqlite::open(path, Limits::default(), &migrations(life));
    drop(opened.map_err(|error| format!("it can't be opened: {error}"))?);
    let db = rusqlite::Connection::open(path).unwrap();
    let numbers = |sql: &str| -> Vec<[i64; 2]> {
        let mut select = db.prepare(sql).unwrap();
        select.query_map([], |row| Ok([row.get(0)?, row.get(1)?])).unwrap().map(Result::unwrap).collect()
    };
    let verdict: String = db.pragma_query_value(None, "integrity_check", |row| row.get(0)).unwrap();
    if verdict != "ok" {
        return Err(format!("the integrity check says: {verdict}"));
    }
    for life in 2..=life {
        if numbers(&format!("SELECT count(*), sum(number) FROM life_{life}")) != [[3, 6]] {
            return Err(format!("migration {life} is half there"));
        }
    }
    let half = numbers(&format!("SELECT caller, number FROM entry GROUP BY caller, number HAVING count(*) <> {PARTS}"));
    if !half.is_empty() {
        return Err(format!("transactions (caller, number) are half there: {half:?}"));
    }
    let entries = "SELECT DISTINCT caller || '-' || number FROM entry";
    let events = "SELECT id FROM souk_outbox";
    let either = format!(
        "SELECT count(*), 0 FROM (SELECT * FROM ({entries} EXCEPT {events}) UNION ALL SELECT * FROM ({events} EXCEPT {entries}))"
    );
    if numbers(&either) != [[0, 0]] {
        return Err("events without rows, or rows without events".into());
    }
    let gaps = numbers(
        "SELECT id, last FROM caller WHERE last IS NOT (SELECT count(DISTINCT number) FROM entry WHERE caller = id)
            OR last IS NOT (SELECT max(number) FROM entry WHERE caller = id)",
    );
    if !gaps.is_empty() {
        return Err(format!("callers (id, last number) whose numbers have a gap: {gaps:?}"));
    }
    Ok(numbers("SELECT id, last FROM caller").into_iter().map(|[caller, last]| (caller, last)).collect())
}

/// The callers whose last answered transaction is not there.
pub(crate) fn lost(answered: &Last, there: &Last) -> Vec<String> {
    let lost = answered.iter().filter(|(caller, last)| there.get(caller).is_none_or(|there| there < last));
    lost.map(|(caller, last)| format!("{caller}-{last} of {:?}", there.get(caller))).collect()
}
