//! What the server lets a component do: what is taken from its roles, and from everybody, so that nothing else is left.
//!
//! All of it takes a superuser. On a server that is managed by somebody else there is none to be had, only a role with `CREATEDB` and
//! `CREATEROLE`. That is enough to keep components apart: each still has roles, a database and a password of its own, and
//! nobody else may connect to it. What is missing then is said in the log when a database is opened:
//!
//! - Functions of the server can't be taken from everybody. A component could set its own limits on time aside until the call ends
//!   (the host still ends it from its side), hold advisory locks and store large objects in its own database, and end its own
//!   sessions. What reaches others is what all databases of a server share: its table of locks, its disk, its time.
//! - Temporary files can't be limited, unless the server's own `temp_file_limit` does.
//!
//! A superuser who opens the database once takes them; they stay taken.

use super::admin::{Admin, first};
use super::fault::Fault;
use super::limits::Limits;
use super::open::{Names, OpenError};

/// Before it, the schema `public` belonged to the superuser and not to the owner of the database.
const VERSION_LEAST_WITHOUT_SUPERUSER: u32 = 150_000;

/// Functions that a component may not call: they change settings of the session, hold what outlives a transaction, store what no
/// table shows, write to the server's log of changes, or end other calls.
const DENIED: &str = r"
    pronamespace = 'pg_catalog'::REGNAMESPACE AND (
        proname IN ('set_config', 'pg_notify', 'pg_cancel_backend', 'pg_terminate_backend', 'loread', 'lowrite',
            'pg_logical_emit_message')
        OR proname LIKE 'lo\_%' OR proname LIKE 'pg\_advisory%' OR proname LIKE 'pg\_try\_advisory%'
    ) AND has_function_privilege('public', oid, 'EXECUTE')
";

const IS_SUPERUSER: &str = "SELECT rolsuper FROM pg_roles WHERE rolname = current_user";

/// Whether the administrator is a superuser; one who is not needs a newer server.
pub(super) async fn check_administrator(admin: &mut Admin, version: u32) -> Result<Result<(), OpenError>, Fault> {
    let is_enough = version >= VERSION_LEAST_WITHOUT_SUPERUSER || first(&admin.run(IS_SUPERUSER).await?) == Some("t");
    Ok(if is_enough {
        Ok(())
    } else {
        Err(OpenError::Administrator("before PostgreSQL 15 only a superuser can open a database".to_owned()))
    })
}

/// Takes from a role what it must not have, also from one that was there: whatever was granted or set since.
pub(super) async fn confine(admin: &mut Admin, role: &str) -> Result<(), Fault> {
    // Named only where there is something to take: to say so much as `NOSUPERUSER` one has to be a superuser.
    let excess = format!(
        "SELECT concat_ws(' ', CASE WHEN rolsuper THEN 'NOSUPERUSER' END, CASE WHEN rolcreatedb THEN 'NOCREATEDB' END,
             CASE WHEN rolcreaterole THEN 'NOCREATEROLE' END, CASE WHEN rolreplication THEN 'NOREPLICATION' END,
             CASE WHEN rolbypassrls THEN 'NOBYPASSRLS' END)
         FROM pg_roles WHERE rolname = '{role}'"
    );
    let excess = admin.run(&excess).await?;
    let excess = first(&excess).unwrap_or_default();
    admin.run(&format!("ALTER ROLE \"{role}\" LOGIN NOINHERIT {excess}; ALTER ROLE \"{role}\" RESET ALL")).await?;
    if first(&admin.run(IS_SUPERUSER).await?) != Some("t") {
        // To say what the owner's tables grant, and to end sessions when the database is dropped.
        admin.run(&format!("GRANT \"{role}\" TO CURRENT_USER")).await?;
    }
    Ok(())
}

/// Takes the database from the roles of all others. From an administrator who neither owns it nor is a superuser the server takes
/// that as a warning; so it is looked at, since all that keeps components apart rests on it.
pub(super) async fn close(admin: &mut Admin, names: &Names) -> Result<Result<(), OpenError>, Fault> {
    let Names { database, role, owner } = names;
    admin
        .run(&format!(
            "REVOKE ALL ON DATABASE \"{database}\" FROM PUBLIC;
             GRANT CONNECT ON DATABASE \"{database}\" TO \"{role}\", \"{owner}\""
        ))
        .await?;
    let is_open = format!("SELECT has_database_privilege('public', '{database}', 'CONNECT, TEMPORARY, CREATE')");
    Ok(match first(&admin.run(&is_open).await?) {
        Some("f") => Ok(()),
        _ => Err(OpenError::Administrator(format!(
            "{database} is open to every login of the server, and who does not own it can't close it"
        ))),
    })
}

/// Takes from everybody, in this database, the functions that a component may not call, and limits its temporary files; says what
/// could not be taken.
pub(super) async fn take(host: &mut Admin, names: &Names, limits: &Limits) -> Result<(), Fault> {
    let Names { database, role, owner } = names;
    if first(&host.run(IS_SUPERUSER).await?) == Some("t") {
        host.run(&take_functions()).await?;
    }
    let kib = limits.temp_kib;
    // Not left to the session: a role may not change this one, but neither may an administrator who is no superuser.
    host.run(&format!(
        "DO $souk$ BEGIN
             ALTER ROLE \"{role}\" SET temp_file_limit = {kib};
             ALTER ROLE \"{owner}\" SET temp_file_limit = {kib};
         EXCEPTION WHEN insufficient_privilege THEN NULL;
         END $souk$"
    ))
    .await?;
    let left = host
        .run(&format!(
            "SELECT EXISTS (SELECT FROM pg_proc WHERE {DENIED});
             SELECT current_setting('temp_file_limit') = '-1' AND (
                 SELECT count(*) FROM pg_db_role_setting WHERE array_to_string(setconfig, ' ') LIKE '%temp_file_limit=%'
                 AND setrole::REGROLE IN ('\"{role}\"'::REGROLE, '\"{owner}\"'::REGROLE)
             ) < 2"
        ))
        .await?;
    let functions_left = first(&left) == Some("t");
    let files_unlimited = left.get(1..).and_then(first) == Some("t");
    if functions_left || files_unlimited {
        tracing::warn!(
            database,
            functions_left,
            files_unlimited,
            "the administrator is no superuser: components are kept apart, but this one could use up what all share on the server: \
             its table of locks (functions_left), its disk (files_unlimited)"
        );
    }
    Ok(())
}

fn take_functions() -> String {
    // Who made the host's function need not be a superuser, and the function takes a lock as that role.
    format!(
        "DO $souk$
         DECLARE denied REGPROCEDURE;
         BEGIN
             FOR denied IN SELECT oid FROM pg_proc WHERE {DENIED} LOOP
                 EXECUTE format('REVOKE EXECUTE ON FUNCTION %s FROM PUBLIC', denied);
             END LOOP;
             EXECUTE format('GRANT EXECUTE ON FUNCTION pg_advisory_xact_lock(BIGINT) TO %s', (
                 SELECT proowner::REGROLE FROM pg_proc WHERE oid = 'souk.souk_publish'::REGPROC
             ));
         END
         $souk$"
    )
}
