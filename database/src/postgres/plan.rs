//! What migrations would do, found out by doing them where it does not last.
//!
//! On a database that is there they run in one transaction, as its owner, and are rolled back. Where there is none yet it is made
//! under another name, as [`open`](super::Postgres::open) would make it, and dropped again: `souk_product.plan`, which no component's
//! database can be called. All of it is done under the component's lock, so that whatever lies there when a plan or a host
//! begins was left by one that was killed, and is dropped.

use super::DIALECT;
use super::address::Address;
use super::admin::Admin;
use super::limits::Limits;
use super::open::{Names, OpenError, drop_trial, failed, find, lock, prepare, secrets};
use super::{migrate, pool};
use crate::engine::applied::{MigrationError, Plan, pending};
use crate::migration::{Migration, Name, choose};

/// Says what migrations would do to a component's database, and whether they can be applied, by trying them. Afterwards everything
/// is as it was, except that sequences may have moved on. `server` is the URL of an administrator.
///
/// While they are tried on a database that is served, calls wait for the tables that they change, as they do when they are
/// applied. They themselves wait no longer than `lock_ms` for a table, since all that comes after them would wait too.
///
/// `open` commits after each file, a plan does not: a value that one file adds to an enumeration and a later one uses is refused here.
pub async fn plan(server: &str, component: &str, limits: &Limits, migrations: &[Migration]) -> Result<Plan, OpenError> {
    let faults = limits.faults();
    if !faults.is_empty() {
        return Err(OpenError::Limits(faults));
    }
    let server = Address::parse(server).map_err(OpenError::Server)?;
    let names = Names::of(&server, component)?;
    let chosen = choose(migrations, DIALECT).map_err(|faults| OpenError::Migration(MigrationError::Faults(faults)))?;
    // Held until this connection is closed, at the end of this function.
    let mut admin = lock(&server, &names, limits).await?;
    match find(&mut admin, &server, &names, limits).await? {
        Some((host, true)) => try_inside(host, &server, &names, limits, &chosen).await,
        _ if chosen.is_empty() => Ok(Plan { applied: Vec::new(), pending: Vec::new() }),
        _ => try_apart(&mut admin, &server, &names, limits, migrations).await,
    }
}

/// Tries what is not applied yet in the database itself.
async fn try_inside(
    mut host: Admin,
    server: &Address,
    names: &Names,
    limits: &Limits,
    chosen: &[(Name, Migration)],
) -> Result<Plan, OpenError> {
    let failed = failed(names, limits);
    let applied = migrate::applied(&mut host).await.map_err(failed)?;
    let pending = pending(&applied, chosen).map_err(OpenError::Migration)?;
    if !pending.is_empty() {
        let secrets = secrets(&mut host).await.map_err(failed)?;
        let owner = server.of(&names.owner, Some(&secrets.password), &names.database);
        let (work_ms, lock_ms) = (limits.migration_ms.to_string(), limits.lock_ms.to_string());
        let mut settings = pool::session_settings(&work_ms).to_vec();
        settings.push(("lock_timeout", &lock_ms));
        let mut owner = Admin::connect_with(&owner, limits, &settings).await.map_err(failed)?;
        migrate::rehearse(&mut owner, pending, &secrets.token, limits).await.map_err(OpenError::Migration)?;
    }
    Ok(Plan {
        applied: applied.into_iter().map(|applied| applied.file).collect(),
        pending: pending.iter().map(|(_, migration)| migration.file.clone()).collect(),
    })
}

/// Tries all of them in a database that is made for it.
async fn try_apart(
    admin: &mut Admin,
    server: &Address,
    names: &Names,
    limits: &Limits,
    migrations: &[Migration],
) -> Result<Plan, OpenError> {
    let trial = names.trial();
    drop_trial(admin, names).await.map_err(failed(&trial, limits))?;
    let prepared = prepare(admin, server, &trial, limits, migrations).await;
    let dropped = drop_trial(admin, names).await.map_err(failed(&trial, limits));
    let (_, pending) = prepared?;
    dropped?;
    Ok(Plan { applied: Vec::new(), pending })
}
