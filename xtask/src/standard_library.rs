//! The standard library of the guests inside the toolchain: whether it is there, building it from sources, installing it.
//!
//! A library that was built here carries a stamp, the compiler's identity, so that it is recognised after the toolchain
//! changed beneath it. One from rustup carries none; rustup keeps those up to date itself.

use std::env;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};

use crate::command;
use crate::compiler::Compiler;
use crate::debian::Sources;
use crate::steps::Line;
use crate::workspace::WASM_TARGET;

/// What rustc takes from wasi-libc: how a component starts, as a program and as a library, and libc.
const FROM_LIBC: [&str; 3] = ["crt1-command.o", "crt1-reactor.o", "libc.a"];

/// The file that marks a library that was built here.
const STAMP: &str = "built-by-souk-setup";

/// Half a minute on two cores, plus the download of a dozen crates.
const BUILD_LIMIT: Duration = Duration::from_mins(15);

/// The folder of the library and of nothing else.
pub(crate) fn folder(sysroot: &Path) -> PathBuf {
    targets(sysroot).join(WASM_TARGET)
}

/// Whether a library is there: the crates that every guest links, and libc beside them.
pub(crate) fn is_complete(sysroot: &Path) -> bool {
    let library = folder(sysroot).join("lib");
    let Ok(entries) = fs::read_dir(&library) else {
        return false;
    };
    let names: Vec<String> = entries.flatten().map(|entry| entry.file_name().to_string_lossy().into_owned()).collect();
    // `libstd-<hash>.rlib` or `libstd.rlib`, but not `libstd_detect-<hash>.rlib`.
    let has = |stem: &str| names.iter().any(|name| name.split(['-', '.']).next() == Some(stem));
    has("libcore") && has("libstd") && library.join("self-contained").join("libc.a").is_file()
}

/// The compiler that a library built here was built with.
pub(crate) fn stamp(sysroot: &Path) -> Option<String> {
    fs::read_to_string(folder(sysroot).join(STAMP)).ok()
}

/// Whether a library is there that this compiler can use.
pub(crate) fn fits(compiler: &Compiler) -> bool {
    is_complete(&compiler.sysroot) && stamp(&compiler.sysroot).is_none_or(|identity| identity == compiler.identity)
}

/// Removes a library that was built here, for a compiler that is no more.
pub(crate) fn remove_stale(sysroot: &Path) -> Result<()> {
    if stamp(sysroot).is_some() {
        let folder = folder(sysroot);
        fs::remove_dir_all(&folder).with_context(|| format!("cannot remove {}", folder.display()))?;
    }
    Ok(())
}

/// Keeps others from building for the same toolchain until the returned file is dropped.
pub(crate) fn lock(sysroot: &Path) -> Result<File> {
    let targets = targets(sysroot);
    // The folder itself is the lock: a lock file would stay in the toolchain for ever.
    let lock = File::open(&targets).with_context(|| format!("cannot open {}", targets.display()))?;
    lock.lock().with_context(|| format!("cannot lock {}", targets.display()))?;
    Ok(lock)
}

/// Builds the library; the result is the folder of its `.rlib` files.
pub(crate) fn build(work: &Path, compiler: &Compiler, sources: &Sources, log: &Path) -> Result<PathBuf> {
    let line = Line::start(format!("cargo build of the standard library for {WASM_TARGET}"));
    let target = work.join("target");
    let mut cargo = plain_cargo(compiler);
    cargo
        .args(["build", "--release", "--target", WASM_TARGET, "--manifest-path"])
        .arg(sources.library.join("sysroot/Cargo.toml"));
    cargo.args(["--features", "panic-unwind compiler-builtins-mem backtrace"]);
    cargo.env("CARGO_TARGET_DIR", &target);
    cargo.env("CARGO_ENCODED_RUSTFLAGS", flags(compiler, sources).join("\x1f"));
    // The library is unstable code by nature; this compiler is the one that it was written for.
    cargo.env("RUSTC_BOOTSTRAP", "1");
    cargo.env("CARGO_PROFILE_RELEASE_PANIC", "abort").env("CARGO_PROFILE_RELEASE_DEBUG", "0");
    command::run_logged(&mut cargo, log, BUILD_LIMIT, &line)?;
    line.done();
    Ok(target.join(WASM_TARGET).join("release").join("deps"))
}

