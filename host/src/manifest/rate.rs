//! How often somebody may ask: named policies of the application, and which of them a component's requests count against.

use super::fault::{Fault, Faults, meant};
use super::route::RoutePattern;
use super::section::Section;
use http::Method;
use ipnet::IpNet;
use std::net::IpAddr;

/// `[application.tool.souk.rates.<name>]`: so many requests in so many seconds, and so many of them at once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rate {
    /// 1 to 32 of `a-z`, `0-9` and `-`.
    pub name: String,
    /// 1 or more.
    pub requests: u32,
    /// 1 to 86,400.
    pub seconds: u32,
    /// 1 to `requests`, which is the default.
    pub burst: u32,
    /// What becomes of requests while hosts that share budgets can't ask their store.
    pub without_store: WithoutStore,
}

/// `without-store` of a policy. Of no account where each host counts by itself.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum WithoutStore {
    /// `count`: the host counts by itself.
    #[default]
    Count,
    /// `refuse`: nobody passes. For what is guessed at, such as passwords: with a budget on each host there would be more guesses.
    Refuse,
}

/// One entry of `rates` of a component. A request counts against the first per peer that fits it, and against the first per caller.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RateRule {
    /// The name of a policy.
    pub policy: String,
    /// Who has a budget.
    pub per: Per,
    /// Which requests.
    pub which: Which,
    /// Where in the file.
    pub line: usize,
}

/// Who has a budget of a component's.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Per {
    /// Each address. Counted before anything is known of the caller.
    #[default]
    Peer,
    /// Each account, wherever it asks from. Who is not signed in is counted by address.
    Caller,
}

/// Which of a component's requests a rule is about.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Which {
    /// Which methods; all of them if there is none. `GET` stands for `HEAD` as well.
    pub methods: Vec<Method>,
    /// Which paths; all of the component's without it.
    pub path: Option<RoutePattern>,
}

const SECONDS_MAX: u32 = 86_400;

/// Reads `rates` of the application.
pub(super) fn policies(section: Section<'_>, faults: &mut Faults) -> Vec<Rate> {
    let read = section.sections(faults);
    read.into_iter().filter_map(|(name, section)| policy(name, section, faults)).collect()
}

fn policy(name: &str, mut section: Section<'_>, faults: &mut Faults) -> Option<Rate> {
    let is_name = (1..=32).contains(&name.len())
        && name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-');
    if !is_name {
        faults.push(Fault::new(section.line(), format!("rate {name:?} is not valid"), "use 1 to 32 of a-z, 0-9 and -"));
    }
    let requests = section.number("requests", 1..=u32::MAX, faults);
    let seconds = section.number("seconds", 1..=SECONDS_MAX, faults);
    for (key, is_there) in [("requests", section.has("requests")), ("seconds", section.has("seconds"))] {
        if !is_there {
            let what = format!("{} is missing", section.name(key));
            faults.push(Fault::new(section.line(), what, "say how many requests in how many seconds"));
        }
    }
    let burst = section.number("burst", 1..=requests.unwrap_or(u32::MAX), faults);
    let known = [("count", WithoutStore::Count), ("refuse", WithoutStore::Refuse)];
    let without_store = section.choice("without-store", known, faults);
    section.finish(faults);
    let requests = requests?;
    Some(Rate { name: name.to_owned(), requests, seconds: seconds?, burst: burst.unwrap_or(requests), without_store })
}

/// Reads `rates` of a component.
pub(super) fn rules(sections: Vec<Section<'_>>, faults: &mut Faults) -> Vec<RateRule> {
    sections.into_iter().filter_map(|section| rule(section, faults)).collect()
}

fn rule(mut section: Section<'_>, faults: &mut Faults) -> Option<RateRule> {
    let line = section.line();
    let policy = section.required_text("policy", "name one of [application.tool.souk.rates]", faults);
    let per = section.choice("per", [("peer", Per::Peer), ("caller", Per::Caller)], faults);
    let which = Which::read(&mut section, faults);
    section.finish(faults);
    Some(RateRule { policy: policy?.0.to_owned(), per, which, line })
}

impl Which {
    pub(super) fn read(section: &mut Section<'_>, faults: &mut Faults) -> Self {
        let mut methods = Vec::new();
        for (text, line) in section.texts("methods", faults) {
            match Method::from_bytes(text.as_bytes()) {
                Ok(method) if text == text.to_ascii_uppercase() => methods.push(method),
                _ => faults.push(Fault::new(line, format!("{text:?} is not a method"), "write it like \"POST\"")),
            }
        }
        let path = section.text("path", faults).and_then(|(text, line)| {
            let refuse = |why| faults.push(Fault::new(line, format!("path {text:?} {why}"), "write it as a route"));
            RoutePattern::parse(text).map_err(refuse).ok()
        });
        Self { methods, path }
    }

    /// Whether a request is one of them.
    pub fn fits(&self, method: &Method, path: &str) -> bool {
        let is_named = |method: &Method| self.methods.contains(method);
        (self.methods.is_empty() || is_named(method) || (method == Method::HEAD && is_named(&Method::GET)))
            && self.path.as_ref().is_none_or(|pattern| pattern.takes(path))
    }
}

/// Tells the rules of a component that can't be obeyed: those whose policy does not exist, and those about callers that would never be known
/// or could not be told from peers.
pub(super) fn check(rules: &[RateRule], policies: &[Rate], takes_tokens: bool, faults: &mut Faults) {
    for rule in rules.iter().filter(|rule| !policies.iter().any(|policy| policy.name == rule.policy)) {
        let remedy = match meant(&rule.policy, policies.iter().map(|policy| policy.name.as_str())) {
            Some(meant) => format!("did you mean {meant}?"),
            None => format!("add [application.tool.souk.rates.{}]", rule.policy),
        };
        faults.push(Fault::new(rule.line, format!("rate {:?} does not exist", rule.policy), remedy));
    }
    let (per_caller, per_peer): (Vec<_>, Vec<_>) = rules.iter().partition(|rule| rule.per == Per::Caller);
    if let (Some(rule), false) = (per_caller.first(), takes_tokens) {
        let remedy = "add [application.tool.souk.tokens]";
        faults.push(Fault::new(rule.line, "a rate is per caller and no tokens are taken", remedy));
    }
    // An answer tells what is left by the names of policies.
    for rule in per_caller.iter().filter(|rule| per_peer.iter().any(|other| other.policy == rule.policy)) {
        let what = format!("rate {:?} is counted per peer and per caller", rule.policy);
        faults.push(Fault::new(rule.line, what, "give one of the two a policy of its own"));
    }
}

/// Reads `proxies`: addresses and networks.
pub(super) fn proxies(texts: Vec<(&str, usize)>, faults: &mut Faults) -> Vec<IpNet> {
    let mut proxies = Vec::new();
    for (text, line) in texts {
        if let Ok(network) = text.parse().or_else(|_| text.parse::<IpAddr>().map(IpNet::from)) {
            proxies.push(network);
        } else {
            let remedy = "write an address or a network, such as 10.0.0.0/8";
            faults.push(Fault::new(line, format!("proxy {text:?} is not an address"), remedy));
        }
    }
    proxies
}
