//! The disk: a directory of files, a switch that cuts the power, faults on demand.
//!
//! A new name, or one that was deleted, is on the platter when the directory was synced, as SQLite does it on Unix: with the
//! first sync of a log or journal that was opened, or with the deletion itself. Until then a power cut may undo it.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rusqlite::ffi;

use super::cached::Cached;
pub(crate) use super::cached::Remains;
use super::locks::{DatabaseLock, SharedMemory};
use crate::chance::Chance;

/// A result code of SQLite.
pub(crate) type Code = i32;

/// What a file is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Database,
    Wal,
    Journal,
    Temporary,
}

/// What is asked of the disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Operation {
    Read,
    Write,
    Sync,
    Truncate,
    Create,
    Delete,
}

/// Operations that fail.
#[derive(Clone, Debug)]
pub(crate) struct Fault {
    /// On which files and what; none for all.
    pub(crate) kind: Option<Kind>,
    pub(crate) operations: Vec<Operation>,
    /// How many of them succeed before.
    pub(crate) after: u64,
    /// How many fail, until the disk has recovered.
    pub(crate) times: u64,
    pub(crate) code: Code,
}

/// The files by name, as they are found after a power cut.
pub(crate) type Image = BTreeMap<String, Vec<u8>>;

pub(crate) struct Device {
    state: Mutex<State>,
    /// Makes a connection that asks for `synchronous=FULL` run with `NORMAL`.
    pub(crate) is_careless: bool,
}

#[derive(Default)]
struct State {
    files: Vec<Cached>,
    names: BTreeMap<String, File>,
    names_synced: BTreeMap<String, File>,
    locks: BTreeMap<File, DatabaseLock>,
    memories: BTreeMap<File, Arc<SharedMemory>>,
    /// Changes until the power is cut.
    power_left: Option<u64>,
    fault: Option<Fault>,
    failed: u64,
}

/// The number of a file.
pub(super) type File = usize;

/// Why an operation is not carried out.
enum Refusal {
    /// The power is cut in the middle of it.
    Cut,
    Code(Code),
}

impl Device {
    /// A disk with these files on its platter.
    pub(crate) fn new(image: Image, is_careless: bool) -> Arc<Self> {
        let mut state = State::default();
        for (name, bytes) in image {
            state.names.insert(name, state.files.len());
            state.files.push(Cached::of(bytes));
        }
        state.names_synced = state.names.clone();
        Arc::new(Self { state: Mutex::new(state), is_careless })
    }

    /// Cuts the power at the nth change from now.
    pub(crate) fn cut_after(&self, changes: u64) {
        self.state().power_left = Some(changes);
    }

    /// Whether the power was cut.
    pub(crate) fn is_off(&self) -> bool {
        self.state().power_left == Some(0)
    }

    /// Makes operations fail from now on.
    pub(crate) fn fail(&self, fault: Fault) {
        self.state().fault = Some(fault);
    }

    /// Repairs the disk. Answers with how many operations failed so far.
    pub(crate) fn repair(&self) -> u64 {
        let mut state = self.state();
        state.fault = None;
        state.failed
    }

    /// What is found after a power cut now.
    pub(crate) fn image(&self, remains: Remains, chance: &mut Chance) -> Image {
        let state = self.state();
        let mut image = Image::new();
        for name in state.names.keys().chain(state.names_synced.keys()) {
            let (now, synced) = (state.names.get(name), state.names_synced.get(name));
            let file = match remains {
                Remains::Nothing => synced,
                Remains::Some if chance.one_in(2) => synced,
                Remains::Everything | Remains::Some => now,
            };
            if let Some(&file) = file
                && !image.contains_key(name)
            {
                image.insert(name.clone(), state.files[file].remains(remains, chance));
            }
        }
        image
    }

    pub(super) fn open(&self, name: Option<&str>, creates: bool) -> Result<File, Code> {
        let mut state = self.state();
        if let Some(&file) = name.and_then(|name| state.names.get(name)) {
            // Reading the directory fails with the disk.
            return if state.power_left == Some(0) { Err(ffi::SQLITE_CANTOPEN) } else { Ok(file) };
        }
        if !creates {
            return Err(ffi::SQLITE_CANTOPEN);
        }
        let kind = if name.is_some() { None } else { Some(Kind::Temporary) };
        state.admit(kind, Operation::Create).map_err(|_| ffi::SQLITE_CANTOPEN)?;
        let file = state.files.len();
        state.files.push(Cached::default());
        if let Some(name) = name {
            state.names.insert(name.to_owned(), file);
        }
        Ok(file)
    }

