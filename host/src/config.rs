//! Every limit of the host: its name, its default, the range it may be set to, and the reason for the default.
//!
//! Limits are set in the manifest: the host's in `[application.tool.souk.limits]`, a component's in
//! `[component.<id>.tool.souk.limits]`. There is no other place and no limit without a name.

use std::ops::RangeInclusive;
use std::time::Duration;

/// Why a limit could not be set.
#[derive(Debug, PartialEq, Eq)]
pub enum SetError {
    /// No limit has this name.
    UnknownName,
    /// The value is outside what the limit may be set to.
    OutOfRange(RangeInclusive<u64>),
}

/// Declares a struct of limits from one table of name, default and range, so that no limit can miss one of them.
macro_rules! limits {
    ($(#[$doc:meta])* $name:ident { $($(#[$reason:meta])+ $limit:ident = $default:expr, $range:expr;)+ }) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq)]
        pub struct $name { $($(#[$reason])+ pub $limit: u64,)+ }

        impl Default for $name {
            fn default() -> Self {
                Self { $($limit: $default,)+ }
            }
        }

        impl $name {
            /// The names that [`set`](Self::set) knows.
            pub const NAMES: &'static [&'static str] = &[$(stringify!($limit)),+];

            /// Sets the limit of this name.
            pub fn set(&mut self, name: &str, value: u64) -> Result<(), SetError> {
                match name {
                    $(stringify!($limit) => {
                        if !$range.contains(&value) {
                            return Err(SetError::OutOfRange($range));
                        }
                        self.$limit = value;
                        Ok(())
                    })+
                    _ => Err(SetError::UnknownName),
                }
            }
        }
    };
}

const KIB: u64 = 1024;
const MIB: u64 = 1024 * KIB;

limits! {
    /// Limits of the host as a whole: what a peer may ask of the listener.
    HostLimits {
        /// Open connections. One costs a file descriptor and 10 to 20 KiB; systemd's usual descriptor limit is 524,288, a
        /// login shell's 1,024: `up` raises its own soft limit as far as it may. One more waits in the kernel's queue.
        connections_max = 10_000, 1..=1_000_000;
        /// Requests being answered at the same time, over all components. Enough to keep every core busy while guests wait for
        /// their databases; one more is answered 503 at once, which is kinder than a queue that nobody sees the end of.
        requests_max = 2_000, 1..=1_000_000;
        /// Bytes of one request's head. The kernel of most proxies allows 8 KiB; cookies and tokens want some more.
        head_bytes_max = 32 * KIB, 8 * KIB..=MIB;
        /// Time from the first byte of a connection, or from the last answer, to a complete head. Bounds both slow
        /// headers and idle connections, so it is longer than a slow client needs and shorter than a socket is worth.
        head_ms_max = 15_000, 10..=600_000;
        /// Time without a byte of the request's body. A phone that changes cells is silent for a few seconds.
        body_idle_ms_max = 10_000, 10..=600_000;
        /// Time in which a peer takes no byte of an answer that waits for it.
        write_idle_ms_max = 10_000, 10..=600_000;
        /// Time from a complete head to the first byte of the answer, body included. The last resort behind each component's own `time_ms_max`.
        request_ms_max = 60_000, 10..=3_600_000;
        /// Concurrent streams of one HTTP/2 connection (RFC 9113 §5.1.2 advises at least 100).
        streams_max = 200, 1..=10_000;
        /// KiB of memory that hashing a password takes, and whoever guesses must have: OWASP's choice for argon2id with two passes. What was
        /// hashed with less is hashed again when its owner signs in.
        password_memory_kib = 19 * KIB, 8 * KIB..=256 * KIB;
        /// Passes over that memory.
        password_passes = 2, 1..=16;
        /// Passwords that wait to be hashed or compared, at some 40 ms each; one more is refused, and its client asked to come back.
        passwords_waiting_max = 100, 1..=10_000;
        /// Time for the store of shared rates to answer. Beside the host it takes less than one; a request that is lost waits no longer.
        rates_store_ms_max = 50, 1..=10_000;
        /// Time for which nobody asks the store of shared rates after it failed. A restart takes a few of them.
        rates_store_retry_ms = 1_000, 10..=60_000;
        /// Time for requests under way to end after SIGTERM. Kubernetes kills after 30 s.
        drain_ms_max = 20_000, 0..=600_000;
    }
}

limits! {
    /// Limits of one component: what it may take from its neighbours.
    ComponentLimits {
        /// Linear memories of one instance, summed. A service of a few hundred KiB uses 2 MiB; this leaves room for a large page.
        memory_bytes_max = 64 * MIB, 64 * KIB..=4096 * MIB;
        /// Elements of one instance's tables, summed: one per function that is called through a pointer.
        table_elements_max = 20_000, 1..=10_000_000;
        /// Instances at the same time, which is the number of requests that the component answers at the same time.
        instances_max = 64, 1..=1_000;
        /// Requests that wait for an instance; one more is answered 503.
        waiting_max = 512, 0..=100_000;
        /// Requests that one instance answers before it is replaced. Bounds what a leak in a guest adds up to.
        requests_per_instance_max = 10_000, 1..=1_000_000_000;
        /// Time for one request, waiting included. A browser's user has left after a few seconds.
        time_ms_max = 10_000, 1..=3_600_000;
        /// Bytes of a request's body. An image of a phone's camera has 3 to 8 MiB.
        body_bytes_max = 10 * MIB, 0..=4096 * MIB;
        /// Bytes of a request's body up to which it is received whole and handed over in one call
        /// (`souk:http/exchange`); a larger one, or one of unknown length, is streamed.
        exchange_bytes_max = 64 * KIB, 0..=16 * MIB;
        /// Bytes of an answer. Keeps a guest that never stops writing from filling the pipe to a patient client.
        response_bytes_max = 64 * MIB, KIB..=4096 * MIB;
        /// Host resources (streams, bodies, handles) that one instance holds at the same time; wasmtime's own default is 1 million.
        resources_max = 10_000, 100..=1_000_000;
        /// Bytes that one call may copy out of the guest; wasmtime's own default is 128 MiB.
        call_bytes_max = 16 * MIB, 64 * KIB..=1024 * MIB;
        /// Bytes of one header block that the guest builds, counted in memory; wasmtime's own default is 128 KiB.
        head_bytes_max = 32 * KIB, KIB..=MIB;
        /// Bytes that one line of the guest's standard output keeps in the log.
        log_line_bytes_max = 4 * KIB, 80..=64 * KIB;
        /// Time for a new generation to start and to say that it is ready, before it is given requests. A runtime that reads its own modules takes seconds.
        ready_ms_max = 10_000, 10..=600_000;
        /// Time for which a new generation is watched, and taken back by the host if it does worse than the one before. 0 for not at all.
        probation_ms = 60_000, 0..=86_400_000;
        /// Requests and calls after which the watch ends before its time. 0 for none: the time decides alone.
        probation_requests_max = 0, 0..=1_000_000_000;
        /// Requests and calls before anything is concluded from them: the first one of two is no half.
        probation_requests_min = 20, 1..=1_000_000;
        /// How many of a hundred requests and calls more than before may fail.
        probation_failures_percent_max = 5, 0..=100;
        /// How long half of the requests, or calls, may take, in percent of what they took before. 0 for as long as they like.
        probation_slowdown_percent_max = 300, 0..=100_000;
        /// Time to connect to a host that the component was granted.
        outbound_connect_ms_max = 5_000, 1..=600_000;
        /// Time for a granted host to begin its answer, and between two parts of it.
        outbound_idle_ms_max = 10_000, 1..=600_000;
    }
}

/// A limit in milliseconds as a duration.
pub fn ms(limit: u64) -> Duration {
    Duration::from_millis(limit)
}

/// A limit as a size in memory.
pub fn size(limit: u64) -> usize {
    usize::try_from(limit).unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_limit_is_set_by_its_name_within_its_range() {
        let mut limits = HostLimits::default();
        assert_eq!(limits.set("requests_max", 7), Ok(()));
        assert_eq!(limits.requests_max, 7);
        assert_eq!(limits.set("requests_max", 0), Err(SetError::OutOfRange(1..=1_000_000)));
        assert_eq!(limits.set("request_max", 7), Err(SetError::UnknownName));
        assert_eq!(limits.requests_max, 7);
    }

    #[test]
    fn every_default_is_within_its_own_range() {
        fn check(defaults: &str, set: impl Fn(&str, u64) -> Result<(), SetError>) {
            for pair in defaults.split_once('{').expect("a struct").1.trim_end_matches('}').split(',') {
                let (name, value) = pair.split_once(':').expect("name: value");
                let value = value.trim().parse().expect("a number");
                assert_eq!(set(name.trim(), value), Ok(()), "{name}");
            }
        }
        check(&format!("{:?}", HostLimits::default()), |name, value| HostLimits::default().set(name, value));
        check(&format!("{:?}", ComponentLimits::default()), |name, value| ComponentLimits::default().set(name, value));
    }
}
