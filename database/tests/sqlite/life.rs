//! Opening, the lock, closing, the WAL, status and backup.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use futures_executor::block_on;
use souk_database::contract::{Database, Error, Transaction};
use souk_database::sqlite::{Limits, OpenError, Sqlite, status};

use crate::harness::{SCHEMA, Shop, file};
use crate::words::{event, migration, statement, step};

#[test]
fn what_was_written_is_there_after_reopening() {
    let shop = Shop::open();
    shop.publish(vec![step("INSERT INTO product (name) VALUES ('chair')")], vec![event("1", "a")]).unwrap();
    let Shop { db, folder } = shop;
    drop(db);
    assert!(!folder.path().join("data/product.db-wal").exists(), "closing leaves one file");
    let db = Sqlite::open(&file(&folder), Limits::default(), &[migration("0001_shop.sql", SCHEMA)]).unwrap();
    let shop = Shop { db, folder };
    assert_eq!(shop.number("SELECT count(*) FROM product"), 1);
    assert_eq!(shop.db.status().unwrap().outbox.waiting, 1);
}

#[test]
fn two_hosts_do_not_run_on_one_file() {
    let shop = Shop::open();
    let second = Sqlite::open(&shop.file(), Limits::default(), &[]).map(drop).unwrap_err();
    let OpenError::Locked { holder, .. } = &second else { panic!("{second}") };
    assert_eq!(*holder, format!("process {}", std::process::id()));
    assert_eq!(status(&shop.file()).unwrap().migrations.len(), 1, "but one may look");
    shop.db.close();
    drop(Sqlite::open(&shop.file(), Limits::default(), &[migration("0001_shop.sql", SCHEMA)]).unwrap());
}

#[test]
fn two_that_open_at_once_migrate_once() {
    let folder = tempfile::tempdir().unwrap();
    let open = || {
        let migrations = [migration("0001_shop.sql", SCHEMA)];
        loop {
            match Sqlite::open(&file(&folder), Limits::default(), &migrations) {
                Err(OpenError::Locked { .. }) => std::thread::yield_now(),
                other => return drop(other.unwrap()),
            }
        }
    };
    std::thread::scope(|scope| (0..4).map(|_| scope.spawn(open)).for_each(drop));
    assert_eq!(status(&file(&folder)).unwrap().migrations.len(), 1);
}

#[cfg(unix)]
#[test]
fn files_are_for_the_host_alone() {
    use std::os::unix::fs::PermissionsExt;
    let shop = Shop::open();
    shop.run("INSERT INTO product (name) VALUES ('chair')");
    let mode = |path: &std::path::Path| path.metadata().unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&shop.folder.path().join("data")), 0o700);
    for name in ["product.db", "product.db.lock", "product.db-wal", "product.db-shm"] {
        assert_eq!(mode(&shop.folder.path().join("data").join(name)), 0o600, "{name}");
    }
}

#[test]
fn another_program_s_database_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("other.db");
    rusqlite::Connection::open(&path).unwrap().execute_batch("CREATE TABLE theirs (a)").unwrap();
    let error = Sqlite::open(&path, Limits::default(), &[]).map(drop).unwrap_err();
    assert!(matches!(error, OpenError::Foreign { .. }), "{error}");
    std::fs::write(&path, "not a database at all, but long enough to be looked at ".repeat(20)).unwrap();
    assert!(Sqlite::open(&path, Limits::default(), &[]).is_err());
}

#[test]
fn a_folder_that_can_not_be_made_is_named() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("data"), "a file in the way").unwrap();
    let error = Sqlite::open(&file(&folder), Limits::default(), &[]).map(drop).unwrap_err();
    assert!(matches!(&error, OpenError::File { .. }) && error.to_string().contains("data"), "{error}");
}

