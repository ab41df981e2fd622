//! `cargo xtask swaps`: components are swapped back and forth under load, and nobody may notice.
//!
//! Visitors come at a rate that does not depend on the answers, to all services. In the middle of three phases two components are replaced by other
//! builds of themselves again and again. No request may fail, every swap must succeed, requests may not become much slower, and what the host holds must
//! be the same again when it is over. How much slower a request becomes is only told where the machine is not known (`--only-lossless`).

mod visitors;

mod preparation;

mod load;

mod gauge;

mod report;

use std::path::PathBuf;
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use clap::Args;
use fastrand::Rng;

use crate::Verdict;
use crate::audit;
use crate::builds::Builds;
use crate::connection::Asked;
use crate::operator::{Operator, Swapped};
use crate::shop::Shop;
use gauge::{Level, MIB};
use load::{Load, Sample};
use report::{Latencies, Phase, ms};
use visitors::{Kind, Visitors};

/// What is swapped: the one that most requests go to, and the one that must not lose a call.
const SWAPPED: [&str; 2] = ["payment", "product"];

/// Until instances and caches are what they are under this load.
const WARM_UP: Duration = Duration::from_secs(5);

/// A phase in which nothing is swapped.
const QUIET: Duration = Duration::from_secs(15);

/// How soon after the last swap the host must hold no more than before the first.
const SETTLED_WITHIN: Duration = Duration::from_mins(1);

/// How many times slower a request may be, at the 99th percentile, while components are swapped.
const SLOWDOWN_MAX: u32 = 2;

/// The numbers of the phases, in the order of time.
const BEFORE: usize = 1;
const DURING: usize = 2;
const AFTER: usize = 3;

/// Lets visitors come to a shop whose components are swapped under their feet
#[derive(Args)]
pub(crate) struct Arguments {
    /// How often a component is swapped, all together; with 0 the host need not know how to
    #[arg(long, default_value_t = 50)]
    swaps: u32,
    /// Milliseconds from the beginning of a swap to that of the next
    #[arg(long, default_value_t = 800)]
    every_ms: u64,
    /// Requests a second
    #[arg(long, default_value_t = 1_000, value_parser = clap::value_parser!(u64).range(20..=50_000))]
    rate: u64,
    /// Seconds for which the host watches a build after its swap
    #[arg(long, default_value_t = 1)]
    probation_seconds: u64,
    /// Another file for the second build of a component, NAME=FILE; without it, the same code with another digest
    #[arg(long, value_name = "NAME=FILE", value_parser = other_build)]
    with: Vec<(String, PathBuf)>,
    /// Say how much slower requests became, and ask no more than that none failed
    #[arg(long)]
    only_lossless: bool,
    /// Decides who asks for what; drawn from the clock without it
    #[arg(long)]
    pub(crate) seed: Option<u64>,
    /// The folder of the shop, emptied first
    #[arg(long, default_value = "target/swaps")]
    pub(crate) folder: PathBuf,
}

fn other_build(text: &str) -> Result<(String, PathBuf), String> {
    let (name, file) = text.split_once('=').ok_or("wants a component and a file: NAME=FILE")?;
    Ok((name.to_owned(), file.into()))
}

/// A shop under load.
struct Trial {
    shop: Shop,
    /// None if nothing is swapped: the host need not know how.
    operator: Option<Operator>,
    load: Load,
    phases: Vec<Phase>,
    /// What the swaps came to, in the order of time.
    swaps: Vec<(String, Swapped)>,
    /// Before the first swap, and some time after the last.
    levels: Vec<Level>,
    /// Bytes that the code of the other builds may take when one of them is kept.
    code_bytes: u64,
}

/// All of it.
pub(crate) async fn run(arguments: &Arguments, seed: u64) -> Result<Verdict> {
    let mut shop = Shop::open(&arguments.folder, true).await?;
    let (requests, tokens) = preparation::prepare(&mut shop).await?;
    let builds = builds(arguments, &shop)?;
    let code_bytes = code_bytes(arguments)?;
    let operator = (arguments.swaps > 0).then(|| shop.operator());
    let visitors = Visitors::new(requests, tokens.clone(), arguments.rate, Rng::with_seed(seed));
    let load = Load::begin(shop.address(), visitors, tokens, arguments.rate);
    let mut trial =
        Trial { shop, operator, load, phases: Vec::new(), swaps: Vec::new(), levels: Vec::new(), code_bytes };
    trial.quiet("warm-up", WARM_UP).await?;
    trial.quiet("before", QUIET).await?;
    trial.swap(&builds, arguments).await?;
    trial.settle().await?;
    trial.judge(arguments).await
}

