//! Where the components' databases are: a file each in the data folder, or a database each on a server.
//!
//! Which of the two is said for the whole host by `--database`, and for one component by the manifest, which comes first.

use crate::manifest::{self, DatabaseUrl};
use serde::de::DeserializeOwned;
use souk_database::contract::{self, Database};
use souk_database::migration::{self, Migration};
use souk_database::postgres::{self, Postgres};
use souk_database::sqlite::{self, Sqlite};
use std::path::{Path, PathBuf};
use std::sync::Arc;

pub use souk_database::sqlite::{MigrationError, OutboxStatus};

/// The databases of one host.
pub struct Databases {
    folder: PathBuf,
    url: DatabaseUrl,
}

/// Why a component's database can't be used.
#[derive(Debug, thiserror::Error)]
pub enum DatabaseError {
    /// A limit of the manifest that the engine does not know.
    #[error("limits of the database: {0}")]
    Limits(#[from] serde_json::Error),
    /// The embedded engine.
    #[error(transparent)]
    Sqlite(#[from] sqlite::OpenError),
    /// The engine on a server.
    #[error(transparent)]
    Postgres(#[from] postgres::OpenError),
    /// A database that was opened.
    #[error(transparent)]
    Opened(#[from] contract::Error),
}

impl Databases {
    /// Those of a host with this data folder; `url` is where those are for which the manifest says nothing else.
    pub fn new(data: &Path, url: DatabaseUrl) -> Self {
        Self { folder: database_folder(data), url }
    }

    /// Opens a component's database, makes it if it is not there, and applies the migrations that are not applied yet. Blocks while it
    /// works on a file.
    pub async fn open(
        &self,
        component: &manifest::Component,
        migrations: &[Migration],
    ) -> Result<OpenDatabase, DatabaseError> {
        match self.url(component) {
            DatabaseUrl::Sqlite => {
                let file = database_file(&self.folder, &component.id);
                Ok(OpenDatabase::Sqlite(Arc::new(Sqlite::open(&file, limits(component)?, migrations)?)))
            }
            DatabaseUrl::Postgres(server) => {
                let options = postgres::Options { limits: limits(component)? };
                let opened = Postgres::open(server, &component.id, options, migrations).await?;
                Ok(OpenDatabase::Postgres(Arc::new(opened)))
            }
        }
    }

    /// The migrations that [`open`](Self::open) would apply, tried where it does not last.
    pub async fn plan(
        &self,
        component: &manifest::Component,
        migrations: &[Migration],
    ) -> Result<Vec<String>, DatabaseError> {
        match self.url(component) {
            DatabaseUrl::Sqlite => {
                let file = database_file(&self.folder, &component.id);
                Ok(sqlite::plan(&file, &limits(component)?, migrations)?.pending)
            }
            DatabaseUrl::Postgres(server) => {
                Ok(postgres::plan(server, &component.id, &limits(component)?, migrations).await?.pending)
            }
        }
    }

    /// The migrations to open a component's database with: its own, or where another of its files has run on it since, as many of that one's as were
    /// applied. None beyond its own is applied for its sake.
    pub async fn known_to(
        &self,
        component: &manifest::Component,
        own: &[Migration],
        known: &[Migration],
    ) -> Vec<Migration> {
        let numbers = |list: &[Migration]| list.iter().filter_map(number).max().unwrap_or(0);
        let mut list = own.to_vec();
        for newest in numbers(own) + 1..=numbers(known) {
            match self.plan(component, &list).await {
                Err(error) if is_behind(&error) => {
                    list = known.iter().filter(|migration| number(migration) <= Some(newest)).cloned().collect();
                }
                _ => break,
            }
        }
        list
    }

    fn url<'a>(&'a self, component: &'a manifest::Component) -> &'a DatabaseUrl {
        component.database.url.as_ref().unwrap_or(&self.url)
    }
}

/// Whether the database knows migrations that the list lacks.
fn is_behind(error: &DatabaseError) -> bool {
    matches!(
        error,
        DatabaseError::Sqlite(sqlite::OpenError::Migration(MigrationError::Missing { .. }))
            | DatabaseError::Postgres(postgres::OpenError::Migration(MigrationError::Missing { .. }))
    )
}

fn number(migration: &Migration) -> Option<u32> {
    migration::parse(&migration.file).ok().map(|name| name.number)
}

/// A component's database that is open. A copy is the same one.
#[derive(Clone)]
pub enum OpenDatabase {
    /// A file.
    Sqlite(Arc<Sqlite>),
    /// On a server.
    Postgres(Arc<Postgres>),
}

/// What an operator watches of a database.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Figures {
    /// Bytes of the database.
    pub database_bytes: u64,
    /// Bytes of the write-ahead log, if it is a file.
    pub wal_bytes: Option<u64>,
    /// The events that wait for delivery.
    pub outbox: OutboxStatus,
}

impl OpenDatabase {
    /// Applies the migrations of a new version of the component while it is served; answers with the files applied.
    pub async fn migrate(&self, migrations: &[Migration]) -> Result<Vec<String>, MigrationError> {
        match self {
            Self::Sqlite(sqlite) => sqlite.migrate(migrations.to_vec()).await,
            Self::Postgres(postgres) => postgres.migrate(migrations).await,
        }
    }

    /// What the component sees of it.
    pub fn database(&self) -> Arc<dyn Database> {
        match self {
            Self::Sqlite(sqlite) => Arc::clone(sqlite) as _,
            Self::Postgres(postgres) => Arc::clone(postgres) as _,
        }
    }

    /// What its operator sees; none if it does not answer, which is logged.
    pub async fn figures(self) -> Option<Figures> {
        let figures =
            match self {
                Self::Sqlite(sqlite) => {
                    let status = tokio::task::spawn_blocking(move || sqlite.status()).await;
                    status.expect("looking does not panic").map_err(DatabaseError::from).map(|status| Figures {
                        database_bytes: status.database_bytes,
                        wal_bytes: Some(status.wal_bytes),
                        outbox: status.outbox,
                    })
                }
                Self::Postgres(postgres) => postgres.status().await.map_err(DatabaseError::from).map(|status| {
                    Figures { database_bytes: status.database_bytes, wal_bytes: None, outbox: status.outbox }
                }),
            };
        figures.inspect_err(|error| tracing::warn!(%error, "a database does not answer its operator")).ok()
    }
}

/// The engine's limits, with what the manifest says in place of their defaults. The engine itself checks their ranges.
fn limits<L: DeserializeOwned>(component: &manifest::Component) -> Result<L, serde_json::Error> {
    let limits = component.database.limits.iter().map(|(name, value)| (name.clone(), serde_json::Value::from(*value)));
    serde_json::from_value(limits.collect::<serde_json::Map<_, _>>().into())
}

/// Where all databases are that are files.
pub fn database_folder(data: &Path) -> PathBuf {
    data.join("db")
}

/// Where a component's database, or the copy of one, is in a folder of them.
pub fn database_file(folder: &Path, component: &str) -> PathBuf {
    folder.join(format!("{component}.sqlite"))
}
