//! Opening a database on a server: its roles, itself, the host's tables in it, its migrations.
//!
//! A component `product` has, in the namespace `souk`, the database `souk_product` and two roles. `souk_product` runs its statements: it may read and change
//! rows, and nothing else. `souk_product.owner` runs its migrations and owns what they make. Both log in by themselves: on a
//! connection of the administrator with `SET ROLE`, a component's SQL would be one `RESET ROLE` away from being the administrator.
//! Their password is drawn by the server when the database is made, and kept in a table that only the administrator may read:
//! hosts that start together have to agree on it, and a server that does not ask for passwords leaves nothing to derive it from.
//!
//! All of it can be done again on what is there, and is done under an advisory lock of the administrator's database.

use std::fmt;

use postgres_protocol::password::scram_sha_256;

use super::address::Address;
use super::admin::{Admin, first, literal};
use super::fault::Fault;
use super::limits::Limits;
use super::{migrate, outbox, rights};
use crate::contract::Error;
use crate::engine::applied::MigrationError;
use crate::migration::Migration;

/// The oldest version that has what is used here (`client_connection_check_interval`).
const VERSION_LEAST: u32 = 140_000;

/// The version of the host's own tables.
const HOST_SCHEMA: &str = "1";

/// So that the database's name has room for its prefix and the role's for its suffixes in the 63 bytes of a name.
const COMPONENT_BYTES_MAX: usize = 40;

/// The first key of the advisory lock under which a database is prepared: "souk".
const LOCK: i32 = 0x736f_756b;

/// Why a database can't be opened.
#[derive(Debug)]
pub enum OpenError {
    /// These limits can't be used; one sentence each.
    Limits(Vec<String>),
    /// The server's address can't be used.
    Server(String),
    /// No names can be made of the component's.
    Component(String),
    /// The server is older than what is needed.
    Version(String),
    /// The administrator may not do what keeps components apart; one sentence.
    Administrator(String),
    /// The database is not one of souk, or of a newer one.
    Foreign {
        /// Its name.
        database: String,
        /// What it is.
        reason: String,
    },
    /// The server refuses, or is not there.
    Engine {
        /// The database.
        database: String,
        /// What the server said.
        error: Error,
    },
    /// The migrations don't fit.
    Migration(MigrationError),
}

/// The names of what belongs to a component, free of anything that would have to be quoted within quotes.
pub(super) struct Names {
    pub(super) database: String,
    pub(super) role: String,
    pub(super) owner: String,
}

impl Names {
    pub(super) fn of(server: &Address, component: &str) -> Result<Self, OpenError> {
        let is_plain = component.starts_with(|c: char| c.is_ascii_lowercase())
            && component.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-' || b == b'_')
            && component.len() <= COMPONENT_BYTES_MAX;
        if !is_plain {
            return Err(OpenError::Component(component.escape_debug().to_string()));
        }
        let name = format!("{}_{component}", server.namespace);
        // No component's name has a dot: the owner of one is never the role of another.
        Ok(Self::all(name))
    }

    fn all(name: String) -> Self {
        Self { owner: format!("{name}.owner"), role: name.clone(), database: name }
    }

    /// Where a plan tries migrations when this is not there yet. No component's name leads to it, for the same reason.
    pub(super) fn trial(&self) -> Self {
        Self::all(format!("{}.plan", self.database))
    }
}

/// What the host needs to know of a database that is prepared.
pub(super) struct Secrets {
    /// The password of both roles.
    pub(super) password: String,
    /// What the host's functions ask for.
    pub(super) token: String,
}

/// Prepares a database and applies its migrations; answers with its secrets and the names of the files applied.
pub(super) async fn open(
    server: &Address,
    names: &Names,
    limits: &Limits,
    migrations: &[Migration],
) -> Result<(Secrets, Vec<String>), OpenError> {
    // Held until this connection is closed, at the end of this function.
    let mut admin = lock(server, names, limits).await?;
    // Before anything is changed: the rights on another program's database are not ours to take.
    find(&mut admin, server, names, limits).await?;
    drop_trial(&mut admin, names).await.map_err(failed(names, limits))?;
    let (secrets, files) = prepare(&mut admin, server, names, limits, migrations).await?;
    for file in &files {
        tracing::info!(database = names.database, file, "migration applied");
    }
    Ok((secrets, files))
}

/// Connects as the administrator and takes the lock of a component's database. It is held until the connection is closed.
pub(super) async fn lock(server: &Address, names: &Names, limits: &Limits) -> Result<Admin, OpenError> {
    let failed = failed(names, limits);
    let mut admin = Admin::connect(server, limits).await.map_err(failed)?;
    check_version(&mut admin).await.map_err(failed)??;
    admin.run(&format!("SELECT pg_advisory_lock({LOCK}, hashtext('{}'))", names.database)).await.map_err(failed)?;
    Ok(admin)
}

