//! A disk that refuses for a while: it is full, read-only, or fails. Whoever asked is told, nothing is half-written, and when the
//! disk is well again so is the database. `disk` does the same with real files, at places that a real file system can be made
//! to fail; here it is any write, any sync, any read.

use std::cell::RefCell;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use futures_executor::block_on;
use futures_util::future::join_all;
use rusqlite::ffi;
use souk_database::contract::{Database, Error, Transaction};
use souk_database::sqlite::{Limits, Options, Sqlite};

use crate::chance::{Chance, is_one, seeds};
use crate::ledger::{Last, judge, migrations, transaction, write};
use crate::simulation::device::Operation::{Create, Delete, Read, Sync, Truncate, Write};
use crate::simulation::device::{Code, Device, Fault, Image, Kind, Operation, Remains, restore};
use crate::simulation::vfs::Registered;
use crate::words::{committed, step};

const CALLERS: i64 = 8;

/// What a disk may refuse, and how.
const FAULTS: [(Code, &[Operation]); 6] = [
    (ffi::SQLITE_FULL, &[Write]),
    (ffi::SQLITE_READONLY, &[Write, Truncate, Create, Delete]),
    (ffi::SQLITE_IOERR_WRITE, &[Write]),
    (ffi::SQLITE_IOERR_FSYNC, &[Sync]),
    (ffi::SQLITE_IOERR_READ, &[Read]),
    (ffi::SQLITE_IOERR, &[Read, Write, Sync, Truncate, Create, Delete]),
];

/// A database on a disk that can be made to fail. The fields are dropped in this order.
struct Failing {
    db: Sqlite,
    vfs: Registered,
    device: Arc<Device>,
    _folder: tempfile::TempDir,
    answered: RefCell<Last>,
}

impl Failing {
    fn open(checkpoint_pages: u32) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let device = Device::new(Image::new(), false);
        let vfs = Registered::new(&device);
        // The cache is so small that pages are read again.
        let limits = Limits { checkpoint_pages, cache_kib: 64, ..Limits::default() };
        let options = Options { limits, vfs: Some(vfs.name()) };
        let db = Sqlite::open_with(&file(folder.path()), options, &migrations(1)).unwrap();
        Self { db, vfs, device, _folder: folder, answered: RefCell::default() }
    }

    /// All callers write so many transactions at the same time, each until it is refused.
    fn write(&self, transactions: u64) -> Vec<Result<(), Error>> {
        let tell = |caller, number| {
            self.answered.borrow_mut().insert(caller, number);
        };
        block_on(join_all((0..CALLERS).map(|caller| write(&self.db, caller, transactions, tell))))
    }

    /// A reader that holds the snapshot of now.
    fn snapshot(&self) -> rusqlite::Connection {
        let flags = rusqlite::OpenFlags::SQLITE_OPEN_READ_ONLY;
        let vfs = self.vfs.name();
        let reader = rusqlite::Connection::open_with_flags_and_vfs(self.db.path(), flags, vfs.as_str()).unwrap();
        reader.execute_batch("BEGIN; SELECT count(*) FROM entry").unwrap();
        reader
    }

    /// Cuts the power and holds what is left against what was answered: neither less nor more.
    fn assert_exact(&self, remains: Remains, chance: &mut Chance) {
        let folder = tempfile::tempdir().unwrap();
        restore(&self.device.image(remains, chance), folder.path());
        let there = judge(&file(folder.path()), 1).unwrap();
        assert_eq!(there, *self.answered.borrow(), "{remains:?} of what was not synced remains");
    }
}

fn file(folder: &Path) -> PathBuf {
    folder.join("ledger.db")
}

/// Says which seed it was if the test ends by a panic.
struct Named(u64);

impl Drop for Named {
    #[expect(clippy::print_stdout, reason = "it is shown with the test's failure, wherever that was found")]
    fn drop(&mut self) {
        if std::thread::panicking() {
            println!("with the seed {}", self.0);
        }
    }
}

fn assert_unavailable(refused: &[Result<(), Error>]) {
    let wrong = refused.iter().find(|refused| !matches!(refused, Ok(()) | Err(Error::Unavailable(_))));
    assert!(wrong.is_none(), "{wrong:?}");
}

