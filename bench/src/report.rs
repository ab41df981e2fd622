//! What was measured: a table for a person, a JSON file for a machine.

use crate::load::Turn;
use anyhow::Result;
use serde::Serialize;
use std::path::PathBuf;

/// The cases of one benchmark.
#[derive(Default, Serialize)]
pub(crate) struct Report {
    cases: Vec<Case>,
}

/// One number.
#[derive(Serialize)]
#[expect(clippy::struct_field_names, reason = "the names are those of the JSON file")]
struct Case {
    case: String,
    contender: String,
    metric: String,
    value: f64,
    unit: String,
    /// To the first contender that has this case and metric.
    ratio: f64,
}

impl Report {
    /// Adds a number. The first contender of a case and metric is what the others are compared with.
    pub(crate) fn add(&mut self, case: &str, contender: &str, metric: &str, value: f64, unit: &str) {
        let base = self.cases.iter().find(|other| other.case == case && other.metric == metric);
        let ratio = base.map_or(1.0, |base| value / base.value);
        self.cases.push(Case {
            case: case.to_owned(),
            contender: contender.to_owned(),
            metric: metric.to_owned(),
            value,
            unit: unit.to_owned(),
            ratio,
        });
    }

    /// Adds what load came to.
    pub(crate) fn add_turn(&mut self, case: &str, contender: &str, turn: Turn) {
        let Turn { requests_per_second, p50_us, p99_us } = turn;
        self.add(case, contender, "throughput", requests_per_second, "1/s");
        self.add(case, contender, "p50", p50_us, "µs");
        self.add(case, contender, "p99", p99_us, "µs");
    }

    /// The table.
    pub(crate) fn print(&self, name: &str) {
        println!("\n{name}\n");
        println!("{:<22} {:<12} {:<12} {:>12} {:<6} {:>6}", "case", "contender", "metric", "value", "unit", "ratio");
        for Case { case, contender, metric, value, unit, ratio } in &self.cases {
            let digits = usize::from(*value < 100.0) * 2;
            println!("{case:<22} {contender:<12} {metric:<12} {value:>12.digits$} {unit:<6} {ratio:>6.2}");
        }
    }

    /// Writes `target/bench/NAME.json`.
    pub(crate) fn write(&self, name: &str) -> Result<PathBuf> {
        let folder = PathBuf::from("target/bench");
        std::fs::create_dir_all(&folder)?;
        let path = folder.join(format!("{name}.json"));
        std::fs::write(&path, serde_json::to_string_pretty(self)? + "\n")?;
        Ok(path)
    }
}
