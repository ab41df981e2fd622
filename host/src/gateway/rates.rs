//! How often a peer may ask: each request of a component that has rules counts against one policy of the manifest.
//!
//! A policy is the generic cell rate algorithm (ITU-T I.371): a request moves the moment at which the peer's budget is whole again, and
//! is refused if that moment lies too far ahead. So a budget comes back steadily, not at the end of a window. What is left is told as in
//! draft-ietf-httpapi-ratelimit-headers-10, on answers and refusals alike.
//!
//! A peer is an IPv4 address or an IPv6 network of 64 bits, which is what one subscriber gets. Budgets are in memory, of this host alone.

mod table;

use crate::manifest::{Application, Rate, RateRule, Which};
use crate::problem::{Problem, whole_seconds};
use http::{HeaderMap, HeaderName, HeaderValue, Request};
use std::net::{IpAddr, Ipv6Addr};
use std::time::{Duration, Instant};
use table::Table;

const POLICY: HeaderName = HeaderName::from_static("ratelimit-policy");
const LIMIT: HeaderName = HeaderName::from_static("ratelimit");

/// The rules of all components, and what has been used of their policies.
pub(super) struct Rates {
    policies: Vec<Policy>,
    /// By the index of the component.
    rules: Vec<Vec<Rule>>,
    began: Instant,
}

struct Policy {
    name: String,
    /// `RateLimit-Policy`.
    field: HeaderValue,
    /// Time after which one more request is allowed.
    interval_us: u64,
    /// Time in which an unused budget becomes whole: what a request may be ahead of.
    whole_us: u64,
    used: Table,
}

struct Rule {
    /// The index of its policy.
    policy: usize,
    which: Which,
}

/// What a policy says to a request. Told to the client in any case; nothing where no rule is about the request.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Standing {
    /// `RateLimit-Policy` and `RateLimit`.
    fields: Option<(HeaderValue, HeaderValue)>,
    /// Why the request is not answered.
    pub(super) refusal: Option<Problem>,
}

impl Rates {
    /// Those of an application.
    pub(super) fn new(application: &Application) -> Self {
        let rule = |rule: &RateRule| Rule {
            policy: application
                .rates
                .iter()
                .position(|policy| policy.name == rule.policy)
                .expect("the manifest checks it"),
            which: rule.which.clone(),
        };
        Self {
            policies: application.rates.iter().map(Policy::new).collect(),
            rules: application.components.iter().map(|component| component.rates.iter().map(rule).collect()).collect(),
            began: Instant::now(),
        }
    }

    /// Counts a request to this component, unless no rule is about it. A refused request costs nothing.
    pub(super) fn admit<B>(&self, component: usize, request: &Request<B>, peer: Option<IpAddr>) -> Standing {
        let (method, path) = (request.method(), request.uri().path());
        let Some(rule) = self.rules[component].iter().find(|rule| rule.which.fits(method, path)) else {
            return Standing::default();
        };
        let now_us = u64::try_from(self.began.elapsed().as_micros()).unwrap_or(u64::MAX);
        let policy = &self.policies[rule.policy];
        match policy.take(subscriber(peer), now_us) {
            Ok(left) => policy.standing(left, None),
            Err(wait) => {
                tracing::debug!(policy = policy.name, ?peer, "over its rate");
                policy.standing(0, Some(wait))
            }
        }
    }
}

impl Policy {
    fn new(rate: &Rate) -> Self {
        let field = format!("{:?};q={};w={}", rate.name, rate.requests, rate.seconds);
        let interval_us = (u64::from(rate.seconds) * 1_000_000 / u64::from(rate.requests)).max(1);
        Self {
            name: rate.name.clone(),
            field: HeaderValue::try_from(field).expect("the name of a policy is plain text"),
            interval_us,
            whole_us: interval_us * u64::from(rate.burst),
            used: Table::new(),
        }
    }

    /// Takes one request out of a peer's budget; answers with how many are left in it, or with the time until there is one.
    fn take(&self, peer: u128, now_us: u64) -> Result<u64, Duration> {
        let last = now_us + self.whole_us - self.interval_us;
        // The moment at which the budget is whole may be at most `whole_us` ahead, this request included.
        match self.used.advance(peer, now_us, self.interval_us, last) {
            Ok(whole_at) => Ok((now_us + self.whole_us).saturating_sub(whole_at) / self.interval_us),
            Err(whole_at) => Err(Duration::from_micros(whole_at - last)),
        }
    }