/// A connection to look at a component's database if there is one, and whether the host's tables are in it already.
pub(super) async fn find(
    admin: &mut Admin,
    server: &Address,
    names: &Names,
    limits: &Limits,
) -> Result<Option<(Admin, bool)>, OpenError> {
    let failed = failed(names, limits);
    if !is_there(admin, names).await.map_err(failed)? {
        return Ok(None);
    }
    let mut host = Admin::connect_to_look(&inside(server, names), limits).await.map_err(failed)?;
    let is_ours = claim(&mut host, names).await.map_err(failed)??;
    Ok(Some((host, is_ours)))
}

/// Makes what is missing of a database, and applies its migrations; the caller holds its lock.
pub(super) async fn prepare(
    admin: &mut Admin,
    server: &Address,
    names: &Names,
    limits: &Limits,
    migrations: &[Migration],
) -> Result<(Secrets, Vec<String>), OpenError> {
    let failed = failed(names, limits);
    make_roles_and_database(admin, names).await.map_err(failed)??;
    let mut host = Admin::connect(&inside(server, names), limits).await.map_err(failed)?;
    let secrets = make_host_tables(&mut host, names, limits).await.map_err(failed)?;
    let owner = server.of(&names.owner, Some(&secrets.password), &names.database);
    let files = migrate::apply(&mut host, &owner, &secrets.token, limits, migrations).await;
    Ok((secrets, files.map_err(OpenError::Migration)?))
}

/// Drops what a plan made for a trial, or left there when it was killed; the caller holds the lock of the database.
pub(super) async fn drop_trial(admin: &mut Admin, names: &Names) -> Result<(), Fault> {
    let Names { database, role, owner } = &names.trial();
    let is_there = format!(
        "SELECT FROM pg_database WHERE datname = '{database}'
         UNION ALL SELECT FROM pg_roles WHERE rolname IN ('{role}', '{owner}')"
    );
    if !admin.run(&is_there).await?.is_empty() {
        // The roles last: what they own is gone with the database then.
        admin.run(&format!("DROP DATABASE IF EXISTS \"{database}\" WITH (FORCE)")).await?;
        admin.run(&format!("DROP ROLE IF EXISTS \"{role}\", \"{owner}\"")).await?;
    }
    Ok(())
}

/// The administrator's login to a component's database.
pub(super) fn inside(server: &Address, names: &Names) -> Address {
    server.of(&server.user, server.password.as_deref(), &names.database)
}

/// What a fault means to somebody who opens this database.
pub(super) fn failed(names: &Names, limits: &Limits) -> impl Fn(Fault) -> OpenError + Copy {
    move |fault| OpenError::Engine {
        database: names.database.clone(),
        error: fault.into_error(limits, ("migration-ms", limits.migration_ms)),
    }
}

async fn is_there(admin: &mut Admin, names: &Names) -> Result<bool, Fault> {
    let rows = admin.run(&format!("SELECT FROM pg_database WHERE datname = '{}'", names.database)).await?;
    Ok(!rows.is_empty())
}

async fn check_version(admin: &mut Admin) -> Result<Result<(), OpenError>, Fault> {
    let rows = admin.run("SHOW server_version_num; SHOW server_version").await?;
    let number: u32 = first(&rows).and_then(|number| number.parse().ok()).unwrap_or(0);
    let version = rows.last().and_then(|row| row.first()?.clone()).unwrap_or_default();
    if number < VERSION_LEAST {
        return Ok(Err(OpenError::Version(version)));
    }
    rights::check_administrator(admin, number).await
}

async fn make_roles_and_database(admin: &mut Admin, names: &Names) -> Result<Result<(), OpenError>, Fault> {
    let Names { database, role, owner } = names;
    for role in [role, owner] {
        if admin.run(&format!("SELECT FROM pg_roles WHERE rolname = '{role}'")).await?.is_empty() {
            admin.run(&format!("CREATE ROLE \"{role}\"")).await?;
        }
        rights::confine(admin, role).await?;
    }
    if !is_there(admin, names).await? {
        // Text is compared byte by byte, as the embedded engine does; so a list has one order everywhere.
        admin.run(&format!("CREATE DATABASE \"{database}\" TEMPLATE template0 ENCODING 'UTF8' LC_COLLATE 'C'")).await?;
    }
    rights::close(admin, names).await
}

