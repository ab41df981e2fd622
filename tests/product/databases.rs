//! What an operator does with the databases: looks, copies while they are served, puts copies back, migrates.

use super::{DATABASE, PRODUCTS, make_category, make_product, post, product, shop, ungranted};
use crate::application::Application;
use crate::host::{Ended, Host, Place};
use crate::http::{Answer, Connection};
use serde_json::Value;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

/// One with databases in files.
fn place() -> Arc<Place> {
    Arc::new(Place::new(&shop()).in_files())
}

/// One with databases where the run has them.
fn anywhere() -> Arc<Place> {
    Arc::new(Place::new(&shop()))
}

fn is_done(ended: &Ended) -> &str {
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    &ended.stdout
}

fn is_refused(ended: &Ended, why: &str) {
    assert_eq!(ended.code, Some(1), "{}", ended.stdout);
    assert!(ended.stderr.contains(why), "{}", ended.stderr);
}

fn backups(place: &Place) -> PathBuf {
    place.data().join("backups")
}

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

#[test]
fn the_status_tells_sizes_migrations_and_what_waits() {
    let place = place();
    is_refused(&place.on_data(&["db", "status"]), "No such file or directory");
    let host = place.up();
    make_product(&host, 3);
    let told = place.on_data(&["db", "status"]);
    let told = is_done(&told);
    for part in ["product\n", "KiB, ", "0001_products.sql, applied 2", "0002_search.sqlite.sql", "events wait"] {
        assert!(told.contains(part), "{part}: {told}");
    }
}

#[test]
fn a_backup_made_under_load_has_all_that_was_answered_before_it() {
    let place = place();
    let host = place.up();
    make_category(&host);
    let stop = AtomicBool::new(false);
    let path = make_product(&host, 1);
    thread::scope(|scope| {
        scope.spawn(|| {
            while !stop.load(Ordering::SeqCst) {
                make_product(&host, 1);
            }
        });
        let made = place.on_data(&["db", "backup", text(&backups(&place))]);
        stop.store(true, Ordering::SeqCst);
        assert!(is_done(&made).contains("copied and checked"), "{}", made.stdout);
    });
    drop(host);
    fs::remove_dir_all(place.data().join("db")).unwrap();
    is_done(&place.on_data(&["db", "restore", text(&backups(&place))]));
    let host = place.up();
    assert_eq!(host.get(&path).status, 200);
}

#[test]
fn a_backup_does_not_write_over_another() {
    let place = place();
    drop(place.up());
    let folder = backups(&place);
    is_done(&place.on_data(&["db", "backup", text(&folder)]));
    let before = fs::read(folder.join("product.sqlite")).unwrap();
    is_refused(&place.on_data(&["db", "backup", text(&folder)]), "exists already");
    assert_eq!(fs::read(folder.join("product.sqlite")).unwrap(), before);
}

#[test]
fn a_restore_is_refused_onto_a_running_host_and_keeps_what_was_there() {
    let place = place();
    let host = place.up();
    let path = make_product(&host, 5);
    is_done(&place.on_data(&["db", "backup", text(&backups(&place))]));
    let later = make_product(&host, 5);
    is_refused(&place.on_data(&["db", "restore", text(&backups(&place))]), "another host (process");
    assert_eq!(host.get(&later).status, 200, "and nothing has changed");
    assert_eq!(host.stop().code(), Some(0));

    let restored = place.on_data(&["db", "restore", text(&backups(&place))]);
    let former = is_done(&restored).split("what was there is ").nth(1).unwrap().trim().to_owned();
    let host = place.up();
    let statuses = [&path, &later].map(|path| host.get(path)).map(|Answer { status, .. }| status);
    assert_eq!(statuses, [200, 404]);
    drop(host);

    let folder = place.data().join("former");
    fs::create_dir(&folder).unwrap();
    fs::copy(former, folder.join("product.sqlite")).unwrap();
    is_done(&place.on_data(&["db", "restore", text(&folder)]));
    assert_eq!(place.up().get(&later).status, 200, "what the wrong restore replaced was not lost");
}

#[test]
fn what_is_no_backup_is_refused_before_anything_is_exchanged() {
    let place = place();
    let host = place.up();
    let path = make_product(&host, 5);
    assert_eq!(host.stop().code(), Some(0));
    let good = fs::read(place.data().join("db/product.sqlite")).unwrap();
    let folder = backups(&place);
    fs::create_dir(&folder).unwrap();
    let file = folder.join("product.sqlite");
    is_refused(&place.on_data(&["db", "restore", text(&folder)]), "no database in");
    let mut torn = good.clone();
    let half = torn.len() / 2;
    torn[half..].fill(0xaa);
    let contents: [(&[u8], &str); 3] =
        [(b"not a database", "not a database"), (&torn, "malformed"), (b"", "a SQLite database of another program")];
    for (bytes, why) in contents {
        fs::write(&file, bytes).unwrap();
        is_refused(&place.on_data(&["db", "restore", text(&folder)]), why);
    }
    assert_eq!(place.up().get(&path).status, 200);
    let leftovers = fs::read_dir(place.data().join("db")).unwrap().map(|entry| entry.unwrap().file_name());
    let leftovers: Vec<_> = leftovers.filter(|name| name.to_string_lossy().contains("restor")).collect();
    assert!(leftovers.is_empty(), "{leftovers:?}");
}

