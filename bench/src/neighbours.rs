//! What a component that asks its database for too much costs its neighbours: the time of a small read of another component, quiet and
//! with each kind of greed beside it.

use crate::Effort;
use crate::load::{Load, Turn};
use crate::process::{Server, folder};
use crate::report::Report;
use anyhow::{Context, Result, ensure};
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;

/// Connections of the neighbour: few, so that there is time left on the cores for somebody to take away.
const CONNECTIONS: usize = 16;

const MANIFEST: &str = r#"
spin_manifest_version = 2
[application]
name = "neighbours"
[[trigger.http]]
route = "/ledger/..."
component = "ledger"
[[trigger.http]]
route = "/asks/..."
component = "asks"
[component.ledger]
source = "guest_ledger.wasm"
[component.ledger.tool.souk]
grants = ["souk:database/sql"]
[component.asks]
source = "guest_asks.wasm"
[component.asks.tool.souk]
grants = ["souk:database/sql"]
"#;

/// Measures.
pub(crate) fn run(effort: Effort) -> Result<Report> {
    let data = folder("neighbours")?;
    for guest in ["guest_ledger.wasm", "guest_asks.wasm"] {
        std::fs::copy(Path::new("target/wasm32-wasip2/component").join(guest), data.join(guest))
            .context("the guests are built by cargo xtask bench")?;
    }
    let manifest = data.join("spin.toml");
    std::fs::write(&manifest, MANIFEST)?;
    let server = Server::host_of(&manifest, &data)?;
    let kinds = kinds();
    eprintln!("neighbours: {} turns of {} s for each kind of greed", effort.turns, effort.seconds);
    let mut turns = vec![Vec::new(); kinds.len()];
    for _ in 0..effort.turns {
        for ((_, greed), turns) in kinds.iter().zip(&mut turns) {
            turns.push(beside(&server, greed.as_ref(), effort)?);
        }
    }
    let mut report = Report::default();
    for ((kind, _), turns) in kinds.iter().zip(&turns) {
        report.add_turn("read of one row beside", kind, Turn::median(turns));
    }
    Ok(report)
}

/// Nobody, a million rows, a query of minutes, ten megabytes of SQL: where the greedy component is asked, and what.
fn kinds() -> [(&'static str, Option<(&'static str, String)>); 4] {
    let numbers = "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1000000)";
    [
        ("nobody", None),
        ("many rows", Some(("/asks/query", format!("{numbers} SELECT i FROM n")))),
        ("long query", Some(("/asks/query", format!("{numbers} SELECT count(*) FROM n AS a, n AS b")))),
        ("much SQL", Some(("/asks/padded/10485760", "SELECT 1".to_owned()))),
    ]
}

/// The neighbour's reads while the greedy component is asked again and again.
fn beside(server: &Server, greed: Option<&(&str, String)>, effort: Effort) -> Result<Turn> {
    let reads = Load { path: "/ledger/entries/first", method: "GET", connections: CONNECTIONS };
    let (stop, refused) = (AtomicBool::new(false), AtomicU64::new(0));
    let turn = thread::scope(|scope| {
        let asked = greed.map(|(path, sql)| {
            let (stop, refused) = (&stop, &refused);
            scope.spawn(move || -> Result<()> {
                while !stop.load(Ordering::Relaxed) {
                    let answer = server.post(path, sql)?;
                    ensure!(answer.starts_with("HTTP/1.1 422 "), "it was not refused: {answer}");
                    refused.fetch_add(1, Ordering::Relaxed);
                }
                Ok(())
            })
        });
        let turn = reads.run(server.address, effort.seconds);
        stop.store(true, Ordering::Relaxed);
        asked.map_or(Ok(()), |asked| asked.join().expect("asking does not panic"))?;
        turn
    })?;
    ensure!(greed.is_none() || refused.load(Ordering::Relaxed) > 0, "nothing was asked of the greedy component");
    Ok(turn)
}
