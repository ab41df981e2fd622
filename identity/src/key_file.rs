//! The signing keys on disk: one file that only this user can read, in a folder that only this user can write to.
//!
//! A change is written whole to a file beside, synced, renamed over the old one, and the folder synced: after a crash at any moment
//! there are the old keys or the new ones, and a key signs nothing before it is certain to be there after a restart. Changes
//! wait for each other by a lock on a third file, which the kernel gives up with the process that held it.

use std::fs::{self, DirBuilder, File, OpenOptions, TryLockError};
use std::io::{self, Read, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use ring::rand::SecureRandom;
use rustix::fs::OFlags;

use crate::fault::KeysFault;
use crate::keys::{Former, Keys};
use crate::limits::{KEY_SET_BYTES_MAX, LOCK_WAIT_MS};

/// The file's name in its folder.
pub const FILE: &str = "signing-keys.json";
const PART: &str = "signing-keys.json.part";
const LOCK: &str = "signing-keys.lock";

/// Any right of others to a secret: who may write to it can exchange it.
pub(crate) const READABLE_BY_OTHERS: u32 = 0o077;
const WRITABLE_BY_OTHERS: u32 = 0o022;

/// A folder with signing keys.
#[derive(Debug)]
pub struct KeyFile {
    folder: PathBuf,
}

impl KeyFile {
    /// Opens the folder, and makes it for this user alone if it is not there.
    pub fn open(folder: &Path) -> Result<Self, KeysFault> {
        let at_folder = unavailable(folder);
        DirBuilder::new().recursive(true).mode(0o700).create(folder).map_err(&at_folder)?;
        let file = File::open(folder).map_err(&at_folder)?;
        refuse_if_open_to_others(&file, folder, WRITABLE_BY_OTHERS)?;
        Ok(Self { folder: folder.to_owned() })
    }

    /// Opens the folder, if it is there: for who only looks, or changes what there is.
    pub fn find(folder: &Path) -> Result<Self, KeysFault> {
        if folder.exists() { Self::open(folder) } else { Err(KeysFault::Missing(folder.to_owned())) }
    }

    /// The keys as they are now. A process that serves reads them again within [`crate::limits::REREAD_S`].
    pub fn read(&self, random: &dyn SecureRandom) -> Result<Keys, KeysFault> {
        let path = self.folder.join(FILE);
        let file = open(OpenOptions::new().read(true), &path).map_err(|error| match error.kind() {
            io::ErrorKind::NotFound => KeysFault::Missing(path.clone()),
            _ => unavailable(&path)(error),
        })?;
        refuse_if_open_to_others(&file, &path, READABLE_BY_OTHERS)?;
        let mut text = String::new();
        let bytes_max = KEY_SET_BYTES_MAX as u64 + 1;
        file.take(bytes_max).read_to_string(&mut text).map_err(unavailable(&path))?;
        Keys::parse(&text, random)
    }

    /// The keys as they are now, or the first ones. Of two processes that start at once one makes them and both have the same.
    pub fn read_or_generate(&self, random: &dyn SecureRandom) -> Result<Keys, KeysFault> {
        match self.read(random) {
            Err(KeysFault::Missing(_)) => self.change(|file| match file.read(random) {
                Err(KeysFault::Missing(_)) => Keys::generate(random).map(Change::Write),
                found => found.map(Change::Keep),
            }),
            found => found,
        }
    }

    /// Makes a new current key. When it returns, the keys are on disk; of two at once one works on what the other left.
    pub fn rotate(&self, now_s: u64, former: Former, random: &dyn SecureRandom) -> Result<Keys, KeysFault> {
        self.change(|file| file.read(random)?.rotate(now_s, former, random).map(Change::Write))
    }

    fn change(&self, make: impl FnOnce(&Self) -> Result<Change, KeysFault>) -> Result<Keys, KeysFault> {
        let _held = self.lock()?;
        match make(self)? {
            Change::Keep(keys) => Ok(keys),
            Change::Write(keys) => self.write(&keys.secret_set()).map(|()| keys),
        }
    }

    /// Only under the lock.
    fn write(&self, text: &str) -> Result<(), KeysFault> {
        let (path, part) = (self.folder.join(FILE), self.folder.join(PART));
        let at_part = unavailable(&part);
        // What a crash left. Not written over: `create_new` makes sure that the rights are those that are asked for here.
        fs::remove_file(&part).or_else(|error| ignore(error, io::ErrorKind::NotFound)).map_err(&at_part)?;
        let mut file = open(OpenOptions::new().write(true).create_new(true), &part).map_err(&at_part)?;
        file.write_all(text.as_bytes()).and_then(|()| file.sync_all()).map_err(&at_part)?;
        fs::rename(&part, &path).map_err(unavailable(&path))?;
        File::open(&self.folder).and_then(|folder| folder.sync_all()).map_err(unavailable(&self.folder))
    }

    /// Waits for its turn. The lock ends with the file that is returned.
    fn lock(&self) -> Result<File, KeysFault> {
        let path = self.folder.join(LOCK);
        let file = open(OpenOptions::new().write(true).create(true), &path).map_err(unavailable(&path))?;
        let begun = Instant::now();
        loop {
            match file.try_lock() {
                Ok(()) => return Ok(file),
                Err(TryLockError::Error(error)) => return Err(unavailable(&path)(error)),
                Err(TryLockError::WouldBlock) if begun.elapsed() > Duration::from_millis(LOCK_WAIT_MS) => {
                    return Err(KeysFault::Busy(path));
                }
                Err(TryLockError::WouldBlock) => thread::sleep(Duration::from_millis(5)),
            }
        }
    }
}

enum Change {
    Keep(Keys),
    Write(Keys),
}

/// For this user alone, and never through a link that somebody laid.
fn open(options: &mut OpenOptions, path: &Path) -> io::Result<File> {
    let flags = OFlags::NOFOLLOW.bits().cast_signed();
    options.mode(0o600).custom_flags(flags).open(path)
}

fn refuse_if_open_to_others(file: &File, path: &Path, rights: u32) -> Result<(), KeysFault> {
    match exposure(file, rights).map_err(unavailable(path))? {
        None => Ok(()),
        Some(mode) => Err(KeysFault::Exposed { path: path.to_owned(), mode }),
    }
}

/// The mode of a file that is another user's, or that others have one of these rights to; none if it is safe from them. Asks the open
/// file and not its path, which could be another file's by now.
pub(crate) fn exposure(file: &File, rights: u32) -> io::Result<Option<u32>> {
    let data = file.metadata()?;
    let mode = data.mode() & 0o777;
    let is_own = data.uid() == rustix::process::geteuid().as_raw();
    Ok((!is_own || mode & rights != 0).then_some(mode))
}

fn ignore(error: io::Error, kind: io::ErrorKind) -> io::Result<()> {
    if error.kind() == kind { Ok(()) } else { Err(error) }
}

fn unavailable(path: &Path) -> impl Fn(io::Error) -> KeysFault {
    move |error| KeysFault::Unavailable { path: path.to_owned(), error }
}
