//! Fetches the compiler's sources and wasi-libc from the machine's own Debian mirror.
//!
//! Nothing is installed and the system's apt configuration stays as it is: apt gets a configuration file of its own, with its
//! own folders and a source list derived from the machine's ([`sources`](crate::sources)), and packages are unpacked, not
//! installed. So it needs no root, and no mirror is named here.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};

use crate::command;
use crate::compiler::Compiler;
use crate::sources;
use crate::steps::Line;
use crate::workspace::WASM_TARGET;

/// Where the packages are looked for: wasi-libc in the release, the sources of newer compilers in its backports.
pub(crate) const SUITES: [&str; 2] = ["trixie", "trixie-backports"];

/// wasi-libc comes from this suite, whatever else has one: the older ones know no `wasm32-wasip2`, newer ones were not tried.
const LIBC: &str = "wasi-libc/trixie";

/// For each call of apt or dpkg. 60 MB in all; a mirror that needs longer is not one.
const LIMIT: Duration = Duration::from_mins(5);

/// What was fetched.
pub(crate) struct Sources {
    /// The `library` folder of the compiler's sources.
    pub(crate) library: PathBuf,
    /// The folder of wasi-libc's object files and archives.
    pub(crate) libc: PathBuf,
}

/// Whether this machine has the tools of a Debian derivative.
pub(crate) fn is_available() -> bool {
    command::find("apt-get").is_some() && command::find("dpkg").is_some()
}

/// Fetches and unpacks into `work`.
pub(crate) fn fetch(work: &Path, compiler: &Compiler, log: &Path) -> Result<Sources> {
    let apt = Apt::prepare(work)?;

    let line = Line::start(format!("apt index of {}", SUITES.join(", ")));
    // Its exit code counts for nothing: one of several derived sources may well lack the suites. What counts comes next.
    let update = command::run_logged(&mut apt.tool("apt-get", &["update"]), log, LIMIT, &line);
    let version = apt.version_of("rust-src", &compiler.version).map_err(|error| update.err().unwrap_or(error))?;
    line.done();

    let line = Line::start(format!("apt-get download rust-src {version}, {LIBC}"));
    let mut download = apt.tool("apt-get", &["download", &format!("rust-src={version}"), LIBC]);
    command::run_logged(download.current_dir(work), log, LIMIT, &line)?;
    line.done();

    let root = work.join("root");
    fs::create_dir_all(&root)?;
    let library = format!("usr/src/rustc-{}/library", compiler.version);
    let line = Line::start("unpack");
    for package in packages(work)? {
        command::run_logged(&mut unpack(&package, &root, &library), log, LIMIT, &line)?;
    }
    line.done();

    let sources = Sources { library: root.join(library), libc: root.join("usr/lib").join(WASM_TARGET) };
    ensure!(sources.library.is_dir(), "rust-src has no {}", sources.library.display());
    ensure!(sources.libc.join("libc.a").is_file(), "wasi-libc has no {}", sources.libc.display());
    Ok(sources)
}

/// apt with a configuration of its own.
struct Apt {
    configuration: PathBuf,
}

impl Apt {
    fn prepare(work: &Path) -> Result<Self> {
        let home = work.join("apt");
        for folder in ["sources", "lists/partial", "cache/archives/partial"] {
            fs::create_dir_all(home.join(folder))?;
        }
        let derived = sources::derive(&machine_sources()?, &SUITES);
        ensure!(
            !derived.is_empty(),
            "the machine's apt configuration names no package archive with a component `main`"
        );
        fs::write(home.join("sources/souk.sources"), derived)?;
        let configuration = home.join("apt.conf");
        fs::write(&configuration, configuration_text(&home))?;
        Ok(Self { configuration })
    }

    fn tool(&self, name: &str, arguments: &[&str]) -> Command {
        let mut command = Command::new(name);
        command.arg("--config-file").arg(&self.configuration).args(arguments).env("LC_ALL", "C");
        command
    }

