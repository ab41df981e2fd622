//! `cargo xtask soak`: customers buy from a shop whose host is killed in the middle, and afterwards everything must add up.
//!
//! The shop is the real one, `spin.toml` with all its components. Its customers do what customers and their networks do: they put things into carts, pay
//! with cards that work or fail in every way that the simulator knows, click twice, give up waiting, come again with the same key, cancel. Then the
//! host is left alone until nothing is pending, and [`audit`] asks it for what it has: the invariants of a shop.
//!
//! What happens is chosen by the seed, which is printed; how threads and processes take turns is not, so a seed repeats a run only roughly.
#![expect(clippy::print_stdout, reason = "a program that a person runs")]

mod shop;

mod connection;

mod builds;

mod operator;

mod customer;

mod swapper;

mod rush;

mod notes;

mod audit;

mod swaps;

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use anyhow::Result;
use clap::{Parser, Subcommand};
use fastrand::Rng;
use tokio::task::JoinSet;

use crate::customer::Customer;
use crate::notes::Notes;
use crate::shop::Shop;
use crate::swapper::Swapper;

/// How long the shop may take after the last customer until nothing is pending: the slowest card answers after 20 seconds, and what a dead
/// host was at is taken up a little later.
const SETTLED_WITHIN: Duration = Duration::from_secs(150);

/// Lets customers buy from a shop that is killed again and again, and checks that everything adds up.
#[derive(Parser)]
#[command(args_conflicts_with_subcommands = true)]
struct Arguments {
    #[command(subcommand)]
    instead: Option<Instead>,
    /// Seconds in which customers buy
    #[arg(long, default_value_t = 30)]
    seconds: u64,
    /// Decides what happens; drawn from the clock without it
    #[arg(long)]
    seed: Option<u64>,
    /// How many customers there are at once
    #[arg(long, default_value_t = 32)]
    customers: usize,
    /// How often the host is killed; every ten seconds without it
    #[arg(long)]
    kills: Option<u64>,
    /// Seconds from one swap of a component to the next, and one around each kill; 0: nothing is swapped
    #[arg(long, default_value_t = 0)]
    swap_every: u64,
    /// The folder of the shop, emptied first
    #[arg(long, default_value = "target/soak")]
    folder: PathBuf,
}

#[derive(Subcommand)]
enum Instead {
    Swaps(swaps::Arguments),
}

#[tokio::main]
async fn main() -> ExitCode {
    let arguments = Arguments::parse();
    if let Some(Instead::Swaps(arguments)) = &arguments.instead {
        let seed = arguments.seed.unwrap_or_else(seed_of_the_clock);
        println!("swaps: seed {seed}");
        return tell("swaps", swaps::run(arguments, seed).await, seed, &arguments.folder);
    }
    let seed = arguments.seed.unwrap_or_else(seed_of_the_clock);
    println!("soak: seed {seed}, {} customers for {} s", arguments.customers, arguments.seconds);
    tell("soak", run(&arguments, seed).await, seed, &arguments.folder)
}

/// What a run came to.
struct Verdict {
    /// What must not be.
    faults: Vec<String>,
    /// What there was, in a few words.
    told: String,
}

/// Says in the last line whether there were faults.
fn tell(name: &str, verdict: Result<Verdict>, seed: u64, folder: &Path) -> ExitCode {
    let told = match verdict {
        Ok(Verdict { faults, told }) if faults.is_empty() => {
            println!("{name}: {told} (seed {seed})");
            return ExitCode::SUCCESS;
        }
        Ok(Verdict { faults, told }) => {
            for fault in &faults {
                println!("  {fault}");
            }
            format!("{} faults; {told}", faults.len())
        }
        Err(error) => format!("{error:#}"),
    };
    println!("{name}: FAILED, {told} (seed {seed}; the shop is in {})", folder.display());
    ExitCode::FAILURE
}

