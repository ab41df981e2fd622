//! The embedded engine: SQLite, one file per component.
//!
//! One thread writes and groups what waits into one durable commit (`writer`, `group`, `wal`); reads run on the calling thread
//! while they are short, else on reader threads (`reader`). Each connection is guarded (`connection`): an authorizer, limits
//! and a time budget stand between a component's SQL and the engine. No runtime is needed, and nothing here knows one.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{Builder, JoinHandle};
use std::time::Instant;

use crossbeam_channel::{Sender, TrySendError, bounded};
use tokio::sync::oneshot;

use crate::contract::{Answer, Database, Error, Outcome, Rows, Statement, Transaction};
use crate::engine::{check_query, check_transaction, queue};
use crate::migration::Migration;
use counts::Counts;
use group::Job;
use open::{Lock, Opened};
use reader::Readers;
use wal::Wal;
use writer::{Order, Writer};

pub use crate::engine::applied::{Applied, MigrationError, Plan, checksum};
pub use crate::engine::events::OutboxStatus;
pub use counts::Totals;
pub use limits::Limits;
pub use open::OpenError;
pub use restore::Restore;
pub use status::{Status, plan, status};

mod limits;

mod open;
mod connection;
mod authorize;
mod functions;
mod budget;

mod statement;
mod fault;

mod writer;
mod group;
mod outbox;
mod wal;

mod reader;

mod migrate;
mod status;
mod backup;
mod restore;
mod counts;

/// The name of the dialect, as `souk:database/sql.dialect` answers it and as files of migrations carry it.
pub const DIALECT: &str = "sqlite";

/// Copies a database to a file that must not exist yet, whether a host runs on it or not: a consistent snapshot, checked. Answers
/// with its length in bytes.
pub fn back_up(database: &Path, to: &Path) -> Result<u64, Error> {
    backup::back_up(database, &Options::default(), to)
}

/// How a database is opened.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// What callers may use of it.
    pub limits: Limits,
    /// The name of a VFS that was registered with SQLite, for tests that simulate a failing disk; none for the system's.
    pub vfs: Option<String>,
}

/// A component's database in one file. Dropping it carries out what waits and closes it.
pub struct Sqlite {
    path: PathBuf,
    options: Options,
    counts: Arc<Counts>,
    readers: Readers,
    orders: Sender<Order>,
    threads: Mutex<Option<Threads>>,
}

/// What is ended, in this order, when the database is closed.
struct Threads {
    readers: Vec<JoinHandle<()>>,
    writer: JoinHandle<()>,
    _lock: Lock,
}

impl Sqlite {
    /// Opens the database in a file, makes it if it is not there, and applies the migrations that are not applied yet.
    pub fn open(path: &Path, limits: Limits, migrations: &[Migration]) -> Result<Self, OpenError> {
        Self::open_with(path, Options { limits, vfs: None }, migrations)
    }

    /// Opens it with all options.
    pub fn open_with(path: &Path, options: Options, migrations: &[Migration]) -> Result<Self, OpenError> {
        let Opened { path, writer, lock } = open::open(path, &options, migrations)?;
        let counts = Arc::new(Counts::default());
        let failed = |error| OpenError::Engine { path: path.clone(), error: fault::of_engine(&error, &options.limits) };
        let (readers, reader_threads) =
            Readers::start(path.clone(), options.clone(), Arc::clone(&counts)).map_err(failed)?;
        let (orders, queue) = bounded(options.limits.write_queue as usize);
        let limits = Arc::new(options.limits.clone());
        let wal = Wal::new(open::beside(&path, "-wal"), Arc::clone(&limits));
        let writer = Writer::new(writer, wal, limits, Arc::clone(&counts), queue);
        let thread = Builder::new().name("souk-db-write".into()).spawn(move || writer.run());
        let writer = thread.map_err(|error| OpenError::File { path: path.clone(), error })?;
        let threads = Mutex::new(Some(Threads { readers: reader_threads, writer, _lock: lock }));
        Ok(Self { path, options, counts, readers, orders, threads })
    }

    /// Applies the migrations of a new version of the component while the database is served; answers with the files applied.
    pub async fn migrate(&self, migrations: Vec<Migration>) -> Result<Vec<String>, MigrationError> {
        let (answer, answered) = oneshot::channel();
        let unavailable = || MigrationError::Unavailable(queue::closed());
        self.order(Order::Migrate(migrations, answer)).map_err(MigrationError::Unavailable)?;
        answered.await.unwrap_or_else(|_| Err(unavailable()))
    }

    /// Looks at the database as an operator does. Reads the files and takes a millisecond: not for each request.
    pub fn status(&self) -> Result<Status, OpenError> {
        status(&self.path)
    }

    /// What was counted since it was opened.
    pub fn totals(&self) -> Totals {
        self.counts.totals()
    }

    /// The file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Copies the database to a file that must not exist yet, while it is served: a consistent snapshot, checked. Answers with its
    /// length in bytes. Runs on a thread of its own and goes on if the future is dropped.
    pub fn back_up(&self, to: PathBuf) -> Answer<'static, u64> {
        let (path, options) = (self.path.clone(), self.options.clone());
        let (answer, answered) = oneshot::channel();
        let thread = Builder::new().name("souk-db-backup".into()).spawn(move || {
            let _ = answer.send(backup::back_up(&path, &options, &to));
        });
        Box::pin(async move {
            thread.map_err(|error| Error::Unavailable(error.to_string()))?;
            answered.await.unwrap_or_else(|_| Err(Error::Other("the backup's thread ended by a panic".into())))
        })
    }

    /// Carries out what waits, copies the WAL into the database and closes it. Calls after it are answered `Unavailable`.
    /// Blocks until then.
    pub fn close(&self) {
        let threads = self.threads.lock().unwrap_or_else(PoisonError::into_inner).take();
        let Some(threads) = threads else { return };
        self.readers.close();
        for thread in threads.readers {
            let _ = thread.join(); // A panic was reported where it happened, and its callers were answered.
        }
        // Last: closing the last connection that can write empties the WAL for good.
        let _ = self.orders.send(Order::Close);
        let _ = threads.writer.join();
    }

    /// Hands something to the writer without waiting.
    fn order(&self, order: Order) -> Result<(), Error> {
        self.orders.try_send(order).map_err(|error| match error {
            TrySendError::Disconnected(_) => queue::closed(),
            TrySendError::Full(_) => queue::full("write-queue", self.options.limits.write_queue),
        })
    }
}

impl Database for Sqlite {
    fn dialect(&self) -> &str {
        DIALECT
    }

    fn query(&self, statement: Statement) -> Answer<'_, Rows> {
        Box::pin(async move {
            check_query(&statement, &self.options.limits.sizes())?;
            self.readers.query(statement).await
        })
    }

    /// A transaction that has begun is carried out even if the future is dropped; one that still waits is not.
    fn transact(&self, transaction: Transaction) -> Answer<'_, Outcome> {
        Box::pin(async move {
            check_transaction(&transaction, &self.options.limits.sizes())?;
            if transaction.steps.is_empty() && transaction.events.is_empty() {
                return Ok(Outcome::Committed(Vec::new()));
            }
            let (answer, answered) = oneshot::channel();
            self.order(Order::Transact(Job { transaction, asked: Instant::now(), answer }))?;
            answered.await.unwrap_or_else(|_| Err(queue::closed()))
        })
    }
}

impl Drop for Sqlite {
    fn drop(&mut self) {
        self.close();
    }
}
