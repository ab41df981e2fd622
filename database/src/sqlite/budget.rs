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

/// Questions between two offers to let another thread go first: some 60 µs, so that offering (half a microsecond) costs a percent.
const QUESTIONS_PER_YIELD: u64 = 16;

/// How long a statement runs before it makes such offers. A list or a search is over by then, and would wait for a core that is full.
const YIELDS_AFTER: Duration = Duration::from_millis(20);

/// What is left for the statement that runs now. Shared with the connection's progress handler.
pub(super) struct Budget {
    born: Instant,
    questions_left: AtomicU64,
    ends_ns: AtomicU64,
    spent: AtomicBool,
    yields: AtomicBool,
    yields_from_ns: AtomicU64,
}

impl Budget {
    /// Installs a budget, without bounds at first.
    pub(super) fn install(db: &Connection) -> rusqlite::Result<Arc<Self>> {
        let budget = Arc::new(Self {
            born: Instant::now(),
            questions_left: AtomicU64::new(u64::MAX),
            ends_ns: AtomicU64::new(u64::MAX),
            spent: AtomicBool::new(false),
            yields: AtomicBool::new(false),
            yields_from_ns: AtomicU64::new(u64::MAX),
        });
        let asked = Arc::clone(&budget);
        db.progress_handler(STEPS_PER_QUESTION.into(), Some(move || asked.is_spent_now()))?;
        Ok(budget)
    }

    /// Starts anew with this much.
    pub(super) fn start(&self, steps: u64, time: Duration) {
        let now_ns = nanoseconds(self.born.elapsed());
        let ends_ns = now_ns.saturating_add(nanoseconds(time));
        self.yields_from_ns.store(now_ns.saturating_add(nanoseconds(YIELDS_AFTER)), Ordering::Relaxed);
        self.ends_ns.store(ends_ns, Ordering::Relaxed);
        self.questions_left.store(steps / u64::from(STEPS_PER_QUESTION), Ordering::Relaxed);
        self.spent.store(false, Ordering::Relaxed);
    }

    /// Starts anew with a bound on time only.
    pub(super) fn start_time(&self, time: Duration) {
        self.start(u64::MAX, time);
    }

    /// From now on, statements that take long let other threads go first again and again: the kernel alone may wait for its next tick, some
    /// milliseconds, before it takes a core away.
    pub(super) fn yield_often(&self) {
        self.yields.store(true, Ordering::Relaxed);
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
        } else if left.is_multiple_of(QUESTIONS_PER_YIELD) && self.yields_now(now_ns) {
            std::thread::yield_now();
        }
        spent
    }

    fn yields_now(&self, now_ns: u64) -> bool {
        self.yields.load(Ordering::Relaxed) && now_ns >= self.yields_from_ns.load(Ordering::Relaxed)
    }
}

fn nanoseconds(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}
