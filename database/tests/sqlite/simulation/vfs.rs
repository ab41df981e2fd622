//! A device as SQLite sees it: a VFS. All `unsafe` of the simulation is in this file; it only translates.
//!
//! SQLite calls with pointers that it promises to be valid for the call (`sqlite3_io_methods` and `sqlite3_vfs` in its
//! documentation), and uses a file from one thread at a time. A panic in here ends the process, since it can't cross C.

use std::cell::Cell;
use std::ffi::{CStr, CString, c_char, c_int, c_void};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering, fence};

use rusqlite::ffi;

use super::device::{Code, Device, File, Kind};
use super::locks::Holder;

/// A device that connections can be opened on by the name of its VFS. Dropped after the last of them.
pub(crate) struct Registered {
    name: CString,
    vfs: Box<ffi::sqlite3_vfs>,
    _device: Arc<Device>,
}

/// An open file, behind the part that SQLite knows.
#[repr(C)]
struct Handle {
    base: ffi::sqlite3_file,
    open: *mut Open,
}

struct Open {
    device: Arc<Device>,
    file: File,
    kind: Kind,
    /// Whether the next sync is the first after the file may have been created, and thus syncs the directory.
    syncs_directory: Cell<bool>,
}

impl Registered {
    pub(crate) fn new(device: &Arc<Device>) -> Self {
        static NAMES: AtomicU64 = AtomicU64::new(0);
        let name = CString::new(format!("souk-simulated-{}", NAMES.fetch_add(1, Ordering::Relaxed))).unwrap();
        let mut vfs = Box::new(ffi::sqlite3_vfs {
            iVersion: 2,
            szOsFile: c_int::try_from(size_of::<Handle>()).unwrap(),
            mxPathname: 512,
            pNext: std::ptr::null_mut(),
            zName: name.as_ptr(),
            pAppData: Arc::as_ptr(device).cast_mut().cast(),
            xOpen: Some(open),
            xDelete: Some(delete),
            xAccess: Some(access),
            xFullPathname: Some(full_pathname),
            xDlOpen: None,
            xDlError: None,
            xDlSym: None,
            xDlClose: None,
            xRandomness: Some(randomness),
            xSleep: Some(sleep),
            xCurrentTime: Some(current_time),
            xGetLastError: None,
            xCurrentTimeInt64: Some(current_time_int64),
            xSetSystemCall: None,
            xGetSystemCall: None,
            xNextSystemCall: None,
        });
        // SAFETY: the box and the name in it stay where they are until `drop` takes the VFS out of SQLite's list.
        let code = unsafe { ffi::sqlite3_vfs_register(&raw mut *vfs, 0) };
        assert_eq!(code, ffi::SQLITE_OK);
        Self { name, vfs, _device: Arc::clone(device) }
    }

    pub(crate) fn name(&self) -> String {
        self.name.to_str().unwrap().to_owned()
    }
}

impl Drop for Registered {
    fn drop(&mut self) {
        // SAFETY: it was registered in `new`, and its connections are closed: whoever holds this drops it after them.
        unsafe { ffi::sqlite3_vfs_unregister(&raw mut *self.vfs) };
    }
}

static METHODS: ffi::sqlite3_io_methods = ffi::sqlite3_io_methods {
    iVersion: 2,
    xClose: Some(close),
    xRead: Some(read),
    xWrite: Some(write),
    xTruncate: Some(truncate),
    xSync: Some(sync),
    xFileSize: Some(file_size),
    xLock: Some(lock),
    xUnlock: Some(unlock),
    xCheckReservedLock: Some(check_reserved_lock),
    xFileControl: Some(file_control),
    xSectorSize: Some(sector_size),
    xDeviceCharacteristics: Some(device_characteristics),
    xShmMap: Some(shm_map),
    xShmLock: Some(shm_lock),
    xShmBarrier: Some(shm_barrier),
    xShmUnmap: Some(shm_unmap),
    xFetch: None,
    xUnfetch: None,
};

/// What is behind a VFS.
///
/// # Safety
/// The pointer is that of a VFS made by [`Registered::new`], which is alive.
unsafe fn device_of(vfs: *mut ffi::sqlite3_vfs) -> Arc<Device> {
    // SAFETY: `pAppData` came from the `Arc` that `Registered` holds; counted once more, it is one of our own.
    unsafe {
        let device = (*vfs).pAppData.cast_const().cast::<Device>();
        Arc::increment_strong_count(device);
        Arc::from_raw(device)
    }
}

