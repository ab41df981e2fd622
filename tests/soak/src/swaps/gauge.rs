//! What the host takes: memory and processor time, as the kernel counts them, and what it tells of its components itself.

use anyhow::{Context, Result};
use serde_json::Value;

use crate::operator::Operator;

pub(crate) const MIB: u64 = 1024 * 1024;

/// What a component's generations may be when nothing is under way: one that serves, and the one before, which is kept for a rollback.
const SETTLED: [&str; 2] = ["serving", "kept"];

/// What the host holds at one moment.
#[derive(Clone, Debug)]
pub(crate) struct Level {
    pub(crate) resident_bytes: u64,
    /// None of a host that is not asked.
    pub(crate) components: Option<Components>,
}

/// What it tells of its components.
#[derive(Clone, Debug)]
pub(crate) struct Components {
    pub(crate) memory_bytes: u64,
    pub(crate) generations: usize,
    /// Those that are coming or going, as `product 7 is draining`.
    pub(crate) moving: Vec<String>,
}

impl Level {
    /// Asks the kernel, and the host if there is an operator.
    pub(crate) async fn of(process_id: u32, operator: Option<&Operator>) -> Result<Self> {
        let components = match operator {
            Some(operator) => Some(Components::of(&operator.components().await?)),
            None => None,
        };
        Ok(Self { resident_bytes: resident_bytes(process_id)?, components })
    }

    /// Whether it is that of a quiet moment again, within a tenth and 16 MiB, and what the code of kept generations takes that are larger than those that
    /// served then; if not, what is more than it was.
    pub(crate) fn beyond(&self, quiet: &Self, code_bytes: u64) -> Vec<String> {
        let mut beyond = Vec::new();
        let mut compare = |what: &str, now: u64, before: u64| {
            if now > before + before / 10 + 16 * MIB + code_bytes {
                beyond.push(format!("{what} is {} MiB and was {} MiB", now / MIB, before / MIB));
            }
        };
        compare("the host's memory", self.resident_bytes, quiet.resident_bytes);
        if let (Some(now), Some(before)) = (&self.components, &quiet.components) {
            compare("the instances' memory", now.memory_bytes, before.memory_bytes);
            beyond.extend(now.moving.iter().cloned());
        }
        beyond
    }
}

impl Components {
    fn of(components: &[Value]) -> Self {
        let mut told = Self { memory_bytes: 0, generations: 0, moving: Vec::new() };
        for component in components {
            let generations = component["generations"].as_array().into_iter().flatten();
            let mut of_state = [0; SETTLED.len()];
            for generation in generations {
                told.generations += 1;
                told.memory_bytes += generation["memory_bytes"].as_u64().unwrap_or(0);
                let state = generation["state"].as_str().unwrap_or_default();
                let settled = SETTLED.iter().position(|settled| *settled == state);
                // One of each at most; more of them would pile up.
                if settled.is_none_or(|index| std::mem::replace(&mut of_state[index], 1) == 1) {
                    let name = component["name"].as_str().unwrap_or_default();
                    told.moving.push(format!("{name} {} is {state}", generation["number"]));
                }
            }
        }
        told
    }
}

/// Memory of a process that is in use.
pub(crate) fn resident_bytes(process_id: u32) -> Result<u64> {
    let text = std::fs::read_to_string(format!("/proc/{process_id}/status"))?;
    let line =
        text.lines().find_map(|line| line.strip_prefix("VmRSS:")).context("the host has ended: see its host.log")?;
    let kib: u64 = line.trim().trim_end_matches("kB").trim().parse()?;
    Ok(kib * 1024)
}

/// Seconds of processor time that a process has taken so far, with all its threads.
pub(crate) fn cpu_seconds(process_id: u32) -> Result<f64> {
    /// What the kernel counts in (`USER_HZ`), the same on all of Linux.
    const TICKS_PER_SECOND: f64 = 100.0;
    let stat = std::fs::read_to_string(format!("/proc/{process_id}/stat"))?;
    // Behind the name, which may have anything in it: field 3 and on. 14 and 15 are user and system.
    let (_, fields) = stat.rsplit_once(") ").context("the kernel tells the state")?;
    let ticks: Vec<f64> = fields.split(' ').skip(11).take(2).map(str::parse).collect::<Result<_, _>>()?;
    Ok(ticks.iter().sum::<f64>() / TICKS_PER_SECOND)
}
