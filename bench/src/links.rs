//! What a call from one component to another costs: requests that make a hundred calls one after another, and requests that do what both sides do for
//! them, a hundred times, in the caller itself. What is between the two is the link's. Once with a word there and one back, once with a record of seven fields,
//! lists and a variant among them, in both directions.

use crate::Effort;
use crate::load::{Load, Turn};
use crate::median::median;
use crate::process::{Server, folder};
use crate::report::Report;
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
    let paths = ["times/0".to_owned(), format!("alone/{CALLS}"), format!("words/{CALLS}"), format!("times/{CALLS}")];
    let mut turns = paths.each_ref().map(|_| Vec::new());
    for _ in 0..effort.turns {
        for (path, turns) in paths.iter().zip(&mut turns) {
            let load = Load { path: &format!("/rings/{path}"), method: "GET", connections };
            turns.push(load.run(server.address, effort.seconds)?);
        }
    }
    let case = format!("{connections} at a time");
    for (contender, turns) in ["no call", "work of 100", "100 calls, a word", "100 calls, a record"].iter().zip(&turns)
    {
        report.add_turn(&case, contender, Turn::median(turns));
    }
    if connections > 1 {
        // What waits for a core is no part of what a call costs.
        return Ok(());
    }
    let [_, work, words, records] = turns.map(|turns| median(turns.iter().map(|turn| turn.p50_us).collect()));
    report.add(&case, "one call, a word", "added p50", (words - work) / f64::from(CALLS), "µs");
    report.add(&case, "one call, a record", "added p50", (records - work) / f64::from(CALLS), "µs");
    Ok(())
}
