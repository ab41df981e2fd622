//! From the manifest to components that can be called: examined first, all of them and all faults at once; furnished
//! then with what outlives them.

use super::code::{CodeCache, Origin};
use super::engine::Ticking;
use super::grant::{self, Refusal};
use super::instance::Mould;
use super::jobs::{self, Job};
use super::link::{self, Link, Member, Slot};
use super::package::{self, Package, Version};
use super::pool::Pool;
use super::{Component, Components};
use crate::capabilities::{self, Provision, Sandbox};
use crate::config::ms;
use crate::databases::{DatabaseError, Databases, OpenDatabase};
use crate::identity::Identity;
use crate::manifest::{self, Application, Fault, Faults};
use souk_database::contract::Database;
use souk_database::migration::Migration;
use std::path::Path;
use std::sync::Arc;
use wasmtime::Engine;
use wasmtime::component::{InstancePre, Linker};

/// An application whose components were found fit to run.
pub struct Examined<'m> {
    application: &'m Application,
    /// In the manifest's order.
    pub components: Vec<Fit<'m>>,
    links: Vec<Link>,
    slots: Vec<Arc<Slot>>,
    ticking: Ticking,
}

impl Examined<'_> {
    /// Who is linked to whom: importer, server, interface.
    pub fn links(&self) -> impl Iterator<Item = (&str, &str, &str)> {
        let id = |place: usize| self.components[place].manifest.id.as_str();
        self.links.iter().map(move |link| (id(link.from), id(link.to), link.interface()))
    }
}

/// A component that was found fit to run.
pub struct Fit<'m> {
    /// What the manifest says about it.
    pub manifest: &'m manifest::Component,
    /// Its digest.
    pub version: Version,
    /// Whether it was compiled now.
    pub compiled: bool,
    /// The granted interfaces that it imports.
    pub imports: Vec<String>,
    /// Whether it has work that the host may call for, as jobs of the manifest.
    pub is_periodic: bool,
    /// The migrations of its database.
    pub migrations: Vec<Migration>,
    pre: InstancePre<Sandbox>,
}

/// Reads, compiles and checks every component, on all cores. `data` is where compiled code is kept.
pub fn examine<'m>(application: &'m Application, data: &Path) -> Result<Examined<'m>, Faults> {
    let general = |what: String, remedy: &str| Faults::one(&application.file, Fault::new(0, what, remedy));
    let cache = CodeCache::open(&data.join("code"))
        .map_err(|error| general(format!("{}: {error}", data.display()), "name a writable folder with --data"))?;
    let ticking =
        Ticking::start(application.components.iter().map(|component| &component.limits)).map_err(|error| {
            general(format!("the engine can't be set up: {error:#}"), "lower instances_max or memory_bytes_max")
        })?;
    let engine = ticking.engine();
    let mut linker = Linker::new(engine);
    capabilities::link(&mut linker)
        .map_err(|error| general(format!("linking failed: {error:#}"), "report this as a bug"))?;

    // What is wrong with those that are there is told together with what is missing.
    let (compiled, missing): (Vec<_>, Vec<_>) =
        compile(application, engine, &cache).into_iter().partition(Result::is_ok);
    let compiled: Vec<Compiled<'_>> = compiled.into_iter().flatten().collect();
    if compiled.iter().any(|compiled| compiled.origin == Origin::Compiled) {
        give_memory_back();
    }
    let members: Vec<Member<'_>> = compiled
        .iter()
        .map(|compiled| Member { manifest: compiled.manifest, component: compiled.component.clone() })
        .collect();
    let (links, refusals) = link::plan(engine, &members);
    let slots: Vec<_> = members.iter().map(|member| Slot::new(&member.manifest.id)).collect();
    let fits = compiled.into_iter().zip(refusals).enumerate().map(|(place, (compiled, mut refusals))| {
        let routed = application.routes.iter().any(|route| route.component == compiled.manifest.id);
        let others = link::exported_by_others(engine, &members, place);
        refusals.extend(grant::check(engine, &compiled.component, compiled.manifest, routed, &others));
        let mut faults: Vec<_> = refusals.iter().map(|refusal| of_component(compiled.manifest, refusal)).collect();
        faults.extend(jobs::check(engine, &compiled.component, compiled.manifest));
        if !faults.is_empty() {
            return Err(faults);
        }
        let own: Vec<&Link> = links.iter().filter(|link| link.from == place).collect();
        fit(engine, linker.clone(), compiled, &own, &slots).map_err(|fault| vec![fault])
    });
    let missing = missing.into_iter().map(|result| Err(result.err().into_iter().collect()));
    let components = gather(application, fits.chain(missing), |result| result)?;
    Ok(Examined { application, components, links, slots, ticking })
}

