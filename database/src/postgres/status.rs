//! Looking at the databases on a server without being their host. Every session here only reads: nothing is made.

use super::address::Address;
use super::admin::{Admin, first, natural};
use super::fault::Fault;
use super::limits::Limits;
use super::migrate;
use super::open::{Names, OpenError, failed, find};
use super::outbox;
use crate::engine::applied::Applied;
use crate::engine::events::OutboxStatus;

/// What an operator wants to know about a database.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Status {
    /// The server's version.
    pub server_version: String,
    /// Bytes of the database on the server's disk.
    pub database_bytes: u64,
    /// The migrations that were applied, in order.
    pub migrations: Vec<Applied>,
    /// The events that wait for delivery.
    pub outbox: OutboxStatus,
}

/// The components that have a database in this namespace of the server, in the order of their names. `server` is the URL of an administrator.
///
/// Only the names are looked at: [`status`] says of each whether it is what it looks like.
pub async fn databases(server: &str) -> Result<Vec<String>, OpenError> {
    let server = Address::parse(server).map_err(OpenError::Server)?;
    let limits = Limits::default();
    // The role beside it tells it from a database that only happens to be called so.
    let namespace = &server.namespace;
    let list = format!(
        r"SELECT substr(datname, 1 + length('{namespace}_')) FROM pg_database
          WHERE datname LIKE '{namespace}\_%' AND EXISTS (SELECT FROM pg_roles WHERE rolname = datname || '.owner')
          ORDER BY datname"
    );
    let look = async { Admin::connect_to_look(&server, &limits).await?.run(&list).await };
    let rows = look.await.map_err(|fault: Fault| OpenError::Engine {
        database: server.database.clone(),
        error: fault.into_error(&limits, ("migration-ms", limits.migration_ms)),
    })?;
    // What is left of a plan has a name that no component can have.
    let names = rows.into_iter().filter_map(|row| row.into_iter().next().flatten());
    Ok(names.filter(|name| Names::of(&server, name).is_ok()).collect())
}

/// Looks at a component's database, whether a host runs on it or not; none if there is no such database, or nothing in it yet.
/// `server` is the URL of an administrator.
pub async fn status(server: &str, component: &str) -> Result<Option<Status>, OpenError> {
    let server = Address::parse(server).map_err(OpenError::Server)?;
    let (names, limits) = (Names::of(&server, component)?, Limits::default());
    let failed = failed(&names, &limits);
    let mut admin = Admin::connect_to_look(&server, &limits).await.map_err(failed)?;
    match find(&mut admin, &server, &names, &limits).await? {
        Some((mut host, true)) => look(&mut host).await.map(Some).map_err(failed),
        _ => Ok(None),
    }
}

/// Looks at the database that this connection leads to.
pub(super) async fn look(host: &mut Admin) -> Result<Status, Fault> {
    let server = host.run("SHOW server_version; SELECT pg_database_size(current_database())").await?;
    let outbox = host.run(outbox::STATUS).await?;
    Ok(Status {
        server_version: first(&server).unwrap_or_default().to_owned(),
        database_bytes: server.get(1..).and_then(first).map_or(0, natural),
        migrations: migrate::applied(host).await?,
        outbox: outbox::status(outbox.first().map_or(&[][..], Vec::as_slice)),
    })
}
