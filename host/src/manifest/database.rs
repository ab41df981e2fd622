//! Where a component's database is, and what it may take.

use super::fault::{Fault, Faults};
use super::section::Section;
use super::template::{self, Variables};
use std::fmt;
use std::str::FromStr;

/// `[component.<id>.tool.souk.database]`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Database {
    /// `url`; where the host's other databases are, without it.
    pub url: Option<DatabaseUrl>,
    /// `limits`, by the names that the engine has for them.
    pub limits: Vec<(String, u64)>,
}

/// Which engine keeps a database, and where.
#[derive(Clone, Default, PartialEq, Eq)]
pub enum DatabaseUrl {
    /// `sqlite`: a file in the data folder.
    #[default]
    Sqlite,
    /// `postgres://…`: a server, and an administrator's login there.
    Postgres(String),
}

impl FromStr for DatabaseUrl {
    type Err = String;

    /// The error does not repeat the text: it may hold a password.
    fn from_str(text: &str) -> Result<Self, String> {
        let is_postgres = ["postgres://", "postgresql://"].iter().any(|scheme| text.starts_with(scheme));
        match text {
            "sqlite" => Ok(Self::Sqlite),
            _ if is_postgres => Ok(Self::Postgres(text.to_owned())),
            _ => Err("is neither `sqlite` nor like `postgres://user:password@host:port/database`".to_owned()),
        }
    }
}

/// Without what may hold a password.
impl fmt::Debug for DatabaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Sqlite => "Sqlite",
            Self::Postgres(_) => "Postgres",
        })
    }
}

/// Reads the table.
pub(super) fn read(mut section: Section<'_>, variables: &Variables, faults: &mut Faults) -> Database {
    let url = section.text("url", faults).and_then(|(text, line)| {
        let text = template::fill(text, line, variables, faults)?;
        let what = |why| format!("{} {why}", section.name("url"));
        text.parse().map_err(|why: String| faults.push(Fault::new(line, what(why), "write one of the two"))).ok()
    });
    let limits = section.section("limits", faults).limits(faults);
    let limits = limits.into_iter().map(|(name, number, _)| (name.to_owned(), number)).collect();
    section.finish(faults);
    Database { url, limits }
}