/// What is behind an open file.
///
/// # Safety
/// The pointer is that of a file that `open` opened and `close` did not close yet.
unsafe fn open_of<'a>(file: *mut ffi::sqlite3_file) -> &'a Open {
    // SAFETY: `open` put a valid `Open` there, which lives until `close`.
    unsafe { &*(*file.cast::<Handle>()).open }
}

/// # Safety
/// The pointer is null or that of a text that ends with NUL.
unsafe fn text<'a>(text: *const c_char) -> Option<&'a str> {
    // SAFETY: as promised by the caller.
    (!text.is_null()).then(|| unsafe { CStr::from_ptr(text) }.to_str().expect("the tests' paths are UTF-8"))
}

fn code(result: Result<(), Code>) -> Code {
    result.err().unwrap_or(ffi::SQLITE_OK)
}

/// A size or an offset: SQLite's are never negative.
fn natural(number: impl TryInto<usize>) -> usize {
    number.try_into().unwrap_or_else(|_| panic!("SQLite gave a negative number"))
}

fn kind(flags: c_int) -> Kind {
    if flags & ffi::SQLITE_OPEN_MAIN_DB != 0 {
        Kind::Database
    } else if flags & ffi::SQLITE_OPEN_WAL != 0 {
        Kind::Wal
    } else if flags & (ffi::SQLITE_OPEN_MAIN_JOURNAL | ffi::SQLITE_OPEN_SUPER_JOURNAL) != 0 {
        Kind::Journal
    } else {
        Kind::Temporary
    }
}

unsafe extern "C" fn open(
    vfs: *mut ffi::sqlite3_vfs,
    name: *const c_char,
    file: *mut ffi::sqlite3_file,
    flags: c_int,
    flags_out: *mut c_int,
) -> Code {
    let handle = file.cast::<Handle>();
    // SAFETY: SQLite gives `szOsFile` bytes for the handle, and expects no methods in it if this fails.
    unsafe { (*handle).base.pMethods = std::ptr::null() };
    // SAFETY: SQLite's pointers.
    let (device, name) = unsafe { (device_of(vfs), text(name)) };
    let (kind, creates) = (kind(flags), flags & ffi::SQLITE_OPEN_CREATE != 0);
    let file = match device.open(name, creates) {
        Ok(file) => file,
        Err(code) => return code,
    };
    let syncs_directory = Cell::new(creates && matches!(kind, Kind::Wal | Kind::Journal));
    let open = Box::new(Open { device, file, kind, syncs_directory });
    // SAFETY: as above; `flags_out` may be null.
    unsafe {
        (*handle).open = Box::into_raw(open);
        (*handle).base.pMethods = &raw const METHODS;
        if !flags_out.is_null() {
            *flags_out = flags;
        }
    }
    ffi::SQLITE_OK
}

unsafe extern "C" fn delete(vfs: *mut ffi::sqlite3_vfs, name: *const c_char, syncs_directory: c_int) -> Code {
    // SAFETY: SQLite's pointers.
    let (device, name) = unsafe { (device_of(vfs), text(name)) };
    code(device.delete(name.expect("SQLite names what it deletes"), syncs_directory != 0))
}

unsafe extern "C" fn access(vfs: *mut ffi::sqlite3_vfs, name: *const c_char, _: c_int, found: *mut c_int) -> Code {
    // SAFETY: SQLite's pointers.
    unsafe { *found = device_of(vfs).is_there(text(name).expect("SQLite names what it asks for")).into() };
    ffi::SQLITE_OK
}

unsafe extern "C" fn full_pathname(
    _: *mut ffi::sqlite3_vfs,
    name: *const c_char,
    room: c_int,
    to: *mut c_char,
) -> Code {
    // SAFETY: a text that ends with NUL, from SQLite.
    let name = unsafe { CStr::from_ptr(name) }.to_bytes_with_nul();
    if name.len() > natural(room) {
        return ffi::SQLITE_CANTOPEN;
    }
    // SAFETY: `to` has room for that many bytes, and does not overlap the name.
    unsafe { std::ptr::copy_nonoverlapping(name.as_ptr().cast(), to, name.len()) };
    ffi::SQLITE_OK
}

