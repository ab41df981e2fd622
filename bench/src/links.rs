//! What a call from one component to another costs: requests that make a hundred calls one after another, and requests that do what both sides do for
//! them, a hundred times, in the caller itself. What is between the two is the link's.

use crate::Effort;
use crate::load::{Load, Turn};
use crate::process::{Server, folder};
use crate::report::{Report, median};
use anyhow::{Context, Result};
use std::path::Path;

/// Calls within a request.
const CALLS: u32 = 100;

const MANIFEST: &str = r#"
spin_manifest_version = 2
[application]
name = "links"
[[trigger.http]]
route = "/rings/..."
component = "rings"
[component.rings]
source = "guest_rings.wasm"
[component.rings.tool.souk]
grants = ["souk:database/sql", "test:bell/bells"]
[component.bell]
source = "guest_bell.wasm"
"#;

/// Measures.
pub(crate) fn run(effort: Effort) -> Result<Report> {
    let data = folder("links")?;
    for guest in ["guest_rings.wasm", "guest_bell.wasm"] {
        std::fs::copy(Path::new("target/wasm32-wasip2/component").join(guest), data.join(guest))
            .context("the guests are built by cargo xtask bench")?;
    }
    let manifest = data.join("spin.toml");
    std::fs::write(&manifest, MANIFEST)?;
    let server = Server::host_of(&manifest, &data)?;
    let mut report = Report::default();
    for connections in [1, 16] {
        eprintln!("links: {} turns of {} s for each, {connections} at a time", effort.turns, effort.seconds);
        measure(&mut report, &server, connections, effort)?;
    }
    Ok(report)
}

fn measure(report: &mut Report, server: &Server, connections: usize, effort: Effort) -> Result<()> {
    let (mut none, mut alone, mut many) = (Vec::new(), Vec::new(), Vec::new());
    let (calls, work) = (format!("/rings/times/{CALLS}"), format!("/rings/alone/{CALLS}"));
    for _ in 0..effort.turns {
        for (path, turns) in [("/rings/times/0", &mut none), (&*work, &mut alone), (&*calls, &mut many)] {
            turns.push(Load { path, method: "GET", connections }.run(server.address, effort.seconds)?);
        }
    }
    let case = format!("{connections} at a time");
    report.add_turn(&case, "no call", Turn::median(&none));
    report.add_turn(&case, "work of 100", Turn::median(&alone));
    report.add_turn(&case, "100 calls", Turn::median(&many));
    let p50 = |turns: &[Turn]| median(turns.iter().map(|turn| turn.p50_us).collect());
    report.add(&case, "one call", "added p50", (p50(&many) - p50(&alone)) / f64::from(CALLS), "µs");
    Ok(())
}
