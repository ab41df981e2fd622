//! Components in other languages than Rust, under `components/contrib/`: built with `cargo xtask build --all`, and by nothing else, so that a
//! Rust toolchain stays all that the shop needs.
//!
//! What builds one is pinned with hashes in its folder and installed under `target/contrib/`, never into the machine. Whether something is to be
//! done is told by a stamp beside what was made: the text of everything that it was made of.

use std::collections::hash_map::DefaultHasher;
use std::fs;
use std::hash::{Hash as _, Hasher as _};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context as _, Result, anyhow, ensure};
use souk_database::migration::{self, Migration};

use crate::command;
use crate::steps::{Line, Steps};
use crate::workspace::Workspace;

/// The oldest Python whose standard library the sources are written for; what builds them takes older ones.
const PYTHON_MIN: (u32, u32) = (3, 11);

/// How long pip may take: it loads 17 MB, over whatever connection there is.
const INSTALL_LIMIT: Duration = Duration::from_mins(10);

/// How long building one takes at most: 12 s on one core of 2024.
const BUILD_LIMIT: Duration = Duration::from_mins(5);

/// A component in Python.
struct Contribution {
    /// Its folder, from the root.
    folder: &'static str,
    /// The file that it becomes, under `target/contrib/`.
    file: &'static str,
    /// The WIT packages that its world needs, under `wit/`, in the order in which one needs the next; its own folder `wit` comes last.
    wit: &'static [&'static str],
    /// The component whose place it takes in the shop.
    slot: &'static str,
    /// The name of its world.
    world: &'static str,
    /// Its migrations, from the root.
    migrations: &'static str,
}

const CONTRIBUTIONS: [Contribution; 1] = [Contribution {
    folder: "components/contrib/payment-python",
    file: "payment_python.wasm",
    wit: &[
        "deps/clocks.wit",
        "deps/filesystem.wit",
        "deps/random.wit",
        "deps/sockets.wit",
        "deps/cli.wit",
        "deps/http.wit",
        "events",
        "database",
        "http",
        "jobs",
        "health",
        "payment",
    ],
    slot: "payment",
    world: "souk:payment-python/component",
    migrations: "migrations/payment",
}];

/// What builds them, installed where it is not there yet. The error says what this machine lacks for it.
pub(crate) fn tools(workspace: &Workspace) -> Result<()> {
    python()?;
    let target = workspace.root.join("target").join("contrib");
    fs::create_dir_all(&target).with_context(|| format!("cannot create {}", target.display()))?;
    CONTRIBUTIONS.iter().try_for_each(|contribution| tool(workspace, contribution, &target).map(|_| ()))
}

/// Builds those that have changed.
pub(crate) fn build(workspace: &Workspace, steps: &mut Steps) -> Result<()> {
    steps.run("build contrib", || CONTRIBUTIONS.iter().try_for_each(|contribution| contribution.build(workspace)))
}

/// What has `cargo xtask swaps` put them into the shop: the component whose place each takes, and its file.
pub(crate) fn with(workspace: &Workspace) -> Vec<String> {
    let target = workspace.root.join("target").join("contrib");
    let each = CONTRIBUTIONS.iter().flat_map(|contribution| {
        let file = target.join(contribution.file);
        ["--with".to_owned(), format!("{}={}", contribution.slot, file.display())]
    });
    each.collect()
}

/// Runs their tests: natively, and against the host that was built before, beside the Rust services whose place they take.
pub(crate) fn test(workspace: &Workspace, steps: &mut Steps, souk: &Path) -> Result<()> {
    let python = python()?;
    CONTRIBUTIONS.iter().try_for_each(|contribution| {
        let run = |module: &[&str]| {
            let mut test = Command::new(&python);
            // `-B`: what is compiled beside the sources is of no use.
            test.args(["-B", "-m"]).args(module).current_dir(workspace.root.join(contribution.folder));
            command::run(test.env("SOUK_BIN", souk))
        };
        steps.run("test contrib", || run(&["unittest"]))?;
        steps.run("test contrib in turns", || run(&["tests.alternate"]))
    })
}

