//! Building the components and the host, and starting what was built.
//!
//! Components and host are built by separate cargo calls with explicit `-p`: one call would unify their features, and a guest
//! would carry what only the host asked for.

use std::env::consts::EXE_SUFFIX;
use std::fs;
use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context as _, Result};

use crate::command;
use crate::steps::Steps;
use crate::workspace::{WASM_PROFILE, WASM_TARGET, Workspace};

/// How the host is built. Guests have one profile of their own.
#[derive(Clone, Copy)]
pub(crate) enum Profile {
    Dev,
    Release,
}

impl Profile {
    /// The profile that the flag `--release` stands for.
    pub(crate) fn of(release: bool) -> Self {
        if release { Self::Release } else { Self::Dev }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Dev => "dev",
            Self::Release => "release",
        }
    }

    fn folder(self) -> &'static str {
        match self {
            Self::Dev => "debug",
            Self::Release => "release",
        }
    }
}

/// `cargo xtask build`
pub(crate) fn everything(workspace: &Workspace, steps: &mut Steps, profile: Profile) -> Result<()> {
    components(workspace, steps)?;
    steps.run("build host", || package(workspace, "souk", profile))
}

/// `cargo xtask up`: builds, then becomes the host, so that signals and the terminal are the host's.
pub(crate) fn up(workspace: &Workspace, steps: &mut Steps, profile: Profile, arguments: &[String]) -> Result<()> {
    everything(workspace, steps, profile)?;
    let mut host = Command::new(binary(workspace, "souk", profile));
    host.current_dir(&workspace.root).args(["up", "--demo"]).args(arguments);
    steps.run("souk up --demo", || replace_with(&mut host))
}

/// `cargo xtask bench`: everything optimised, measured against the host as it is shipped.
pub(crate) fn bench(workspace: &Workspace, steps: &mut Steps, arguments: &[String]) -> Result<()> {
    everything(workspace, steps, Profile::Release)?;
    steps.run("build bench", || package(workspace, "bench", Profile::Release))?;
    let mut bench = Command::new(binary(workspace, "souk-bench", Profile::Release));
    bench.current_dir(&workspace.root).args(arguments).env("SOUK_BIN", binary(workspace, "souk", Profile::Release));
    steps.run("bench", || command::run(&mut bench))
}

/// `cargo xtask soak`: the shop under customers and kills, with the host as it is tested.
pub(crate) fn soak(workspace: &Workspace, steps: &mut Steps, profile: Profile, arguments: &[String]) -> Result<()> {
    everything(workspace, steps, profile)?;
    steps.run("build soak", || package(workspace, "souk-soak", profile))?;
    run_soak(workspace, steps, profile, arguments)
}

/// The same with what was built before.
pub(crate) fn run_soak(workspace: &Workspace, steps: &mut Steps, profile: Profile, arguments: &[String]) -> Result<()> {
    let mut soak = soak_of(workspace, profile);
    steps.run("soak", || command::run(soak.args(arguments)))
}

/// `cargo xtask swaps`: the shop under load while its components are swapped.
pub(crate) fn swaps(workspace: &Workspace, steps: &mut Steps, profile: Profile, arguments: &[String]) -> Result<()> {
    everything(workspace, steps, profile)?;
    steps.run("build soak", || package(workspace, "souk-soak", profile))?;
    run_swaps(workspace, steps, profile, arguments)
}

/// The same with what was built before.
pub(crate) fn run_swaps(
    workspace: &Workspace,
    steps: &mut Steps,
    profile: Profile,
    arguments: &[String],
) -> Result<()> {
    let mut swaps = soak_of(workspace, profile);
    steps.run("swaps", || command::run(swaps.arg("swaps").args(arguments)))
}

/// The program of both, which starts the host itself.
fn soak_of(workspace: &Workspace, profile: Profile) -> Command {
    let mut soak = Command::new(binary(workspace, "souk-soak", profile));
    soak.current_dir(&workspace.root).env("SOUK_BIN", binary(workspace, "souk", profile));
    soak
}

/// Builds every guest, in one cargo call.
pub(crate) fn components(workspace: &Workspace, steps: &mut Steps) -> Result<()> {
    // `cargo build` without `-p` would build the default members.
    if workspace.guests.is_empty() {
        return Ok(());
    }
    let mut cargo = command::cargo();
    cargo.current_dir(&workspace.root).args(["build", "--target", WASM_TARGET, "--profile", WASM_PROFILE]);
    cargo.args(workspace.only_guests());
    steps.run("build components", || {
        command::run(&mut cargo)?;
        place_components(workspace)
    })
}

/// The path of a built program.
pub(crate) fn binary(workspace: &Workspace, name: &str, profile: Profile) -> PathBuf {
    workspace.target.join(profile.folder()).join(format!("{name}{EXE_SUFFIX}"))
}

fn package(workspace: &Workspace, name: &str, profile: Profile) -> Result<()> {
    command::run(command::cargo().current_dir(&workspace.root).args(["build", "-p", name, "--profile", profile.name()]))
}

/// Copies the components to where `spin.toml` looks for them, if the target folder lies elsewhere.
fn place_components(workspace: &Workspace) -> Result<()> {
    let from = workspace.components();
    let to = workspace.root.join("target").join(WASM_TARGET).join(WASM_PROFILE);
    if from == to {
        return Ok(());
    }
    fs::create_dir_all(&to)?;
    for guest in &workspace.guests {
        let built = from.join(&guest.file);
        let bytes = fs::read(&built).with_context(|| format!("cargo built no {}", built.display()))?;
        let placed = to.join(&guest.file);
        if fs::read(&placed).is_ok_and(|present| present == bytes) {
            continue;
        }
        // A running host watches these files: it must never see half a component.
        let partial = to.join(format!(".{}.partial", guest.file));
        fs::write(&partial, bytes)?;
        fs::rename(&partial, &placed).with_context(|| format!("cannot write {}", placed.display()))?;
    }
    Ok(())
}

#[cfg(unix)]
fn replace_with(program: &mut Command) -> Result<()> {
    use std::os::unix::process::CommandExt as _;

    // Comes back only when the program could not be started.
    Err(program.exec()).with_context(|| format!("cannot start {}", program.get_program().display()))
}

#[cfg(not(unix))]
fn replace_with(program: &mut Command) -> Result<()> {
    command::run(program)
}
