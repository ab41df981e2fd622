//! From `souk up` to ready: without compiled code, and with it.

use crate::Effort;
use crate::median::median;
use crate::process::{Server, folder};
use crate::report::Report;
use anyhow::Result;
use std::path::Path;

/// Starts are cheap: more of them than turns of load.
const STARTS_PER_TURN: usize = 4;

/// Measures.
pub(crate) fn run(effort: Effort) -> Result<Report> {
    let data = folder("startup")?;
    Server::host(&data, true)?.stop()?;
    let (mut cold, mut warm) = (Vec::new(), Vec::new());
    let mut memory = Vec::new();
    for _ in 0..effort.turns {
        std::fs::remove_dir_all(data.join("code"))?;
        cold.push(start(&data)?.0);
        for _ in 0..STARTS_PER_TURN {
            let (ready_ms, mib) = start(&data)?;
            warm.push(ready_ms);
            memory.push(mib);
        }
    }
    let mut report = Report::default();
    report.add("souk up", "cold", "ready", median(cold), "ms");
    report.add("souk up", "warm", "ready", median(warm), "ms");
    report.add("idle", "souk", "memory", median(memory), "MiB");
    Ok(report)
}

fn start(data: &Path) -> Result<(f64, f64)> {
    let server = Server::host(data, false)?;
    let measured = (server.ready_after.as_secs_f64() * 1e3, server.memory_mib()?);
    server.stop()?;
    Ok(measured)
}