/// Finds out whether a database is ours; one that is not may be empty, and becomes ours then.
async fn claim(host: &mut Admin, names: &Names) -> Result<Result<bool, OpenError>, Fault> {
    let foreign = |reason: String| Ok(Err(OpenError::Foreign { database: names.database.clone(), reason }));
    let is_ours = first(&host.run("SELECT to_regclass('souk.souk_secret') IS NOT NULL").await?) == Some("t");
    if !is_ours {
        let relations = "SELECT FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace
            WHERE n.nspname NOT IN ('pg_catalog', 'information_schema', 'pg_toast')";
        let is_empty = host.run(relations).await?.is_empty();
        return if is_empty { Ok(Ok(false)) } else { foreign("a database of another program".to_owned()) };
    }
    let rows = host.run("SELECT value FROM souk.souk_secret WHERE name = 'schema'").await?;
    match first(&rows) {
        None | Some(HOST_SCHEMA) => Ok(Ok(true)),
        Some(version) => foreign(format!("made by a newer souk (version {version}, this one knows {HOST_SCHEMA})")),
    }
}

/// Makes the host's schema with its tables, and says who may do what in the database.
async fn make_host_tables(host: &mut Admin, names: &Names, limits: &Limits) -> Result<Secrets, Fault> {
    let Names { role, owner, .. } = names;
    let (migration, outbox) = (migrate::TABLE, outbox::TABLE);
    // A schema of its own: whoever may create in a schema cannot drop what is in another.
    host.run(&format!(
        "CREATE SCHEMA IF NOT EXISTS souk;
         CREATE TABLE IF NOT EXISTS souk.souk_secret (name TEXT PRIMARY KEY, value TEXT NOT NULL);
         INSERT INTO souk.souk_secret VALUES ('schema', '{HOST_SCHEMA}'),
             ('password', gen_random_uuid()::TEXT || gen_random_uuid()),
             ('token', gen_random_uuid()::TEXT || gen_random_uuid())
         ON CONFLICT DO NOTHING;
         {migration} {outbox}
         REVOKE ALL ON SCHEMA souk, public FROM PUBLIC;
         REVOKE ALL ON ALL TABLES IN SCHEMA souk FROM PUBLIC;
         REVOKE ALL ON ALL FUNCTIONS IN SCHEMA souk FROM PUBLIC;
         GRANT USAGE ON SCHEMA souk, public TO \"{role}\", \"{owner}\";
         GRANT EXECUTE ON FUNCTION souk.souk_publish TO \"{role}\";
         GRANT EXECUTE ON FUNCTION souk.souk_record TO \"{owner}\";
         GRANT CREATE ON SCHEMA public TO \"{owner}\";
         ALTER DEFAULT PRIVILEGES FOR ROLE \"{owner}\" IN SCHEMA public
             GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO \"{role}\";
         ALTER DEFAULT PRIVILEGES FOR ROLE \"{owner}\" IN SCHEMA public GRANT USAGE, SELECT ON SEQUENCES TO \"{role}\""
    ))
    .await?;
    rights::take(host, names, limits).await?;
    let secrets = secrets(host).await?;
    // The verifier and not the password: statements are logged by some servers.
    let verifier = literal(&scram_sha_256(secrets.password.as_bytes()));
    host.run(&format!("ALTER ROLE \"{role}\" PASSWORD {verifier}; ALTER ROLE \"{owner}\" PASSWORD {verifier}")).await?;
    Ok(secrets)
}

/// What the host's tables keep of its secrets.
pub(super) async fn secrets(host: &mut Admin) -> Result<Secrets, Fault> {
    let secret =
        "SELECT string_agg(value, ' ' ORDER BY name) FROM souk.souk_secret WHERE name IN ('password', 'token')";
    let rows = host.run(secret).await?;
    let (password, token) = first(&rows).and_then(|both| both.split_once(' ')).unwrap_or_default();
    Ok(Secrets { password: password.to_owned(), token: token.to_owned() })
}

impl fmt::Display for OpenError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Limits(faults) => write!(f, "limits of the database: {}", faults.join("; ")),
            Self::Server(fault) | Self::Administrator(fault) => f.write_str(fault),
            Self::Component(id) => write!(
                f,
                "no database can be named after the component `{id}`: lower-case letters, digits, `-` and `_`, at most \
                 {COMPONENT_BYTES_MAX}, and a letter first"
            ),
            Self::Version(version) => write!(f, "PostgreSQL {version} is too old: 14 or later is needed"),
            Self::Foreign { database, reason } => write!(f, "{database} is {reason}"),
            Self::Engine { database, error } => write!(f, "{database}: {error}"),
            Self::Migration(error) => write!(f, "{error}"),
        }
    }
}

impl std::error::Error for OpenError {}
