//! What a component that asks for too much costs its neighbours: the time of a small read of another component, quiet and with each kind of
//! greed beside it. Of the database, or of the threads that hash passwords.

use crate::Effort;
use crate::load::{Load, Turn};
use crate::process::{Server, folder};
use crate::report::Report;
use anyhow::{Context, Result, ensure};
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::Duration;

/// Connections of the neighbour: few, so that there is time left on the cores for somebody to take away.
const CONNECTIONS: usize = 16;

const MANIFEST: &str = r#"
spin_manifest_version = 2
[application]
name = "neighbours"
[application.tool.souk.tokens]
issuer = "https://shop.example"
[[trigger.http]]
route = "/ledger/..."
component = "ledger"
[[trigger.http]]
route = "/asks/..."
component = "asks"
[[trigger.http]]
route = "/notary/..."
component = "notary"
[component.ledger]
source = "guest_ledger.wasm"
[component.ledger.tool.souk]
grants = ["souk:database/sql"]
[component.asks]
source = "guest_asks.wasm"
[component.asks.tool.souk]
grants = ["souk:database/sql"]
[[component.asks.tool.souk.access]]
allow = "anyone"
[component.notary]
source = "guest_notary.wasm"
[component.notary.tool.souk]
grants = ["souk:database/sql", "souk:identity/tokens", "souk:identity/passwords"]
[[component.notary.tool.souk.access]]
allow = "anyone"
"#;

/// Measures.
pub(crate) fn run(effort: Effort) -> Result<Report> {
    let data = folder("neighbours")?;
    for guest in ["guest_ledger.wasm", "guest_asks.wasm", "guest_notary.wasm"] {
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

/// Where a greedy component is asked, what, and by how many at a time.
struct Greed {
    path: &'static str,
    body: String,
    clients: usize,
    /// How its answers begin.
    answer: &'static str,
}

/// How long a client waits that was refused.
const BUSY: Duration = Duration::from_secs(1);

/// More than wait for a password at a time by default.
const LOGINS: usize = 128;

/// Nobody, a million rows, a query of minutes, ten megabytes of SQL, a storm of passwords.
fn kinds() -> [(&'static str, Option<Greed>); 5] {
    let refused = |path, body| Some(Greed { path, body, clients: 1, answer: "HTTP/1.1 422 " });
    let numbers = "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1000000)";
    [
        ("nobody", None),
        ("many rows", refused("/asks/query", format!("{numbers} SELECT i FROM n"))),
        ("long query", refused("/asks/query", format!("{numbers} SELECT count(*) FROM n AS a, n AS b"))),
        ("much SQL", refused("/asks/padded/10485760", "SELECT 1".to_owned())),
        ("passwords", Some(Greed { path: "/notary/hash", body: "x".into(), clients: LOGINS, answer: "HTTP/1.1 " })),
    ]
}

/// The neighbour's reads while the greedy component is asked again and again.
fn beside(server: &Server, greed: Option<&Greed>, effort: Effort) -> Result<Turn> {
    let reads = Load { path: "/ledger/entries/first", method: "GET", connections: CONNECTIONS };
    let (stop, answered) = (&AtomicBool::new(false), &AtomicU64::new(0));
    let turn = thread::scope(|scope| {
        let clients = greed.into_iter().flat_map(|greed| (0..greed.clients).map(move |_| greed));
        let asking: Vec<_> =
            clients.map(|greed| scope.spawn(move || ask_until(stop, answered, server, greed))).collect();
        let turn = reads.run(server.address, effort.seconds);
        stop.store(true, Ordering::Relaxed);
        for asked in asking {
            asked.join().expect("asking does not panic")?;
        }
        turn
    })?;
    ensure!(greed.is_none() || answered.load(Ordering::Relaxed) > 0, "nothing was asked of the greedy component");
    Ok(turn)
}

fn ask_until(stop: &AtomicBool, answered: &AtomicU64, server: &Server, greed: &Greed) -> Result<()> {
    while !stop.load(Ordering::Relaxed) {
        let answer = server.post(greed.path, &greed.body)?;
        ensure!(answer.starts_with(greed.answer), "it was answered {answer}");
        answered.fetch_add(1, Ordering::Relaxed);
        if answer.contains("Busy") {
            // As a client does that was told to come back.
            thread::sleep(BUSY);
        }
    }
    Ok(())
}