    pub(super) fn delete(&self, name: &str, syncs_directory: bool) -> Result<(), Code> {
        let mut state = self.state();
        if !state.names.contains_key(name) {
            return Err(ffi::SQLITE_IOERR_DELETE_NOENT);
        }
        let admitted = state.admit(None, Operation::Delete);
        if !matches!(admitted, Err(Refusal::Code(_))) {
            state.names.remove(name);
        }
        admitted.map_err(|refusal| refusal.code(ffi::SQLITE_IOERR_DELETE))?;
        if syncs_directory {
            state.names_synced = state.names.clone();
        }
        Ok(())
    }

    /// Whether there is a file of this name with something in it: what Unix answers SQLite.
    pub(super) fn is_there(&self, name: &str) -> bool {
        let state = self.state();
        state.names.get(name).is_some_and(|&file| state.files[file].len() > 0)
    }

    /// Answers with how many bytes there were.
    pub(super) fn read(&self, file: File, kind: Kind, at: usize, into: &mut [u8]) -> Result<usize, Code> {
        let mut state = self.state();
        state.admit(Some(kind), Operation::Read).map_err(|refusal| refusal.code(ffi::SQLITE_IOERR_READ))?;
        Ok(state.files[file].read(at, into))
    }

    pub(super) fn write(&self, file: File, kind: Kind, at: usize, bytes: &[u8]) -> Result<(), Code> {
        let mut state = self.state();
        let admitted = state.admit(Some(kind), Operation::Write);
        // A write that fails may have begun.
        let begun = match admitted {
            Ok(()) | Err(Refusal::Cut) => bytes.len(),
            Err(_) if state.power_left == Some(0) => 0,
            Err(_) => bytes.len() / 2,
        };
        if begun > 0 {
            state.files[file].write(at, &bytes[..begun]);
        }
        admitted.map_err(|refusal| refusal.code(ffi::SQLITE_IOERR_WRITE))
    }

    pub(super) fn truncate(&self, file: File, kind: Kind, bytes: usize) -> Result<(), Code> {
        let mut state = self.state();
        let admitted = state.admit(Some(kind), Operation::Truncate);
        if !matches!(admitted, Err(Refusal::Code(_))) {
            state.files[file].truncate(bytes);
        }
        admitted.map_err(|refusal| refusal.code(ffi::SQLITE_IOERR_TRUNCATE))
    }

    pub(super) fn sync(&self, file: File, kind: Kind, syncs_directory: bool) -> Result<(), Code> {
        let mut state = self.state();
        if let Err(refusal) = state.admit(Some(kind), Operation::Sync) {
            state.files[file].sync_failed();
            return Err(match refusal.code(ffi::SQLITE_IOERR_FSYNC) {
                // On Unix SQLite says what failed.
                ffi::SQLITE_IOERR => ffi::SQLITE_IOERR_FSYNC,
                code => code,
            });
        }
        state.files[file].sync();
        if syncs_directory {
            state.names_synced = state.names.clone();
        }
        Ok(())
    }

    pub(super) fn len(&self, file: File) -> usize {
        self.state().files[file].len()
    }

    pub(super) fn with_lock<T>(&self, file: File, work: impl FnOnce(&mut DatabaseLock) -> T) -> T {
        work(self.state().locks.entry(file).or_default())
    }

    pub(super) fn memory(&self, file: File) -> Arc<SharedMemory> {
        Arc::clone(self.state().memories.entry(file).or_default())
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// Counts an operation, and refuses it if the power is off or it shall fail.
    fn admit(&mut self, kind: Option<Kind>, operation: Operation) -> Result<(), Refusal> {
        if self.power_left == Some(0) {
            return Err(Refusal::Code(ffi::SQLITE_IOERR));
        }
        if let Some(code) = self.fault.as_mut().and_then(|fault| fault.strikes(kind, operation)) {
            self.failed += 1;
            return Err(Refusal::Code(code));
        }
        if operation != Operation::Read {
            self.power_left = self.power_left.map(|left| left - 1);
            if self.power_left == Some(0) {
                return Err(Refusal::Cut);
            }
        }
        Ok(())
    }
}

impl Fault {
    fn strikes(&mut self, kind: Option<Kind>, operation: Operation) -> Option<Code> {
        let is_meant = (self.kind.is_none() || self.kind == kind) && self.operations.contains(&operation);
        if !is_meant || self.times == 0 {
            return None;
        }
        if self.after > 0 {
            self.after -= 1;
            return None;
        }
        self.times -= 1;
        Some(self.code)
    }
}

impl Refusal {
    fn code(self, of_cut: Code) -> Code {
        match self {
            Self::Cut => of_cut,
            Self::Code(code) => code,
        }
    }
}

/// Writes an image into a folder of the real file system.
pub(crate) fn restore(image: &Image, folder: &Path) {
    for (name, bytes) in image {
        let name = Path::new(name).file_name().unwrap();
        std::fs::write(folder.join(name), bytes).unwrap();
    }
}
