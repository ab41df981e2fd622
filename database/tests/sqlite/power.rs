//! The power is cut at a random moment: what was answered survives, whatever the disk had not synced, and nothing is half there.
//!
//! One seed is some cuts on one database: while it is made, while it migrates, while callers write in groups, while the WAL is
//! copied or recovered, some time after a write or a sync failed, after it was closed. After each cut the plain engine judges a
//! copy of what is left, and the next life starts with it.

use std::cell::RefCell;
use std::path::Path;
use std::sync::Arc;

use futures_executor::block_on;
use futures_util::future::join_all;
use rusqlite::ffi;
use souk_database::contract::Error;
use souk_database::sqlite::{Limits, OpenError, Options, Sqlite};

use crate::chance::{Chance, is_one, seeds};
use crate::ledger::{Last, judge, lost, migrations, write};
use crate::simulation::device::{Device, Fault, Image, Kind, Operation, Remains, restore};
use crate::simulation::vfs::Registered;

const CALLERS: i64 = 8;
const CUTS: u32 = 3;

/// What was found over all seeds.
#[derive(Default)]
struct Tally {
    cuts: u64,
    answered: i64,
    /// What was lost, one line for each seed that lost something.
    lost: Vec<String>,
}

#[test]
fn what_was_answered_survives_a_power_cut() {
    let mut tally = Tally::default();
    for seed in seeds(110, 3_000) {
        cut_again_and_again(seed, false, &mut tally);
    }
    println!("{} cuts, {} answered transactions", tally.cuts, tally.answered);
    assert!(tally.lost.is_empty(), "answered and lost: {:#?}", tally.lost);
    assert!(tally.answered > 0 || is_one());
}

/// Otherwise the test above could not tell: with `NORMAL` commits are not synced, and that must show.
#[test]
fn without_full_synchronisation_answered_transactions_are_lost() {
    let mut tally = Tally::default();
    for seed in seeds(20, 500) {
        cut_again_and_again(seed, true, &mut tally);
    }
    println!("{} cuts, {} answered transactions, {} seeds lost some", tally.cuts, tally.answered, tally.lost.len());
    assert!(!tally.lost.is_empty() || is_one());
}

fn cut_again_and_again(seed: u64, is_careless: bool, tally: &mut Tally) {
    let mut chance = Chance::new(seed);
    let mut image = Image::new();
    let mut answered = Last::new();
    let folder = tempfile::tempdir().unwrap();
    let name = folder.path().canonicalize().unwrap().join("ledger.db");
    for life in 1..=CUTS {
        let device = Device::new(image, is_careless);
        // Making and opening it takes a few dozen changes.
        let changes_max = if chance.one_in(3) { 60 } else { 800 };
        device.cut_after(1 + chance.below(changes_max));
        let before: i64 = answered.values().sum();
        live(&device, &name, life, &mut chance, &mut answered);
        tally.answered += answered.values().sum::<i64>() - before;
        tally.cuts += 1;
        let remains = [Remains::Nothing, Remains::Everything, Remains::Some, Remains::Some][chance.index(4)];
        image = device.image(remains, &mut chance);
        let there = judge_copy(&image, life)
            .unwrap_or_else(|fault| panic!("seed {seed}, cut {life}, {remains:?} of the rest remains: {fault}"));
        let lost = lost(&answered, &there);
        if !lost.is_empty() {
            tally.lost.push(format!("seed {seed}, cut {life}, {remains:?} of the rest remains: {lost:?}"));
            return;
        }
    }
}

/// Opens the database and writes until the power is cut. Some lives come to their end before: the database is closed, and what the
/// disk did not sync then is lost after it.
fn live(device: &Arc<Device>, name: &Path, life: u32, chance: &mut Chance, answered: &mut Last) {
    let vfs = Registered::new(device);
    let limits = Limits { checkpoint_pages: 1 + u32::try_from(chance.below(60)).unwrap(), ..Limits::default() };
    let most = if chance.one_in(4) { chance.below(10) } else { u64::MAX };
    // With `NORMAL` a failed sync would also break what the next one says: that is another loss than the one to be shown.
    let fault = (chance.one_in(3) && !device.is_careless).then(|| passing_fault(chance));
    let options = Options { limits, vfs: Some(vfs.name()) };
    let db = match Sqlite::open_with(name, options, &migrations(life)) {
        Ok(db) => db,
        Err(OpenError::Engine { .. } | OpenError::Migration(_)) if device.is_off() => return,
        Err(error) => panic!("{error}"),
    };
    if let Some(fault) = fault {
        device.fail(fault);
    }
    let heard = RefCell::new(answered);
    let tell = |caller, number| {
        heard.borrow_mut().insert(caller, number);
    };
    loop {
        let ended = block_on(join_all((0..CALLERS).map(|caller| write(&db, caller, most, tell))));
        let is_expected = |ended: &Result<(), Error>| matches!(ended, Ok(()) | Err(Error::Unavailable(_)));
        assert!(ended.iter().all(is_expected), "{ended:?}");
        if device.is_off() || most < u64::MAX {
            return;
        }
    }
}

/// A few writes or syncs that fail some time before the cut. What they leave behind is not for later syncs to make good.
fn passing_fault(chance: &mut Chance) -> Fault {
    let kind = [Kind::Wal, Kind::Database][chance.index(2)];
    let (operation, most, code) =
        [(Operation::Write, 150, ffi::SQLITE_IOERR_WRITE), (Operation::Sync, 8, ffi::SQLITE_IOERR_FSYNC)]
            [chance.index(2)];
    let after = chance.below(most);
    Fault { kind: Some(kind), operations: vec![operation], after, times: 1 + chance.below(5), code }
}

/// The plain engine works on real files.
fn judge_copy(image: &Image, life: u32) -> Result<Last, String> {
    let folder = tempfile::tempdir().unwrap();
    restore(image, folder.path());
    judge(&folder.path().join("ledger.db"), life)
}
