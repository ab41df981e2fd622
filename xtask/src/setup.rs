//! Makes sure of the `wasm32-wasip2` standard library, the one thing that a plain Rust toolchain lacks.
//!
//! With the library in place this is one question to rustc. Without it, rustup is asked first; where its server cannot be
//! reached and the machine is a Debian derivative with a package mirror, the library is built from Debian's copy of the
//! compiler's own sources ([`debian`], [`standard_library`]).

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context as _, Result, anyhow, ensure};

use crate::command;
use crate::compiler::Compiler;
use crate::debian;
use crate::standard_library;
use crate::steps::Line;
use crate::workspace::{WASM_TARGET, Workspace};

/// How long rustup may try when there is another way. It repeats attempts at a dead server for minutes.
const RUSTUP_LIMIT: Duration = Duration::from_mins(1);

/// How long rustup may try when it is the only way: the library of a slow connection is better than none.
const RUSTUP_ONLY_LIMIT: Duration = Duration::from_mins(10);

/// Returns when the library is there; says how to get it when no way was found.
pub(crate) fn library(workspace: &Workspace) -> Result<()> {
    let sysroot = PathBuf::from(command::output(command::rustc(&workspace.root).args(["--print", "sysroot"]))?.trim());
    if standard_library::is_complete(&sysroot) && standard_library::stamp(&sysroot).is_none() {
        return Ok(());
    }
    let compiler = Compiler::ask(workspace, sysroot)?;
    if standard_library::fits(&compiler) {
        return Ok(());
    }
    let log = prepare_log(workspace)?;
    eprintln!("setup: rustc {} has no standard library for {WASM_TARGET} yet", compiler.version);
    let by_rustup = match install_by_rustup(workspace, &compiler, &log) {
        Ok(()) => return remove_stale_guests(workspace),
        Err(error) => error,
    };
    let by_debian = match install_by_debian(workspace, &compiler, &log) {
        Ok(()) => return remove_stale_guests(workspace),
        Err(error) => error,
    };
    Err(remedy(&compiler, &by_rustup, &by_debian))
}

/// Holds the log, and unpacked sources while setup runs or when it failed.
fn folder(workspace: &Workspace) -> PathBuf {
    workspace.target.join("setup")
}

fn prepare_log(workspace: &Workspace) -> Result<PathBuf> {
    let folder = folder(workspace);
    fs::create_dir_all(&folder).with_context(|| format!("cannot create {}", folder.display()))?;
    Ok(folder.join("log"))
}

fn install_by_rustup(workspace: &Workspace, compiler: &Compiler, log: &Path) -> Result<()> {
    let rustup = command::find("rustup").context("rustup is not installed")?;
    // rustup refuses to install over files that it does not know.
    standard_library::remove_stale(&compiler.sysroot)?;
    let limit = if debian::is_available() { RUSTUP_LIMIT } else { RUSTUP_ONLY_LIMIT };
    let line = Line::start(format!("rustup target add {WASM_TARGET}"));
    let mut add = Command::new(rustup);
    add.current_dir(&workspace.root).args(["target", "add", WASM_TARGET]).env_remove("RUST_BACKTRACE");
    command::run_logged(&mut add, log, limit, &line)?;
    ensure!(standard_library::is_complete(&compiler.sysroot), "rustup reported success, but the library is not there");
    line.done();
    Ok(())
}

fn install_by_debian(workspace: &Workspace, compiler: &Compiler, log: &Path) -> Result<()> {
    if !debian::is_available() {
        return Err(anyhow!("apt-get or dpkg is not installed"));
    }
    // Held until this returns: a second run waits here, and then finds the work done.
    let _lock = standard_library::lock(&compiler.sysroot)?;
    if standard_library::fits(compiler) {
        return Ok(());
    }
    let work = folder(workspace).join("work");
    remove_folder(&work)?;
    fs::create_dir_all(&work)?;
    let sources = debian::fetch(&work, compiler, log)?;
    let built = standard_library::build(&work, compiler, &sources, log)?;
    standard_library::install(compiler, &built, &sources)?;
    eprintln!("setup: installed in {}", standard_library::folder(&compiler.sysroot).display());
    remove_folder(&work)
}

/// Guests that were compiled against another build of the library do not link with a new one, and cargo does not notice.
fn remove_stale_guests(workspace: &Workspace) -> Result<()> {
    remove_folder(&workspace.target.join(WASM_TARGET))
}

fn remove_folder(folder: &Path) -> Result<()> {
    if folder.exists() {
        fs::remove_dir_all(folder).with_context(|| format!("cannot remove {}", folder.display()))?;
    }
    Ok(())
}

fn remedy(compiler: &Compiler, by_rustup: &anyhow::Error, by_debian: &anyhow::Error) -> anyhow::Error {
    anyhow!(
        "the {WASM_TARGET} standard library of rustc {version} is missing, and no way to get it worked\n\
         \n  rustup: {by_rustup:#}\n\
         \n  Debian sources: {by_debian:#}\n\
         \nwhat helps, any of:\n\
         \n  - `rustup target add {WASM_TARGET}` with a connection (HTTPS_PROXY for a proxy, RUSTUP_DIST_SERVER for a mirror)\
         \n  - a Debian mirror in the machine's apt configuration that has {suites}\
         \n  - the folder {folder} of another machine with the same rustc",
        version = compiler.version,
        suites = debian::SUITES.join(" and "),
        folder = standard_library::folder(&compiler.sysroot).display(),
    )
}
