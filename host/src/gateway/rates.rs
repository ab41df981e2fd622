//! How often somebody may ask: each request of a component that has rules counts against at most two policies of the manifest, one per
//! peer and one per caller.
//!
//! Peers are counted before the token is looked at, callers after: who makes up tokens, or steals another's name, has paid with
//! an address by then. What is left is told on answers and refusals alike. Budgets are in memory, of this host alone.

mod budget;

mod policy;

mod standing;

mod table;

use crate::manifest::{Application, Per, RateRule, Which};
use crate::problem::Problem;
pub(super) use budget::Budget;
use http::Request;
use policy::Policy;
pub(super) use standing::Standing;
use std::time::Instant;

/// The rules of all components, and what has been used of their policies.
pub(super) struct Rates {
    policies: Vec<Policy>,
    /// By the index of the component.
    rules: Vec<Rules>,
    began: Instant,
}

/// Those of one component.
struct Rules {
    per_peer: Vec<Rule>,
    per_caller: Vec<Rule>,
}

struct Rule {
    /// The index of its policy.
    policy: usize,
    which: Which,
}

impl Rates {
    /// Those of an application.
    pub(super) fn new(application: &Application) -> Self {
        Self {
            policies: application.rates.iter().map(Policy::new).collect(),
            rules: application.components.iter().map(|component| Rules::new(application, &component.rates)).collect(),
            began: Instant::now(),
        }
    }

    /// Counts a request out of this budget, unless no rule of its kind is about it. A refused request costs nothing.
    pub(super) fn count<B>(
        &self,
        budget: Budget<'_>,
        request: &Request<B>,
        standing: &mut Standing,
    ) -> Result<(), Problem> {
        let (method, path) = (request.method(), request.uri().path());
        let rules = self.rules[budget.component].per(budget.per);
        let Some(rule) = rules.iter().find(|rule| rule.which.fits(method, path)) else { return Ok(()) };
        let now_us = u64::try_from(self.began.elapsed().as_micros()).unwrap_or(u64::MAX);
        let policy = &self.policies[rule.policy];
        let taken = policy.take(&budget, now_us);
        standing.add(policy, &taken);
        taken.map(|_left| ()).map_err(|wait| {
            tracing::debug!(policy = policy.name, %budget, "over its rate");
            Problem::TooManyRequests(wait)
        })
    }
}

impl Rules {
    fn new(application: &Application, written: &[RateRule]) -> Self {
        let named = |rule: &RateRule| application.rates.iter().position(|policy| policy.name == rule.policy);
        let read =
            |rule: &RateRule| Rule { policy: named(rule).expect("the manifest checks it"), which: rule.which.clone() };
        let of = |per| written.iter().filter(|rule| rule.per == per).map(read).collect();
        Self { per_peer: of(Per::Peer), per_caller: of(Per::Caller) }
    }

    fn per(&self, per: Per) -> &[Rule] {
        match per {
            Per::Peer => &self.per_peer,
            Per::Caller => &self.per_caller,
        }
    }
}
