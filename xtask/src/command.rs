//! Child processes: which cargo and rustc, with which environment, and what becomes of their output.

use std::env;
use std::fmt::Write as _;
use std::fs::{self, File};
use std::iter;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};

use crate::steps::Line;

/// How often a running child is looked at. Shorter than anybody notices, longer than costs anything.
const POLL_MS: u64 = 40;

/// How much of a failed child's log is shown.
const TAIL_LINES: usize = 25;

/// The cargo that started this program, without what `cargo run` told this program about itself.
///
/// Build scripts that watch `CARGO_MANIFEST_DIR` and the like would otherwise run again at each change between
/// `cargo build` and `cargo xtask build`.
pub(crate) fn cargo() -> Command {
    let mut command = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    for (name, _) in env::vars_os() {
        let told = name.to_str().is_some_and(|name| {
            name.starts_with("CARGO_PKG_")
                || ["CARGO_MANIFEST_DIR", "CARGO_MANIFEST_PATH", "CARGO_BIN_NAME"].contains(&name)
        });
        if told {
            command.env_remove(name);
        }
    }
    command
}

/// The rustc that cargo would use in `folder`.
pub(crate) fn rustc(folder: &Path) -> Command {
    let mut command = Command::new(env::var_os("RUSTC").unwrap_or_else(|| "rustc".into()));
    command.current_dir(folder);
    command
}

/// Runs a child that shares this program's terminal.
pub(crate) fn run(command: &mut Command) -> Result<()> {
    let status = command.status().with_context(|| format!("cannot start {}", name(command)))?;
    if !status.success() {
        bail!("`{}` failed ({status})", text(command));
    }
    Ok(())
}

/// Runs a child for what it prints.
pub(crate) fn output(command: &mut Command) -> Result<String> {
    let output = command.output().with_context(|| format!("cannot start {}", name(command)))?;
    if !output.status.success() {
        let stderr = String::from_utf8_lossy(&output.stderr);
        bail!("`{}` failed ({}): {}", text(command), output.status, stderr.trim());
    }
    String::from_utf8(output.stdout).with_context(|| format!("{} printed no UTF-8", name(command)))
}

/// Runs a child whose output is long and only of interest when it fails: it goes to the end of the file `log`.
///
/// `line` shows that it still runs. A child that is not done after `limit` is ended and counts as failed.
pub(crate) fn run_logged(command: &mut Command, log: &Path, limit: Duration, line: &Line) -> Result<()> {
    let file = File::options()
        .create(true)
        .append(true)
        .open(log)
        .with_context(|| format!("cannot write {}", log.display()))?;
    let before = file.metadata()?.len();
    command.stdin(Stdio::null()).stdout(file.try_clone()?).stderr(file);
    let mut child = command.spawn().with_context(|| format!("cannot start {}", name(command)))?;
    let started = Instant::now();
    let status = loop {
        if let Some(status) = child.try_wait()? {
            break status;
        }
        if started.elapsed() > limit {
            child.kill()?;
            child.wait()?;
            bail!("`{}` was not done after {} s\n{}", name(command), limit.as_secs(), tail(log, before));
        }
        line.tick();
        thread::sleep(Duration::from_millis(POLL_MS));
    };
    if !status.success() {
        bail!("`{}` failed ({status})\n{}", text(command), tail(log, before));
    }
    Ok(())
}

/// The last lines that were written to `log` behind the byte `from`, indented.
pub(crate) fn tail(log: &Path, from: u64) -> String {
    let bytes = fs::read(log).unwrap_or_default();
    let from = usize::try_from(from).unwrap_or_default().min(bytes.len());
    let text = String::from_utf8_lossy(&bytes[from..]);
    let lines: Vec<&str> = text.lines().collect();
    let mut shown = String::new();
    for line in &lines[lines.len().saturating_sub(TAIL_LINES)..] {
        writeln!(shown, "    | {line}").expect("a string takes all text");
    }
    shown + &format!("    | (all of it: {})", log.display())
}

/// The program `name` on the search path.
pub(crate) fn find(name: &str) -> Option<PathBuf> {
    let folders = env::var_os("PATH").unwrap_or_default();
    env::split_paths(&folders).map(|folder| folder.join(name)).find(|path| path.is_file())
}

fn name(command: &Command) -> String {
    Path::new(command.get_program()).file_name().unwrap_or(command.get_program()).to_string_lossy().into_owned()
}

/// The command as one would type it.
fn text(command: &Command) -> String {
    let arguments = command.get_args().map(|argument| argument.to_string_lossy());
    iter::once(name(command).into()).chain(arguments).collect::<Vec<_>>().join(" ")
}
