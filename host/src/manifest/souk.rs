//! What Spin does not know: `[application.tool.souk]` and `[component.<id>.tool.souk]`.

use super::access::{self, AccessRule, Tokens};
use super::database::{self, Database};
use super::fault::{Fault, Faults, meant};
use super::job::{self, Job};
use super::rate::{self, Rate, RateRule};
use super::section::Section;
use super::signer;
use super::template::Variables;
use crate::config::{ComponentLimits, HostLimits, SetError};
use ipnet::IpNet;
use souk_identity::seal::Signer;
use std::collections::BTreeMap;
use std::path::Path;

/// `[application.tool.souk]`.
#[derive(Default)]
pub(super) struct ApplicationTool {
    /// `demo`: the file with the requests of the demo.
    pub demo: Option<String>,
    /// `proxies`.
    pub proxies: Vec<IpNet>,
    /// `rates`.
    pub rates: Vec<Rate>,
    /// `tokens`.
    pub tokens: Option<Tokens>,
    /// `limits`.
    pub limits: HostLimits,
}

/// `[component.<id>.tool.souk]`.
#[derive(Default)]
pub(super) struct ComponentTool {
    /// `grants`: interfaces without version.
    pub grants: Vec<String>,
    /// `links`: interfaces without version, and the components that serve them.
    pub links: BTreeMap<String, String>,
    /// `signers`.
    pub signers: Vec<Signer>,
    /// `rates`.
    pub rates: Vec<RateRule>,
    /// `access`.
    pub access: Vec<AccessRule>,
    /// `jobs`.
    pub jobs: Vec<Job>,
    /// `client_address`.
    pub is_told_addresses: bool,
    /// `database`.
    pub database: Database,
    /// `limits`.
    pub limits: ComponentLimits,
}

/// Reads the application's table; other tools' tables beside it are theirs.
pub(super) fn application(
    mut tool: Section<'_>,
    folder: &Path,
    variables: &Variables,
    faults: &mut Faults,
) -> ApplicationTool {
    let mut souk = tool.section("souk", faults);
    let demo = souk.text("demo", faults).map(|(path, _)| path.to_owned());
    let proxies = rate::proxies(souk.texts("proxies", faults), faults);
    let rates = rate::policies(souk.section("rates", faults), faults);
    let tokens = access::tokens(souk.section("tokens", faults), folder, variables, faults);
    let mut limits = HostLimits::default();
    set_limits(souk.section("limits", faults), HostLimits::NAMES, |name, value| limits.set(name, value), faults);
    souk.finish(faults);
    ApplicationTool { demo, proxies, rates, tokens, limits }
}

/// Reads a component's table.
pub(super) fn component(mut tool: Section<'_>, variables: &Variables, faults: &mut Faults) -> ComponentTool {
    let mut souk = tool.section("souk", faults);
    let mut grants = Vec::new();
    for (grant, line) in souk.texts("grants", faults) {
        if is_interface(grant) {
            grants.push(grant.to_owned());
        } else {
            let remedy = "name an interface without its version, such as souk:database/sql";
            faults.push(Fault::new(line, format!("grant {grant:?} is not an interface"), remedy));
        }
    }
    let links = links(souk.section("links", faults), faults);
    let signers = signer::read(souk.section("signers", faults), faults);
    let rates = rate::rules(souk.section_list("rates", faults), faults);
    let access = access::rules(souk.section_list("access", faults), faults);
    let jobs = job::read(souk.section_list("jobs", faults), faults);
    let is_told_addresses = souk.flag("client_address", faults).unwrap_or(false);
    let database = database::read(souk.section("database", faults), variables, faults);
    let mut limits = ComponentLimits::default();
    set_limits(souk.section("limits", faults), ComponentLimits::NAMES, |name, value| limits.set(name, value), faults);
    souk.finish(faults);
    ComponentTool { grants, links, signers, rates, access, jobs, is_told_addresses, database, limits }
}

fn links(section: Section<'_>, faults: &mut Faults) -> BTreeMap<String, String> {
    let mut links = BTreeMap::new();
    for (interface, value, line) in section.entries() {
        match value.get_ref().as_str() {
            Some(component) if is_interface(interface) => {
                links.insert(interface.to_owned(), component.to_owned());
            }
            _ => {
                let remedy = "write it like \"souk:payment/processor\" = \"payment\"";
                faults.push(Fault::new(
                    line,
                    format!("link {interface:?} is not an interface and a component"),
                    remedy,
                ));
            }
        }
    }
    links
}

fn is_interface(text: &str) -> bool {
    let word = |part: &str| {
        !part.is_empty() && part.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
    };
    text.split_once(':').is_some_and(|(namespace, rest)| {
        word(namespace) && rest.split_once('/').is_some_and(|(package, interface)| word(package) && word(interface))
    })
}

fn set_limits(
    section: Section<'_>,
    names: &[&str],
    mut set: impl FnMut(&str, u64) -> Result<(), SetError>,
    faults: &mut Faults,
) {
    for (name, number, line) in section.limits(faults) {
        match set(name, number) {
            Ok(()) => {}
            Err(SetError::OutOfRange(range)) => {
                let remedy = format!("choose from {} to {}", range.start(), range.end());
                faults.push(Fault::new(line, format!("limit {name} can't be {number}"), remedy));
            }
            Err(SetError::UnknownName) => {
                let remedy = match meant(name, names.iter().copied()) {
                    Some(meant) => format!("did you mean {meant}?"),
                    None => format!("remove it; known here: {}", names.join(", ")),
                };
                faults.push(Fault::new(line, format!("limit {name} is unknown"), remedy));
            }
        }
    }
}
