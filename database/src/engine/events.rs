//! Events on their way into an outbox: held against the contract before an engine sees them.

use serde::de::IgnoredAny;

use super::sizes::{Sizes, at, too_large};
use crate::contract::{Error, Event};

/// Lengths in bytes that the contract `souk:events/types` fixes.
const ID_BYTES_MAX: usize = 64;
const TYPE_BYTES_MAX: usize = 128;
const SUBJECT_BYTES_MAX: usize = 256;
const KEY_BYTES_MAX: usize = 128;
const DATA_BYTES_MAX: usize = 64 << 10;

/// The events that wait for delivery.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OutboxStatus {
    /// How many.
    pub waiting: u64,
    /// Milliseconds since the oldest was committed; none if none waits. Grows while a subscriber is down.
    pub oldest_ms: Option<u64>,
}

/// Checks events against the contract, on the caller's thread.
pub(crate) fn check(events: &[Event], sizes: &Sizes) -> Result<(), Error> {
    if events.len() as u64 > u64::from(sizes.events) {
        return Err(too_large("", events.len() as u64, "events", "events", sizes.events.into()));
    }
    let mut bytes = 0;
    for (index, event) in events.iter().enumerate() {
        check_event(event).map_err(|error| at(format_args!("event {index}"), error))?;
        bytes += (event.id.len() + event.r#type.len() + event.key.len() + event.data.len()) as u64;
    }
    if bytes > sizes.event_bytes {
        return Err(too_large("events of", bytes, "bytes", "event-bytes", sizes.event_bytes));
    }
    Ok(())
}

/// The error for an event whose id is that of one that waits.
pub(crate) fn waits_already(index: usize, event: &Event) -> Error {
    Error::Constraint(format!("event {index}: the id `{}` waits in the outbox already", event.id.escape_debug()))
}

fn check_event(event: &Event) -> Result<(), Error> {
    check_length("id", &event.id, 1, ID_BYTES_MAX)?;
    check_length("type", &event.r#type, 1, TYPE_BYTES_MAX)?;
    check_length("subject", event.subject.as_deref().unwrap_or(""), 0, SUBJECT_BYTES_MAX)?;
    check_length("key", &event.key, 1, KEY_BYTES_MAX)?;
    check_length("data", &event.data, 1, DATA_BYTES_MAX)?;
    if !is_utc_time(&event.time) {
        return Err(Error::Invalid(format!("time is not RFC 3339 in UTC: `{}`", event.time.escape_debug())));
    }
    serde_json::from_str::<IgnoredAny>(&event.data)
        .map_err(|error| Error::Invalid(format!("data is not JSON: {error}")))?;
    Ok(())
}

fn check_length(field: &str, text: &str, least: usize, most: usize) -> Result<(), Error> {
    match text.len() {
        bytes if bytes < least => Err(Error::Invalid(format!("{field} is empty"))),
        _ if text.contains('\0') => Err(Error::Invalid(format!("{field} contains the character NUL"))),
        bytes if bytes > most => Err(Error::TooLarge(format!("{field} of {bytes} bytes, the contract allows {most}"))),
        _ => Ok(()),
    }
}

/// Whether a text looks like `2026-11-20T10:00:00Z`, with or without parts of a second, and names a time that exists.
fn is_utc_time(text: &str) -> bool {
    const SHAPE: &[u8] = b"dddd-dd-ddTdd:dd:dd";
    let Some((head, tail)) = text.as_bytes().split_at_checked(SHAPE.len()) else {
        return false;
    };
    let has_shape =
        head.iter().zip(SHAPE).all(|(is, shape)| if *shape == b'd' { is.is_ascii_digit() } else { is == shape });
    let fraction = match tail {
        [b'Z'] => return has_shape && exists(head),
        [b'.', fraction @ .., b'Z'] => fraction,
        _ => return false,
    };
    has_shape && exists(head) && (1..=9).contains(&fraction.len()) && fraction.iter().all(u8::is_ascii_digit)
}

/// Whether the digits of a time in its fixed shape name one. 60 is a leap second.
fn exists(head: &[u8]) -> bool {
    let number =
        |from: usize, to: usize| head[from..to].iter().fold(0, |number, digit| number * 10 + u32::from(digit - b'0'));
    let (year, month, day) = (number(0, 4), number(5, 7), number(8, 10));
    let is_leap = year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
    let days = match month {
        2 if is_leap => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        1..=12 => 31,
        _ => return false,
    };
    (1..=days).contains(&day) && number(11, 13) < 24 && number(14, 16) < 60 && number(17, 19) <= 60
}