/// Compiled, with the image of its memory, a file takes up to four times its length.
fn code_bytes(arguments: &Arguments) -> Result<u64> {
    let lengths = arguments.with.iter().map(|(_, file)| Ok(std::fs::metadata(file)?.len() * 4));
    lengths.sum()
}

fn builds(arguments: &Arguments, shop: &Shop) -> Result<Vec<Builds>> {
    let with = |name: &str| arguments.with.iter().find(|(of, _)| of == name).map(|(_, file)| file.as_path());
    let others = arguments.with.iter().map(|(name, _)| name.as_str()).filter(|name| !SWAPPED.contains(name));
    SWAPPED.into_iter().chain(others).map(|name| Builds::of(name, shop.manifest(), with(name))).collect()
}

impl Trial {
    async fn quiet(&mut self, name: &'static str, lasts: Duration) -> Result<()> {
        let begun = self.begin()?;
        tokio::time::sleep(lasts).await;
        if self.phases.len() == BEFORE {
            self.measure().await?;
        }
        self.end(name, begun)
    }

    /// One swap after another, at even distances if the host is as fast as that. Without any it is a quiet phase, which tells how far two of them may
    /// differ on this machine.
    async fn swap(&mut self, builds: &[Builds], arguments: &Arguments) -> Result<()> {
        let begun = self.begin()?;
        let mut due = Instant::now() + if arguments.swaps == 0 { QUIET } else { Duration::ZERO };
        for number in 0..arguments.swaps {
            tokio::time::sleep(due.saturating_duration_since(Instant::now())).await;
            due = due.max(Instant::now()) + Duration::from_millis(arguments.every_ms);
            let of = &builds[usize::try_from(number)? % builds.len()];
            let operator = self.operator.as_ref().expect("there is one if anything is swapped");
            let swapped = operator.swap(of, arguments.probation_seconds).await;
            self.swaps.push((of.component.clone(), swapped));
        }
        tokio::time::sleep(due.saturating_duration_since(Instant::now())).await;
        self.end("swaps", begun)
    }

    /// Quiet again, until what the host holds is as before, or the time for it is over.
    async fn settle(&mut self) -> Result<()> {
        let begun = self.begin()?;
        tokio::time::sleep(QUIET).await;
        self.measure().await?;
        while !self.levels[1].beyond(&self.levels[0], self.code_bytes).is_empty() && begun.0.elapsed() < SETTLED_WITHIN
        {
            tokio::time::sleep(Duration::from_secs(1)).await;
            self.levels.pop();
            self.measure().await?;
        }
        self.end("after", begun)
    }

    async fn measure(&mut self) -> Result<()> {
        self.levels.push(Level::of(self.shop.process_id()?, self.operator.as_ref()).await?);
        Ok(())
    }

    /// The moment, and the processor time that the host and this program have taken so far.
    fn begin(&self) -> Result<(Instant, f64, f64)> {
        self.load.enter(self.phases.len());
        let host = gauge::cpu_seconds(self.shop.process_id()?)?;
        Ok((Instant::now(), host, gauge::cpu_seconds(std::process::id())?))
    }

    fn end(&mut self, name: &'static str, (begun, host, load): (Instant, f64, f64)) -> Result<()> {
        let took = begun.elapsed();
        let host = (gauge::cpu_seconds(self.shop.process_id()?)? - host) / took.as_secs_f64();
        let load = (gauge::cpu_seconds(std::process::id())? - load) / took.as_secs_f64();
        let resident_bytes = gauge::resident_bytes(self.shop.process_id()?)?;
        self.phases.push(Phase { name, begun, took, cores: (host, load), resident_bytes });
        Ok(())
    }

    /// Prints what there was, and tells what is wrong with it.
    async fn judge(mut self, arguments: &Arguments) -> Result<Verdict> {
        let (samples, mut faults) = self.load.end().await?;
        print!("{}", report::phases(&self.phases, &samples));
        println!();
        print!("{}", report::kinds(&samples, [(BEFORE, "before"), (DURING, "swaps")]));
        println!();
        faults.extend(rate(&self.phases[BEFORE], &samples, arguments.rate));
        faults.extend(swaps(&self.swaps));
        let slowdown = slowdown(&samples);
        if !arguments.only_lossless {
            faults.extend(slowdown);
        }
        faults.extend(held(&self.levels, self.code_bytes));
        if let Some(operator) = &self.operator {
            faults.extend(rolled_back(operator)?);
        }
        faults.extend(money(&self.shop, &samples).await?);
        self.shop.stop().await?;
        let told = told(&self.swaps, &samples);
        Ok(Verdict { faults, told })
    }
}

