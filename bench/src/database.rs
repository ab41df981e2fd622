//! What durability costs: transactions of one row from a guest, by one caller and by many, against one sync of the same disk for each, in
//! one request after another and in a series within one; and what reading one row adds to a route.

use crate::Effort;
use crate::load::{Load, Turn};
use crate::median::median;
use crate::process::{Server, folder};
use crate::report::Report;
use anyhow::{Context, Result};
use std::fs::File;
use std::io::Write as _;
use std::path::Path;
use std::time::{Duration, Instant};

/// Callers that write at the same time.
const CALLERS: usize = 64;

/// What SQLite appends to its log for a transaction of one row: a few pages with their headers.
const TRANSACTION_BYTES: usize = 3 * (4096 + 24);

const MANIFEST: &str = r#"
spin_manifest_version = 2
[application]
name = "ledger"
version = "0.1.0"
[[trigger.http]]
route = "/ledger/..."
component = "ledger"
[component.ledger]
source = "guest_ledger.wasm"
[component.ledger.tool.souk]
grants = ["souk:database/sql"]
"#;

/// Measures.
pub(crate) fn run(effort: Effort) -> Result<Report> {
    let data = folder("database")?;
    std::fs::copy("target/wasm32-wasip2/component/guest_ledger.wasm", data.join("guest_ledger.wasm"))
        .context("the guest is built by cargo xtask bench")?;
    let manifest = data.join("spin.toml");
    std::fs::write(&manifest, MANIFEST)?;
    let server = Server::host_of(&manifest, &data)?;
    let mut report = Report::default();
    writes(&mut report, &server, &data, effort)?;
    reads(&mut report, &server, effort)?;
    Ok(report)
}

/// Transactions of a request that writes several, one after another: the way to the guest counts for little then.
const SERIES: u32 = 100;

fn writes(report: &mut Report, server: &Server, data: &Path, effort: Effort) -> Result<()> {
    let write = |connections| Load { path: "/ledger/entries", method: "POST", connections };
    let path = format!("/ledger/series/{SERIES}");
    let series = |connections| Load { path: &path, method: "POST", connections };
    write(CALLERS).run(server.address, 1)?;
    let (mut synced, mut alone, mut together) = (Vec::new(), Vec::new(), Vec::new());
    let (mut series_alone, mut series_together) = (Vec::new(), Vec::new());
    eprintln!("durable writes: {} turns of {} s for each contender", effort.turns, effort.seconds);
    for _ in 0..effort.turns {
        synced.push(sync_each(&data.join("synced"), Duration::from_secs(effort.seconds))?);
        alone.push(write(1).run(server.address, effort.seconds)?);
        together.push(write(CALLERS).run(server.address, effort.seconds)?);
        series_alone.push(series(1).run(server.address, effort.seconds)?.of_each(SERIES));
        series_together.push(series(CALLERS).run(server.address, effort.seconds)?.of_each(SERIES));
    }
    let many = format!("{CALLERS} callers");
    for (contender, turns) in [("a sync each", &synced), ("1 caller", &alone), (many.as_str(), &together)] {
        report.add_turn("durable write", contender, Turn::median(turns));
    }
    for (contender, turns) in [("a sync each", &synced), ("1 caller", &series_alone), (many.as_str(), &series_together)]
    {
        report.add_turn("… in a series", contender, Turn::median(turns));
    }
    Ok(())
}

fn reads(report: &mut Report, server: &Server, effort: Effort) -> Result<()> {
    eprintln!("reads: {} turns of {} s for each contender", effort.turns, effort.seconds);
    let of = |path| Load { path, method: "GET", connections: 1 };
    let (mut without, mut with) = (Vec::new(), Vec::new());
    for _ in 0..effort.turns {
        without.push(of("/ledger/nothing").run(server.address, effort.seconds)?);
        with.push(of("/ledger/entries/first").run(server.address, effort.seconds)?);
    }
    report.add_turn("read of one row", "no database", Turn::median(&without));
    report.add_turn("read of one row", "one query", Turn::median(&with));
    Ok(())
}

/// Appends as much as a transaction of one row and syncs it, again and again.
fn sync_each(path: &Path, time: Duration) -> Result<Turn> {
    let mut file = File::create(path)?;
    let bytes = vec![0x5a; TRANSACTION_BYTES];
    let mut times_us = Vec::new();
    let began = Instant::now();
    while began.elapsed() < time {
        let at = Instant::now();
        file.write_all(&bytes)?;
        file.sync_data()?;
        times_us.push(at.elapsed().as_secs_f64() * 1e6);
    }
    let requests_per_second = f64::from(u32::try_from(times_us.len())?) / began.elapsed().as_secs_f64();
    let p50_us = median(times_us.clone());
    times_us.sort_by(f64::total_cmp);
    let p99_us = times_us[times_us.len() * 99 / 100];
    Ok(Turn { requests_per_second, p50_us, p99_us })
}
