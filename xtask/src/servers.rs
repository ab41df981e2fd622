//! The servers that tests talk to: named by the environment, or started by the tests themselves from installed programs.
//!
//! Where the programs are missing, they are installed from the distribution's packages, if `SOUK_INSTALL=1` says that this machine may be
//! changed: the CI's may.

use std::env;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::Result;

use crate::command;
use crate::steps::Steps;

/// Where Debian and its kin keep PostgreSQL's programs, one folder a version.
const DEBIAN: &str = "/usr/lib/postgresql";

/// A server for tests.
struct Server {
    /// The variable that names one which runs already.
    variable: &'static str,
    is_installed: fn() -> bool,
    /// The step that installs it, from the first of these packages that there is.
    install: &'static str,
    packages: &'static [&'static str],
    /// The step that is left out without it, and what to do about it.
    without: (&'static str, &'static str),
}

const POSTGRES: Server = Server {
    variable: "SOUK_TEST_POSTGRES",
    is_installed: || has_packaged_postgres() || command::find("initdb").is_some(),
    install: "install postgres",
    packages: &["postgresql"],
    without: (
        "test postgres",
        "no PostgreSQL: install it, name one in SOUK_TEST_POSTGRES, or allow it with SOUK_INSTALL=1",
    ),
};

const VALKEY: Server = Server {
    variable: "SOUK_TEST_VALKEY",
    is_installed: || ["valkey-server", "redis-server"].iter().any(|program| command::find(program).is_some()),
    install: "install valkey",
    packages: &["valkey-server", "redis-server"],
    without: (
        "test shared rates",
        "no Valkey and no Redis: install one, name one in SOUK_TEST_VALKEY, or allow it with SOUK_INSTALL=1",
    ),
};

/// Whether there is a PostgreSQL to test with; what was left out is noted.
pub(crate) fn has_postgres(steps: &mut Steps) -> Result<bool> {
    is_there(&POSTGRES, steps)
}

/// Whether there is a Valkey or a Redis to test with; what was left out is noted.
pub(crate) fn has_valkey(steps: &mut Steps) -> Result<bool> {
    is_there(&VALKEY, steps)
}

fn is_there(server: &Server, steps: &mut Steps) -> Result<bool> {
    if env::var_os(server.variable).is_some() || (server.is_installed)() {
        return Ok(true);
    }
    let may_install = env::var_os("SOUK_INSTALL").is_some_and(|value| value == "1");
    if !may_install || command::find("apt-get").is_none() {
        let (step, remedy) = server.without;
        steps.leave_out(step, remedy);
        return Ok(false);
    }
    steps.run(server.install, || install(server.packages))?;
    Ok((server.is_installed)())
}

fn has_packaged_postgres() -> bool {
    let versions = Path::new(DEBIAN).read_dir().into_iter().flatten().flatten();
    versions.map(|version| version.path().join("bin/initdb")).any(|program: PathBuf| program.is_file())
}

fn install(packages: &[&str]) -> Result<()> {
    let apt = |arguments: &[&str]| {
        let mut apt = Command::new("apt-get");
        apt.args(arguments).env("DEBIAN_FRONTEND", "noninteractive");
        command::run(&mut apt)
    };
    apt(&["update", "-q"])?;
    let is_known = |package: &&&str| {
        let shown = command::output(Command::new("apt-cache").args(["show", "-q", package]));
        shown.is_ok_and(|shown| !shown.is_empty())
    };
    let package = packages.iter().find(is_known).or(packages.last()).expect("a server has a package");
    apt(&["install", "-q", "-y", "--no-install-recommends", package])
}
