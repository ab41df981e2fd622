//! What the CI asks: format, lints, tests.

use std::collections::BTreeSet;
use std::process::Command;

use anyhow::{Context as _, Result, ensure};

use crate::build::{self, Profile};
use crate::command;
use crate::contrib;
use crate::servers;
use crate::steps::Steps;
use crate::workspace::{WASM_PROFILE, WASM_TARGET, Workspace};

/// `cargo xtask ci`: stops at the first step that fails.
pub(crate) fn ci(workspace: &Workspace, steps: &mut Steps) -> Result<()> {
    lint(workspace, steps)?;
    deny(workspace, steps)?;
    test(workspace, steps, &[])?;
    let texts = |arguments: &[&str]| arguments.iter().map(ToString::to_string).collect::<Vec<_>>();
    build::run_soak(workspace, steps, Profile::Dev, &texts(&["--seconds", "30", "--swap-every", "3"]))?;
    // How much slower a request becomes is not asked here: on a machine that is not known, of a host that is not optimised.
    build::run_swaps(workspace, steps, Profile::Dev, &texts(&["--swaps", "10", "--rate", "200", "--only-lossless"]))?;
    // What this machine lacks is left out; what can't be built with it is a fault.
    if let Err(lack) = contrib::tools(workspace) {
        eprintln!("{lack:#}");
        steps.leave_out("contrib", "components in other languages can't be built here; the lines above say why");
        return Ok(());
    }
    contrib::build(workspace, steps)?;
    test_contrib(workspace, steps)
}

/// Components in other languages: their own tests, and in the place of ours while customers buy.
pub(crate) fn test_contrib(workspace: &Workspace, steps: &mut Steps) -> Result<()> {
    contrib::test(workspace, steps, &build::binary(workspace, "souk", Profile::Dev))?;
    // Compiling one takes a while, and each swap waits for the one before.
    let few = ["--swaps", "4", "--rate", "100", "--every-ms", "3000", "--only-lossless"].map(str::to_owned);
    build::run_swaps(workspace, steps, Profile::Dev, &[&few[..], &contrib::with(workspace)].concat())
}

/// `cargo xtask lint`
pub(crate) fn lint(workspace: &Workspace, steps: &mut Steps) -> Result<()> {
    steps.run("format", || command::run(cargo(workspace).args(["fmt", "--all", "--check"])))?;
    steps.run("one build", || one_build(workspace))?;

    let mut native = cargo(workspace);
    native.args(["clippy", "--workspace", "--all-targets"]).args(workspace.without_fixtures());
    steps.run("lint native", || command::run(native.args(["--", "-D", "warnings"])))?;

    if workspace.guests.is_empty() {
        return Ok(());
    }
    // The profile of the build, though lints need no optimisation: macros and build scripts of the guests are then
    // compiled once for both.
    let mut wasm = cargo(workspace);
    wasm.args(["clippy", "--target", WASM_TARGET, "--profile", WASM_PROFILE]).args(workspace.only_guests());
    steps.run("lint wasm", || command::run(wasm.args(["--", "-D", "warnings"])))
}

/// `cargo xtask test`; `arguments` are those of the test binaries, names of tests among them.
pub(crate) fn test(workspace: &Workspace, steps: &mut Steps, arguments: &[String]) -> Result<()> {
    let has_postgres = servers::has_postgres(steps)?;
    servers::has_valkey(steps)?;
    build::components(workspace, steps)?;

    // The host that the tests start among them.
    let mut programs = cargo(workspace);
    programs.args(["build", "--workspace", "--bins", "--tests"]).args(workspace.without_fixtures());
    steps.run("build tests", || command::run(&mut programs))?;

    let mut tests = cargo(workspace);
    tests.args(["test", "--workspace"]).args(workspace.without_fixtures()).arg("--").args(arguments);
    tests.env("SOUK_BIN", build::binary(workspace, "souk", Profile::Dev));
    steps.run("test", || command::run(&mut tests))?;

    if !has_postgres {
        return Ok(());
    }
    // The same list of tests with the services' databases on the server.
    let of_services = ["product::", "users::", "databases::"].map(str::to_owned);
    let steps_of = [
        ("product on postgres", "product", &[][..]),
        ("user on postgres", "user", &[][..]),
        ("customer on postgres", "customer", &[][..]),
        ("payment on postgres", "payment", &[][..]),
        ("payment over http on postgres", "payment_gateway", &[][..]),
        ("cart on postgres", "cart", &[][..]),
        ("order on postgres", "order", &[][..]),
        ("souk on postgres", "souk", &of_services[..]),
    ];
    for (step, target, of_all) in steps_of {
        let mut services = cargo(workspace);
        services.args(["test", "--workspace"]).args(workspace.without_fixtures()).args(["--test", target, "--"]);
        services.args(if arguments.is_empty() { of_all } else { arguments });
        services.env("SOUK_BIN", build::binary(workspace, "souk", Profile::Dev)).env("SOUK_TEST_ENGINE", "postgres");
        steps.run(step, || command::run(&mut services))?;
    }
    Ok(())
}

/// Whether `-p souk` and the whole workspace build the same crates with the same features: otherwise `up` after `test` compiles
/// wasmtime a second time.
fn one_build(workspace: &Workspace) -> Result<()> {
    let alone = host_crates(cargo(workspace).args(["tree", "--package", "souk", "--edges", "normal"]))?;
    let mut together = cargo(workspace);
    together.args(["tree", "--workspace", "--edges", "normal,dev"]).args(workspace.without_fixtures());
    let together = host_crates(&mut together)?;
    let other: Vec<&str> = alone.difference(&together).map(String::as_str).collect();
    ensure!(
        other.is_empty(),
        "the host alone and the whole workspace build these with other features; name them in host/Cargo.toml: {}",
        other.join(", ")
    );
    Ok(())
}

/// What the host is linked from: crates with their versions and features, out of a tree that may have other members.
fn host_crates(tree: &mut Command) -> Result<BTreeSet<String>> {
    let listed = command::output(tree.args(["--prefix", "depth", "--no-dedupe", "--format", " {p} {f}"]))?;
    let mut crates = BTreeSet::new();
    let mut in_host = false;
    // The depth of a macro whose own crates are passed over: they are compiled for the compiler.
    let mut of_macro = None;
    for line in listed.lines().filter(|line| !line.is_empty()) {
        let (depth, name) = line.split_once(' ').with_context(|| format!("cargo tree printed {line:?}"))?;
        let depth: usize = depth.parse()?;
        if depth == 0 {
            in_host = name.starts_with("souk v");
        }
        if !in_host || of_macro.is_some_and(|outer| depth > outer) {
            continue;
        }
        of_macro = name.contains("(proc-macro)").then_some(depth);
        if of_macro.is_none() {
            crates.insert(name.trim_end().to_owned());
        }
    }
    ensure!(!crates.is_empty(), "cargo tree does not list the host");
    Ok(crates)
}

/// Licences, advisories and banned crates, where the tool for it is installed.
fn deny(workspace: &Workspace, steps: &mut Steps) -> Result<()> {
    if command::find("cargo-deny").is_none() {
        steps.leave_out("deny", "cargo-deny is not installed");
        return Ok(());
    }
    steps.run("deny", || command::run(cargo(workspace).args(["deny", "check"])))
}

fn cargo(workspace: &Workspace) -> Command {
    let mut cargo = command::cargo();
    cargo.current_dir(&workspace.root);
    cargo
}