/// The system's VFS, for what has nothing to do with disks.
fn system() -> *mut ffi::sqlite3_vfs {
    // SAFETY: null asks for the default, which is there for the life of the process.
    unsafe { ffi::sqlite3_vfs_find(std::ptr::null()) }
}

unsafe extern "C" fn randomness(_: *mut ffi::sqlite3_vfs, bytes: c_int, to: *mut c_char) -> c_int {
    // SAFETY: passed on to the system's VFS, which has the method.
    unsafe { ((*system()).xRandomness.unwrap())(system(), bytes, to) }
}

unsafe extern "C" fn sleep(_: *mut ffi::sqlite3_vfs, microseconds: c_int) -> c_int {
    // SAFETY: passed on to the system's VFS, which has the method.
    unsafe { ((*system()).xSleep.unwrap())(system(), microseconds) }
}

unsafe extern "C" fn current_time(_: *mut ffi::sqlite3_vfs, days: *mut f64) -> Code {
    // SAFETY: passed on to the system's VFS, which has the method.
    unsafe { ((*system()).xCurrentTime.unwrap())(system(), days) }
}

unsafe extern "C" fn current_time_int64(_: *mut ffi::sqlite3_vfs, milliseconds: *mut ffi::sqlite3_int64) -> Code {
    // SAFETY: passed on to the system's VFS, which has the method.
    unsafe { ((*system()).xCurrentTimeInt64.unwrap())(system(), milliseconds) }
}

unsafe extern "C" fn close(file: *mut ffi::sqlite3_file) -> Code {
    // SAFETY: the box that `open` put there, taken back once: SQLite does not use the file afterwards.
    let open = unsafe { Box::from_raw((*file.cast::<Handle>()).open) };
    open.device.with_lock(open.file, |lock| lock.lower(open.holder(), ffi::SQLITE_LOCK_NONE));
    ffi::SQLITE_OK
}

unsafe extern "C" fn read(file: *mut ffi::sqlite3_file, to: *mut c_void, bytes: c_int, at: ffi::sqlite3_int64) -> Code {
    // SAFETY: SQLite's pointers; the buffer has that many bytes.
    let (open, to) = unsafe { (open_of(file), std::slice::from_raw_parts_mut(to.cast::<u8>(), natural(bytes))) };
    match open.device.read(open.file, open.kind, natural(at), to) {
        Ok(there) if there < to.len() => ffi::SQLITE_IOERR_SHORT_READ,
        Ok(_) => ffi::SQLITE_OK,
        Err(code) => code,
    }
}

unsafe extern "C" fn write(
    file: *mut ffi::sqlite3_file,
    from: *const c_void,
    bytes: c_int,
    at: ffi::sqlite3_int64,
) -> Code {
    // SAFETY: SQLite's pointers; the buffer has that many bytes.
    let (open, from) = unsafe { (open_of(file), std::slice::from_raw_parts(from.cast::<u8>(), natural(bytes))) };
    code(open.device.write(open.file, open.kind, natural(at), from))
}

unsafe extern "C" fn truncate(file: *mut ffi::sqlite3_file, bytes: ffi::sqlite3_int64) -> Code {
    // SAFETY: SQLite's pointer.
    let open = unsafe { open_of(file) };
    code(open.device.truncate(open.file, open.kind, natural(bytes)))
}

unsafe extern "C" fn sync(file: *mut ffi::sqlite3_file, _: c_int) -> Code {
    // SAFETY: SQLite's pointer.
    let open = unsafe { open_of(file) };
    let synced = open.device.sync(open.file, open.kind, open.syncs_directory.get());
    if synced.is_ok() {
        open.syncs_directory.set(false);
    }
    code(synced)
}

unsafe extern "C" fn file_size(file: *mut ffi::sqlite3_file, bytes: *mut ffi::sqlite3_int64) -> Code {
    // SAFETY: SQLite's pointers.
    unsafe {
        let open = open_of(file);
        *bytes = i64::try_from(open.device.len(open.file)).unwrap();
    }
    ffi::SQLITE_OK
}

unsafe extern "C" fn lock(file: *mut ffi::sqlite3_file, level: c_int) -> Code {
    // SAFETY: SQLite's pointer.
    let open = unsafe { open_of(file) };
    code(open.device.with_lock(open.file, |lock| lock.raise(open.holder(), level)))
}

