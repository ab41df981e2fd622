//! From the manifest to components that can be called: examined first, all of them and all faults at once; furnished
//! then with what outlives them.

use super::code::Origin;
use super::generation::{Carried, Generation};
use super::grant;
use super::instance::Mould;
use super::jobs::{self, Job};
use super::link::{Link, Member};
use super::package::{Package, Version};
use super::shelf::{Found, Shelf};
use super::slot::{Slot, Standing};
use super::workshop::{Judged, Workshop, fault};
use super::{Component, Components, swap};
use crate::audit::Audit;
use crate::capabilities::{self, Provision, Sandbox, Usage};
use crate::databases::{DatabaseError, Databases, OpenDatabase};
use crate::identity::Identity;
use crate::manifest::{self, Application, Fault, Faults};
use crate::memory;
use souk_database::contract::Database;
use souk_database::migration::Migration;
use souk_identity::seal::version::SealVersion;
use std::path::Path;
use std::sync::Arc;
use wasmtime::component::InstancePre;

/// An application whose components were found fit to run.
pub struct Examined<'m> {
    application: &'m Arc<Application>,
    /// In the manifest's order.
    pub components: Vec<Fit<'m>>,
    links: Vec<Link>,
    slots: Vec<Arc<Slot>>,
    shelf: Shelf,
    workshop: Workshop,
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
    /// Whether it was swapped in by an earlier run, in place of the manifest's file.
    pub is_swapped_in: bool,
    /// The version of its seal, if one is demanded.
    pub sealed: Option<SealVersion>,
    /// The granted interfaces that it imports.
    pub imports: Vec<String>,
    /// Whether it has work that the host may call for, as jobs of the manifest.
    pub is_periodic: bool,
    /// The migrations that it carries.
    pub migrations: Vec<Migration>,
    /// Those of what ran on its database before, where they are more.
    applied: Vec<Migration>,
    code: wasmtime::component::Component,
    pre: InstancePre<Sandbox>,
}

/// Reads, compiles and checks every component, on all cores. `data` is where compiled code is kept, and what was swapped in.
pub fn examine<'m>(application: &'m Arc<Application>, data: &Path) -> Result<Examined<'m>, Faults> {
    let workshop = Workshop::open(application, data)?;
    let shelf = Shelf::new(data);
    // What is wrong with those that are there is told together with what is missing.
    let (compiled, missing): (Vec<_>, Vec<_>) =
        compile(application, &workshop, &shelf).into_iter().partition(Result::is_ok);
    let compiled: Vec<Compiled<'_>> = compiled.into_iter().flatten().collect();
    if compiled.iter().any(|compiled| compiled.origin == Origin::Compiled) {
        memory::give_back();
    }
    let members: Vec<Member<'_>> = compiled
        .iter()
        .map(|compiled| Member { manifest: compiled.manifest, component: compiled.component.clone() })
        .collect();
    let Judged { links, faults } = workshop.judge(&members);
    let slots: Vec<_> = members.iter().map(|member| Slot::new(&member.manifest.id)).collect();
    let served: Vec<_> = slots.iter().collect();
    let fits = compiled.into_iter().zip(faults).enumerate().map(|(place, (compiled, faults))| {
        if !faults.is_empty() {
            return Err(faults.into_iter().map(|fault| of_file(fault, compiled.is_swapped_in)).collect());
        }
        let pre = workshop.link(&members[place], place, &links, &served).map_err(|error| {
            let what = format!("can't be linked: {error:#}");
            vec![fault(compiled.manifest, &what, "build it against this host's contracts")]
        })?;
        Ok(fit(&workshop, compiled, pre))
    });
    let missing = missing.into_iter().map(|result| Err(result.err().into_iter().collect()));
    let components = gather(application, fits.chain(missing), |result| result)?;
    Ok(Examined { application, components, links, slots, shelf, workshop })
}

/// Which file has the fault: the manifest's line names another one than was swapped in.
fn of_file(fault: Fault, is_swapped_in: bool) -> Fault {
    if !is_swapped_in {
        return fault;
    }
    let remedy = format!(
        "{}; it is the file that was swapped in: `souk swap` another, or remove its .json in the folder `swapped` of the data folder",
        fault.remedy
    );
    Fault { remedy, ..fault }
}

/// A component whose code is there.
struct Compiled<'m> {
    manifest: &'m manifest::Component,
    package: Package,
    is_swapped_in: bool,
    applied: Option<Vec<Migration>>,
    sealed: Option<SealVersion>,
    component: wasmtime::component::Component,
    origin: Origin,
}

/// Reads and compiles every component, on all cores.
fn compile<'m>(application: &'m Application, workshop: &Workshop, shelf: &Shelf) -> Vec<Result<Compiled<'m>, Fault>> {
    std::thread::scope(|scope| {
        let threads: Vec<_> = application
            .components
            .iter()
            .map(|manifest| scope.spawn(move || compile_one(manifest, workshop, shelf)))
            .collect();
        threads.into_iter().map(|thread| thread.join().expect("compiling a component does not panic")).collect()
    })
}

