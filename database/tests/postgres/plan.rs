//! What migrations would do, and what an operator sees: found out without changing anything.

use souk_database::contract::Error;
use souk_database::migration::Migration;
use souk_database::postgres::{Limits, MigrationError, OpenError, Plan, databases, plan, status};

use crate::harness::{Home, component, in_database, open};
use crate::server::{psql, shared, until_asleep};
use crate::shop::Shop;
use crate::words::{event, migration, step};

const FIRST: &str = "CREATE TABLE product (id BIGINT PRIMARY KEY, name TEXT); INSERT INTO product VALUES (1, 'chair');";
const SECOND: &str = "ALTER TABLE product ADD COLUMN stock BIGINT NOT NULL DEFAULT 0; UPDATE product SET stock = 5;";
const BAD: &str = "CREATE TABLE half (a INT); INSERT INTO nowhere VALUES (1);";

fn list() -> Vec<Migration> {
    vec![migration("0001_products.sql", FIRST), migration("0002_stock.sql", SECOND)]
}

async fn shop(migrations: &[Migration]) -> Option<Shop> {
    let (server, component) = (shared()?, component());
    let db = open(&server, &component, Limits::default(), migrations).await.unwrap();
    Some(Shop { db, home: Home { server, component } })
}

async fn planned(server: &str, component: &str, migrations: &[Migration]) -> Result<Plan, OpenError> {
    plan(server, component, &Limits::default(), migrations).await
}

/// All that there is on the server under the name of a component, and all that is in its database.
fn everything(server: &str, component: &str) -> String {
    let on_server = format!(
        "SELECT datname, datacl FROM pg_database WHERE datname LIKE 'souk_{component}%'
         UNION ALL SELECT rolname, ARRAY[]::ACLITEM[] FROM pg_roles WHERE rolname LIKE 'souk_{component}%' ORDER BY 1"
    );
    let inside = "SELECT relname, relacl FROM pg_class WHERE relnamespace::REGNAMESPACE::TEXT IN ('souk', 'public')
        ORDER BY 1; SELECT * FROM souk.souk_migration; SELECT * FROM souk.souk_outbox; SELECT * FROM product";
    let inside = psql(&in_database(server, &format!("souk_{component}")), inside);
    format!("{}\n{}", psql(server, &on_server).unwrap(), inside.unwrap_or_default())
}

#[tokio::test]
async fn of_a_database_that_is_there_it_tells_what_is_left_and_changes_nothing() {
    let Some(shop) = shop(&list()[..1]).await else { return };
    let before = everything(&shop.home.server, &shop.home.component);
    let plan = planned(&shop.home.server, &shop.home.component, &list()).await.unwrap();
    assert_eq!(
        (plan.applied.as_slice(), plan.pending.as_slice()),
        (&["0001_products.sql".to_owned()][..], &["0002_stock.sql".to_owned()][..])
    );
    assert_eq!(everything(&shop.home.server, &shop.home.component), before);
    assert_eq!(shop.db.migrate(&list()).await.unwrap(), plan.pending, "it is what opening does");
    assert!(planned(&shop.home.server, &shop.home.component, &list()).await.unwrap().pending.is_empty());
}

#[tokio::test]
async fn of_a_database_that_is_not_there_it_tells_all_and_makes_nothing() {
    let (Some(server), component) = (shared(), component()) else { return };
    let before = everything(&server, &component);
    let plan = planned(&server, &component, &list()).await.unwrap();
    assert_eq!(
        (plan.applied.len(), plan.pending.as_slice()),
        (0, &["0001_products.sql".to_owned(), "0002_stock.sql".to_owned()][..])
    );
    assert_eq!(everything(&server, &component), before);
    assert_eq!(planned(&server, &component, &[]).await.unwrap().pending.len(), 0);
    assert_eq!(everything(&server, &component), before);
}

#[tokio::test]
async fn a_file_that_can_not_be_applied_is_told_by_name_and_leaves_nothing() {
    let Some(shop) = shop(&list()[..1]).await else { return };
    let new = component();
    let bad = [list()[0].clone(), list()[1].clone(), migration("0003_bad.sql", BAD)];
    for name in [&shop.home.component, &new] {
        let before = everything(&shop.home.server, name);
        let error = planned(&shop.home.server, name, &bad).await.unwrap_err();
        let OpenError::Migration(MigrationError::Failed { file, error }) = &error else { panic!("{error}") };
        assert_eq!(file, "0003_bad.sql");
        assert!(matches!(error, Error::Invalid(text) if text.contains("nowhere")), "{error}");
        assert_eq!(everything(&shop.home.server, name), before);
    }
    let mut changed = list();
    changed[0].sql.push(' ');
    let error = planned(&shop.home.server, &shop.home.component, &changed).await.unwrap_err();
    assert!(matches!(error, OpenError::Migration(MigrationError::Changed { .. })), "{error}");
    let error = planned(&shop.home.server, &new, &list()[1..]).await.unwrap_err();
    assert!(matches!(error, OpenError::Migration(MigrationError::Faults(_))), "{error}");
}

