//! Sessions that were ended while tokens of theirs are still out there: in memory for the gateway, in a file for the next start.
//!
//! A line says until when tokens of a session are good no more: `<milliseconds since 1970> <family>`. It is on disk before it counts as
//! revoked. What has no token left that could be good is forgotten, so the list is as long as sessions are ended in an hour.

use crate::private;
use souk_identity::limits::{ID_BYTES_MAX, LEEWAY_S, LIFETIME_S_MAX};
use std::collections::HashMap;
use std::fmt::Write as _;
use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError, RwLock};

/// Sessions on the list: 100,000 in an hour and some, 10 MB. More is a script that runs wild; it is told that there is no room.
const REVOKED_MAX: usize = 100_000;

/// Lines that are appended before the file is written anew without what was forgotten.
const APPENDED_MAX: usize = 10_000;

const FILE: &str = "revoked";
const PART: &str = "revoked.part";

/// The list.
pub(super) struct Revoked {
    /// By family, the millisecond until which tokens that were signed are good no more.
    until_ms: RwLock<HashMap<String, u64>>,
    log: Mutex<Log>,
}

struct Log {
    folder: PathBuf,
    file: File,
    appended: usize,
}

impl Revoked {
    /// Reads the list in this folder and writes it anew. A last line that is not whole was never answered for.
    pub(super) fn open(folder: &Path, now_ms: u64) -> io::Result<Self> {
        private::make_folder(folder)?;
        let text = match std::fs::read_to_string(folder.join(FILE)) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => String::new(),
            read => read?,
        };
        let whole = text.rfind('\n').map_or("", |end| &text[..end]);
        let mut until_ms = HashMap::new();
        for line in whole.lines() {
            let entry = line.split_once(' ').and_then(|(until_ms, family)| Some((until_ms.parse().ok()?, family)));
            let (at_ms, family): (u64, &str) =
                entry.ok_or_else(|| io::Error::new(io::ErrorKind::InvalidData, format!("{FILE}: not a line of it")))?;
            until_ms.insert(family.to_owned(), at_ms);
        }
        until_ms.retain(|_, at_ms| is_needed(*at_ms, now_ms));
        let file = write(folder, &until_ms)?;
        let log = Log { folder: folder.to_owned(), file, appended: 0 };
        Ok(Self { until_ms: RwLock::new(until_ms), log: Mutex::new(log) })
    }

    /// Whether a token of this family, signed at that moment, is good no more.
    pub(super) fn has(&self, family: &str, signed_ms: u64) -> bool {
        self.until_ms(family).is_some_and(|until_ms| signed_ms <= until_ms)
    }

    /// Until when tokens of this family are good no more.
    pub(super) fn until_ms(&self, family: &str) -> Option<u64> {
        self.until_ms.read().unwrap_or_else(PoisonError::into_inner).get(family).copied()
    }

    /// Ends what was signed for these families until now. Blocks until it is on disk.
    pub(super) fn add(&self, families: &[String], now_ms: u64) -> io::Result<()> {
        let can_stand = |family: &&String| {
            (1..=ID_BYTES_MAX).contains(&family.len()) && family.bytes().all(|byte| byte.is_ascii_graphic())
        };
        // No token has another family.
        let families: Vec<&String> = families.iter().filter(can_stand).collect();
        let mut log = self.log.lock().unwrap_or_else(PoisonError::into_inner);
        self.make_room(families.len(), now_ms)?;
        // What was signed after the last revocation, in the same millisecond even, is older than this one.
        let until_ms = |family: &str| self.until_ms(family).map_or(now_ms, |before| now_ms.max(before + 1));
        let ended: HashMap<String, u64> =
            families.into_iter().map(|family| (family.clone(), until_ms(family))).collect();
        log.append(&ended)?;
        self.until_ms.write().unwrap_or_else(PoisonError::into_inner).extend(ended);
        if log.appended > APPENDED_MAX {
            // Others may read the list while it is written.
            log.file = write(&log.folder, &self.until_ms.read().unwrap_or_else(PoisonError::into_inner))?;
            log.appended = 0;
        }
        Ok(())
    }

    fn make_room(&self, wanted: usize, now_ms: u64) -> io::Result<()> {
        let mut until_ms = self.until_ms.write().unwrap_or_else(PoisonError::into_inner);
        if until_ms.len() + wanted > REVOKED_MAX {
            until_ms.retain(|_, at_ms| is_needed(*at_ms, now_ms));
        }
        if until_ms.len() + wanted > REVOKED_MAX {
            return Err(io::Error::new(io::ErrorKind::QuotaExceeded, "too many sessions were ended in the last hour"));
        }
        Ok(())
    }
}

