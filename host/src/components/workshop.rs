//! What generations are made with: the engine, what can be linked, the code that was compiled before, and the application whose slots they fill.

use super::code::{CodeCache, Origin};
use super::engine::Ticking;
use super::grant;
use super::jobs;
use super::link::{self, Counted, Link, Member};
use super::package::Package;
use super::slot::Slot;
use crate::capabilities::{self, Sandbox};
use crate::manifest::{self, Application, Fault, Faults};
use std::path::Path;
use std::sync::Arc;
use wasmtime::Engine;
use wasmtime::component::{Component, InstancePre, Linker};

/// What generations are made with.
pub(super) struct Workshop {
    pub(super) application: Arc<Application>,
    /// What was counted of the links of all generations.
    pub(super) counted: Counted,
    cache: CodeCache,
    linker: Linker<Sandbox>,
    ticking: Ticking,
}

/// What came of holding components against each other.
pub(super) struct Judged {
    /// Who serves whom.
    pub(super) links: Vec<Link>,
    /// What is wrong, by member.
    pub(super) faults: Vec<Vec<Fault>>,
}

impl Workshop {
    /// For this application; `data` is where compiled code is kept.
    pub(super) fn open(application: &Arc<Application>, data: &Path) -> Result<Self, Faults> {
        let general = |what: String, remedy: &str| Faults::one(&application.file, Fault::new(0, what, remedy));
        let cache = CodeCache::open(&data.join("code"))
            .map_err(|error| general(format!("{}: {error}", data.display()), "name a writable folder with --data"))?;
        let ticking =
            Ticking::start(application.components.iter().map(|component| &component.limits)).map_err(|error| {
                general(format!("the engine can't be set up: {error:#}"), "lower instances_max or memory_bytes_max")
            })?;
        let mut linker = Linker::new(ticking.engine());
        capabilities::link(&mut linker)
            .map_err(|error| general(format!("linking failed: {error:#}"), "report this as a bug"))?;
        Ok(Self { application: Arc::clone(application), counted: Counted::default(), cache, linker, ticking })
    }

    /// What code runs in.
    pub(super) fn engine(&self) -> &Engine {
        self.ticking.engine()
    }

    /// The package's code. The error is the compiler's.
    pub(super) fn compile(&self, package: &Package) -> wasmtime::Result<(Component, Origin)> {
        self.cache.component(self.engine(), package)
    }

    /// Holds all components against each other and against what the manifest grants them.
    pub(super) fn judge(&self, members: &[Member<'_>]) -> Judged {
        let engine = self.engine();
        let (links, refusals) = link::plan(engine, members);
        let faults = members.iter().zip(refusals).enumerate().map(|(place, (member, mut refusals))| {
            let Member { manifest, component } = member;
            let routed = self.application.routes.iter().any(|route| route.component == manifest.id);
            let others = link::exported_by_others(engine, members, place);
            refusals.extend(grant::check(engine, component, manifest, routed, &others));
            let mut faults: Vec<_> =
                refusals.iter().map(|refusal| fault(manifest, &refusal.what, &refusal.remedy)).collect();
            faults.extend(jobs::check(engine, component, manifest));
            faults
        });
        let faults = faults.collect();
        Judged { links, faults }
    }

    /// Links a component that was judged: to the host's capabilities, and to the slots that serve what it imports.
    pub(super) fn link(
        &self,
        member: &Member<'_>,
        place: usize,
        links: &[Link],
        slots: &[&Arc<Slot>],
    ) -> wasmtime::Result<InstancePre<Sandbox>> {
        let mut linker = self.linker.clone();
        for link in links.iter().filter(|link| link.from == place) {
            link.define(&mut linker, &member.manifest.id, slots[link.to], &self.counted)?;
        }
        linker.instantiate_pre(&member.component)
    }
}

/// A fault of this component.
pub(super) fn fault(manifest: &manifest::Component, what: &str, remedy: &str) -> Fault {
    Fault::new(manifest.line, format!("component {}: {what}", manifest.id), remedy)
}
