//! A process that is killed at any moment: what it had answered is there, and nothing is half there.
//!
//! The test runs itself again as a child that writes and says what was answered, kills it, looks, and starts the next one on
//! the same database. `SOUK_LONG=1` kills more often. This can't tell whether commits are synced (the system keeps what a
//! dead process wrote); `power` does.

use std::io::{BufRead, BufReader, Write};
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use futures_executor::block_on;
use futures_util::future::join_all;
use souk_database::sqlite::{Limits, Sqlite};

use crate::chance::{Chance, seeds};
use crate::ledger::{Last, judge, lost, migrations, write};

const CALLERS: i64 = 32;

/// Tells the child which database to write to, and how often it was opened before.
const FILE: &str = "SOUK_TEST_KILLED_FILE";
const LIFE: &str = "SOUK_TEST_KILLED_LIFE";

#[test]
fn what_was_answered_survives_the_death_of_the_process() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("ledger.db");
    let mut answered = Last::new();
    let (mut kills, mut answers) = (0, 0);
    for seed in seeds(5, 60) {
        kills += 1;
        answers += run_and_kill(&file, kills, &mut Chance::new(seed), &mut answered);
        let there = judge(&file, kills).unwrap_or_else(|fault| panic!("seed {seed}, kill {kills}: {fault}"));
        let lost = lost(&answered, &there);
        assert!(lost.is_empty(), "seed {seed}, kill {kills}: answered and lost: {lost:?}");
    }
    println!("{kills} kills, {answers} answered transactions");
}

/// Starts a child, kills it after some answers (or, once in four times, while it starts), and notes what it answered.
fn run_and_kill(file: &Path, life: u32, chance: &mut Chance, answered: &mut Last) -> u64 {
    let mut child = start(file, life);
    let lines = listen(&mut child);
    let mut heard = 0;
    let mut hear = |(caller, number)| {
        answered.insert(caller, number);
        heard += 1;
    };
    if chance.one_in(4) {
        std::thread::sleep(Duration::from_micros(chance.below(40_000)));
    } else {
        let before = 1 + chance.index(3_000);
        lines.iter().take(before).for_each(&mut hear);
        std::thread::sleep(Duration::from_micros(chance.below(5_000)));
    }
    child.kill().unwrap();
    let status = child.wait().unwrap();
    assert_eq!(status.signal(), Some(9), "the child ended by itself: {status}");
    lines.iter().for_each(hear);
    heard
}

fn start(file: &Path, life: u32) -> Child {
    Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "--ignored", "--nocapture", "killed::in_a_process_that_is_killed"])
        .env(FILE, file)
        .env(LIFE, life.to_string())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap()
}

/// What the child says it answered, as (caller, number), until it is dead and the pipe is empty.
fn listen(child: &mut Child) -> Receiver<(i64, i64)> {
    let (heard, lines) = channel();
    let mut pipe = BufReader::new(child.stdout.take().unwrap());
    std::thread::spawn(move || {
        let mut line = String::new();
        // A line without its end was cut off: its number may be a part of a longer one.
        while pipe.read_line(&mut line).is_ok_and(|_| line.ends_with('\n')) {
            // libtest says something, too.
            let said = line.trim().strip_prefix("answered ");
            if let Some((caller, number)) = said.and_then(|said| said.split_once(' ')) {
                let _ = heard.send((caller.parse().unwrap(), number.parse().unwrap()));
            }
            line.clear();
        }
    });
    lines
}

#[test]
#[ignore = "started by the test above in a process of its own"]
fn in_a_process_that_is_killed() {
    let Some(file) = std::env::var_os(FILE) else { return };
    let life = std::env::var(LIFE).unwrap().parse().unwrap();
    // Copied often, so that some die in the middle of it.
    let limits = Limits { checkpoint_pages: 100, ..Limits::default() };
    let db = Sqlite::open(Path::new(&file), limits, &migrations(life)).unwrap();
    let tell = |caller, number| {
        // Fails when the parent is gone, and then nobody else would end this process.
        writeln!(std::io::stdout().lock(), "answered {caller} {number}").unwrap();
    };
    let ended = block_on(join_all((0..CALLERS).map(|caller| write(&db, caller, u64::MAX, tell))));
    panic!("the callers ended by themselves: {ended:?}");
}