/// All of it in a line.
fn told(swaps: &[(String, Swapped)], samples: &[Sample]) -> String {
    let done = swaps.iter().filter(|(_, swapped)| matches!(swapped, Swapped::Done(_))).count();
    let failed = samples.iter().filter(|sample| sample.is_failed).count();
    format!("{done} of {} swaps done, {failed} of {} requests failed", swaps.len(), samples.len())
}

/// A machine on which the load can't be what it should be says nothing about swaps.
fn rate(quiet: &Phase, samples: &[Sample], wanted: u64) -> Option<String> {
    let reached = quiet.rate(samples);
    #[expect(clippy::cast_precision_loss, reason = "a rate is small")]
    let wanted = wanted as f64;
    (reached < 0.95 * wanted).then(|| {
        format!("{reached:.0} requests a second were answered of {wanted}: choose a lower --rate for this machine")
    })
}

/// All must have been done.
fn swaps(swaps: &[(String, Swapped)]) -> Vec<String> {
    let mut took: Vec<Duration> = Vec::new();
    let mut faults = Vec::new();
    for (number, (component, swapped)) in swaps.iter().enumerate() {
        let number = number + 1;
        match swapped {
            Swapped::Done(ms) => took.push(*ms),
            Swapped::Refused(status, why) => {
                faults.push(format!("swap {number}, of {component}, was refused with {status}: {why}"));
            }
            Swapped::Lost(why) => faults.push(format!("swap {number}, of {component}, has no answer: {why}")),
        }
    }
    took.sort_unstable();
    let (median, most) =
        (took.get(took.len() / 2).copied().unwrap_or_default(), took.last().copied().unwrap_or_default());
    println!("{} of {} swaps done; each took {:.0} ms, one {:.0} ms", took.len(), swaps.len(), ms(median), ms(most));
    faults
}

/// Requests while components are swapped, beside those before.
fn slowdown(samples: &[Sample]) -> Option<String> {
    let p99 = |phase| Latencies::of(samples, |sample| sample.phase == phase).per_mille(990);
    let (before, during, after) = (p99(BEFORE), p99(DURING), p99(AFTER));
    println!("p99: {:.2} ms before, {:.2} ms during the swaps, {:.2} ms after them", ms(before), ms(during), ms(after));
    (during > SLOWDOWN_MAX * before)
        .then(|| format!("p99 was {:.2} ms during the swaps and {:.2} ms before them", ms(during), ms(before)))
}

/// What the host holds, beside what it held before.
fn held(levels: &[Level], code_bytes: u64) -> Vec<String> {
    for (name, level) in ["before", "after"].iter().zip(levels) {
        let resident = level.resident_bytes / MIB;
        let told = level.components.as_ref().map(|told| {
            format!("; {} generations, their instances with {} MiB", told.generations, told.memory_bytes / MIB)
        });
        println!("memory {name}: {resident} MiB{}", told.unwrap_or_default());
    }
    levels[1]
        .beyond(&levels[0], code_bytes)
        .into_iter()
        .map(|beyond| format!("long after the last swap {beyond}"))
        .collect()
}

/// A build that the host took back by itself, though it is as good as the other one.
fn rolled_back(operator: &Operator) -> Result<Vec<String>> {
    let records = operator.audit()?;
    let of_host = records.iter().filter(|record| record["action"] == "rollback");
    Ok(of_host.map(|record| format!("{} was rolled back: {}", record["component"], record["reason"])).collect())
}

/// Everything that was answered as paid is paid, nothing else is, and the ledger sums to zero.
async fn money(shop: &Shop, samples: &[Sample]) -> Result<Vec<String>> {
    let mut faults = audit::pending(shop).await?;
    let mut admin = shop.admin();
    let answered = samples.iter().filter(|sample| !sample.is_failed);
    let answered = answered.filter(|sample| [Kind::Checkout, Kind::Purchase].contains(&sample.kind)).count();
    let paid = admin.demand(&Asked::get("/api/v1/orders?status=paid")).await?["total"].as_u64();
    // Each buyer has bought once before.
    let wanted = u64::try_from(answered + preparation::CUSTOMERS)?;
    if paid != Some(wanted) {
        faults.push(format!("{wanted} orders were answered as paid, and {paid:?} are"));
    }
    let ledger = admin.demand(&Asked::get("/api/v1/payments/ledger")).await?;
    if ledger["balanced"] != true {
        faults.push(format!("the ledger does not sum to zero: {ledger}"));
    }
    ensure!(answered > 0, "nobody bought anything");
    println!("{answered} orders paid while visitors came; the ledger is balanced: {}", ledger["balanced"]);
    Ok(faults)
}
