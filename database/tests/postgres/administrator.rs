//! An administrator who is no superuser, as servers have that are managed by somebody else.

use std::fmt::Write;
use std::sync::{Mutex, Once};

use souk_database::contract::Error;
use souk_database::postgres::{Limits, OpenError, databases, plan, status};

use crate::contract;
use crate::denied::DENIED;
use crate::harness::{Home, SCHEMA, component, in_database, open};
use crate::server::{psql, shared};
use crate::shop::Shop;
use crate::words::{committed, event, migration, step};

/// A role that may make databases and roles, and nothing else.
struct Lesser {
    superuser: String,
    role: String,
    url: String,
}

impl Lesser {
    fn new() -> Option<Self> {
        let (superuser, role) = (shared()?, format!("lesser-{}", component()));
        psql(&superuser, &format!("CREATE ROLE \"{role}\" LOGIN CREATEDB CREATEROLE PASSWORD 'lesser'")).unwrap();
        let (_, place) = superuser.rsplit_once('@').unwrap();
        let url = format!("postgres://{role}:lesser@{place}");
        Some(Self { superuser, role, url })
    }

    async fn open(&self) -> Shop {
        let component = component();
        let schema = [migration("0001_shop.sql", SCHEMA)];
        let db = open(&self.url, &component, Limits::default(), &schema).await.unwrap();
        Shop { db, home: Home { server: self.url.clone(), component } }
    }
}

impl Drop for Lesser {
    fn drop(&mut self) {
        let _ = psql(&self.superuser, &format!("DROP ROLE \"{}\"", self.role));
    }
}

#[tokio::test]
async fn components_are_kept_apart_and_do_their_work() {
    let Some(lesser) = Lesser::new() else { return };
    let (ours, theirs) = (lesser.open().await, lesser.open().await);
    for shop in [&ours, &theirs] {
        let insert = step("INSERT INTO product (id, name) VALUES (1, 'chair')");
        committed(shop.publish(vec![insert], vec![event("1", "a")]).await);
        assert_eq!(shop.number("SELECT count(*) FROM product").await, 1);
    }
    let (our_role, their_database) =
        (format!("souk_{}", ours.home.component), format!("souk_{}", theirs.home.component));
    for role in [our_role.clone(), format!("{our_role}.owner")] {
        assert_eq!(psql(&ours.home.login(&role, &our_role), "SELECT 1").unwrap(), "1");
        let refused = psql(&ours.home.login(&role, &their_database), "SELECT 1").unwrap_err();
        assert!(refused.contains("permission denied for database"), "{refused}");
        let member = format!("SELECT count(*) FROM pg_auth_members WHERE member = '\"{role}\"'::REGROLE");
        assert_eq!(psql(&lesser.superuser, &member).unwrap(), "0");
    }
    let more = [migration("0001_shop.sql", SCHEMA), migration("0002_more.sql", "CREATE TABLE more (a INT)")];
    let limits = Limits::default();
    assert_eq!(plan(&lesser.url, &ours.home.component, &limits, &more).await.unwrap().pending, ["0002_more.sql"]);
    assert_eq!(plan(&lesser.url, &component(), &limits, &more).await.unwrap().pending.len(), 2);
    assert_eq!(ours.db.migrate(&more).await.unwrap(), ["0002_more.sql"]);
    ours.run("INSERT INTO more VALUES (1)").await;
    assert!(databases(&lesser.url).await.unwrap().contains(&ours.home.component));
    let seen = status(&lesser.url, &ours.home.component).await.unwrap().unwrap();
    assert_eq!((seen.migrations.len(), seen.outbox.waiting), (2, 1));
    drop(open(&lesser.url, &ours.home.component, limits, &more).await.unwrap());

    // Dropped while connections are open, by nobody else.
    psql(&lesser.url, &format!("DROP DATABASE \"{our_role}\" WITH (FORCE)")).unwrap();
    psql(&lesser.url, &format!("DROP ROLE \"{our_role}\", \"{our_role}.owner\"")).unwrap();
}