#[test]
fn a_group_whose_commit_fails_is_refused_as_a_whole_and_its_callers_may_try_again() {
    let mut commits_failed = 0;
    for seed in seeds(40, 1_000) {
        let _named = Named(seed);
        let mut chance = Chance::new(seed);
        let ledger = Failing::open(1 + u32::try_from(chance.below(60)).unwrap());
        let (code, operations, groups) = [
            (ffi::SQLITE_IOERR_FSYNC, vec![Sync], 12),
            (ffi::SQLITE_IOERR_WRITE, vec![Write], 300),
            (ffi::SQLITE_FULL, vec![Write], 300),
        ][chance.index(3)]
        .clone();
        let (after, times) = (chance.below(groups), 1 + chance.below(4));
        ledger.device.fail(Fault { kind: Some(Kind::Wal), operations, after, times, code });
        // Each round some may be refused; the disk recovers by itself.
        for _ in 0..8 {
            assert_unavailable(&ledger.write(5));
        }
        ledger.device.repair();
        assert!(ledger.write(1).iter().all(Result::is_ok), "after the disk has recovered");
        commits_failed += ledger.db.totals().commits_failed;
        let remains = [Remains::Nothing, Remains::Everything, Remains::Some][chance.index(3)];
        ledger.assert_exact(remains, &mut chance);
    }
    println!("{commits_failed} commits failed");
    assert!(commits_failed > 0 || is_one());
}

#[test]
fn a_transaction_whose_commit_failed_does_not_come_back_after_a_power_cut() {
    let ledger = Failing::open(4_000);
    assert!(ledger.write(3).iter().all(Result::is_ok));
    let fault =
        Fault { kind: Some(Kind::Wal), operations: vec![Sync], after: 0, times: 1, code: ffi::SQLITE_IOERR_FSYNC };
    ledger.device.fail(fault);
    // It stands in the WAL complete, only not synced.
    let refused = block_on(ledger.db.transact(transaction(0, 4)));
    assert!(matches!(refused, Err(Error::Unavailable(_))), "{refused:?}");
    ledger.assert_exact(Remains::Everything, &mut Chance::new(1));
}

/// A copy of the WAL that stopped at a reader's snapshot was written and not synced. If the sync that would make up for it
/// fails, those pages are clean to the cache, and must not be taken for copied.
#[test]
fn what_was_copied_before_a_failed_sync_is_not_forgotten() {
    let ledger = Failing::open(1);
    let write = |transactions| {
        assert!(ledger.write(transactions).iter().all(Result::is_ok));
        // Writes nothing, but comes after the writer has copied.
        let steps = vec![step("SELECT 1")];
        committed(block_on(ledger.db.transact(Transaction { steps, events: vec![] })));
    };
    write(1);
    let first = ledger.snapshot();
    write(30);
    let second = ledger.snapshot();
    drop(first);
    write(1); // Copies what the second reader sees.
    drop(second);
    let (kind, operations, code) = (Some(Kind::Database), vec![Sync], ffi::SQLITE_IOERR_FSYNC);
    ledger.device.fail(Fault { kind, operations, after: 0, times: 1, code });
    write(1); // Copies the rest, and can't sync it.
    assert_eq!(ledger.device.repair(), 1);
    write(1);
    write(1); // Would use the WAL from its start again.
    ledger.assert_exact(Remains::Nothing, &mut Chance::new(1));
    ledger.db.close();
    ledger.assert_exact(Remains::Nothing, &mut Chance::new(1));
}

#[test]
fn a_disk_that_refuses_for_a_while_is_told_and_outlived() {
    let (mut failed, mut refused) = (0, 0);
    for seed in seeds(60, 2_000) {
        let _named = Named(seed);
        let mut chance = Chance::new(seed);
        let ledger = Failing::open(1 + u32::try_from(chance.below(60)).unwrap());
        assert!(ledger.write(3).iter().all(Result::is_ok));
        let (code, operations) = FAULTS[chance.index(FAULTS.len())];
        let kind = [None, Some(Kind::Database), Some(Kind::Wal)][chance.index(3)];
        let after = chance.below(if operations == [Sync] { 10 } else { 200 });
        ledger.device.fail(Fault { kind, operations: operations.into(), after, times: u64::MAX, code });
        for _ in 0..3 {
            let results = ledger.write(10);
            assert_unavailable(&results);
            refused += results.iter().filter(|result| result.is_err()).count();
        }
        failed += ledger.device.repair();
        let results = ledger.write(2);
        assert!(results.iter().all(Result::is_ok), "after the disk has recovered: {results:?}");
        let remains = [Remains::Nothing, Remains::Everything, Remains::Some][chance.index(3)];
        ledger.assert_exact(remains, &mut chance);
    }
    println!("{failed} operations failed, {refused} calls were refused");
    assert!(refused > 0 || is_one());
}
