//! The engine on a server: PostgreSQL, one database and two roles per component, in a namespace per application.
//!
//! What a component may do is decided by the server: its statements run as a role that can read and change rows of its own
//! tables and nothing else (`open`, `rights`), queries in sessions that only read, all within limits on time. What the server has no
//! privilege for, such as settings, is refused by its first word (`text`) or undone (`session`). A query is one round trip, a
//! transaction is two (`transact`); a statement that a connection sees for the first time costs one more.
//!
//! Runs on tokio. Connections over a network are encrypted if the server can, and for sure if its URL says so (`tls`).

use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::contract::{Answer, Database, Error, Outcome, Rows, Statement, Transaction};
use crate::engine::sizes::{Room, at};
use crate::engine::{check_query, check_transaction};
use crate::migration::Migration;
use address::Address;
use admin::Admin;
use counts::Counts;
use fault::Fault;
use open::Names;
use pool::{Pool, Purpose};
use session::{Session, host_part, part};

pub use crate::engine::applied::{Applied, MigrationError, Plan, checksum};
pub use crate::engine::events::OutboxStatus;
pub use counts::Totals;
pub use limits::Limits;
pub use open::OpenError;
pub use plan::plan;
pub use status::{Status, databases, status};

mod limits;

mod address;
mod open;
mod rights;
mod migrate;
mod plan;
mod status;
mod admin;

mod pool;
mod session;
mod text;
mod value;
mod transact;
mod outbox;

mod wire;
mod tls;
mod fault;
mod counts;

/// The name of the dialect, as `souk:database/sql.dialect` answers it and as files of migrations carry it.
pub const DIALECT: &str = "postgres";

/// How a database is opened.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// What callers may use of it.
    pub limits: Limits,
}

/// A component's database on a server. Dropping it closes its connections.
pub struct Postgres {
    server: Address,
    names: Names,
    limits: Arc<Limits>,
    counts: Arc<Counts>,
    token: String,
    readers: Pool,
    writers: Pool,
}

impl Postgres {
    /// Opens the database of a component, makes it if it is not there, and applies the migrations that are not applied yet.
    ///
    /// `server` is the URL of an administrator: a superuser, or since PostgreSQL 15 a role with `CREATEDB` and `CREATEROLE`. Without a
    /// superuser components are kept apart as well, but not from using up what all databases of a server share; what is missing is
    /// said in the log. It has to stay the same one, or become a superuser: a database that a superuser made is not its own.
    pub async fn open(
        server: &str,
        component: &str,
        options: Options,
        migrations: &[Migration],
    ) -> Result<Self, OpenError> {
        let faults = options.limits.faults();
        if !faults.is_empty() {
            return Err(OpenError::Limits(faults));
        }
        let server = Address::parse(server).map_err(OpenError::Server)?;
        let names = Names::of(&server, component)?;
        let (limits, counts) = (Arc::new(options.limits), Arc::new(Counts::default()));
        let (secrets, _) = open::open(&server, &names, &limits, migrations).await?;
        let address = server.of(&names.role, Some(&secrets.password), &names.database);
        let pool = |purpose| Pool::new(purpose, address.clone(), Arc::clone(&limits), Arc::clone(&counts));
        let (readers, writers) = (pool(Purpose::Read), pool(Purpose::Write));
        Ok(Self { server, names, limits, counts, token: secrets.token, readers, writers })
    }

    /// Applies the migrations of a new version of the component while the database is served; answers with the files applied.
    pub async fn migrate(&self, migrations: &[Migration]) -> Result<Vec<String>, MigrationError> {
        match open::open(&self.server, &self.names, &self.limits, migrations).await {
            Ok((_, files)) => Ok(files),
            Err(OpenError::Migration(error)) => Err(error),
            Err(OpenError::Engine { error, .. }) => Err(MigrationError::Unavailable(error)),
            Err(other) => Err(MigrationError::Unavailable(Error::Other(other.to_string()))),
        }
    }

    /// Looks at the database as an operator does, on a connection of its own: not for each request.
    pub async fn status(&self) -> Result<Status, Error> {
        let inside = open::inside(&self.server, &self.names);
        let look = async { status::look(&mut Admin::connect_to_look(&inside, &self.limits).await?).await };
        look.await.map_err(|fault: Fault| fault.into_error(&self.limits, ("network-ms", self.limits.network_ms)))
    }

