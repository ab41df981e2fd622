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

/// Where Debian and its kin keep the server's programs, one folder a version.
const DEBIAN: &str = "/usr/lib/postgresql";

/// Whether there is a PostgreSQL to test with; what was left out is noted.
pub(crate) fn has_postgres(steps: &mut Steps) -> Result<bool> {
    if env::var_os("SOUK_TEST_POSTGRES").is_some() || is_installed() {
        return Ok(true);
    }
    let may_install = env::var_os("SOUK_INSTALL").is_some_and(|value| value == "1");
    if !may_install || command::find("apt-get").is_none() {
        steps.leave_out(
            "test postgres",
            "no PostgreSQL: install it, name one in SOUK_TEST_POSTGRES, or allow it with SOUK_INSTALL=1",
        );
        return Ok(false);
    }
    steps.run("install postgres", install)?;
    Ok(is_installed())
}

fn is_installed() -> bool {
    let versions = Path::new(DEBIAN).read_dir().into_iter().flatten().flatten();
    let packaged = versions.map(|version| version.path().join("bin/initdb")).any(|program: PathBuf| program.is_file());
    packaged || command::find("initdb").is_some()
}

fn install() -> Result<()> {
    let apt = |arguments: &[&str]| {
        let mut apt = Command::new("apt-get");
        apt.args(arguments).env("DEBIAN_FRONTEND", "noninteractive");
        command::run(&mut apt)
    };
    apt(&["update", "-q"])?;
    apt(&["install", "-q", "-y", "--no-install-recommends", "postgresql"])
}
