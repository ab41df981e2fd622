//! Swaps while customers buy and the host is killed: components come and go at every moment, also in the one in which the host dies.
//!
//! A swap that dies with the host is neither done nor refused; whoever starts the host again finds one build or the other, and it serves.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::Result;

use crate::builds::Builds;
use crate::operator::{Operator, Swapped};
use crate::shop::Shop;

/// What is swapped: money and goods.
const SWAPPED: [&str; 2] = ["payment", "product"];

/// Short, because a swap waits for the probation of the one before.
const PROBATION_SECONDS: u64 = 1;

/// Whoever swaps, and what came of it.
pub(crate) struct Swapper {
    operator: Operator,
    builds: Vec<Builds>,
    asked: AtomicUsize,
    came: Mutex<Vec<(String, Swapped)>>,
}

impl Swapper {
    /// Of a shop, whatever host it has at a moment.
    pub(crate) fn of(shop: &Shop) -> Result<Arc<Self>> {
        let builds = SWAPPED.into_iter().map(|component| Builds::of(component, shop.manifest(), None));
        let builds = builds.collect::<Result<_>>()?;
        Ok(Arc::new(Self { operator: shop.operator(), builds, asked: AtomicUsize::new(0), came: Mutex::default() }))
    }

    /// Swaps every so often until it is over.
    pub(crate) async fn swap_until(self: Arc<Self>, every: Duration, is_over: Arc<AtomicBool>) {
        while !is_over.load(Ordering::Relaxed) {
            tokio::time::sleep(every).await;
            self.swap().await;
        }
    }

    /// The next component, once.
    pub(crate) async fn swap(&self) {
        let builds = &self.builds[self.asked.fetch_add(1, Ordering::Relaxed) % self.builds.len()];
        let swapped = self.operator.swap(builds, PROBATION_SECONDS).await;
        let mut came = self.came.lock().unwrap_or_else(PoisonError::into_inner);
        came.push((builds.component.clone(), swapped));
    }

    /// How many were done, refused and lost.
    pub(crate) fn summary(&self) -> String {
        let came = self.came.lock().unwrap_or_else(PoisonError::into_inner);
        let count = |is: fn(&Swapped) -> bool| came.iter().filter(|(_, swapped)| is(swapped)).count();
        let done = count(|swapped| matches!(swapped, Swapped::Done(_)));
        let refused = count(|swapped| matches!(swapped, Swapped::Refused(..)));
        format!("swaps: {done} done, {refused} refused, {} lost", came.len() - done - refused)
    }

    /// What must not be: a refusal, but for that of a second swap at once, and nothing that was done at all.
    pub(crate) fn faults(&self) -> Vec<String> {
        let came = self.came.lock().unwrap_or_else(PoisonError::into_inner);
        let refused = came.iter().filter_map(|(component, swapped)| match swapped {
            Swapped::Refused(status, why) if *status != 409 => {
                Some(format!("a swap of {component} was refused with {status}: {why}"))
            }
            _ => None,
        });
        let nothing = !came.iter().any(|(_, swapped)| matches!(swapped, Swapped::Done(_)));
        let last = || came.last().map_or("none was asked for".to_owned(), |(_, swapped)| format!("{swapped:?}"));
        refused.chain(nothing.then(|| format!("no swap was done; the last one: {}", last()))).collect()
    }
}
