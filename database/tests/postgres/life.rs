//! A server that goes and comes back.

use std::time::{Duration, Instant};

use souk_database::contract::{Error, Outcome, Step};

use crate::harness::{Home, Limits, OpenError, SCHEMA, shop_with};
use crate::server::{Server, until_asleep};
use crate::shop::{Place, Shop};
use crate::words::{migration, step};

#[tokio::test]
async fn a_server_that_is_gone_is_unavailable_at_once_and_found_again() {
    let Some(server) = Server::start() else { return };
    let schema = [migration("0001_shop.sql", SCHEMA)];
    let home = Home { server: server.url.clone(), component: "product".into() };
    let db = home.open(Limits::default(), &schema).await.unwrap();
    let shop = Shop { db, home };
    let insert = || vec![step("INSERT INTO serial (note) VALUES ('a')")];
    shop.transact(insert()).await.unwrap();
    assert_eq!(shop.number("SELECT count(*) FROM serial").await, 1);

    server.stop();
    for _ in 0..3 {
        let started = Instant::now();
        let query = shop.query("SELECT 1", &[]).await.unwrap_err();
        let transaction = shop.transact(insert()).await.unwrap_err();
        assert!(
            matches!((&query, &transaction), (Error::Unavailable(_), Error::Unavailable(_))),
            "{query} {transaction}"
        );
        assert!(started.elapsed() < Duration::from_millis(500), "{:?}", started.elapsed());
    }
    let opened = shop.home.open(Limits::default(), &schema).await.map(drop);
    assert!(matches!(&opened, Err(OpenError::Engine { error: Error::Unavailable(_), .. })), "{opened:?}");

    server.start_again();
    assert_eq!(shop.number("SELECT count(*) FROM serial").await, 1);
    shop.transact(insert()).await.unwrap();

    // Gone and back while nobody looked: what was idle is no good, and nobody notices.
    server.stop();
    server.start_again();
    assert_eq!(shop.number("SELECT count(*) FROM serial").await, 2);
    assert!(matches!(shop.transact(insert()).await, Ok(Outcome::Committed(_))));
    assert_eq!(shop.number("SELECT count(*) FROM serial").await, 3);
}

/// Crashes the server while a transaction sleeps that inserted a row. Answers with what its caller was told, after the row was
/// looked for in vain; none if there is no server for tests.
async fn crash_asleep(schema: &str, steps: Vec<Step>) -> Option<Result<Outcome, Error>> {
    let server = Server::start()?;
    let limits = Limits { transaction_ms: 60_000, ..Limits::default() };
    let home = Home { server: server.url.clone(), component: "product".into() };
    let db = home.open(limits, &[migration("0001_shop.sql", schema)]).await.unwrap();
    let shop = Shop { db, home };
    let crash = async {
        until_asleep(&shop.home.url()).await;
        server.stop();
    };
    let (outcome, ()) = tokio::join!(shop.transact(steps), crash);
    server.start_again();
    assert_eq!(shop.number("SELECT count(*) FROM serial").await, 0);
    Some(outcome)
}

#[tokio::test]
async fn a_server_that_goes_in_the_middle_of_a_transaction_leaves_nothing_of_it() {
    let steps = vec![step("INSERT INTO serial (note) VALUES ('a')"), step("SELECT pg_sleep(50)")];
    let Some(outcome) = crash_asleep(SCHEMA, steps).await else { return };
    assert!(matches!(outcome, Err(Error::Unavailable(_))), "{outcome:?}");
}

#[tokio::test]
async fn a_server_that_goes_in_the_middle_of_a_commit_leaves_it_undecided() {
    let slow_commit = format!(
        "{SCHEMA} CREATE FUNCTION dawdle() RETURNS TRIGGER LANGUAGE plpgsql AS $$ BEGIN
             PERFORM pg_sleep(50); RETURN NULL;
         END $$;
         CREATE CONSTRAINT TRIGGER dawdle AFTER INSERT ON serial DEFERRABLE INITIALLY DEFERRED
             FOR EACH ROW EXECUTE FUNCTION dawdle();"
    );
    let steps = vec![step("INSERT INTO serial (note) VALUES ('a')")];
    let Some(outcome) = crash_asleep(&slow_commit, steps).await else { return };
    assert!(matches!(outcome, Err(Error::Undecided(_))), "{outcome:?}");
}

#[tokio::test]
async fn a_caller_that_goes_away_leaves_nothing_and_no_connection_in_use() {
    let limits = Limits { readers: 1, writers: 1, transaction_ms: 5_000, ..Limits::default() };
    let Some(shop) = shop_with(limits).await else { return };
    let steps = vec![step("INSERT INTO serial (note) VALUES ('a')"), step("SELECT pg_sleep(3)")];
    let gone = tokio::time::timeout(Duration::from_millis(300), shop.transact(steps)).await;
    assert!(gone.is_err());
    shop.transact(vec![step("INSERT INTO serial (note) VALUES ('b')")]).await.unwrap();
    assert_eq!(shop.number("SELECT count(*) FROM serial").await, 1);
}