/// A component whose code is there.
struct Compiled<'m> {
    manifest: &'m manifest::Component,
    package: Package,
    component: wasmtime::component::Component,
    origin: Origin,
}

/// Reads and compiles every component, on all cores.
fn compile<'m>(application: &'m Application, engine: &Engine, cache: &CodeCache) -> Vec<Result<Compiled<'m>, Fault>> {
    std::thread::scope(|scope| {
        let threads: Vec<_> = application
            .components
            .iter()
            .map(|manifest| scope.spawn(move || compile_one(manifest, engine, cache)))
            .collect();
        threads.into_iter().map(|thread| thread.join().expect("compiling a component does not panic")).collect()
    })
}

fn compile_one<'m>(
    manifest: &'m manifest::Component,
    engine: &Engine,
    cache: &CodeCache,
) -> Result<Compiled<'m>, Fault> {
    let package = package::read(&manifest.source).map_err(|why| {
        let what = format!("{} {why}", manifest.source.display());
        fault(manifest, &what, "build it, with cargo xtask build, or name another source")
    })?;
    let (component, origin) = cache
        .component(engine, &package)
        .map_err(|error| fault(manifest, &format!("can't be compiled: {error:#}"), "build it again"))?;
    Ok(Compiled { manifest, package, component, origin })
}

/// Links a component: to the host's capabilities, and to the components that serve what it imports.
fn fit<'m>(
    engine: &Engine,
    mut linker: Linker<Sandbox>,
    compiled: Compiled<'m>,
    links: &[&Link],
    slots: &[Arc<Slot>],
) -> Result<Fit<'m>, Fault> {
    let Compiled { manifest, package, component, origin } = compiled;
    let define = |linker: &mut Linker<Sandbox>| {
        links.iter().try_for_each(|link| link.define(linker, &manifest.id, &slots[link.to]))
    };
    let pre = define(&mut linker).and_then(|()| linker.instantiate_pre(&component)).map_err(|error| {
        fault(manifest, &format!("can't be linked: {error:#}"), "build it against this host's contracts")
    })?;
    let imports = grant::granted_imports(engine, &component, manifest);
    let is_periodic = jobs::exports(engine, &component);
    let Package { version, migrations, .. } = package;
    Ok(Fit { manifest, version, compiled: origin == Origin::Compiled, imports, is_periodic, migrations, pre })
}

fn fault(manifest: &manifest::Component, what: &str, remedy: &str) -> Fault {
    Fault::new(manifest.line, format!("component {}: {what}", manifest.id), remedy)
}

fn of_component(manifest: &manifest::Component, refusal: &Refusal) -> Fault {
    fault(manifest, &refusal.what, &refusal.remedy)
}

/// Gives each component what it was granted: its database, brought to the newest migration, and the identity of the application. Blocks while it
/// works on files.
pub async fn furnish(
    examined: Examined<'_>,
    databases: &Databases,
    identity: Option<&Arc<Identity>>,
) -> Result<Components, Faults> {
    let Examined { application, components, slots, ticking, .. } = examined;
    let mut furnished = Vec::new();
    for fit in components {
        let database =
            if has_database(&fit) { databases.open(fit.manifest, &fit.migrations).await.map(Some) } else { Ok(None) };
        furnished.push((fit, database));
    }
    let furnished = gather(application, furnished, |(fit, database)| match database {
        Ok(database) => Ok((&fit.manifest.jobs, component(fit, database, identity))),
        Err(error) => Err(vec![database_fault(&fit, &error)]),
    })?;
    let (mut list, mut jobs) = (Vec::new(), Vec::new());
    for ((own, component), slot) in furnished.into_iter().zip(&slots) {
        slot.fill(&component.pool);
        jobs.extend(own.iter().map(|job| Arc::new(Job::new(&component.pool, job))));
        list.push(component);
    }
    Ok(Components { list, slots, jobs, _ticking: ticking })
}