    fn standing(&self, left: u64, wait: Option<Duration>) -> Standing {
        let time = wait.map(|wait| format!(";t={}", whole_seconds(wait))).unwrap_or_default();
        let limit = format!("{:?};r={left}{time}", self.name);
        let limit = HeaderValue::try_from(limit).expect("the name of a policy is plain text");
        Standing { fields: Some((self.field.clone(), limit)), refusal: wait.map(Problem::TooManyRequests) }
    }
}

impl Standing {
    /// Tells the client.
    pub(super) fn tell(self, headers: &mut HeaderMap) {
        if let Some((policy, limit)) = self.fields {
            headers.insert(POLICY, policy);
            headers.insert(LIMIT, limit);
        }
    }
}

/// What counts as one peer. Who has an IPv6 address has 2^64 of them.
fn subscriber(peer: Option<IpAddr>) -> u128 {
    match peer.map(|peer| peer.to_canonical()) {
        Some(IpAddr::V4(address)) => address.to_ipv6_mapped().to_bits(),
        Some(IpAddr::V6(address)) => address.to_bits() >> 64 << 64,
        // Without an address: all of them together.
        None => Ipv6Addr::UNSPECIFIED.to_bits(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: u64 = 1_000_000;

    fn policy(requests: u32, seconds: u32, burst: u32) -> Policy {
        Policy::new(&Rate { name: "test".into(), requests, seconds, burst })
    }

    #[test]
    fn a_burst_is_allowed_and_then_the_rate() {
        let policy = policy(60, 60, 3);
        let lefts: Vec<_> = (0..3).map(|_| policy.take(1, 0)).collect();
        assert_eq!(lefts, [Ok(2), Ok(1), Ok(0)]);
        assert_eq!(policy.take(1, 0), Err(Duration::from_secs(1)));
        assert_eq!(policy.take(1, SECOND - 1), Err(Duration::from_micros(1)));
        assert_eq!(policy.take(1, SECOND), Ok(0));
        assert_eq!(policy.take(1, SECOND), Err(Duration::from_secs(1)), "a refused one was not counted");
        assert_eq!(policy.take(1, 100 * SECOND), Ok(2), "it is whole again, and no more than that");
    }

    #[test]
    fn over_any_time_no_more_than_the_rate_and_one_burst_pass() {
        let policy = policy(7, 2, 5);
        let passed = (0..100 * 1_000).filter(|ms| policy.take(1, ms * 1_000).is_ok()).count();
        assert!((350..=355).contains(&passed), "{passed}");
    }

    #[test]
    fn peers_do_not_share_a_budget_but_addresses_of_one_network_do() {
        let policy = policy(1, 60, 1);
        let of = |address: &str| subscriber(Some(address.parse().unwrap()));
        for peer in ["192.0.2.1", "192.0.2.2", "2001:db8:0:1::1", "2001:db8:0:2::1"] {
            assert!(policy.take(of(peer), 0).is_ok(), "{peer}");
        }
        for peer in ["192.0.2.1", "::ffff:192.0.2.1", "2001:db8:0:1::2"] {
            assert!(policy.take(of(peer), 0).is_err(), "{peer}");
        }
    }

    #[test]
    fn many_at_once_get_no_more_than_the_burst() {
        let policy = policy(1, 3600, 100);
        let passed: usize = std::thread::scope(|scope| {
            let threads: Vec<_> =
                (0..4).map(|_| scope.spawn(|| (0..1000).filter(|_| policy.take(1, 0).is_ok()).count())).collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).sum()
        });
        assert_eq!(passed, 100);
    }

    #[test]
    fn what_is_left_is_told_in_structured_fields() {
        let policy = policy(60, 60, 3);
        let mut headers = HeaderMap::new();
        policy.standing(2, None).tell(&mut headers);
        assert_eq!(
            (&headers[POLICY], &headers[LIMIT]),
            (&HeaderValue::from_static("\"test\";q=60;w=60"), &HeaderValue::from_static("\"test\";r=2"))
        );
        policy.standing(0, Some(Duration::from_micros(1))).tell(&mut headers);
        assert_eq!(headers[LIMIT], "\"test\";r=0;t=1");
    }
}
