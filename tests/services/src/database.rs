//! A fresh database on either engine, a note of what it was asked, and a way to let it break at any call.
//!
//! The engine is the real one, with the service's own migrations; only what is between the service and it is the test's.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};

use serde_json::Value;
use souk_database::contract::{Answer, Database, Error, Event, Outcome, Rows, Statement, Transaction, Value as Cell};
use souk_database::migration;
use souk_database::postgres::{self, Postgres};
use souk_kit::database::{Row, all, sql};
use souk_kit::native;
use souk_test_servers::postgres::Namespace;

const UNPOISONED: &str = "no test panics with it";

/// How a call to the database breaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Break {
    /// It never arrives.
    Before,
    /// It is carried out, and the answer is lost. A query, which changes nothing, breaks in the same way before and after.
    After,
}

/// How many calls there were.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Calls {
    /// Those that only read.
    pub queries: u32,
    /// Those that write.
    pub transactions: u32,
}

/// A database that was empty when the test began, and is gone when this is dropped.
pub struct Fresh {
    notes: Arc<Notes>,
    folder: PathBuf,
    _namespace: Option<Namespace>,
}

/// What a service asked of its database, and what is to go wrong.
#[derive(Default)]
struct Notes {
    calls: Mutex<Calls>,
    events: Mutex<Vec<Event>>,
    /// Each text once, with the parameters that it came with last.
    statements: Mutex<BTreeMap<String, Statement>>,
    fault: Mutex<Option<Fault>>,
}

/// What is to go wrong: which call, how, and whether it has.
struct Fault {
    calls_left: u32,
    how: Break,
    is_broken: bool,
}

impl Fresh {
    /// A database with these migrations: embedded, or with `SOUK_TEST_ENGINE=postgres` on the server for tests. The first goes into the
    /// service's context, the second stays with the test. `name` is the component's.
    pub async fn open(name: &str, migrations: &[(&str, &str)]) -> (Recorded, Self) {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let folder = std::env::temp_dir().join(format!("souk-{name}-{}-{number}", std::process::id()));
        std::fs::create_dir_all(&folder).expect("the temporary folder can be written");
        let (engine, namespace) = engine(&folder, name, migrations).await;
        let notes = Arc::<Notes>::default();
        (Recorded { engine, notes: Arc::clone(&notes) }, Self { notes, folder, _namespace: namespace })
    }

