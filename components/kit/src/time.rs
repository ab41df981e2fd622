//! Moments in time, and the clock that tells them.
//!
//! A moment is kept in milliseconds and written as RFC 3339 in UTC with exactly three digits of a second. That text has
//! a fixed width, so databases without a type for time sort and compare it as text. Nothing here reads the system's
//! clock: a [`Clock`] is an argument, and tests set it.

use std::fmt;

/// The last moment that `jiff` can write, in milliseconds: 9999-12-30T22:00:00Z.
const MILLISECONDS_MAX: i64 = 253_402_207_200_000;

/// A moment, to the millisecond.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Timestamp {
    milliseconds: i64,
}

impl Timestamp {
    /// Makes a moment from milliseconds since 1970-01-01T00:00:00Z; one before that or after the year 9999 is moved to
    /// the nearest end.
    pub fn from_milliseconds(milliseconds: i64) -> Self {
        Self { milliseconds: milliseconds.clamp(0, MILLISECONDS_MAX) }
    }

    /// Reads back what was written, such as a moment that a database keeps.
    pub fn parse(text: &str) -> Result<Self, &'static str> {
        let moment: jiff::Timestamp = text.parse().map_err(|_| "must be a moment as RFC 3339 writes it")?;
        Ok(Self::from_milliseconds(moment.as_millisecond()))
    }

    /// Whole seconds from now until this moment, rounded up: whoever waits for so long does not come too early. Nothing
    /// once it has passed.
    pub fn seconds_from(self, now: Self) -> u32 {
        let milliseconds = (self.milliseconds - now.milliseconds).max(0).unsigned_abs();
        u32::try_from(milliseconds.div_ceil(1000)).unwrap_or(u32::MAX)
    }

    /// Milliseconds since 1970-01-01T00:00:00Z.
    pub fn milliseconds(self) -> i64 {
        self.milliseconds
    }

    /// The moment that is this many seconds later.
    #[must_use]
    pub fn plus_seconds(self, seconds: u32) -> Self {
        Self::from_milliseconds(self.milliseconds + i64::from(seconds) * 1000)
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let moment =
            jiff::Timestamp::from_millisecond(self.milliseconds).expect("milliseconds are kept within jiff's range");
        write!(f, "{moment:.3}")
    }
}

/// Tells what time it is.
pub trait Clock: Send + Sync {
    /// The present moment. It may go back: never measure with it.
    fn now(&self) -> Timestamp;
}

#[cfg(test)]
mod tests {
    use super::Timestamp;

    #[test]
    fn a_moment_is_text_of_one_width() {
        assert_eq!(Timestamp::from_milliseconds(0).to_string(), "1970-01-01T00:00:00.000Z");
        assert_eq!(Timestamp::from_milliseconds(1_795_168_800_120).to_string(), "2026-11-20T10:00:00.120Z");
        let last = Timestamp::from_milliseconds(i64::MAX).to_string();
        assert_eq!(last.len(), "2026-11-20T10:00:00.120Z".len());
    }

    #[test]
    fn a_moment_is_read_back() {
        let moment = Timestamp::from_milliseconds(1_795_168_800_120);
        assert_eq!(Timestamp::parse(&moment.to_string()), Ok(moment));
        assert!(Timestamp::parse("yesterday").is_err());
    }

    #[test]
    fn what_is_left_of_a_second_is_a_second() {
        let now = Timestamp::from_milliseconds(10_000);
        for (at, seconds) in [(9_000, 0), (10_000, 0), (10_001, 1), (11_000, 1), (11_001, 2)] {
            assert_eq!(Timestamp::from_milliseconds(at).seconds_from(now), seconds, "{at}");
        }
    }
}