    /// The version of `package` whose upstream part is `upstream`. Sources of another compiler do not compile with this one.
    fn version_of(&self, package: &str, upstream: &str) -> Result<String> {
        let listed = command::output(&mut self.tool("apt-cache", &["madison", package]))?;
        let versions: Vec<&str> = listed.lines().filter_map(|line| line.split('|').nth(1)).map(str::trim).collect();
        let fitting = versions.iter().find(|version| upstream_of(version) == upstream);
        fitting.map(|&version| version.to_owned()).with_context(|| {
            format!("the mirror has {package} {} in {}, but not {upstream}", versions.join(", "), SUITES.join(", "))
        })
    }
}

/// `1.95.0` of `1.95.0+dfsg1-2~bpo13+1`. A `~` before that stays: `1.95.0~beta` is another version.
fn upstream_of(version: &str) -> &str {
    version.split(['+', '-']).next().unwrap_or(version)
}

/// Read after the machine's own configuration, so that its proxies and certificates stay in force.
fn configuration_text(home: &Path) -> String {
    let home = home.display();
    format!(
        r#"Dir::Etc::SourceList "/dev/null";
Dir::Etc::SourceParts "{home}/sources";
Dir::State::Lists "{home}/lists";
Dir::Cache "{home}/cache";
// Hooks of the machine tidy the machine's folders, not these, and may need root.
#clear APT::Update::Pre-Invoke;
#clear APT::Update::Post-Invoke;
#clear APT::Update::Post-Invoke-Success;
// As root, apt would download as a user who cannot enter this folder.
APT::Sandbox::User "root";
// Only the package lists are needed.
Acquire::Languages "none";
Acquire::IndexTargets::deb::DEP-11::DefaultEnabled "false";
Acquire::IndexTargets::deb::Contents-deb::DefaultEnabled "false";
"#
    )
}

/// The texts of the machine's source lists, each with its file extension.
fn machine_sources() -> Result<Vec<(String, String)>> {
    let named = command::output(Command::new("apt-config").args([
        "shell",
        "LIST",
        "Dir::Etc::SourceList/f",
        "PARTS",
        "Dir::Etc::SourceParts/d",
    ]))?;
    let path = |name: &str| {
        let value = named.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix('='));
        PathBuf::from(value.unwrap_or_default().trim_matches('\''))
    };
    let mut files: Vec<PathBuf> = vec![path("LIST")];
    if let Ok(parts) = fs::read_dir(path("PARTS")) {
        files.extend(parts.flatten().map(|part| part.path()));
    }
    files.sort();
    let extension = |file: &Path| file.extension().unwrap_or_default().to_string_lossy().into_owned();
    // A file that cannot be read, often because it holds a password for a private archive, is none of ours.
    Ok(files.iter().filter_map(|file| Some((extension(file), fs::read_to_string(file).ok()?))).collect())
}

/// What is needed of a package: `library` of the compiler's sources, of which it is a twentieth, and all of another package.
///
/// `dpkg -x` knows no such choice, and on a slow disk the removal of 45,000 files afterwards takes longer than all the rest.
fn unpack(package: &Path, root: &Path, library: &str) -> Command {
    let is_compiler = package.file_name().is_some_and(|name| name.to_string_lossy().starts_with("rust-src"));
    if !is_compiler {
        let mut dpkg = Command::new("dpkg");
        dpkg.arg("-x").args([package, root]);
        return dpkg;
    }
    let mut shell = Command::new("sh");
    shell.args(["-c", r#"dpkg --fsys-tarfile "$1" | tar -x -C "$2" "./$3" --exclude "./$3/vendor""#, "unpack"]);
    shell.args([package, root]).arg(library);
    shell
}

fn packages(folder: &Path) -> Result<Vec<PathBuf>> {
    let entries = fs::read_dir(folder)?.map(|entry| Ok(entry?.path())).collect::<Result<Vec<_>>>()?;
    Ok(entries.into_iter().filter(|path| path.extension().is_some_and(|extension| extension == "deb")).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_upstream_part_of_a_version_counts() {
        assert_eq!(upstream_of("1.95.0+dfsg1-2~bpo13+1"), "1.95.0");
        assert_eq!(upstream_of("1.95.0-1"), "1.95.0");
        assert_eq!(upstream_of("1.95.0~beta.2+dfsg1-1"), "1.95.0~beta.2");
    }
}
