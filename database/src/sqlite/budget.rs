//! How long statements on a connection may run: a budget that the engine asks about every few hundred steps.
//!
//! One handler is installed per connection for its whole life; starting and ending a budget is two stores, cheap enough for
//! a point read of four microseconds.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use rusqlite::Connection;

/// Steps of the engine between two questions: about 4 µs apart, so that asking (20 ns) costs half a percent.
const STEPS_PER_QUESTION: u16 = 250;

/// Questions between two pauses of a statement that takes long: some 200 µs.
const QUESTIONS_PER_PAUSE: u64 = 48;

/// How long a pause is asked to be; with the kernel's usual slack it is 60 µs. A core that becomes idle, however shortly, takes over what waits at
/// another one; beside a thread that only computes, and also one that only yields, requests wait for the kernel's next tick of 4 ms.
const PAUSE: Duration = Duration::from_micros(10);

/// How long a statement runs before it pauses. A list or a search is over by then.
const PAUSES_AFTER: Duration = Duration::from_millis(3);

/// What is left for the statement that runs now. Shared with the connection's progress handler.
pub(super) struct Budget {
    born: Instant,
    questions_left: AtomicU64,
    ends_ns: AtomicU64,
    spent: AtomicBool,
    pauses: AtomicBool,
    pauses_from_ns: AtomicU64,
}

impl Budget {
    /// Installs a budget, without bounds at first.
    pub(super) fn install(db: &Connection) -> rusqlite::Result<Arc<Self>> {
        let budget = Arc::new(Self {
            born: Instant::now(),
            questions_left: AtomicU64::new(u64::MAX),
            ends_ns: AtomicU64::new(u64::MAX),
            spent: AtomicBool::new(false),
            pauses: AtomicBool::new(false),
            pauses_from_ns: AtomicU64::new(u64::MAX),
        });
        let asked = Arc::clone(&budget);
        db.progress_handler(STEPS_PER_QUESTION.into(), Some(move || asked.is_spent_now()))?;
        Ok(budget)
    }

    /// Starts anew with this much.
    pub(super) fn start(&self, steps: u64, time: Duration) {
        let now_ns = nanoseconds(self.born.elapsed());
        let ends_ns = now_ns.saturating_add(nanoseconds(time));
        self.pauses_from_ns.store(now_ns.saturating_add(nanoseconds(PAUSES_AFTER)), Ordering::Relaxed);
        self.ends_ns.store(ends_ns, Ordering::Relaxed);
        self.questions_left.store(steps / u64::from(STEPS_PER_QUESTION), Ordering::Relaxed);
        self.spent.store(false, Ordering::Relaxed);
    }

    /// Starts anew with a bound on time only.
    pub(super) fn start_time(&self, time: Duration) {
        self.start(u64::MAX, time);
    }

    /// From now on, statements that take long pause again and again.
    pub(super) fn pause_often(&self) {
        self.pauses.store(true, Ordering::Relaxed);
    }

    /// Lifts the bounds, for the host's own statements.
    pub(super) fn lift(&self) {
        self.ends_ns.store(u64::MAX, Ordering::Relaxed);
        self.questions_left.store(u64::MAX, Ordering::Relaxed);
    }

    /// Whether the statement was ended because the budget was used up. Asked instead of trusting the error's code: an
    /// extension such as FTS5 may report an interruption as something else.
    pub(super) fn is_spent(&self) -> bool {
        self.spent.load(Ordering::Relaxed)
    }

    /// The progress handler: true ends the statement.
    fn is_spent_now(&self) -> bool {
        let left = self.questions_left.load(Ordering::Relaxed);
        self.questions_left.store(left.saturating_sub(1), Ordering::Relaxed);
        let ends_ns = self.ends_ns.load(Ordering::Relaxed);
        // Not asked where nothing depends on it.
        let now_ns = if ends_ns == u64::MAX { 0 } else { nanoseconds(self.born.elapsed()) };
        let spent = left == 0 || now_ns >= ends_ns;
        if spent {
            self.spent.store(true, Ordering::Relaxed);
        } else if left.is_multiple_of(QUESTIONS_PER_PAUSE) && self.pauses_now(now_ns) {
            std::thread::sleep(PAUSE);
        }
        spent
    }

    fn pauses_now(&self, now_ns: u64) -> bool {
        self.pauses.load(Ordering::Relaxed) && now_ns >= self.pauses_from_ns.load(Ordering::Relaxed)
    }
}

fn nanoseconds(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}