#[tokio::test]
async fn files_that_need_the_commit_between_them_are_tried_as_if_there_were_one() {
    let Some(shop) = shop(&list()[..1]).await else { return };
    let put_off = "ALTER TABLE product ADD COLUMN parent BIGINT REFERENCES product (id) DEFERRABLE INITIALLY DEFERRED;
        INSERT INTO product VALUES (3, 'leg', 2), (2, 'table', NULL)";
    let alters = "ALTER TABLE product ADD COLUMN note TEXT;
        CREATE TABLE part (id BIGINT PRIMARY KEY, of BIGINT REFERENCES product (id) DEFERRABLE INITIALLY DEFERRED);
        INSERT INTO part VALUES (1, 7); INSERT INTO product VALUES (7, 'lamp', 8, ''), (8, 'shelf', NULL, '')";
    let files = [list()[0].clone(), migration("0002_put_off.sql", put_off), migration("0003_alters.sql", alters)];
    assert_eq!(planned(&shop.home.server, &shop.home.component, &files).await.unwrap().pending.len(), 2);

    // What a commit would refuse is refused.
    let dangling =
        [files[0].clone(), files[1].clone(), migration("0003_dangling.sql", "UPDATE product SET parent = 9")];
    let error = planned(&shop.home.server, &shop.home.component, &dangling).await.unwrap_err();
    let OpenError::Migration(MigrationError::Failed { file, error }) = error else { panic!("{error}") };
    assert!(file == "0003_dangling.sql" && matches!(error, Error::Constraint(_)), "{file} {error}");
    assert_eq!(shop.db.migrate(&files).await.unwrap().len(), 2);
}

#[tokio::test]
async fn it_does_not_stand_in_line_before_the_calls_of_a_service() {
    let Some(shop) = shop(&list()[..1]).await else { return };
    let url = in_database(&shop.home.server, &format!("souk_{}", shop.home.component));
    let holder = std::thread::spawn({
        let url = url.clone();
        move || psql(&url, "BEGIN; LOCK TABLE product IN ACCESS SHARE MODE; SELECT pg_sleep(600); ROLLBACK")
    });
    until_asleep(&url).await;
    let limits = Limits { lock_ms: 50, ..Limits::default() };
    let error = plan(&shop.home.server, &shop.home.component, &limits, &list()).await.unwrap_err();
    assert!(error.to_string().contains("lock-ms is 50"), "{error}");
    let end = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity \
        WHERE wait_event = 'PgSleep' AND datname = current_database()";
    psql(&url, end).unwrap();
    assert!(holder.join().unwrap().is_err(), "it was ended");
    planned(&shop.home.server, &shop.home.component, &list()).await.unwrap();
}

#[tokio::test]
async fn what_a_plan_that_was_killed_left_is_dropped_by_the_next_and_by_a_host() {
    let (Some(server), name) = (shared(), component()) else { return };
    let leave = || {
        psql(&server, &format!("CREATE DATABASE \"souk_{name}.plan\"")).unwrap();
        psql(&server, &format!("CREATE ROLE \"souk_{name}.plan.owner\"")).unwrap();
    };
    let left =
        || psql(&server, &format!("SELECT count(*) FROM pg_database WHERE datname = 'souk_{name}.plan'")).unwrap();
    leave();
    assert!(!databases(&server).await.unwrap().iter().any(|found| found.contains(&name)));
    planned(&server, &name, &list()).await.unwrap();
    assert_eq!(left(), "0");
    leave();
    let db = open(&server, &name, Limits::default(), &[]).await.unwrap();
    assert_eq!(left(), "0");
    drop(Shop { db, home: Home { server, component: name } });
}

#[tokio::test]
async fn an_operator_sees_the_databases_of_a_server_and_what_is_in_them() {
    let Some(shop) = shop(&list()).await else { return };
    shop.publish(vec![step("SELECT 1")], vec![event("1", "a")]).await.unwrap();
    let found = databases(&shop.home.server).await.unwrap();
    assert!(found.contains(&shop.home.component), "{found:?}");
    let seen = status(&shop.home.server, &shop.home.component).await.unwrap().unwrap();
    assert_eq!(seen.migrations.len(), 2);
    assert_eq!(seen.outbox.waiting, 1);
    assert!(seen.database_bytes > 1 << 20 && seen.server_version.starts_with(|c: char| c.is_ascii_digit()), "{seen:?}");
    assert_eq!(shop.db.status().await.unwrap().migrations, seen.migrations);

    let nobody = component();
    assert_eq!(status(&shop.home.server, &nobody).await.unwrap(), None);
    assert_eq!(everything(&shop.home.server, &nobody).trim(), "", "it was not made");
    let theirs = format!("{nobody}-theirs");
    psql(&shop.home.server, &format!("CREATE DATABASE \"souk_{theirs}\"")).unwrap();
    assert!(!databases(&shop.home.server).await.unwrap().contains(&theirs));
    psql(&in_database(&shop.home.server, &format!("souk_{theirs}")), "CREATE TABLE product (a INT)").unwrap();
    let error = status(&shop.home.server, &theirs).await.unwrap_err();
    assert!(matches!(error, OpenError::Foreign { .. }), "{error}");
    psql(&shop.home.server, &format!("DROP DATABASE \"souk_{theirs}\"")).unwrap();
}
