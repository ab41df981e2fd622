//! `cargo xtask bench [NAME…]`: all contenders in one run on one machine, taking turns, as medians and ratios.
//!
//! Absolute numbers are this machine's; ratios travel better. Each benchmark prints a table and writes `target/bench/NAME.json`. The load comes
//! from `wrk`, and for `checkout` from this program; it shares the cores with what it measures: the same for every contender.
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a measurement is told to whoever asked for it")]

mod product_http;

mod database;

mod neighbours;

mod gateway;

mod links;

mod startup;

mod checkout;

mod process;

mod clock;

mod load;

mod report;

mod median;

use anyhow::{Context, Result, bail};
use clap::Parser;
use std::net::SocketAddr;
use std::path::PathBuf;

/// Measures souk against what it could be instead.
#[derive(Parser)]
struct Arguments {
    /// The benchmarks to run; all of them without a name
    names: Vec<String>,
    /// Seconds that a contender is measured in one turn
    #[arg(long, default_value_t = 4)]
    seconds: u64,
    /// Turns of each contender; the table shows the median
    #[arg(long, default_value_t = 5)]
    turns: usize,
    /// Serve the product service natively instead of measuring: a contender that this program starts
    #[arg(long, hide = true, num_args = 2, value_names = ["ADDRESS", "FILE"])]
    native_twin: Option<Vec<String>>,
    /// Serve one service of the checkout natively instead of measuring: a part of a contender that this program starts
    #[arg(long, hide = true, num_args = 3.., value_names = ["NAME", "ADDRESS", "FOLDER", "PEERS"])]
    native_service: Option<Vec<String>>,
}

/// How long and how often.
#[derive(Clone, Copy)]
pub(crate) struct Effort {
    pub(crate) seconds: u64,
    pub(crate) turns: usize,
}

type Benchmark = fn(Effort) -> Result<report::Report>;

const BENCHMARKS: [(&str, Benchmark); 7] = [
    ("product", product_http::run),
    ("database", database::run),
    ("neighbours", neighbours::run),
    ("gateway", gateway::run),
    ("links", links::run),
    ("startup", startup::run),
    ("checkout", checkout::run),
];

fn main() -> Result<()> {
    let arguments = Arguments::parse();
    if let Some(twin) = arguments.native_twin {
        let [address, file] = &twin[..] else { bail!("clap takes exactly two values") };
        return product_http::serve_native_twin(address.parse::<SocketAddr>()?, &PathBuf::from(file));
    }
    if let Some(service) = arguments.native_service {
        let [name, address, folder, peers @ ..] = &service[..] else { bail!("clap takes three values or more") };
        return checkout::native::serve(name, address.parse()?, &PathBuf::from(folder), peers);
    }
    for name in &arguments.names {
        if !BENCHMARKS.iter().any(|(known, _)| known == name) {
            let known: Vec<_> = BENCHMARKS.iter().map(|(name, _)| *name).collect();
            bail!("there is no benchmark {name:?}; there are {}", known.join(", "));
        }
    }
    let effort = Effort { seconds: arguments.seconds, turns: arguments.turns };
    for (name, benchmark) in BENCHMARKS {
        if arguments.names.is_empty() || arguments.names.iter().any(|asked| asked == name) {
            let report = benchmark(effort).with_context(|| format!("benchmark {name}"))?;
            report.print(name);
            let path = report.write(name)?;
            println!("→ {}\n", path.display());
        }
    }
    Ok(())
}