impl Contribution {
    fn build(&self, workspace: &Workspace) -> Result<()> {
        let target = workspace.root.join("target").join("contrib");
        fs::create_dir_all(&target).with_context(|| format!("cannot create {}", target.display()))?;
        let (made, stamp) = (target.join(self.file), target.join(format!("{}.stamp", self.file)));
        let sources = self.sources(workspace)?;
        if made.exists() && is_stamped(&stamp, &sources) {
            eprintln!("contrib: {} is as its sources are", self.file);
            return Ok(());
        }
        let tool = tool(workspace, self, &target)?;
        let line = Line::start(format!("{} of {}", self.file, self.folder));
        let raw = target.join(format!(".{}.raw", self.file));
        command::run_logged(&mut self.componentize(workspace, &tool, &raw), &target.join("log"), BUILD_LIMIT, &line)?;
        let component = fs::read(&raw).with_context(|| format!("cannot read {}", raw.display()))?;
        let carrying = migration::embed(&component, &self.migrations(workspace)?)
            .map_err(|error| anyhow!("{}: {error}", self.file))?;
        // A running host may watch this file: it must never see half a component.
        fs::write(&raw, carrying)?;
        fs::rename(&raw, &made).with_context(|| format!("cannot write {}", made.display()))?;
        fs::write(&stamp, &sources)?;
        line.done();
        Ok(())
    }

    fn componentize(&self, workspace: &Workspace, tool: &Path, to: &Path) -> Command {
        let folder = workspace.root.join(self.folder);
        let mut build = Command::new(tool);
        for package in self.wit {
            build.arg("--wit-path").arg(workspace.root.join("wit").join(package));
        }
        build.arg("--wit-path").arg(folder.join("wit")).args(["--world", self.world]);
        build.args(["componentize", "component", "--python-path"]).arg(folder.join("src")).arg("--output").arg(to);
        // What is compiled beside the sources would be a source the next time.
        build.env("PYTHONDONTWRITEBYTECODE", "1").current_dir(&workspace.root);
        build
    }

    fn migrations(&self, workspace: &Workspace) -> Result<Vec<Migration>> {
        let files = files(&workspace.root.join(self.migrations))?;
        let read = |path: PathBuf| {
            let file = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            let sql = fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?;
            Ok(Migration { file, sql })
        };
        files
            .into_iter()
            .filter(|path| path.extension().is_some_and(|extension| extension == "sql"))
            .map(read)
            .collect()
    }

    /// What it is made of, as a stamp.
    fn sources(&self, workspace: &Workspace) -> Result<String> {
        let own = ["src", "wit", "requirements.txt"].map(|part| workspace.root.join(self.folder).join(part));
        let packages = self.wit.iter().map(|package| workspace.root.join("wit").join(package));
        let mut hasher = DefaultHasher::new();
        for part in own.into_iter().chain(packages).chain([workspace.root.join(self.migrations)]) {
            for path in files(&part)? {
                let bytes = fs::read(&path).with_context(|| format!("cannot read {}", path.display()))?;
                (path.strip_prefix(&workspace.root).unwrap_or(&path), bytes).hash(&mut hasher);
            }
        }
        Ok(format!("{:016x}\n", hasher.finish()))
    }
}

/// The files of a folder and of the folders in it, or the one that it is, in the order of their names.
fn files(path: &Path) -> Result<Vec<PathBuf>> {
    if path.is_file() {
        return Ok(vec![path.to_owned()]);
    }
    let entries = fs::read_dir(path).with_context(|| format!("cannot read {}", path.display()))?;
    let mut entries: Vec<PathBuf> = entries.map(|entry| Ok(entry?.path())).collect::<Result<_>>()?;
    entries.retain(|path| !path.ends_with("__pycache__"));
    entries.sort();
    let nested: Vec<Vec<PathBuf>> = entries.iter().map(|path| files(path)).collect::<Result<_>>()?;
    Ok(nested.concat())
}

