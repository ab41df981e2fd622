//! Where the components' databases are: a file each in the data folder, or a database each on a server.
//!
//! Which of the two is said for the whole host by `--database`, and for one component by the manifest, which comes first.

use crate::manifest::{self, DatabaseUrl};
use serde::de::DeserializeOwned;
use souk_database::contract::Database;
use souk_database::migration::Migration;
use souk_database::postgres::{self, Postgres};
use souk_database::sqlite::{self, Sqlite};
use std::path::{Path, PathBuf};
use std::sync::Arc;

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
    ) -> Result<Arc<dyn Database>, DatabaseError> {
        match self.url(component) {
            DatabaseUrl::Sqlite => {
                let file = database_file(&self.folder, &component.id);
                Ok(Arc::new(Sqlite::open(&file, limits::<sqlite::Limits>(component)?, migrations)?))
            }
            DatabaseUrl::Postgres(server) => {
                let options = postgres::Options { limits: limits(component)? };
                Ok(Arc::new(Postgres::open(server, &component.id, options, migrations).await?))
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

    fn url<'a>(&'a self, component: &'a manifest::Component) -> &'a DatabaseUrl {
        component.database.url.as_ref().unwrap_or(&self.url)
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
