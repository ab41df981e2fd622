//! A trial: a generation is watched while it serves, or gets a share, and is taken back by the host itself if it does worse than the one before.
//!
//! Two things are looked at: which part of what it was asked failed (answered 5xx, trapped, out of time), and how long half of it takes. Both against the
//! generation before, so that what goes wrong anyway is not held against it. Half, and not the slowest: those are slow when the machine is busy.

use super::super::generation::Generation;
use super::super::slot::Standing;
use super::super::tally::{Ended, Tally};
use super::super::{Component, Components};
use super::{Asked, which};
use crate::audit::{Action, Outcome};
use crate::config::ComponentLimits;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;

/// How often it is looked at: what fails at once is taken back at once.
const LOOK: Duration = Duration::from_millis(100);

/// What takes less is not slow, whatever it took before: below this a busy core makes the difference.
const SLOW_FROM_US: u64 = 5_000;

/// How many times as many requests it takes to tell that something is slow as that it fails: the first ones meet cold caches, and a pause of the machine
/// makes a whole crowd of them late.
const SLOW_AFTER: u64 = 5;

/// For the audit log.
const WHO: &str = "probation";

/// Watches a generation that was put to service, or gets a share, for so long.
pub(super) fn begin(all: &Arc<Components>, place: usize, generation: &Arc<Generation>, span: Duration) {
    let (all, generation) = (Arc::clone(all), Arc::clone(generation));
    tokio::spawn(async move {
        let mut end = Instant::now() + span;
        let standing = all.list[place].standing();
        let Some(before) = on_trial_against(&standing, &generation) else { return };
        let began = (Series::of(&before.tally), Series::of(&generation.tally));
        loop {
            tokio::time::sleep(LOOK).await;
            let component = &all.list[place];
            let standing = component.standing();
            let Some(before) = on_trial_against(&standing, &generation) else { return };
            if standing.is_stopped {
                // Nothing is shown while nobody is served.
                end += LOOK;
                continue;
            }
            let new = Series::of(&generation.tally).since(&began.1);
            let is_over = Instant::now() >= end || is_enough(&component.limits, &new);
            let old = Series::of(&before.tally);
            // What both met at the same time is held against neither; one that is not asked any more is known by its whole life.
            let meanwhile = old.since(&began.0);
            let old = if meanwhile.count() >= component.limits.probation_requests_min { meanwhile } else { old };
            let fault = old.fault(&new, &component.limits, is_over);
            if fault.is_some() || is_over {
                return all.aside(move |all| async move { all.end_trial(place, &generation, span, fault).await }).await;
            }
        }
    });
}

/// The one that it is held against; none if it is not on trial any more.
fn on_trial_against(standing: &Standing, generation: &Arc<Generation>) -> Option<Arc<Generation>> {
    match &standing.candidate {
        Some(candidate) if Arc::ptr_eq(&candidate.generation, generation) => Some(Arc::clone(&standing.current)),
        _ if Arc::ptr_eq(&standing.current, generation) && standing.is_on_probation => standing.previous.clone(),
        _ => None,
    }
}

fn is_enough(limits: &ComponentLimits, new: &Series) -> bool {
    limits.probation_requests_max > 0 && new.count() >= limits.probation_requests_max
}

impl Component {
    /// How long its generations are watched, where nothing else is said.
    pub(super) fn probation(&self) -> Duration {
        crate::config::ms(self.limits.probation_ms)
    }
}

impl Components {
    async fn end_trial(
        self: Arc<Self>,
        place: usize,
        generation: &Arc<Generation>,
        span: Duration,
        fault: Option<String>,
    ) {
        let _turn = self.changing.turn.lock().await;
        let (component, asked) = (&self.list[place], |action| Asked::now(WHO, action));
        let standing = component.standing();
        if on_trial_against(&standing, generation).is_none() {
            return;
        }
        if let Some(why) = fault {
            if let Err(problem) = self.go_back(place, &asked(Action::Rollback), Some(why)) {
                let (component, problem) = (&*component.id, problem.name());
                tracing::error!(component, problem, "the generation before can't serve any more: this one goes on");
                component_stays(&self.list[place]);
                self.keep_for_next_start(place);
            }
            return;
        }
        let now = Some(which(generation));
        if standing.candidate.is_some() {
            self.switch(place, generation, true);
            begin(&self, place, generation, span);
            let reason = Some("its share was answered well: it gets all calls, and is watched on".to_owned());
            self.record(&asked(Action::Promote), component, Some(which(&standing.current)), now, Outcome::Done, reason);
        } else {
            component_stays(component);
            self.keep_for_next_start(place);
            let reason = Some("its probation is over".to_owned());
            self.record(&asked(Action::Promote), component, now.clone(), now, Outcome::Done, reason);
        }
    }
}

