//! How often somebody may ask: each request of a component that has rules counts against at most two policies of the manifest, one per
//! peer and one per caller.
//!
//! Peers are counted before the token is looked at, callers after: who makes up tokens, or steals another's name, has paid with
//! an address by then. What is left is told on answers and refusals alike. Budgets are this host's own, in memory, or shared by several
//! hosts; then the memory stands in front of the store, and instead of it while the store is down.

mod budget;

mod flow;

mod policy;

mod standing;

mod table;

mod store;

use super::auth::meant;
use crate::manifest::{Application, Component, Per, RateRule, Which};
use crate::problem::Problem;
pub(super) use budget::Budget;
use http::Request;
use policy::{Policy, Refused};
pub(super) use standing::Standing;
use std::time::Instant;
pub use store::{RatesUrl, Store as RatesStore};

/// The rules of all components, and what has been used of their policies.
pub(super) struct Rates {
    policies: Vec<Policy>,
    /// By the index of the component.
    rules: Vec<Rules>,
    store: Option<RatesStore>,
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
    /// What its budgets are called in the store.
    name: String,
}

impl Rates {
    /// Those of an application; in memory without a store.
    pub(super) fn new(application: &Application, store: Option<RatesStore>) -> Self {
        Self {
            policies: application.rates.iter().map(Policy::new).collect(),
            rules: application.components.iter().map(|component| Rules::new(application, component)).collect(),
            store,
            began: Instant::now(),
        }
    }

    /// Counts a request out of this budget, unless no rule of its kind is about it. A refused request costs nothing.
    pub(super) async fn count<B>(
        &self,
        budget: Budget<'_>,
        request: &Request<B>,
        standing: &mut Standing,
    ) -> Result<(), Problem> {
        let rules = self.rules[budget.component].per(budget.per);
        let Some(rule) = find(rules, request) else { return Ok(()) };
        let now_us = u64::try_from(self.began.elapsed().as_micros()).unwrap_or(u64::MAX);
        let policy = &self.policies[rule.policy];
        let taken = match &self.store {
            None => policy.take(&budget, now_us),
            // Boxed, or every request would have to hold the room for it.
            Some(store) => Box::pin(policy.take_shared(store, &rule.name, &budget, now_us)).await,
        };
        standing.add(policy, &taken);
        taken.map(|_left| ()).map_err(|refused| {
            tracing::debug!(policy = policy.name, payer = budget.payer(), ?refused, "refused by its rate");
            match refused {
                Refused::Over(wait) => Problem::TooManyRequests(wait),
                Refused::Unknown(wait) => Problem::RatesUnavailable(wait),
            }
        })
    }
}

/// The first rule that fits a request by its path as it was sent, or as a lenient component may read it: another way to write
/// `/login` is none around its rate.
fn find<'a, B>(rules: &'a [Rule], request: &Request<B>) -> Option<&'a Rule> {
    if rules.is_empty() {
        return None;
    }
    let (method, path) = (request.method(), request.uri().path());
    let meant = meant(path);
    rules.iter().find(|rule| rule.which.fits(method, path) || rule.which.fits(method, &meant))
}

impl Rules {
    fn new(application: &Application, component: &Component) -> Self {
        let named = |rule: &RateRule| application.rates.iter().position(|policy| policy.name == rule.policy);
        let read = |rule: &RateRule, kind| Rule {
            policy: named(rule).expect("the manifest checks it"),
            which: rule.which.clone(),
            name: format!("{}:{}:{kind}", component.id, rule.policy),
        };
        let of =
            |per, kind| component.rates.iter().filter(|rule| rule.per == per).map(|rule| read(rule, kind)).collect();
        Self { per_peer: of(Per::Peer, "peer"), per_caller: of(Per::Caller, "caller") }
    }

    fn per(&self, per: Per) -> &[Rule] {
        match per {
            Per::Peer => &self.per_peer,
            Per::Caller => &self.per_caller,
        }
    }
}
