//! `spin.toml` is the application: which components there are, where they are routed, what they may do.
//!
//! The file is a Spin manifest of version 2. What Spin does not know stands in `[application.tool.souk]` and
//! `[component.<id>.tool.souk]`, which Spin ignores by its own schema. Reading is strict: a key that nobody would obey is a
//! fault, and all faults are told at once, each with its line and what to do about it. Nothing outside the file is looked at,
//! except the environment for the values of variables: files that it names are checked by who opens them.

mod fault;
mod section;

mod spin;

mod souk;

mod route;

mod database;

mod rate;

mod access;

mod build;

mod job;

mod signer;

mod outbound;

mod template;

pub use access::{AccessRule, Issuer, Tokens, Who};
pub use build::Build;
pub use database::{Database, DatabaseUrl};
pub use fault::{Fault, Faults};
pub use job::Job;
pub use outbound::OutboundHost;
pub use rate::{Per, Rate, RateRule, Which, WithoutStore};
pub use route::{RoutePattern, Segment};

use crate::config::{ComponentLimits, HostLimits};
use ipnet::IpNet;
use souk_identity::seal::Signer;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// Looks up a variable of the process's environment.
pub type Environment<'a> = &'a dyn Fn(&str) -> Option<String>;

/// A manifest that was read without a fault.
#[derive(Clone, Debug)]
pub struct Application {
    /// The manifest itself, for messages.
    pub file: PathBuf,
    /// `application.name`.
    pub name: String,
    /// Limits of the host.
    pub limits: HostLimits,
    /// Whose word about the address of a client is believed.
    pub proxies: Vec<IpNet>,
    /// The policies that rules of components name.
    pub rates: Vec<Rate>,
    /// Whose tokens are taken; nobody is asked for one without it.
    pub tokens: Option<Tokens>,
    /// Requests that fill the application with demo data, relative to the manifest's folder.
    pub demo: Option<PathBuf>,
    /// In the order of the file.
    pub components: Vec<Component>,
    /// In the order of the file; each names a component that exists.
    pub routes: Vec<Route>,
}

/// `[component.<id>]`.
#[derive(Clone, Debug)]
pub struct Component {
    /// 1 to 64 of `a-z`, `0-9` and `-`.
    pub id: String,
    /// Where the component's `.wasm` file is.
    pub source: PathBuf,
    /// The line of `source`, for faults found when the file is opened.
    pub line: usize,
    /// How that file is made.
    pub build: Option<Build>,
    /// Interfaces beyond the base set that it may import, without version, such as `souk:database/sql`.
    pub grants: Vec<String>,
    /// Which component serves an interface that it imports, where several could.
    pub links: BTreeMap<String, String>,
    /// Who may vouch for its file; nobody has to without one.
    pub signers: Vec<Signer>,
    /// Settings that it reads through `wasi:config/store`.
    pub variables: BTreeMap<String, String>,
    /// Environment variables that it sees.
    pub environment: BTreeMap<String, String>,
    /// Hosts that it may send requests to.
    pub outbound: Vec<OutboundHost>,
    /// How often it may be asked.
    pub rates: Vec<RateRule>,
    /// By whom.
    pub access: Vec<AccessRule>,
    /// What of its work the host calls for by itself.
    pub jobs: Vec<Job>,
    /// Whether it learns the addresses of clients, in `souk-client`.
    pub is_told_addresses: bool,
    /// Where its database is, if it is granted one.
    pub database: Database,
    /// What it may take from its neighbours.
    pub limits: ComponentLimits,
}

/// `[[trigger.http]]` with a public route.
#[derive(Clone, Debug)]
pub struct Route {
    /// Which paths.
    pub pattern: RoutePattern,
    /// The id of the component that answers.
    pub component: String,
    /// Where in the file.
    pub line: usize,
}

/// Reads the manifest at this path.
pub fn read(file: &Path, environment: Environment<'_>) -> Result<Application, Faults> {
    let text = std::fs::read_to_string(file).map_err(|error| {
        let remedy = "name the manifest with --manifest, or start in its folder";
        Faults::one(file, Fault::new(0, format!("can't be read: {error}"), remedy))
    })?;
    parse(file, &text, environment)
}

/// Reads a manifest from its text; `file` is where it stands.
pub fn parse(file: &Path, text: &str, environment: Environment<'_>) -> Result<Application, Faults> {
    let mut faults = Faults::new(file);
    let application = spin::read(file, text, environment, &mut faults);
    match application {
        Some(application) if faults.is_empty() => Ok(application),
        _ => Err(faults),
    }
}

#[cfg(test)]
mod tests;
