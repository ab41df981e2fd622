//! The project's commands: `cargo xtask --help`.
//!
//! One program instead of shell scripts and CI YAML, so that a laptop and the CI run the same thing. A fresh machine needs
//! nothing but a Rust toolchain; `setup` gets the one part that a toolchain lacks. Left out on purpose: deployment, images,
//! releases.
#![expect(
    clippy::print_stderr,
    reason = "a command-line tool: progress and times belong on stderr, where they do not mix with a program's output"
)]

mod command;
mod steps;
mod workspace;

mod setup;

mod compiler;
mod debian;
mod sources;
mod standard_library;

mod servers;

mod build;
mod check;
mod contrib;

use std::process::ExitCode;

use anyhow::{Context as _, Result};
use clap::{Parser, Subcommand};

use crate::build::Profile;
use crate::steps::Steps;
use crate::workspace::Workspace;

/// The commands that build, start, test and measure souk.
#[derive(Parser)]
#[command(bin_name = "cargo xtask", version)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Make sure of the wasm32-wasip2 standard library (every command below does it as well).
    ///
    /// First by rustup. Where its server cannot be reached, from the sources in a Debian mirror, by the machine's own apt
    /// configuration and without root; that takes about a minute and happens once per toolchain.
    Setup,
    /// Build every component and the host.
    Build {
        /// Build the host optimised. Components always are: what is tested is what is shipped.
        #[arg(long)]
        release: bool,
        /// Build the components in other languages too, which are under components/contrib. They need Python 3.11 or newer.
        #[arg(long)]
        all: bool,
    },
    /// Build, then start the shop with its demo data: `souk up --demo`.
    Up {
        /// Start the optimised host.
        #[arg(long)]
        release: bool,
        /// Further arguments of `souk up`, after `--`.
        #[arg(last = true)]
        arguments: Vec<String>,
    },
    /// Build, then run every test.
    Test {
        /// Run only the tests whose name contains one of these.
        filter: Vec<String>,
        /// Test the components in other languages too: a minute more, and Python 3.11 or newer.
        #[arg(long)]
        all: bool,
        /// Further arguments of the test binaries, after `--`.
        #[arg(last = true)]
        arguments: Vec<String>,
    },
    /// Check format and lints of the native code and of the guests' WebAssembly part; warnings are errors.
    Lint,
    /// Run everything that the CI runs: setup, lint, build, test.
    Ci,
    /// Let customers buy from the shop while its host is killed, and check that everything adds up.
    ///
    /// Arguments behind it are those of the program: `--seconds N`, `--seed S`, `--customers N`, `--kills N`, `--swap-every N`.
    Soak {
        /// With the optimised host.
        #[arg(long)]
        release: bool,
        /// Arguments of the program.
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        arguments: Vec<String>,
    },
    /// Let visitors come to the shop while its components are swapped, and check that nobody notices.
    ///
    /// Arguments behind it are those of the program: `--swaps N`, `--rate N`, `--seed S`, `--with NAME=FILE`, `--only-lossless`.
    Swaps {
        /// With the host as it is tested, which is not optimised: use `--only-lossless` and a low `--rate`.
        #[arg(long)]
        dev: bool,
        /// Arguments of the program.
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        arguments: Vec<String>,
    },
    /// Measure: build everything optimised and run the benchmarks, or the one that is named.
    Bench {
        /// The benchmark to run; without it, all of them.
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        name: Vec<String>,
    },
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let mut steps = Steps::default();
    let outcome = run(&arguments.command, &mut steps);
    steps.print_summary();
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(command: &Command, steps: &mut Steps) -> Result<()> {
    let workspace = Workspace::load().context("cannot read the workspace")?;
    steps.quiet("setup", || setup::library(&workspace))?;
    match command {
        Command::Setup => Ok(()),
        Command::Build { release, all } => {
            // First, because it says within seconds what it lacks.
            if *all {
                contrib::build(&workspace, steps)?;
            }
            build::everything(&workspace, steps, Profile::of(*release))
        }
        Command::Up { release, arguments } => build::up(&workspace, steps, Profile::of(*release), arguments),
        Command::Test { filter, all, arguments } => {
            if *all {
                contrib::build(&workspace, steps)?;
            }
            check::test(&workspace, steps, &[&filter[..], arguments].concat())?;
            if *all { check::test_contrib(&workspace, steps) } else { Ok(()) }
        }
        Command::Lint => check::lint(&workspace, steps),
        Command::Ci => check::ci(&workspace, steps),
        Command::Soak { release, arguments } => build::soak(&workspace, steps, Profile::of(*release), arguments),
        Command::Swaps { dev, arguments } => build::swaps(&workspace, steps, Profile::of(!dev), arguments),
        Command::Bench { name } => build::bench(&workspace, steps, name),
    }
}