fn compile_one<'m>(
    manifest: &'m manifest::Component,
    workshop: &Workshop,
    shelf: &Shelf,
) -> Result<Compiled<'m>, Fault> {
    let Found { package, is_swapped_in, applied, sealed } = shelf.package(manifest).map_err(|unfit| {
        let remedy = unfit.remedy.unwrap_or("build it, with cargo xtask build, or name another source");
        fault(manifest, &unfit.what, remedy)
    })?;
    let (component, origin) = workshop
        .compile(&package)
        .map_err(|error| fault(manifest, &format!("can't be compiled: {error:#}"), "build it again"))?;
    Ok(Compiled { manifest, package, is_swapped_in, applied, sealed, component, origin })
}

fn fit<'m>(workshop: &Workshop, compiled: Compiled<'m>, pre: InstancePre<Sandbox>) -> Fit<'m> {
    let Compiled { manifest, package, is_swapped_in, applied, sealed, component, origin } = compiled;
    Fit {
        manifest,
        version: package.version,
        compiled: origin == Origin::Compiled,
        is_swapped_in,
        sealed,
        imports: grant::granted_imports(workshop.engine(), &component, manifest),
        is_periodic: jobs::exports(workshop.engine(), &component),
        migrations: package.migrations,
        applied: applied.unwrap_or_default(),
        code: component,
        pre,
    }
}

/// Gives each component what it was granted: its database, brought to the newest migration, and the identity of the application. Blocks while it
/// works on files.
pub async fn furnish(
    examined: Examined<'_>,
    databases: Databases,
    identity: Option<&Arc<Identity>>,
    audit: Audit,
) -> Result<Components, Faults> {
    let Examined { application, components, slots, shelf, workshop, .. } = examined;
    let mut furnished = Vec::new();
    for fit in components {
        let database = if has_database(&fit) {
            let known = databases.known_to(fit.manifest, &fit.migrations, &fit.applied).await;
            databases.open(fit.manifest, &known).await.map(Some)
        } else {
            Ok(None)
        };
        furnished.push((fit, database));
    }
    let furnished = gather(application, furnished, |(fit, database)| match database {
        Ok(database) => Ok((fit, database)),
        Err(error) => Err(vec![database_fault(&fit, &error)]),
    })?;
    for (fit, _) in &furnished {
        remember_seal(&shelf, fit)?;
        if !fit.is_swapped_in
            && let Err(error) = shelf.put_own(fit.manifest, &fit.version)
        {
            tracing::warn!(component = fit.manifest.id, %error, "its file can't be kept, to go back to it after a restart");
        }
    }
    let (mut list, mut jobs) = (Vec::new(), Vec::new());
    for ((fit, database), slot) in furnished.into_iter().zip(slots) {
        let provision = provision(fit.manifest, database.as_ref().map(OpenDatabase::database), identity);
        jobs.extend(fit.manifest.jobs.iter().map(|job| Arc::new(Job::new(&slot, &provision.limits, job))));
        list.push(component(fit, slot, provision, database));
    }
    let changing = swap::Changing::new(shelf, databases, audit);
    Ok(Components { list, jobs, changing, workshop })
}

/// The next start refuses what was sealed before this.
fn remember_seal(shelf: &Shelf, fit: &Fit<'_>) -> Result<(), Faults> {
    let Some(sealed) = fit.sealed else { return Ok(()) };
    let kept = shelf.remember(fit.manifest, |entry| entry.sealed = Some(sealed.to_string()));
    kept.map_err(|error| {
        let what = format!("the version of its seal can't be kept: {error}");
        Faults::one(&fit.manifest.source, fault(fit.manifest, &what, "name a writable folder with --data"))
    })
}

/// The migrations that [`furnish`] would apply, by component: tried where it does not last, so that the databases stay as they are.
pub async fn plan(examined: &Examined<'_>, databases: &Databases) -> Result<Vec<(String, Vec<String>)>, Faults> {
    let mut plans = Vec::new();
    for fit in &examined.components {
        let plan = if has_database(fit) {
            databases.plan(fit.manifest, &databases.known_to(fit.manifest, &fit.migrations, &fit.applied).await).await
        } else {
            Ok(Vec::new())
        };
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
        if let Err(why) = mould.try_start().await {
            faults.push(fault(fit.manifest, &format!("can't be started: {why}"), "build it again"));
        }
    }
    if faults.is_empty() { Ok(()) } else { Err(faults) }
}

/// Fills the slot with the first generation.
fn component(fit: Fit<'_>, slot: Arc<Slot>, provision: Provision, database: Option<OpenDatabase>) -> Component {
    let (id, limits) = (Arc::clone(&provision.component), Arc::clone(&provision.limits));
    let mould = Mould::new(fit.pre, provision.clone());
    let package = Carried { version: fit.version, sealed: fit.sealed, migrations: fit.migrations };
    slot.set(Standing::first(Arc::new(Generation::new(1, package, fit.code, mould))));
    Component { id, limits, slot, database, provision, bench: swap::Bench::default() }
}

fn provision(
    manifest: &manifest::Component,
    database: Option<Arc<dyn Database>>,
    identity: Option<&Arc<Identity>>,
) -> Provision {
    Provision {
        component: manifest.id.as_str().into(),
        settings: Arc::new(manifest.variables.clone()),
        environment: Arc::new(manifest.environment.clone()),
        outbound: manifest.outbound.clone().into(),
        database,
        identity: identity.filter(|_| capabilities::grants_identity(&manifest.grants)).cloned(),
        limits: Arc::new(manifest.limits.clone()),
        usage: Arc::new(Usage::default()),
    }
}