/// The migrations that [`furnish`] would apply, by component: tried where it does not last, so that the databases stay as they are.
pub async fn plan(examined: &Examined<'_>, databases: &Databases) -> Result<Vec<(String, Vec<String>)>, Faults> {
    let mut plans = Vec::new();
    for fit in &examined.components {
        let plan = if has_database(fit) { databases.plan(fit.manifest, &fit.migrations).await } else { Ok(Vec::new()) };
        plans.push((fit, plan));
    }
    gather(examined.application, plans, |(fit, plan)| match plan {
        Ok(pending) => Ok((fit.manifest.id.clone(), pending)),
        Err(error) => Err(vec![database_fault(fit, &error)]),
    })
}

fn has_database(fit: &Fit<'_>) -> bool {
    capabilities::grants_database(&fit.manifest.grants)
}

/// All results, or all faults.
fn gather<F, T>(
    application: &Application,
    fits: impl IntoIterator<Item = F>,
    each: impl FnMut(F) -> Result<T, Vec<Fault>>,
) -> Result<Vec<T>, Faults> {
    let mut faults = Faults::new(&application.file);
    let mut report = |found: Vec<Fault>| found.into_iter().for_each(|fault| faults.push(fault));
    let results = fits.into_iter().map(each).filter_map(|result| result.map_err(&mut report).ok()).collect();
    if faults.is_empty() { Ok(results) } else { Err(faults) }
}

fn database_fault(fit: &Fit<'_>, error: &DatabaseError) -> Fault {
    let what = format!("component {}: its database can't be used: {error}", fit.manifest.id);
    Fault::new(fit.manifest.line, what, "mend what it says, or start with another --data or --database")
}

/// Starts one instance of each component, without a database, and throws it away: tells those that can't be started.
pub async fn try_start(examined: &Examined<'_>) -> Result<(), Faults> {
    let mut faults = Faults::new(&examined.application.file);
    for fit in &examined.components {
        let mould = Mould::new(fit.pre.clone(), provision(fit.manifest, None, None));
        let started = tokio::time::timeout(ms(fit.manifest.limits.time_ms_max), mould.instance()).await;
        let why = match started {
            Ok(Ok(_)) => continue,
            Ok(Err(error)) => format!("{error:#}"),
            Err(_) => "not within time_ms_max".to_owned(),
        };
        let what = format!("component {}: can't be started: {why}", fit.manifest.id);
        faults.push(Fault::new(fit.manifest.line, what, "build it again"));
    }
    if faults.is_empty() { Ok(()) } else { Err(faults) }
}

fn component(fit: Fit<'_>, open: Option<OpenDatabase>, identity: Option<&Arc<Identity>>) -> Component {
    let identity = identity.filter(|_| capabilities::grants_identity(&fit.manifest.grants)).cloned();
    let provision = provision(fit.manifest, open.as_ref().map(OpenDatabase::database), identity);
    let (id, limits) = (Arc::clone(&provision.component), Arc::clone(&provision.limits));
    Component { id, limits, pool: Arc::new(Pool::new(Mould::new(fit.pre, provision))), database: open }
}

fn provision(
    manifest: &manifest::Component,
    database: Option<Arc<dyn Database>>,
    identity: Option<Arc<Identity>>,
) -> Provision {
    Provision {
        component: manifest.id.as_str().into(),
        settings: Arc::new(manifest.variables.clone()),
        environment: Arc::new(manifest.environment.clone()),
        outbound: manifest.outbound.clone().into(),
        database,
        identity,
        limits: Arc::new(manifest.limits.clone()),
    }
}

/// Compiling takes hundreds of MiB in passing, which the C library keeps for itself: 217 MiB are resident after a first start without this, 88 with it.
#[cfg(all(target_os = "linux", target_env = "gnu"))]
fn give_memory_back() {
    // SAFETY: it looks at the allocator's own lists only, under the allocator's own locks, and nothing that is in use moves.
    let _gave_some = unsafe { libc::malloc_trim(0) };
}

/// Other C libraries keep less, or have no way to be told.
#[cfg(not(all(target_os = "linux", target_env = "gnu")))]
fn give_memory_back() {}