    /// What was counted since it was opened.
    pub fn totals(&self) -> Totals {
        self.counts.totals()
    }

    /// Reads, and once more on another connection if this one turns out to be no good: it changed nothing.
    async fn read(&self, statement: &Statement) -> Result<Rows, Fault> {
        loop {
            let mut lease = self.readers.lease().await?;
            let result = read(lease.session(), statement, &self.limits).await;
            match result {
                Err(fault) if lease.was_idle && is_of_connection(&fault) => self.readers.clear(),
                result => return result,
            }
            lease.discard();
        }
    }

    /// Carries a transaction out, again while the server prefers others, and once more if the connection is no good: until the
    /// commit is sent it changed nothing.
    async fn write(&self, transaction: &Transaction) -> Result<Outcome, Fault> {
        let begun = Instant::now();
        let mut attempt = 1;
        loop {
            let mut lease = self.writers.lease().await?;
            let result = transact::carry_out(lease.session(), transaction, &self.token, &self.limits).await;
            match result {
                Err(fault) if lease.was_idle && is_of_connection(&fault) => {
                    self.writers.clear();
                    lease.discard();
                }
                Err(Fault::Server(error)) if error.is_conflict() => {
                    self.counts.conflict();
                    drop(lease);
                    let is_late = begun.elapsed() > Duration::from_millis(self.limits.wait_ms);
                    if attempt >= self.limits.attempts || is_late {
                        return Ok(Outcome::Stale);
                    }
                    tokio::time::sleep(self.backoff(attempt)).await;
                    attempt += 1;
                }
                result => return result,
            }
        }
    }

    /// How long to wait before the next attempt: by chance, so that two that met do not meet again.
    fn backoff(&self, attempt: u32) -> Duration {
        const MOST_MS: u64 = 64;
        let most_ms = self.limits.backoff_ms.saturating_mul(1 << attempt.min(16)).min(MOST_MS);
        Duration::from_micros(chance() % (most_ms * 1_000 + 1))
    }
}

/// A number by chance, good enough to wait by. The standard library draws the keys of its hash maps; they are all that is needed.
fn chance() -> u64 {
    use std::hash::{BuildHasher, RandomState};
    RandomState::new().hash_one(())
}

/// Whether a connection that was idle is to blame: it was closed meanwhile, or a migration changed what it had prepared.
fn is_of_connection(fault: &Fault) -> bool {
    fault.is_broken() || matches!(fault, Fault::Server(error) if error.is_outdated_plan())
}

async fn read(session: &mut Session, statement: &Statement, limits: &Limits) -> Result<Rows, Fault> {
    let within = limits.patience(limits.query_ms);
    let prepared = session.prepare(&[&statement.sql], within).await.map_err(|(_, fault)| fault)?;
    let prepared = prepared.into_iter().next().ok_or_else(wire::unexpected)?;
    let parts = [part(prepared, statement)?, host_part(transact::RESET, &[])];
    let run = session.run(&parts, &mut Room::new(limits.sizes()), within).await?;
    match (run.failed, run.found.into_iter().next()) {
        (Some(fault), _) => Err(fault),
        (None, Some(found)) => Ok(found.rows),
        (None, None) => Err(wire::unexpected()),
    }
}

impl Database for Postgres {
    fn dialect(&self) -> &str {
        DIALECT
    }

    fn query(&self, statement: Statement) -> Answer<'_, Rows> {
        Box::pin(async move {
            check_query(&statement, &self.limits.sizes())?;
            text::check_guest(&statement.sql)?;
            let limit = ("query-ms", self.limits.query_ms);
            self.read(&statement).await.map_err(|fault| fault.into_error(&self.limits, limit))
        })
    }

    /// Rolled back if the future is dropped, unless the commit is on its way already.
    fn transact(&self, transaction: Transaction) -> Answer<'_, Outcome> {
        Box::pin(async move {
            check_transaction(&transaction, &self.limits.sizes())?;
            for (index, step) in transaction.steps.iter().enumerate() {
                text::check_guest(&step.statement.sql).map_err(|error| at(format_args!("step {index}"), error))?;
            }
            if transaction.steps.is_empty() && transaction.events.is_empty() {
                return Ok(Outcome::Committed(Vec::new()));
            }
            let limit = ("transaction-ms", self.limits.transaction_ms);
            self.write(&transaction).await.map_err(|fault| fault.into_error(&self.limits, limit))
        })
    }
}
