//! A slot: a component's name, and what runs under it now. The gateway, links and jobs follow it at each call.

use super::generation::{Generation, Visit};
use arc_swap::ArcSwapOption;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// A name, and what runs under it.
pub(super) struct Slot {
    /// The component's id in the manifest.
    pub(super) id: Arc<str>,
    standing: ArcSwapOption<Standing>,
    /// Counts those who came while a candidate got its share.
    turn: AtomicU64,
}

/// What runs under a name.
#[derive(Clone)]
pub(super) struct Standing {
    /// Who serves.
    pub(super) current: Arc<Generation>,
    /// Who gets a share of the calls on trial.
    pub(super) candidate: Option<Candidate>,
    /// Who served before, kept to go back to.
    pub(super) previous: Option<Arc<Generation>>,
    /// Whether nobody is served.
    pub(super) is_stopped: bool,
    /// Whether `current` is watched, and may be taken back.
    pub(super) is_on_probation: bool,
}

/// A generation on trial.
#[derive(Clone)]
pub(super) struct Candidate {
    pub(super) generation: Arc<Generation>,
    /// Of a hundred calls it gets so many, 1 to 100.
    pub(super) percent: u64,
}

/// Nobody is served under this name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Closed;

impl Slot {
    /// A name under which nothing runs yet.
    pub(super) fn new(id: &str) -> Arc<Self> {
        Arc::new(Self { id: id.into(), standing: ArcSwapOption::empty(), turn: AtomicU64::new(0) })
    }

    /// What runs under it; none before the application has started.
    pub(super) fn standing(&self) -> Option<Arc<Standing>> {
        self.standing.load_full()
    }

    /// From now on this does. Who called before is answered by whom it called.
    pub(super) fn set(&self, standing: Standing) {
        self.standing.store(Some(Arc::new(standing)));
    }

    /// Begins a call of whoever serves now.
    pub(super) fn enter(&self) -> Result<Visit, Closed> {
        let standing = self.standing.load();
        let standing = standing.as_deref().filter(|standing| !standing.is_stopped).ok_or(Closed)?;
        let generation = match &standing.candidate {
            Some(candidate) if self.is_turn_of(candidate) => &candidate.generation,
            _ => &standing.current,
        };
        Ok(Visit::new(generation))
    }

    /// Spread evenly: of any hundred calls in a row, a candidate gets exactly its share.
    fn is_turn_of(&self, candidate: &Candidate) -> bool {
        is_share(self.turn.fetch_add(1, Ordering::Relaxed), candidate.percent)
    }
}

/// Whether the call of this number is one of so many in a hundred.
fn is_share(turn: u64, percent: u64) -> bool {
    let place = turn % 100;
    (place + 1) * percent / 100 > place * percent / 100
}

impl Standing {
    /// Every generation that serves, or could.
    pub(super) fn all(&self) -> Vec<Arc<Generation>> {
        let candidate = self.candidate.as_ref().map(|candidate| &candidate.generation);
        [Some(&self.current), candidate, self.previous.as_ref()].into_iter().flatten().cloned().collect()
    }

    /// Who may come to serve by the end of a trial: its candidate, or the one before who is on probation.
    pub(super) fn others_that_may_serve(&self) -> Vec<Arc<Generation>> {
        let candidate = self.candidate.as_ref().map(|candidate| &candidate.generation);
        let before = self.previous.as_ref().filter(|_| self.is_on_probation);
        candidate.into_iter().chain(before).cloned().collect()
    }

    /// Whether the same one serves, or the same nobody.
    pub(super) fn is_served_like(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.current, &other.current) && self.is_stopped == other.is_stopped
    }

    /// Serves from the start.
    pub(super) fn first(current: Arc<Generation>) -> Self {
        Self { current, candidate: None, previous: None, is_stopped: false, is_on_probation: false }
    }
}

#[cfg(test)]
mod tests {
    use super::is_share;

    #[test]
    fn a_share_is_exact_and_spread() {
        for percent in [1, 5, 33, 50, 99, 100] {
            let turns: Vec<u64> = (0..1_000).filter(|turn| is_share(*turn, percent)).collect();
            assert_eq!(turns.len() as u64, percent * 10, "{percent}");
            let gap_max = turns.windows(2).map(|pair| pair[1] - pair[0]).max().unwrap_or(0);
            assert!(gap_max <= 100_u64.div_ceil(percent), "{percent}: {gap_max}");
        }
    }
}