async fn run(arguments: &Arguments, seed: u64) -> Result<Verdict> {
    let mut rng = Rng::with_seed(seed);
    let mut shop = Shop::open(&arguments.folder, false).await?;
    shop.stock(&mut rng).await?;
    let mut still = rush::rush(&mut shop).await?;
    let notes = Arc::new(Notes::default());
    let is_over = Arc::new(AtomicBool::new(false));
    let customers: Vec<_> = (0..arguments.customers)
        .map(|number| {
            let customer = Customer::new(number, &shop, Rng::with_seed(rng.u64(..)), Arc::clone(&notes));
            tokio::spawn(customer.buy_until(Arc::clone(&is_over)))
        })
        .collect();
    let merchant = tokio::spawn(shop::restock(shop.merchant(), Rng::with_seed(rng.u64(..)), Arc::clone(&is_over)));
    let swapper = (arguments.swap_every > 0).then(|| Swapper::of(&shop)).transpose()?;
    let every = Duration::from_secs(arguments.swap_every);
    let swaps = swapper.clone().map(|swapper| tokio::spawn(swapper.swap_until(every, Arc::clone(&is_over))));
    kill_and_restart(&mut shop, &mut rng, arguments, swapper.as_ref()).await?;
    is_over.store(true, Ordering::Relaxed);
    for customer in customers {
        still.push(customer.await??);
    }
    let restocked = merchant.await??;
    if let Some(swaps) = swaps {
        swaps.await?;
    }
    let settled = wait_until_settled(&shop).await?;
    println!("soak: {}; nothing was pending after {:.1} s", notes.summary(), settled.as_secs_f64());
    let mut faults = audit::audit(&shop, still, restocked).await?;
    shop.stop().await?;
    let mut told = if faults.is_empty() { "everything adds up" } else { "not everything adds up" }.to_owned();
    if let Some(swapper) = swapper {
        faults.extend(swapper.faults());
        told = format!("{told}; {}", swapper.summary());
    }
    Ok(Verdict { faults, told })
}

/// Lets the time pass, with the host killed at random moments of it: also while a component is swapped, and just before one is.
async fn kill_and_restart(
    shop: &mut Shop,
    rng: &mut Rng,
    arguments: &Arguments,
    swapper: Option<&Arc<Swapper>>,
) -> Result<()> {
    let end = Instant::now() + Duration::from_secs(arguments.seconds);
    let kills = arguments.kills.unwrap_or(arguments.seconds / 10);
    let mut swaps = JoinSet::new();
    let mut swap = async |in_the_mean_time| {
        let Some(swapper) = swapper.map(Arc::clone) else { return };
        swaps.spawn(async move { swapper.swap().await });
        tokio::time::sleep(in_the_mean_time).await;
    };
    for left in (1..=kills).rev() {
        let share = end.saturating_duration_since(Instant::now()) / u32::try_from(left)?;
        tokio::time::sleep(share.mul_f64(0.3 + 0.7 * rng.f64())).await;
        if rng.bool() {
            swap(Duration::from_millis(rng.u64(0..500))).await;
        }
        shop.kill_and_start_again().await?;
        if rng.bool() {
            swap(Duration::ZERO).await;
        }
    }
    tokio::time::sleep(end.saturating_duration_since(Instant::now())).await;
    swaps.join_all().await;
    Ok(())
}

async fn wait_until_settled(shop: &Shop) -> Result<Duration> {
    let begun = Instant::now();
    loop {
        let pending = audit::pending(shop).await?;
        if pending.is_empty() {
            return Ok(begun.elapsed());
        }
        anyhow::ensure!(begun.elapsed() < SETTLED_WITHIN, "still pending after {SETTLED_WITHIN:?}: {pending:?}");
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
}

#[expect(clippy::disallowed_methods, reason = "a seed that nobody chose")]
fn seed_of_the_clock() -> u64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(now.as_millis()).unwrap_or(0)
}
