//! `souk up`: from the manifest to a host that serves, and from a signal to one that has stopped.
//!
//! Nothing is served before everything was found right. What can fail for a reason outside the manifest, such as an
//! address in use, fails before the slow part.

use crate::admin::Admin;
use crate::audit::Audit;
use crate::components::{self, Components};
use crate::config::{HostLimits, ms};
use crate::databases::Databases;
use crate::demo;
use crate::gateway::{Auth, Gateway, RatesStore, RatesUrl, Routes};
use crate::health::Health;
use crate::identity::{self, Identity};
use crate::listener::Listener;
use crate::manifest::{self, Application, DatabaseUrl, Fault, Faults};
use crate::operator::{Operators, Pass};
use crate::summary::Summary;
use crate::watch;
use std::io::{self, Write};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::{Arc, OnceLock};
use std::time::Instant;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio_util::sync::CancellationToken;

/// What the command line says.
#[derive(Clone, Debug)]
pub struct Options {
    /// The manifest.
    pub manifest: PathBuf,
    /// Where the application is served.
    pub listen: SocketAddr,
    /// Where the operator is served.
    pub admin: SocketAddr,
    /// Databases that are files, and compiled code.
    pub data: PathBuf,
    /// Where the databases are.
    pub database: DatabaseUrl,
    /// Where budgets of rates are.
    pub rates: RatesUrl,
    /// Whether to fill the application with demo data.
    pub demo: bool,
    /// Whether to swap components whose files change, and to build those whose source does.
    pub watch: bool,
}

/// Why the host did not start.
#[derive(Debug, thiserror::Error)]
pub enum UpError {
    /// The manifest, or a component that it names.
    #[error(transparent)]
    Faults(#[from] Faults),
    /// An address that would let strangers in.
    #[error(
        "{0} is not a loopback address: anyone who reaches this host may use it; listen on 127.0.0.1, or for --listen say in [application.tool.souk.tokens] whose tokens are taken"
    )]
    NotLoopback(SocketAddr),
    /// An address that is not free.
    #[error("can't listen on {address}: {error}; choose another with {option}")]
    Bind {
        /// The address.
        address: SocketAddr,
        /// The option that sets it.
        option: &'static str,
        /// The system's word.
        error: io::Error,
    },
    /// The tokens of operators.
    #[error("SOUK_ADMIN_TOKENS: {0}")]
    AdminTokens(String),
    /// A component that starts with a trap.
    #[error("component {0} can't be started; the log line above says why")]
    Warm(Arc<str>),
    /// The demo.
    #[error("the demo could not be played: {0}")]
    Demo(String),
    /// The system.
    #[error(transparent)]
    System(#[from] io::Error),
}

/// Serves until SIGINT or SIGTERM. `out` is told what was loaded and where to go next.
pub async fn run(options: &Options, started: Instant, out: &mut dyn Write) -> Result<(), UpError> {
    let application = Arc::new(manifest::read(&options.manifest, &|name| std::env::var(name).ok())?);
    raise_descriptor_limit();
    let mut signals = Signals::listen()?;
    // Whoever reaches an application that takes no tokens may write to its services.
    if application.tokens.is_none() {
        refuse_strangers(options.listen)?;
    }
    refuse_strangers(options.admin)?;
    let listener = bind(options.listen, "--listen", &application.limits)?;
    let admin = bind(options.admin, "--admin", &application.limits)?;
    let addresses = (listener.address()?, admin.address()?);
    let health = Health::default();
    // The operator is answered to the very end: `/readyz` tells that the host is stopping.
    let loaded_gateway = Arc::new(OnceLock::new());
    let pass = Pass::issue(&options.data, addresses.1)?;
    let named = std::env::var("SOUK_ADMIN_TOKENS").ok();
    let operators = Operators::new(&pass, named.as_deref()).map_err(UpError::AdminTokens)?;
    let operator = Arc::new(Admin::new(health.clone(), Arc::clone(&loaded_gateway), operators));
    tokio::spawn(admin.serve(operator, CancellationToken::new()));

    let (gateway, summary) = tokio::select! {
        loaded = load(&application, options, &health) => loaded?,
        () = signals.next() => return Ok(()),
    };
    let loaded = started.elapsed();
    loaded_gateway.get_or_init(|| Arc::clone(&gateway));
    let stop = CancellationToken::new();
    let served = tokio::spawn(listener.serve(Arc::clone(&gateway), stop.clone()));
    let played = tokio::select! {
        played = play(options, &application, &gateway) => played?,
        () = signals.next() => return Ok(()),
    };
    health.ready();
    let worked = tokio::spawn(gateway.components().jobs().run(stop.clone(), ms(application.limits.drain_ms_max)));
    if options.watch {
        tokio::spawn(watch::run(Arc::clone(&application), Arc::clone(gateway.components()), stop.clone()));
    }
    if let Err(error) = summary.print(out, addresses, loaded, played) {
        tracing::warn!(%error, "nobody reads standard output; serving all the same");
    }

    signals.next().await;
    tracing::info!("stopping: no new connections, requests and jobs under way may end; a second signal stops at once");
    health.stopping();
    stop.cancel();
    let drained = tokio::select! {
        (served, worked) = async { tokio::join!(served, worked) } => served.unwrap_or(false) && worked.unwrap_or(false),
        () = signals.next() => false,
    };
    tracing::info!(drained, "stopped");
    Ok(())
}

