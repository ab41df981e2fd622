//! A checkout, which takes five services (product, customer, cart, order, payment): through souk, and as five processes that talk HTTP with each
//! other, natively (`native.rs`) and on Node with Express (`bench/express`). What one checkout is, is the same for all: put one thing into the
//! cart, order it with a key that is new, and be told that it is paid. Everything is on disk (`synchronous=FULL`) before it is told.
//!
//! What favours whom:
//!
//! - **Souk does more.** Its number has the gateway in it: tokens that are checked, rules, rates. The others believe who somebody says to be. Its jobs run.
//! - **The others are spared** what their headers tell: fewer calls and smaller answers natively; no events, no recovery, no gateway on Express.
//! - **One machine.** All that is between five processes here is the loopback, which is the best network there is. The load shares the cores with what it
//!   measures: it takes the same time for a checkout of anybody, and so makes the ratios smaller than they are.
//! - **Memory** is that of the processes, as they run day by day. When souk starts for the first time it compiles its components, and what that took is not
//!   given back before the next start: it is told as a case of its own. `RSS` counts what processes share (the program, Node) for each of them, `PSS` once;
//!   the page cache, in which all databases are as well, is in neither.
//! - **One disk.** Five processes wait for it as five databases of one process do.
//!
//! Contenders take turns and begin with empty folders. All are warmed up by the same number of checkouts, which is for V8's sake. There is ample stock of
//! many products, so that nobody is sold out and hardly anybody waits for somebody else's product. Any answer but a paid order ends the benchmark.

use anyhow::{Context, Result};
use tokio::runtime;

use crate::Effort;
use crate::load::Turn;
use crate::median::median;
use crate::report::Report;

use contender::Contender;
use customers::{Round, Until};

pub(crate) mod native;

mod contender;

mod souk;

mod express;

mod shelves;

mod customers;

mod client;

/// How many buy at once.
const CUSTOMERS: [usize; 2] = [16, 64];

/// The most of them.
const CUSTOMERS_MAX: usize = 64;

/// So many that customers are rarely at the same one.
const PRODUCTS: usize = 200;

/// More than anybody buys.
const STOCK: i64 = 1_000_000;

/// Checkouts before those that count, of each contender and number of customers: some thousand calls of each handler.
const WARM_UP: u64 = 500;

const SOUK: &str = "souk";
const NATIVE: &str = "native";
const EXPRESS: &str = "express";

/// Measures.
pub(crate) fn run(effort: Effort) -> Result<Report> {
    // One thread: the load is to take as little of the cores as it can.
    let runtime = runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        // What the throughput is compared with comes first.
        let native = Contender::native().await?;
        let (souk, compiling_mib) = Contender::souk().await?;
        let mut contenders = vec![native, souk];
        contenders.extend(Contender::express().await?);
        let mut report = Report::default();
        report.add("first start", SOUK, "RSS", compiling_mib, "MiB");
        tell_memory(&mut report, "idle", &contenders)?;
        for customers in CUSTOMERS {
            measure(&mut report, &contenders, customers, effort).await?;
            tell_memory(&mut report, &format!("after {customers} customers"), &contenders)?;
        }
        Ok(report)
    })
}

/// Contenders take turns, so that a machine that slows down slows all of them.
async fn measure(report: &mut Report, contenders: &[Contender], customers: usize, effort: Effort) -> Result<()> {
    let case = format!("{customers} customers");
    eprintln!("{case}: {} turns of {} s for each contender", effort.turns, effort.seconds);
    for contender in contenders {
        customers::buy(contender, customers, Until::checkouts(WARM_UP)).await.with_context(|| contender.name)?;
    }
    let mut rounds: Vec<Vec<Round>> = contenders.iter().map(|_| Vec::new()).collect();
    for _ in 0..effort.turns {
        for (contender, rounds) in contenders.iter().zip(&mut rounds) {
            let round = customers::round(contender, customers, effort.seconds).await;
            rounds.push(round.with_context(|| contender.name)?);
        }
    }
    for (contender, rounds) in contenders.iter().zip(&rounds) {
        let turns: Vec<Turn> = rounds.iter().map(|round| round.turn).collect();
        report.add_turn(&case, contender.name, Turn::median(&turns));
        let cpu_ms = median(rounds.iter().map(|round| round.cpu_ms).collect());
        report.add(&case, contender.name, "cpu/checkout", cpu_ms, "ms");
    }
    Ok(())
}

/// Of all processes of each contender together. What it is compared with comes first: Express, if it is there.
fn tell_memory(report: &mut Report, case: &str, contenders: &[Contender]) -> Result<()> {
    let is_base = |contender: &&Contender| contender.name == EXPRESS;
    let rest = contenders.iter().filter(|contender| !is_base(contender));
    for contender in contenders.iter().filter(is_base).chain(rest) {
        report.add(case, contender.name, "RSS", contender.memory_mib()?, "MiB");
        if let Some(mib) = contender.share_of_memory_mib() {
            report.add(case, contender.name, "PSS", mib, "MiB");
        }
    }
    Ok(())
}
