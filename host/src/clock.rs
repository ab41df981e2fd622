//! What time it is: asked at the edge of the program only, and an argument everywhere else.

use std::time::{SystemTime, UNIX_EPOCH};

/// Seconds since 1970.
pub fn now_s() -> u64 {
    now_ms() / 1_000
}

/// Milliseconds since 1970.
#[expect(
    clippy::disallowed_methods,
    reason = "the edge of the program: whether a token has expired is a question of the time"
)]
pub fn now_ms() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}

/// A moment in milliseconds since 1970, as RFC 3339 writes it in UTC.
pub fn text(ms: u64) -> String {
    let moment = i64::try_from(ms).ok().and_then(|ms| jiff::Timestamp::from_millisecond(ms).ok());
    moment.map(|moment| format!("{moment:.3}")).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::text;

    #[test]
    fn a_moment_has_three_digits_of_a_second() {
        assert_eq!(text(1_795_305_600_007), "2026-11-22T00:00:00.007Z");
        assert_eq!(text(0), "1970-01-01T00:00:00.000Z");
        assert_eq!(text(u64::MAX), "");
    }
}
