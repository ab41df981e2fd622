//! Numbers of each phase, for a person: a table of the phases, and one of what was asked for.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::time::{Duration, Instant};

use super::gauge::MIB;
use super::load::Sample;
use super::visitors::Kind;

/// A stretch of time in which one thing was done, and what the host took in it.
pub(crate) struct Phase {
    pub(crate) name: &'static str,
    pub(crate) begun: Instant,
    pub(crate) took: Duration,
    /// Cores that were busy with the host, and with this program.
    pub(crate) cores: (f64, f64),
    /// At its end.
    pub(crate) resident_bytes: u64,
}

/// What so many requests came to.
pub(crate) struct Latencies {
    sorted: Vec<Duration>,
    pub(crate) failures: usize,
}

impl Latencies {
    /// Of the requests that are chosen. Those that failed are counted, and took what they took.
    pub(crate) fn of(samples: &[Sample], chosen: impl Fn(&Sample) -> bool) -> Self {
        let chosen: Vec<&Sample> = samples.iter().filter(|sample| chosen(sample)).collect();
        let mut sorted: Vec<Duration> = chosen.iter().map(|sample| sample.took).collect();
        sorted.sort_unstable();
        Self { sorted, failures: chosen.iter().filter(|sample| sample.is_failed).count() }
    }

    pub(crate) fn count(&self) -> usize {
        self.sorted.len()
    }

    /// What so many in a thousand took at most; nothing if there were none.
    pub(crate) fn per_mille(&self, per_mille: usize) -> Duration {
        let last = self.sorted.len().saturating_sub(1);
        self.sorted.get((self.sorted.len() * per_mille / 1000).min(last)).copied().unwrap_or_default()
    }

    fn columns(&self) -> String {
        let [p50, p99, p999, max] = [500, 990, 999, 1000].map(|per_mille| ms(self.per_mille(per_mille)));
        format!("{p50:>9.2} {p99:>9.2} {p999:>9.2} {max:>9.2} {:>8}", self.failures)
    }
}

impl Phase {
    /// Answers a second. Fewer than requests were due if the shop can't keep up.
    pub(crate) fn rate(&self, samples: &[Sample]) -> f64 {
        let time = self.begun..self.begun + self.took;
        let answers = samples.iter().filter(|sample| !sample.is_failed && time.contains(&sample.ended)).count();
        #[expect(clippy::cast_precision_loss, reason = "answers are few")]
        let answers = answers as f64;
        answers / self.took.as_secs_f64()
    }
}

/// The phases, a line each.
#[must_use]
pub(crate) fn phases(phases: &[Phase], samples: &[Sample]) -> String {
    let mut table = format!(
        "{:<10} {:>9} {:>8} {:>9} {:>9} {:>9} {:>9} {:>8} {:>9} {:>10} {:>10}\n",
        "phase",
        "requests",
        "a second",
        "p50 ms",
        "p99 ms",
        "p99.9 ms",
        "max ms",
        "failures",
        "RSS MiB",
        "host cores",
        "load cores"
    );
    for (number, phase) in phases.iter().enumerate() {
        let of_phase = Latencies::of(samples, |sample| sample.phase == number);
        let (name, count, columns) = (phase.name, of_phase.count(), of_phase.columns());
        let (rate, resident, (host, load)) = (phase.rate(samples), phase.resident_bytes / MIB, phase.cores);
        writeln!(table, "{name:<10} {count:>9} {rate:>8.0} {columns} {resident:>9} {host:>10.2} {load:>10.2}")
            .expect("a string takes all text");
    }
    table
}

/// What was asked for, a line each: in one phase, and beside it in another.
#[must_use]
pub(crate) fn kinds(samples: &[Sample], [(one, name), (other, other_name)]: [(usize, &str); 2]) -> String {
    let mut table = format!("{:<16} {:>9} {:>18} {:>18}\n", "p50, p99 ms of", "requests", name, other_name);
    let kinds: BTreeSet<Kind> = samples.iter().map(|sample| sample.kind).collect();
    for kind in kinds {
        let of = |phase| Latencies::of(samples, |sample| sample.kind == kind && sample.phase == phase);
        let pair = |latencies: &Latencies| {
            format!("{:>8.2} {:>9.2}", ms(latencies.per_mille(500)), ms(latencies.per_mille(990)))
        };
        let (one, other) = (of(one), of(other));
        let count = one.count() + other.count();
        writeln!(table, "{:<16} {count:>9} {} {}", kind.name(), pair(&one), pair(&other))
            .expect("a string takes all text");
    }
    table
}

pub(crate) fn ms(took: Duration) -> f64 {
    took.as_secs_f64() * 1e3
}