/// What makes components of Python, in an environment of its own that is made once for each text of the requirements.
fn tool(workspace: &Workspace, of: &Contribution, target: &Path) -> Result<PathBuf> {
    let requirements = workspace.root.join(of.folder).join("requirements.txt");
    let wanted =
        fs::read_to_string(&requirements).with_context(|| format!("cannot read {}", requirements.display()))?;
    let (environment, stamp) = (target.join("python"), target.join("python.stamp"));
    let programs = environment.join(if cfg!(windows) { "Scripts" } else { "bin" });
    let tool = programs.join("componentize-py").with_extension(std::env::consts::EXE_EXTENSION);
    if tool.exists() && is_stamped(&stamp, &wanted) {
        return Ok(tool);
    }
    let python = python()?;
    let log = target.join("log");
    let line = Line::start("componentize-py, from the package index that pip is set up for");
    if environment.exists() {
        fs::remove_dir_all(&environment).with_context(|| format!("cannot remove {}", environment.display()))?;
    }
    let mut make = Command::new(python);
    make.args(["-m", "venv"]).arg(&environment);
    command::run_logged(&mut make, &log, INSTALL_LIMIT, &line).context(
        "cannot make a virtual environment; on Debian and Ubuntu the package python3-venv is what is missing",
    )?;
    let mut install = Command::new(programs.join("python").with_extension(std::env::consts::EXE_EXTENSION));
    install.args(["-m", "pip", "install", "--require-hashes", "--disable-pip-version-check", "-r"]).arg(&requirements);
    command::run_logged(&mut install, &log, INSTALL_LIMIT, &line).context(
        "cannot install componentize-py; pip needs a connection to a package index, or PIP_INDEX_URL for a mirror of one",
    )?;
    fs::write(&stamp, wanted)?;
    line.done();
    Ok(tool)
}

/// A Python that is new enough.
fn python() -> Result<PathBuf> {
    let (major, minor) = PYTHON_MIN;
    let missing = || {
        format!(
            "install Python {major}.{minor} or newer: components under components/contrib need it, nothing else does"
        )
    };
    let python = ["python3", "python"].into_iter().find_map(command::find).with_context(missing)?;
    let mut ask = Command::new(&python);
    ask.args(["-c", "import sys; print(*sys.version_info[:2])"]);
    let answer = command::output(&mut ask).with_context(missing)?;
    let version =
        parse(&answer).with_context(|| format!("{} says that its version is {answer:?}", python.display()))?;
    ensure!(version >= PYTHON_MIN, "{} is Python {}.{}; {}", python.display(), version.0, version.1, missing());
    Ok(python)
}

/// Two numbers with a space between them.
fn parse(version: &str) -> Option<(u32, u32)> {
    let (major, minor) = version.trim().split_once(' ')?;
    Some((major.parse().ok()?, minor.parse().ok()?))
}

fn is_stamped(stamp: &Path, wanted: &str) -> bool {
    fs::read_to_string(stamp).is_ok_and(|found| found == wanted)
}

#[cfg(test)]
mod tests {
    use super::{CONTRIBUTIONS, parse};
    use std::path::Path;

    #[test]
    fn versions_compare_as_numbers() {
        assert_eq!(parse("3 9\n"), Some((3, 9)));
        assert!(parse("3 9\n") < parse("3 11\n"));
        assert_eq!(parse("3.11"), None);
    }

    #[test]
    fn what_a_contribution_names_is_there() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
        for contribution in &CONTRIBUTIONS {
            let wit = contribution.wit.iter().map(|package| format!("wit/{package}"));
            for path in wit.chain([contribution.folder.to_owned(), contribution.migrations.to_owned()]) {
                assert!(root.join(&path).exists(), "{path}");
            }
        }
    }
}