#[tokio::test]
async fn of_what_is_denied_only_these_functions_are_not_and_none_reaches_another_s_data() {
    const ALLOWED: [&str; 11] = [
        "SELECT set_config('default_transaction_read_only', 'off', false)",
        "SELECT set_config('statement_timeout', '0', false)",
        "SELECT pg_logical_emit_message(false, 'a', 'b')",
        "SELECT pg_notify('a', 'b')",
        "SELECT pg_advisory_lock(1)",
        "SELECT pg_try_advisory_lock(1)",
        "SELECT pg_advisory_xact_lock(1)",
        // End the session that asks for it.
        "SELECT pg_terminate_backend(pg_backend_pid())",
        "SELECT pg_cancel_backend(pg_backend_pid())",
        "SELECT lo_from_bytea(0, 'a')",
        "SELECT lo_create(0)",
    ];
    let Some(lesser) = Lesser::new() else { return };
    let shop = lesser.open().await;
    for sql in DENIED.iter().chain(contract::denied::DENIED) {
        let result = shop.transact(vec![step(sql)]).await;
        assert_eq!(!matches!(result, Err(Error::Denied(_))), ALLOWED.contains(sql), "{sql}: {result:?}");
    }
    // What they set is gone with the call.
    let insert = shop.query("INSERT INTO serial (note) VALUES ('a')", &[]).await.unwrap_err();
    assert!(matches!(insert, Error::Denied(_)), "{insert}");
}

#[tokio::test]
async fn what_is_missing_is_said_once_and_a_superuser_makes_up_for_it() {
    let Some(lesser) = Lesser::new() else { return };
    let name = component();
    let schema = [migration("0001_shop.sql", SCHEMA)];
    listen();
    let db = open(&lesser.url, &name, Limits::default(), &schema).await.unwrap();
    assert_eq!(said(&name), [format!("database=souk_{name} functions_left=true files_unlimited=true")]);
    drop(db);
    drop(open(&lesser.superuser, &name, Limits::default(), &schema).await.unwrap());
    assert_eq!(said(&name).len(), 1);
    let db = open(&lesser.url, &name, Limits::default(), &schema).await.unwrap();
    assert_eq!(said(&name).len(), 1, "what was taken stays taken");
    let shop = Shop { db, home: Home { server: lesser.url.clone(), component: name } };
    let error = shop.transact(vec![step("SELECT pg_advisory_lock(1)")]).await.unwrap_err();
    assert!(matches!(error, Error::Denied(_)), "{error}");
    committed(shop.publish(vec![], vec![event("1", "a")]).await);
}

#[tokio::test]
async fn a_database_that_would_stay_open_to_others_is_refused() {
    let Some(lesser) = Lesser::new() else { return };
    let name = component();
    let database = format!("souk_{name}");
    psql(&lesser.superuser, &format!("CREATE DATABASE \"{database}\"")).unwrap();
    psql(&lesser.superuser, &format!("GRANT CREATE ON DATABASE \"{database}\" TO \"{}\"", lesser.role)).unwrap();
    let error = open(&lesser.url, &name, Limits::default(), &[]).await.map(drop).unwrap_err();
    assert!(matches!(&error, OpenError::Administrator(text) if text.contains(&database)), "{error}");
    let made = psql(&in_database(&lesser.superuser, &database), "SELECT to_regnamespace('souk') IS NULL");
    assert_eq!(made.unwrap(), "t");
    psql(&lesser.superuser, &format!("DROP DATABASE \"{database}\"")).unwrap();
    psql(&lesser.superuser, &format!("DROP ROLE IF EXISTS \"{database}\", \"{database}.owner\"")).unwrap();
}

/// The fields of all warnings of this process.
static SAID: Mutex<Vec<String>> = Mutex::new(Vec::new());

/// Hears what all threads say: a subscriber of one thread misses what another thread came upon first.
struct Listener;

fn listen() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| tracing::subscriber::set_global_default(Listener).unwrap());
}

/// The warnings about the database of a component.
fn said(component: &str) -> Vec<String> {
    let about = format!("database=souk_{component} ");
    SAID.lock().unwrap().iter().filter(|fields| fields.starts_with(&about)).cloned().collect()
}

impl tracing::Subscriber for Listener {
    fn enabled(&self, metadata: &tracing::Metadata<'_>) -> bool {
        *metadata.level() == tracing::Level::WARN
    }

    fn event(&self, event: &tracing::Event<'_>) {
        let mut fields = String::new();
        event.record(&mut |field: &tracing::field::Field, value: &dyn std::fmt::Debug| {
            if field.name() != "message" {
                let _ = write!(fields, "{}={value:?} ", field.name());
            }
        });
        SAID.lock().unwrap().push(fields.replace('"', "").trim().to_owned());
    }

    fn new_span(&self, _: &tracing::span::Attributes<'_>) -> tracing::span::Id {
        tracing::span::Id::from_u64(1)
    }

    fn record(&self, _: &tracing::span::Id, _: &tracing::span::Record<'_>) {}
    fn record_follows_from(&self, _: &tracing::span::Id, _: &tracing::span::Id) {}
    fn enter(&self, _: &tracing::span::Id) {}
    fn exit(&self, _: &tracing::span::Id) {}
}
