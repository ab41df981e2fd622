//! A generation: one version of a component, ready to be called, and what was counted of it.
//!
//! A swap makes a new one beside the one that serves. Whoever calls holds a [`Visit`]: the generation that it began with answers it to the end,
//! whatever is served to others meanwhile.

use super::instance::Mould;
use super::package::Version;
use super::pool::Pool;
use super::tally::Tally;
use crate::clock::now_ms;
use crate::config::ms;
use souk_database::migration::Migration;
use souk_identity::seal::version::SealVersion;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio_util::sync::CancellationToken;
use wasmtime::component::Component;

/// One version of a component.
pub(super) struct Generation {
    /// Counts from 1 under the component's name, as long as the host runs.
    pub(super) number: u64,
    /// What its file says of itself.
    pub(super) carried: Carried,
    /// When it was made, in milliseconds since 1970.
    pub(super) since_ms: u64,
    /// The compiled code, for its types.
    pub(super) code: Component,
    /// Its instances.
    pub(super) pool: Pool,
    /// What was counted of it.
    pub(super) tally: Tally,
    /// Streams that are under way end when this is told, done or not; what is whole ends within `time_ms_max` anyway.
    cut: Mutex<CancellationToken>,
}

/// What a component's file says of itself.
pub(super) struct Carried {
    /// Its digest.
    pub(super) version: Version,
    /// The version of its seal, if one is demanded.
    pub(super) sealed: Option<SealVersion>,
    /// The migrations that it carries.
    pub(super) migrations: Vec<Migration>,
}

/// How often a generation that is drained is looked at.
const DRAIN_STEP: Duration = Duration::from_millis(5);

impl Generation {
    /// Nothing was asked of it yet.
    pub(super) fn new(number: u64, carried: Carried, code: Component, mould: Mould) -> Self {
        Self {
            number,
            carried,
            since_ms: now_ms(),
            code,
            pool: Pool::new(mould),
            tally: Tally::default(),
            cut: Mutex::default(),
        }
    }

    /// It serves nobody any more who comes from now on. Answers how to cut off who came before.
    pub(super) fn retire(&self) -> CancellationToken {
        let cut = self.cut();
        self.pool.retire();
        cut
    }

    /// Waits until nothing is under way, and cuts off streams that have not ended within this time. Answers whether all could end. Its code stays,
    /// so that it can serve again.
    pub(super) async fn drain(&self, cut: CancellationToken, within_ms: u64) -> bool {
        let ended = tokio::time::timeout(ms(within_ms), async {
            // It may be called back meanwhile, and then has as long as it likes.
            while self.tally.under_way.load(Ordering::Acquire) > 0 && self.pool.is_retired() {
                tokio::time::sleep(DRAIN_STEP).await;
            }
        });
        let is_drained = ended.await.is_ok();
        if !is_drained {
            cut.cancel();
        }
        is_drained
    }

    /// It serves again.
    pub(super) fn recall(&self) {
        *self.cut.lock().unwrap_or_else(PoisonError::into_inner) = CancellationToken::new();
        self.pool.recall();
    }

    /// Told when what is under way now has to end.
    pub(super) fn cut(&self) -> CancellationToken {
        self.cut.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// Somebody who calls one generation. Dropped when the call is over.
pub struct Visit(Arc<Generation>);

impl Visit {
    /// Begins.
    pub(super) fn new(generation: &Arc<Generation>) -> Self {
        generation.tally.under_way.fetch_add(1, Ordering::AcqRel);
        Self(Arc::clone(generation))
    }

    /// Who is called.
    pub(super) fn generation(&self) -> &Generation {
        &self.0
    }

    /// Its instances.
    pub(super) fn pool(&self) -> &Pool {
        &self.0.pool
    }

    /// For what goes on by itself.
    pub(super) fn again(&self) -> Self {
        Self::new(&self.0)
    }
}

impl Drop for Visit {
    fn drop(&mut self) {
        self.0.tally.under_way.fetch_sub(1, Ordering::AcqRel);
    }
}