    /// All events that were published, oldest first: type and data. Forgets them.
    pub fn events(&self) -> Vec<(String, Value)> {
        let read = |event: Event| (event.r#type, serde_json::from_str(&event.data).expect("data is JSON"));
        self.whole_events().into_iter().map(read).collect()
    }

    /// The same with all that an event says.
    pub fn whole_events(&self) -> Vec<Event> {
        std::mem::take(&mut *self.notes.events.lock().expect(UNPOISONED))
    }

    /// The types of the events alone. Forgets them.
    pub fn event_types(&self) -> Vec<String> {
        self.whole_events().into_iter().map(|event| event.r#type).collect()
    }

    /// From the call with this number on, from 0, the database is gone; of the first the answer may be lost only.
    pub fn break_at(&self, call: u32, how: Break) {
        *self.notes.fault.lock().expect(UNPOISONED) = Some(Fault { calls_left: call, how, is_broken: false });
    }

    /// The database is back. Whether it was gone before: if not, the test broke it behind the last call.
    pub fn mend(&self) -> bool {
        let fault = self.notes.fault.lock().expect(UNPOISONED).take();
        fault.is_some_and(|fault| fault.is_broken)
    }

    /// How many calls there were since the last question.
    pub fn calls(&self) -> Calls {
        std::mem::take(&mut *self.notes.calls.lock().expect(UNPOISONED))
    }

    /// All statements that the service has sent so far, each text once.
    pub fn statements(&self) -> Vec<Statement> {
        self.notes.statements.lock().expect(UNPOISONED).values().cloned().collect()
    }
}

impl Drop for Fresh {
    fn drop(&mut self) {
        // What remains is in the temporary folder: nothing is lost if it can't be removed.
        drop(std::fs::remove_dir_all(&self.folder));
    }
}

/// How many rows a table has.
pub async fn count(database: &dyn Database, table: &str) -> i64 {
    let count = sql(format!("SELECT COUNT(*) FROM {table}"));
    all(database, count, Row::integer).await.expect("there is such a table")[0]
}

/// All texts of all tables that these migrations make, each with the name of its table.
pub async fn all_texts(database: &dyn Database, migrations: &[(&str, &str)]) -> Vec<(String, String)> {
    let migrations: String = migrations.iter().map(|(_, text)| *text).collect();
    let tables = migrations.split("CREATE TABLE ").skip(1).filter_map(|text| text.split_whitespace().next());
    let mut texts = Vec::new();
    for table in tables {
        let rows = database.query(sql(format!("SELECT * FROM {table}")).into()).await;
        for cell in rows.expect("there is such a table").cells {
            if let Cell::Text(text) = cell {
                texts.push((table.to_owned(), text));
            }
        }
    }
    texts
}

/// The real engine, and a note of what it was asked.
pub struct Recorded {
    engine: Box<dyn Database>,
    notes: Arc<Notes>,
}

impl Database for Recorded {
    fn dialect(&self) -> &str {
        self.engine.dialect()
    }

    fn query(&self, statement: Statement) -> Answer<'_, Rows> {
        self.notes.calls.lock().expect(UNPOISONED).queries += 1;
        self.notes.note(&statement);
        Box::pin(async {
            match self.notes.next_break() {
                Some(_) => Err(gone()),
                None => self.engine.query(statement).await,
            }
        })
    }

    fn transact(&self, transaction: Transaction) -> Answer<'_, Outcome> {
        self.notes.calls.lock().expect(UNPOISONED).transactions += 1;
        transaction.steps.iter().for_each(|step| self.notes.note(&step.statement));
        Box::pin(async {
            let how = self.notes.next_break();
            if how == Some(Break::Before) {
                return Err(gone());
            }
            let events = transaction.events.clone();
            let outcome = self.engine.transact(transaction).await?;
            if let Outcome::Committed(_) = outcome {
                self.notes.events.lock().expect(UNPOISONED).extend(events);
            }
            if how.is_some() { Err(Error::Undecided("the test says so".to_owned())) } else { Ok(outcome) }
        })
    }
}

impl Notes {
    fn note(&self, statement: &Statement) {
        self.statements.lock().expect(UNPOISONED).insert(statement.sql.clone(), statement.clone());
    }

    /// Counts down to the call that breaks. From there on all break, as if the process were gone.
    fn next_break(&self) -> Option<Break> {
        let mut fault = self.fault.lock().expect(UNPOISONED);
        let fault = fault.as_mut()?;
        if fault.calls_left > 0 {
            fault.calls_left -= 1;
            return None;
        }
        let how = if fault.is_broken { Break::Before } else { fault.how };
        fault.is_broken = true;
        Some(how)
    }
}

fn gone() -> Error {
    Error::Unavailable("the test says so".to_owned())
}

async fn engine(folder: &Path, name: &str, migrations: &[(&str, &str)]) -> (Box<dyn Database>, Option<Namespace>) {
    let fits = "a fresh database takes the migrations";
    if !souk_test_servers::postgres::is_asked_for() {
        return (Box::new(native::database(&folder.join(format!("{name}.db")), migrations).expect(fits)), None);
    }
    let namespace = Namespace::new().expect("there is a server to test with");
    let (options, migrations) = (postgres::Options::default(), migration::from_list(migrations));
    let database = Postgres::open(&namespace.url(), name, options, &migrations).await.expect(fits);
    (Box::new(database), Some(namespace))
}