impl Log {
    /// One write, so that a crash leaves at most the last line torn; a failed one is taken back.
    fn append(&mut self, ended: &HashMap<String, u64>) -> io::Result<()> {
        let before = self.file.metadata()?.len();
        self.appended += ended.len();
        self.file.write_all(lines(ended).as_bytes()).and_then(|()| self.file.sync_data()).inspect_err(|_| {
            // What is left of it would be the beginning of the next line.
            let _ = self.file.set_len(before);
        })
    }
}

/// Whether a token that was signed until then can be good now.
fn is_needed(until_ms: u64, now_ms: u64) -> bool {
    // Twice the leeway: a token is good for that much longer, and may have been signed by a clock that much ahead.
    until_ms + (u64::from(LIFETIME_S_MAX) + 2 * LEEWAY_S) * 1_000 > now_ms
}

/// Writes the whole list beside the old one and puts it in its place: after a crash there is one or the other.
fn write(folder: &Path, until_ms: &HashMap<String, u64>) -> io::Result<File> {
    let part = folder.join(PART);
    let mut file = OpenOptions::new().append(true).create(true).mode(0o600).open(&part)?;
    file.set_len(0)?;
    file.write_all(lines(until_ms).as_bytes())?;
    file.sync_all()?;
    std::fs::rename(&part, folder.join(FILE))?;
    File::open(folder)?.sync_all()?;
    Ok(file)
}

fn lines(until_ms: &HashMap<String, u64>) -> String {
    until_ms.iter().fold(String::new(), |mut text, (family, at_ms)| {
        writeln!(text, "{at_ms} {family}").expect("a text takes any text");
        text
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR_MS: u64 = 3_600_000;

    fn families(names: &[&str]) -> Vec<String> {
        names.iter().map(|name| (*name).to_owned()).collect()
    }

    #[test]
    fn what_was_signed_until_then_is_revoked_and_what_comes_after_is_not() {
        let folder = tempfile::tempdir().unwrap();
        let revoked = Revoked::open(folder.path(), 1_000).unwrap();
        revoked.add(&families(&["a", "b"]), 1_000).unwrap();
        assert!(revoked.has("a", 999) && revoked.has("b", 1_000));
        assert!(!revoked.has("a", 1_001) && !revoked.has("c", 0));
        revoked.add(&families(&["a"]), 1_000).unwrap();
        assert!(revoked.has("a", 1_001), "signed in the same millisecond, between two revocations");
        revoked.add(&families(&["a"]), 2_000).unwrap();
        assert!(revoked.has("a", 2_000) && !revoked.has("a", 2_001));
    }

    #[test]
    fn the_list_is_there_after_a_restart_until_no_token_can_be_good() {
        let folder = tempfile::tempdir().unwrap();
        Revoked::open(folder.path(), 0).unwrap().add(&families(&["a"]), 1_000).unwrap();
        let file = folder.path().join(FILE);
        // The beginning of a line, as a crash leaves it.
        std::fs::write(&file, std::fs::read_to_string(&file).unwrap() + "10").unwrap();
        for (now_ms, expected) in [(1_000, true), (1_000 + HOUR_MS, true), (1_000 + HOUR_MS + 60_000, false)] {
            assert_eq!(Revoked::open(folder.path(), now_ms).unwrap().has("a", 1_000), expected, "{now_ms}");
        }
    }

    #[test]
    fn a_file_that_is_something_else_is_told_and_not_overwritten() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join(FILE), "what is this\n").unwrap();
        assert!(Revoked::open(folder.path(), 0).is_err());
        assert_eq!(std::fs::read_to_string(folder.path().join(FILE)).unwrap(), "what is this\n");
    }

    #[test]
    fn the_file_is_written_anew_before_it_grows_for_ever() {
        let folder = tempfile::tempdir().unwrap();
        let revoked = Revoked::open(folder.path(), 0).unwrap();
        for round in 0..12 {
            let again: Vec<String> = (0..1_000).map(|number| format!("f{number}")).collect();
            revoked.add(&again, round).unwrap();
        }
        let lines = std::fs::read_to_string(folder.path().join(FILE)).unwrap().lines().count();
        assert!(lines <= 2_000, "{lines}");
        assert!(Revoked::open(folder.path(), 0).unwrap().has("f999", 11));
    }

    #[test]
    fn there_is_an_end_to_the_list_and_room_again_later() {
        let folder = tempfile::tempdir().unwrap();
        let revoked = Revoked::open(folder.path(), 0).unwrap();
        let many: Vec<String> = (0..REVOKED_MAX).map(|number| format!("f{number}")).collect();
        revoked.add(&many, 0).unwrap();
        assert!(revoked.add(&families(&["one-more"]), 0).is_err());
        assert!(!revoked.has("one-more", 0));
        revoked.add(&families(&["one-more"]), 2 * HOUR_MS).unwrap();
        assert!(revoked.has("one-more", 2 * HOUR_MS) && !revoked.has("f1", 0));
    }
}