/// Puts the library into the toolchain, all of it or nothing.
pub(crate) fn install(compiler: &Compiler, built: &Path, sources: &Sources) -> Result<()> {
    let targets = targets(&compiler.sysroot);
    let (partial, old) = (targets.join(".souk-setup-partial"), targets.join(".souk-setup-old"));
    for left_over in [&partial, &old] {
        if left_over.exists() {
            fs::remove_dir_all(left_over)?;
        }
    }
    let library = partial.join("lib");
    let self_contained = library.join("self-contained");
    fs::create_dir_all(&self_contained).with_context(|| format!("cannot write to {}", targets.display()))?;
    let mut crates = 0;
    for entry in fs::read_dir(built)? {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension == "rlib") {
            copy(&path, &library)?;
            crates += 1;
        }
    }
    ensure!(crates > 0, "cargo left no libraries in {}", built.display());
    for name in FROM_LIBC {
        copy(&sources.libc.join(name), &self_contained)?;
    }
    fs::write(partial.join(STAMP), &compiler.identity)?;
    let folder = folder(&compiler.sysroot);
    if folder.exists() {
        fs::rename(&folder, &old)?;
    }
    fs::rename(&partial, &folder).with_context(|| format!("cannot write {}", folder.display()))?;
    if old.exists() {
        fs::remove_dir_all(&old)?;
    }
    Ok(())
}

/// Where a toolchain keeps the libraries of its targets.
fn targets(sysroot: &Path) -> PathBuf {
    sysroot.join("lib").join("rustlib")
}

/// The toolchain's cargo and rustc themselves, started where no configuration of this workspace reaches them.
fn plain_cargo(compiler: &Compiler) -> Command {
    let programs = compiler.sysroot.join("bin");
    let cargo = programs.join("cargo");
    let mut command = if cargo.is_file() { Command::new(cargo) } else { command::cargo() };
    for (name, _) in env::vars_os() {
        let overrides = name.to_str().is_some_and(|name| {
            ["CARGO_BUILD_", "CARGO_PROFILE_", "CARGO_TARGET_", "CARGO_PKG_"]
                .iter()
                .any(|prefix| name.starts_with(prefix))
        });
        if overrides {
            command.env_remove(name);
        }
    }
    for name in ["RUSTFLAGS", "RUSTC_WRAPPER", "RUSTC_WORKSPACE_WRAPPER"] {
        command.env_remove(name);
    }
    command.env("RUSTC", programs.join("rustc")).current_dir(&compiler.sysroot);
    command
}

/// As the Rust project builds it, and with its names for source files, so that no path of this machine gets into the guests.
fn flags(compiler: &Compiler, sources: &Sources) -> Vec<String> {
    let mut flags = vec![
        "-Cembed-bitcode=yes".to_owned(),
        "-Zforce-unstable-if-unmarked".to_owned(),
        "-Clink-self-contained=yes".to_owned(),
        format!("-Lnative={}", sources.libc.display()),
        format!("--remap-path-prefix={}=/rustc/{}/library", sources.library.display(), compiler.commit),
    ];
    let home = env::var_os("CARGO_HOME").map(PathBuf::from).or_else(|| Some(env::home_dir()?.join(".cargo")));
    if let Some(home) = home {
        flags.push(format!("--remap-path-prefix={}=/rust/deps", home.join("registry").join("src").display()));
    }
    flags
}

fn copy(file: &Path, folder: &Path) -> Result<()> {
    let name = file.file_name().with_context(|| format!("{} is no file", file.display()))?;
    fs::copy(file, folder.join(name)).with_context(|| format!("cannot copy {}", file.display()))?;
    Ok(())
}