fn refuse_strangers(address: SocketAddr) -> Result<(), UpError> {
    if address.ip().is_loopback() { Ok(()) } else { Err(UpError::NotLoopback(address)) }
}

fn bind(address: SocketAddr, option: &'static str, limits: &HostLimits) -> Result<Listener, UpError> {
    Listener::bind(address, limits).map_err(|error| UpError::Bind { address, option, error })
}

/// From the manifest to a gateway that can serve. Everything that can be found wrong is found here.
async fn load(
    application: &Arc<Application>,
    options: &Options,
    health: &Health,
) -> Result<(Arc<Gateway>, Summary), UpError> {
    // Compiling takes seconds and all cores: not on the thread that hears signals.
    let loading = tokio::task::spawn_blocking({
        let (application, options) = (Arc::clone(application), options.clone());
        move || tokio::runtime::Handle::current().block_on(furnish(&application, &options))
    });
    let (routes, auth, components, summary) = loading.await.expect("loading does not panic")?;
    components.warm().await.map_err(UpError::Warm)?;
    let store = RatesStore::open(&options.rates, application).await;
    let gateway = Arc::new(Gateway::new(application, routes, store, auth, components, health.clone()));
    tokio::spawn({
        let gateway = Arc::clone(&gateway);
        async move { gateway.components().trim().await }
    });
    Ok((gateway, summary))
}

async fn furnish(
    application: &Arc<Application>,
    options: &Options,
) -> Result<(Routes, Auth, Components, Summary), Faults> {
    let routes = routes(application)?;
    let examined = components::examine(application, &options.data)?;
    let databases = Databases::new(&options.data, options.database.clone());
    let summary = Summary::new(application, &examined.components);
    let identity = Identity::open(application, &options.data, identity::from_environment())?;
    let components = components::furnish(examined, databases, identity.as_ref(), Audit::at(&options.data)).await?;
    if let Some(identity) = &identity {
        tokio::spawn(Arc::clone(identity).follow());
    }
    Ok((routes, Auth::new(application, identity), components, summary))
}

async fn play(
    options: &Options,
    application: &Application,
    gateway: &Arc<Gateway>,
) -> Result<Option<demo::Played>, UpError> {
    if !options.demo {
        return Ok(None);
    }
    demo::play(application, gateway).await.map_err(UpError::Demo)
}

/// The routes, with conflicts as faults.
pub fn routes(application: &Application) -> Result<Routes, Faults> {
    Routes::new(application).map_err(|conflicts| {
        let mut faults = Faults::new(&application.file);
        for conflict in conflicts {
            faults.push(Fault::new(conflict.line, conflict.what, "change one of them"));
        }
        faults
    })
}

/// A login shell's soft limit of 1,024 is less than `connections_max`; the hard limit is what the system really allows.
fn raise_descriptor_limit() {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let limit = getrlimit(Resource::Nofile);
    if let Err(error) = setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, maximum: limit.maximum }) {
        tracing::debug!(%error, "the limit of open files stays as it is");
    }
}

/// What asks the host to stop. Listened to from the start, since without a listener a signal would end the process as it is.
struct Signals {
    interrupt: Signal,
    terminate: Signal,
}

impl Signals {
    fn listen() -> io::Result<Self> {
        Ok(Self { interrupt: signal(SignalKind::interrupt())?, terminate: signal(SignalKind::terminate())? })
    }

    async fn next(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
        }
    }
}