#[test]
fn closing_carries_out_what_waits_and_refuses_what_comes_later() {
    let shop = Shop::open();
    let mut context = std::task::Context::from_waker(futures_util::task::noop_waker_ref());
    let add =
        || Transaction { steps: vec![step("INSERT INTO product (name) VALUES (hex(randomblob(9)))")], events: vec![] };
    let mut calls: Vec<_> = (0..200).map(|_| shop.db.transact(add())).collect();
    for call in &mut calls {
        let _ = call.as_mut().poll(&mut context);
    }
    shop.db.close();
    for call in calls {
        block_on(call).unwrap();
    }
    assert!(matches!(block_on(shop.db.transact(add())), Err(Error::Unavailable(_))));
    assert!(matches!(shop.query("SELECT 1", &[]), Err(Error::Unavailable(_))));
    assert_eq!(shop.host_number("SELECT count(*) FROM product"), 200);
}

#[test]
fn the_wal_is_copied_and_used_again_under_load() {
    let limits = Limits { checkpoint_pages: 50, wal_keep_bytes: 100_000, ..Limits::default() };
    let shop = Shop::open_with(limits);
    let is_over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                while !is_over.load(Ordering::Relaxed) {
                    let _ = shop.query("SELECT sum(length(name)) FROM product", &[]);
                }
            });
        }
        for _ in 0..300 {
            shop.run("INSERT INTO product (name) SELECT hex(randomblob(2000)) FROM json_each('[1,2,3]')");
        }
        is_over.store(true, Ordering::Relaxed);
    });
    let wal_bytes = shop.db.status().unwrap().wal_bytes;
    assert!(wal_bytes < 2_000_000, "written 7 MB, WAL of {wal_bytes}");
    let started = Instant::now();
    while shop.db.status().unwrap().wal_bytes > 100_000 && started.elapsed() < Duration::from_secs(10) {
        std::thread::sleep(Duration::from_millis(50));
    }
    assert!(shop.db.status().unwrap().wal_bytes <= 100_000, "given back when idle");
}

#[test]
fn a_backup_is_a_consistent_copy_made_while_serving() {
    let shop = Shop::open();
    shop.run("INSERT INTO product (id, name, stock) VALUES (1, 'left', 500), (2, 'right', 500)");
    shop.run("INSERT INTO product (name) SELECT hex(randomblob(500)) || value FROM json_each('[1,2,3,4,5,6,7,8,9]')");
    let to = shop.folder.path().join("copy.db");
    let is_over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while !is_over.load(Ordering::Relaxed) {
                let steps = vec![
                    step("UPDATE product SET stock = stock - 1 WHERE id = 1"),
                    step("UPDATE product SET stock = stock + 1 WHERE id = 2"),
                ];
                shop.transact(steps).unwrap();
            }
        });
        for round in 0..5 {
            let to = to.with_extension(format!("db{round}"));
            let bytes = block_on(shop.db.back_up(to.clone())).unwrap();
            assert_eq!(bytes, to.metadata().unwrap().len());
            let copy = rusqlite::Connection::open(&to).unwrap();
            let sum: i64 =
                copy.query_row("SELECT sum(stock) FROM product WHERE id <= 2", [], |row| row.get(0)).unwrap();
            assert_eq!(sum, 1_000);
        }
        is_over.store(true, Ordering::Relaxed);
    });
    let again = block_on(shop.db.back_up(to.with_extension("db0"))).unwrap_err();
    assert!(again.to_string().contains("exists already"), "{again}");
    let nowhere = block_on(shop.db.back_up("/nowhere/at/all.db".into())).unwrap_err();
    assert!(nowhere.to_string().contains("/nowhere"), "{nowhere}");
    let restored =
        Sqlite::open(&to.with_extension("db4"), Limits::default(), &[migration("0001_shop.sql", SCHEMA)]).unwrap();
    assert!(block_on(restored.query(statement("SELECT count(*) FROM product", &[]))).is_ok());
}

#[test]
fn the_status_tells_what_an_operator_asks() {
    let shop = Shop::open();
    shop.run("INSERT INTO product (name) VALUES ('chair')");
    let status = shop.db.status().unwrap();
    assert!(status.database_bytes > 0 && status.wal_bytes > 0, "{status:?}");
    assert_eq!(status.migrations[0].file, "0001_shop.sql");
    assert!(status.migrations[0].applied_at.ends_with('Z'));
    assert!(status.sqlite_version.starts_with("3."));
}
