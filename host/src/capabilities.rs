//! What a component can reach beyond its own memory, and what bounds it.
//!
//! One [`Sandbox`] is the host's side of one instance: it is made with the instance, and everything that the instance can
//! reach is reachable from it. A capability is one file: the contract's bindings, and the calls into a backend. No capability
//! knows how components are loaded, called or swapped.

mod wasi;

mod settings;

mod output;

mod outbound;

mod database;

mod identity;

mod bounds;

mod calls;

use crate::config::{ComponentLimits, size};
use crate::identity::Identity;
use crate::manifest;
use crate::trace::Errand;
use bounds::Bounds;
pub use bounds::Usage;
pub use calls::Calls;
use outbound::Outbound;
use output::{LogLines, Traced};
use souk_database::contract::Database;
use std::collections::BTreeMap;
use std::sync::Arc;
use tokio::time::Instant;
use wasmtime::component::{Linker, ResourceTable};
use wasmtime::{Engine, Store, UpdateDeadline};
use wasmtime_wasi::WasiCtx;
use wasmtime_wasi_http::{WasiHttpCtx, WasiHttpCtxView, WasiHttpView};

/// Everything that the instances of one component have in common.
#[derive(Clone)]
pub struct Provision {
    /// The component's id: the name in logs.
    pub component: Arc<str>,
    /// `variables`.
    pub settings: Arc<BTreeMap<String, String>>,
    /// `environment`.
    pub environment: Arc<BTreeMap<String, String>>,
    /// `allowed_outbound_hosts`.
    pub outbound: Arc<[manifest::OutboundHost]>,
    /// Its database, if it was granted one.
    pub database: Option<Arc<dyn Database>>,
    /// Whose name it may sign in, if it was granted that.
    pub identity: Option<Arc<Identity>>,
    /// What it may take.
    pub limits: Arc<ComponentLimits>,
    /// What the instances take together.
    pub usage: Arc<Usage>,
}

/// The host's side of one instance.
pub struct Sandbox {
    wasi: WasiCtx,
    http: WasiHttpCtx,
    table: ResourceTable,
    outbound: Outbound,
    settings: Arc<BTreeMap<String, String>>,
    database: Option<Arc<dyn Database>>,
    identity: Option<Arc<Identity>>,
    bounds: Bounds,
    /// When the request that it serves must be answered.
    end: Instant,
    traced: Traced,
    calls: Calls,
}

impl Sandbox {
    /// A store with nothing in it but the component's own provision, with every bound set.
    pub fn store(engine: &Engine, provision: &Provision) -> Store<Self> {
        let limits = &provision.limits;
        let mut table = ResourceTable::new();
        table.set_max_capacity(size(limits.resources_max));
        let mut http = WasiHttpCtx::new();
        http.set_field_size_limit(size(limits.head_bytes_max));
        let traced = Traced::default();
        let sandbox = Self {
            wasi: wasi::context(provision, &traced),
            http,
            table,
            outbound: Outbound::new(provision),
            settings: Arc::clone(&provision.settings),
            database: provision.database.clone(),
            identity: provision.identity.clone(),
            bounds: Bounds::new(limits, &provision.usage),
            end: Instant::now(),
            traced,
            calls: Calls::default(),
        };
        let mut store = Store::new(engine, sandbox);
        store.limiter(|sandbox| &mut sandbox.bounds);
        store.set_hostcall_fuel(size(limits.call_bytes_max));
        store.set_max_component_handles(size(limits.resources_max));
        // tokio's own yield, since it looks after sockets and timers before the guest goes on; a mere wake-up would keep the
        // thread from them as long as there are guests that compute.
        store.epoch_deadline_callback(|_| Ok(UpdateDeadline::YieldCustom(1, Box::pin(tokio::task::yield_now()))));
        store
    }

    /// A request begins.
    pub fn begin(&mut self, errand: Errand) {
        self.end = errand.end;
        self.traced.set(errand.trace);
    }

    /// The request that it serves. None before the first.
    pub fn errand(&self) -> Option<Errand> {
        Some(Errand { end: self.end, trace: self.traced.get()? })
    }

    /// When the request that it serves must be answered.
    pub fn end(&self) -> Instant {
        self.end
    }

    /// The calls that leave it for other instances.
    pub fn calls(&self) -> &Calls {
        &self.calls
    }

    /// The name of a limit of memory that the instance has run into.
    pub fn reached_limit(&self) -> Option<&'static str> {
        self.bounds.reached()
    }
}

/// Makes every capability linkable. What a component may import is decided before, by its grants.
pub fn link(linker: &mut Linker<Sandbox>) -> wasmtime::Result<()> {
    wasi::link(linker)?;
    settings::link(linker)?;
    database::link(linker)?;
    identity::link(linker)
}

/// The interfaces that every component may import without a grant: what the standard libraries of guest languages import whether
/// it is used or not. None of them leads out of the sandbox: no folder is preopened, the environment holds only what the
/// manifest gives, every socket address is refused, and requests go to granted hosts only.
pub fn needs_no_grant(interface: &str) -> bool {
    const PACKAGES: [&str; 8] = [
        "wasi:cli",
        "wasi:clocks",
        "wasi:config",
        "wasi:filesystem",
        "wasi:http",
        "wasi:io",
        "wasi:random",
        "wasi:sockets",
    ];
    interface.split_once('/').is_some_and(|(package, _)| PACKAGES.contains(&package))
}

/// The interfaces that the host provides to components that were granted them.
pub const GRANTABLE: [&str; 3] = [database::INTERFACE, identity::INTERFACES[0], identity::INTERFACES[1]];

/// Whether the host itself provides this interface, to everyone or to who is granted it.
pub fn provides(interface: &str) -> bool {
    GRANTABLE.contains(&interface) || needs_no_grant(interface)
}

/// Whether a component with these grants gets a database.
pub fn grants_database(grants: &[String]) -> bool {
    grants.iter().any(|grant| grant == database::INTERFACE)
}

/// Whether a component with these grants signs or hashes.
pub fn grants_identity(grants: &[String]) -> bool {
    grants.iter().any(|grant| identity::INTERFACES.contains(&grant.as_str()))
}

impl WasiHttpView for Sandbox {
    fn http(&mut self) -> WasiHttpCtxView<'_> {
        WasiHttpCtxView { ctx: &mut self.http, table: &mut self.table, hooks: &mut self.outbound }
    }
}

/// The guest's output as log lines, standard output or standard error.
fn log_lines(provision: &Provision, stream: &'static str, traced: &Traced) -> LogLines {
    LogLines::new(Arc::clone(&provision.component), stream, size(provision.limits.log_line_bytes_max), traced)
}
