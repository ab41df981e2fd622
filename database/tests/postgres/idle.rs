//! Connections that nobody uses, or that have been used for long.

use std::time::Duration;

use souk_database::contract::{Database, Value};

use crate::harness::{Limits, open, shop_with};
use crate::server::{Server, psql};
use crate::shop::Shop;
use crate::words::{statement, step};

impl Shop {
    /// Waits until the server has no session of the component's any more.
    async fn until_alone(&self) {
        let sessions = format!("SELECT count(*) FROM pg_stat_activity WHERE usename = 'souk_{}'", self.home.component);
        for _ in 0..600 {
            let (server, sessions) = (self.home.server.clone(), sessions.clone());
            if tokio::task::spawn_blocking(move || psql(&server, &sessions)).await.unwrap().unwrap() == "0" {
                return;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        panic!("idle connections are still there");
    }
}

#[tokio::test]
async fn one_that_is_idle_is_ended_without_anybody_asking_and_the_next_call_gets_another() {
    let Some(shop) = shop_with(Limits { idle_ms: 100, ..Limits::default() }).await else { return };
    for connected in [2, 4] {
        shop.number("SELECT 1").await;
        shop.run("INSERT INTO serial (note) VALUES ('a')").await;
        assert_eq!(shop.db.totals().connected, connected);
        let round_trips = shop.db.totals().round_trips;
        shop.until_alone().await;
        assert_eq!(shop.db.totals().round_trips, round_trips);
    }
    let before = shop.db.totals().round_trips;
    shop.number("SELECT 1").await;
    assert_eq!(shop.db.totals().round_trips - before, 2, "the old one was not tried");
}

#[tokio::test]
async fn one_that_is_old_is_replaced_however_busy_it_is() {
    let Some(shop) = shop_with(Limits { lifetime_ms: 50, ..Limits::default() }).await else { return };
    for connected in [2, 4, 6] {
        shop.number("SELECT 1").await;
        shop.transact(vec![step("SELECT 1")]).await.unwrap();
        assert_eq!(shop.db.totals().connected, connected);
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

#[tokio::test]
async fn the_server_finds_out_by_itself_that_a_host_is_gone() {
    let Some(server) = Server::start_on_tcp() else { return };
    let url = server.url.split_once('@').unwrap().0.to_owned();
    let url = format!("{url}@127.0.0.1:{}/postgres", server.port.unwrap());
    let db = open(&url, "product", Limits::default(), &[]).await.unwrap();
    let seconds = "SELECT current_setting('tcp_keepalives_idle')::INT
        + current_setting('tcp_keepalives_interval')::INT * current_setting('tcp_keepalives_count')::INT";
    assert_eq!(db.query(statement(seconds, &[])).await.unwrap().cells, [Value::Integer(90)]);
}