#[test]
fn a_dry_run_of_the_migrations_changes_nothing() {
    let place = anywhere();
    let files = format!("0001_products.sql, 0002_search.{}.sql, 0003_returns.sql", place.dialect());
    for _ in 0..2 {
        assert_eq!(is_done(&place.migrate(&["--dry-run"])), format!("product: would apply {files}\n"));
    }
    assert!(!place.data().join("db").exists());
    assert_eq!(place.on_data(&["db", "status"]).code, Some(1), "there is none");
    assert_eq!(is_done(&place.migrate(&[])), format!("product: applied {files}\n"));
    assert_eq!(is_done(&place.migrate(&[])), "product: nothing to apply\n");
    let host = place.up();
    if place.dialect() == "sqlite" {
        is_refused(&place.migrate(&[]), "another host");
    }
    assert_eq!(is_done(&place.migrate(&["--dry-run"])), "product: nothing to apply\n");
    make_product(&host, 1);
}

#[test]
fn the_status_of_every_engine_has_the_same_shape() {
    let place = anywhere();
    let host = place.up();
    make_product(&host, 3);
    let json: Value = serde_json::from_str(is_done(&place.on_data(&["db", "status", "--json", "product"]))).unwrap();
    assert_eq!(json[0]["name"], "product");
    assert_eq!(json[0]["engine"]["name"], place.dialect());
    assert!(json[0]["database_bytes"].as_u64().unwrap() >= 4096, "{json}");
    assert_eq!(json[0]["migrations"][0]["file"], "0001_products.sql");
    assert!(json[0]["outbox"]["waiting"].as_u64().unwrap() >= 2, "created, and its stock: {json}");
    is_refused(&place.on_data(&["db", "status", "cart"]), "no database `cart`");
    if place.dialect() == "postgres" {
        is_refused(&place.on_data(&["db", "backup", "backups"]), "pg_dump");
    }
}

#[test]
fn a_database_that_is_full_is_a_503_with_nothing_half_written_until_there_is_room() {
    let of_bytes = |bytes| Application::of([ungranted().grant(DATABASE).database_limit("database-bytes", bytes)]);
    let place = Arc::new(Place::new(&of_bytes(256 << 10)).in_files());
    let host = place.up();
    let mut made = vec![make_product(&host, 1)];
    let refused = loop {
        let answer = post(&host, PRODUCTS, product(1).to_string().as_bytes());
        match answer.status {
            201 => made.push(answer.field("location").unwrap().to_owned()),
            _ => break answer,
        }
        assert!(made.len() < 1_000, "it is never full");
    };
    assert_eq!(refused.status, 503, "{}", refused.text());
    assert!(refused.field("content-type").unwrap().starts_with("application/problem+json"));
    assert!(refused.field("retry-after").is_some() && !refused.text().contains("full"), "{}", refused.text());
    let all_that_was_answered = |host: &Host| {
        let listed: Value = serde_json::from_str(host.get("/api/v1/products?size=1").text()).unwrap();
        assert_eq!(listed["total"], made.len());
    };
    all_that_was_answered(&host);
    assert_eq!(host.get(&made[0]).status, 200, "reading goes on");
    drop(host);

    place.write_manifest(&of_bytes(1 << 20).manifest());
    let host = place.up();
    all_that_was_answered(&host);
    make_product(&host, 1);
}

#[test]
fn how_long_events_wait_is_a_metric() {
    let host = anywhere().up();
    make_product(&host, 3);
    let answer = Connection::to(host.admin).ask("GET", "/metrics", &[], b"");
    assert_eq!(
        (answer.status, answer.field("content-type").unwrap()),
        (200, "text/plain; version=0.0.4; charset=utf-8")
    );
    let value = |metric: &str| -> f64 {
        let line = answer.text().lines().find(|line| line.starts_with(&format!("{metric}{{component=\"product\"}}")));
        line.unwrap_or_else(|| panic!("{}", answer.text())).rsplit(' ').next().unwrap().parse().unwrap()
    };
    assert!(value("souk_database_up") > 0.0 && value("souk_outbox_events") >= 2.0, "{}", answer.text());
    assert!(value("souk_outbox_oldest_age_seconds") < 60.0 && value("souk_database_size_bytes") >= 4096.0);
    assert_eq!(Connection::to(host.admin).ask("POST", "/metrics", &[], b"").status, 405);
    assert_eq!(host.get("/metrics").status, 404, "it is the operator's");
}

#[test]
fn two_hosts_that_start_together_on_one_server_apply_each_migration_once() {
    let first = Place::new(&shop());
    let Some(second) = first.another() else { return };
    let (first, second) = (Arc::new(first), Arc::new(second));
    let (first, second) = thread::scope(|scope| {
        let (first, second) = (scope.spawn(|| first.up()), scope.spawn(|| second.up()));
        (first.join().unwrap(), second.join().unwrap())
    });
    let path = make_product(&first, 5);
    assert_eq!(second.get(&path).status, 200, "what one writes the other reads");
    let applied = [first, second].map(|host| host.log().matches("migration applied").count());
    assert_eq!(applied.iter().sum::<usize>(), 3, "{applied:?}");
}