fn component_stays(component: &Component) {
    component.slot.set(Standing { is_on_probation: false, ..(*component.standing()).clone() });
}

/// What was asked of a generation.
struct Series {
    requests: Ended,
    calls: Ended,
}

impl Series {
    fn of(tally: &Tally) -> Self {
        Self { requests: tally.requests.read(), calls: tally.calls.read() }
    }

    /// What came after `began`.
    fn since(&self, began: &Self) -> Self {
        Self { requests: self.requests.since(&began.requests), calls: self.calls.since(&began.calls) }
    }

    fn count(&self) -> u64 {
        self.requests.count + self.calls.count
    }

    fn failed(&self) -> u64 {
        self.requests.failed + self.calls.failed
    }

    /// Why `new` does worse than this one, in a sentence.
    fn fault(&self, new: &Self, limits: &ComponentLimits, is_over: bool) -> Option<String> {
        // At the end few have to do: a component that nobody asks for much is taken back, too.
        let enough = if is_over { 1 } else { limits.probation_requests_min };
        if new.count() >= enough {
            let (before, after) = (percent(self.failed(), self.count()), percent(new.failed(), new.count()));
            if after > before + limits.probation_failures_percent_max {
                let (failed, count) = (new.failed(), new.count());
                return Some(format!("{failed} of {count} requests and calls failed ({after} %, {before} % before)"));
            }
        }
        let slower = |old: &Ended, new: &Ended, what| slower(old, new, what, limits);
        slower(&self.requests, &new.requests, "requests").or_else(|| slower(&self.calls, &new.calls, "calls"))
    }
}

fn slower(old: &Ended, new: &Ended, what: &str, limits: &ComponentLimits) -> Option<String> {
    let min = limits.probation_requests_min.saturating_mul(SLOW_AFTER);
    if limits.probation_slowdown_percent_max == 0 || old.count < min || new.count < min {
        return None;
    }
    let (before, after) = (old.percentile_us(50), new.percentile_us(50));
    let max = before * limits.probation_slowdown_percent_max / 100;
    let is_slow = after > max.max(SLOW_FROM_US);
    is_slow.then(|| format!("half of its {what} take {after} µs or more, of the one before {before} µs"))
}

fn percent(part: u64, of: u64) -> u64 {
    (part * 100).checked_div(of).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tally(good: u64, bad: u64, took_us: u64) -> Series {
        let tally = Tally::default();
        let took = Duration::from_micros(took_us);
        (0..good).for_each(|_| tally.requests.count(took, false));
        (0..bad).for_each(|_| tally.calls.count(took, true));
        Series::of(&tally)
    }

    fn fault(old: &Series, new: &Series, is_over: bool) -> Option<String> {
        old.fault(new, &ComponentLimits::default(), is_over)
    }

    #[test]
    fn what_fails_more_often_than_before_is_a_fault() {
        let well = tally(1_000, 0, 100);
        assert_eq!(fault(&well, &tally(1_000, 0, 100), true), None);
        assert_eq!(fault(&well, &tally(95, 5, 100), false), None);
        assert!(fault(&well, &tally(90, 10, 100), false).is_some_and(|why| why.contains("10 of 100")));
        // The one before failed as often.
        assert_eq!(fault(&tally(90, 10, 100), &tally(90, 10, 100), true), None);
        // Nobody had asked the one before.
        assert!(fault(&tally(0, 0, 0), &tally(0, 30, 100), false).is_some());
    }

    #[test]
    fn a_few_requests_tell_only_at_the_end() {
        let well = tally(1_000, 0, 100);
        assert_eq!(fault(&well, &tally(0, 3, 100), false), None);
        assert!(fault(&well, &tally(0, 3, 100), true).is_some());
        assert_eq!(fault(&well, &tally(0, 0, 0), true), None);
    }

    #[test]
    fn what_takes_three_times_as_long_is_a_fault_if_anybody_can_feel_it() {
        assert_eq!(fault(&tally(100, 0, 100), &tally(100, 0, 1_000), false), None);
        assert_eq!(fault(&tally(100, 0, 3_000), &tally(100, 0, 6_000), false), None);
        assert!(
            fault(&tally(100, 0, 3_000), &tally(100, 0, 20_000), false).is_some_and(|why| why.contains("requests"))
        );
        let never = ComponentLimits { probation_slowdown_percent_max: 0, ..ComponentLimits::default() };
        assert_eq!(tally(100, 0, 3_000).fault(&tally(100, 0, 20_000), &never, false), None);
    }
}
