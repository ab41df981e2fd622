//! Limits themselves, held against what an engine can work with, before a database is opened.

use super::sizes::Sizes;

/// The name of a limit, its value, and the least or the most that it may be.
pub(crate) type Bound = (&'static str, u64, u64);

/// What is wrong with limits, one sentence each: those on sizes, and those of the engine alone.
pub(crate) fn faults(sizes: &Sizes, least: &[Bound], most: &[Bound]) -> Vec<String> {
    let least = least_sizes(sizes).into_iter().chain(least.iter().copied());
    let too_low = least.filter(|(_, value, least)| value < least);
    let too_high = most.iter().filter(|(_, value, most)| value > most);
    too_low
        .map(|(name, value, least)| format!("{name} is {value}, at least {least} is needed"))
        .chain(too_high.map(|(name, value, most)| format!("{name} is {value}, the engine allows up to {most}")))
        .collect()
}

/// The least with which an engine works at all. `events` and `event-bytes` may be 0: then nobody publishes.
fn least_sizes(sizes: &Sizes) -> [Bound; 7] {
    [
        ("rows", sizes.rows, 1),
        ("result-bytes", sizes.result_bytes, 16),
        ("value-bytes", sizes.value_bytes.into(), 1_024),
        ("sql-bytes", sizes.sql_bytes.into(), 256),
        ("parameters", sizes.parameters.into(), 1),
        ("parameter-bytes", sizes.parameter_bytes, 16),
        ("steps", sizes.steps.into(), 1),
    ]
}