unsafe extern "C" fn unlock(file: *mut ffi::sqlite3_file, level: c_int) -> Code {
    // SAFETY: SQLite's pointer.
    let open = unsafe { open_of(file) };
    open.device.with_lock(open.file, |lock| lock.lower(open.holder(), level));
    ffi::SQLITE_OK
}

unsafe extern "C" fn check_reserved_lock(file: *mut ffi::sqlite3_file, found: *mut c_int) -> Code {
    // SAFETY: SQLite's pointers.
    unsafe {
        let open = open_of(file);
        *found = open.device.with_lock(open.file, |lock| lock.is_reserved()).into();
    }
    ffi::SQLITE_OK
}

/// Knows two requests: how much is mapped into memory (nothing, ever), and, on a careless device, a `PRAGMA synchronous`. That is
/// made to ask for `NORMAL`, whatever it asked for: the engine need not be changed to see what it would lose.
unsafe extern "C" fn file_control(file: *mut ffi::sqlite3_file, request: c_int, argument: *mut c_void) -> Code {
    if request == ffi::SQLITE_FCNTL_MMAP_SIZE {
        // SAFETY: for this request it is a number, which is the new size and becomes the old one.
        unsafe { *argument.cast::<ffi::sqlite3_int64>() = 0 };
        return ffi::SQLITE_OK;
    }
    // SAFETY: SQLite's pointer.
    if request != ffi::SQLITE_FCNTL_PRAGMA || !unsafe { open_of(file) }.device.is_careless {
        return ffi::SQLITE_NOTFOUND;
    }
    let texts = argument.cast::<*mut c_char>();
    // SAFETY: for this request it is an array of three texts: for an answer, the pragma's name, its value (null if none).
    let (name, value) = unsafe { (text(*texts.add(1)), *texts.add(2)) };
    // SAFETY: as above.
    if name == Some("synchronous") && unsafe { text(value) }.is_some_and(|value| !value.is_empty()) {
        // SAFETY: the value is SQLite's own copy of one character or more; `1` and a NUL fit. Not found, SQLite goes on with it.
        unsafe { std::ptr::copy_nonoverlapping(c"1".as_ptr(), value, 2) };
    }
    ffi::SQLITE_NOTFOUND
}

unsafe extern "C" fn sector_size(_: *mut ffi::sqlite3_file) -> c_int {
    512
}

unsafe extern "C" fn device_characteristics(_: *mut ffi::sqlite3_file) -> c_int {
    ffi::SQLITE_IOCAP_POWERSAFE_OVERWRITE
}

unsafe extern "C" fn shm_map(
    file: *mut ffi::sqlite3_file,
    number: c_int,
    bytes: c_int,
    extends: c_int,
    region: *mut *mut c_void,
) -> Code {
    // SAFETY: SQLite's pointers.
    unsafe {
        let open = open_of(file);
        let found = open.device.memory(open.file).region(open.holder(), natural(number), natural(bytes), extends != 0);
        *region = found.map_or(std::ptr::null_mut(), <*mut u8>::cast);
    }
    ffi::SQLITE_OK
}

unsafe extern "C" fn shm_lock(file: *mut ffi::sqlite3_file, slot: c_int, slots: c_int, flags: c_int) -> Code {
    // SAFETY: SQLite's pointer.
    let open = unsafe { open_of(file) };
    let memory = open.device.memory(open.file);
    let slots = natural(slot)..natural(slot + slots);
    let is_exclusive = flags & ffi::SQLITE_SHM_EXCLUSIVE != 0;
    if flags & ffi::SQLITE_SHM_LOCK != 0 {
        return code(memory.lock(open.holder(), slots, is_exclusive));
    }
    memory.unlock(open.holder(), slots, is_exclusive);
    ffi::SQLITE_OK
}

unsafe extern "C" fn shm_barrier(_: *mut ffi::sqlite3_file) {
    fence(Ordering::SeqCst);
}

unsafe extern "C" fn shm_unmap(file: *mut ffi::sqlite3_file, _: c_int) -> Code {
    // SAFETY: SQLite's pointer.
    let open = unsafe { open_of(file) };
    open.device.memory(open.file).leave(open.holder());
    ffi::SQLITE_OK
}

impl Open {
    /// Its address tells it apart from all others that are open.
    fn holder(&self) -> Holder {
        (&raw const *self).addr()
    }
}
