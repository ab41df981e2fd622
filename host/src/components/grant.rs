//! What a component imports, held against what it was granted and what it exports against what its routes need.
//!
//! All faults are told together, before anything starts: an import without a grant, an import that nothing provides, a grant that nothing
//! uses, a route to a component that answers no HTTP.

use crate::capabilities;
use crate::manifest;
use wasmtime::Engine;
use wasmtime::component::{Component, types::ComponentItem};

/// One reason why a component may not run as the manifest says, with the remedy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Refusal {
    /// Lower case, no full stop.
    pub what: String,
    /// What to do about it.
    pub remedy: String,
}

/// The HTTP that a component can answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Answers {
    /// It exports `souk:http/exchange`.
    pub exchange: bool,
    /// It exports `wasi:http/handler`.
    pub handler: bool,
}

impl Answers {
    /// What this component exports.
    pub(super) fn of(engine: &Engine, component: &Component) -> Self {
        let exports: Vec<String> =
            component.component_type().exports(engine).map(|(name, _)| interface(name).to_owned()).collect();
        let has = |name: &str| exports.iter().any(|export| export == name);
        Self { exchange: has("souk:http/exchange"), handler: has("wasi:http/handler") }
    }

    /// Whether it answers HTTP at all.
    pub(super) fn any(self) -> bool {
        self.exchange || self.handler
    }
}

/// The interfaces beyond the base set that a component imports, and its grants cover.
pub(super) fn granted_imports(engine: &Engine, component: &Component, manifest: &manifest::Component) -> Vec<String> {
    let mut granted: Vec<String> =
        imports(engine, component).into_iter().filter(|i| manifest.grants.contains(i)).collect();
    granted.sort();
    granted
}

/// Every reason why the component may not run; `others` are the interfaces that other components export.
pub(super) fn check(
    engine: &Engine,
    component: &Component,
    manifest: &manifest::Component,
    routed: bool,
    others: &[String],
) -> Vec<Refusal> {
    let mut refusals = Vec::new();
    let imports = imports(engine, component);
    let is_provided =
        |interface: &String| capabilities::GRANTABLE.contains(&interface.as_str()) || others.contains(interface);
    for import in &imports {
        let grantable = is_provided(import);
        if grantable && !manifest.grants.contains(import) {
            let remedy = format!(
                "add \"{import}\" to grants in [component.{}.tool.souk], or use another component",
                manifest.id
            );
            refusals.push(Refusal { what: format!("imports {import}, which it was not granted"), remedy });
        } else if !grantable && !capabilities::needs_no_grant(import) {
            let remedy = format!(
                "add a component that exports it, or use one that does without it; this host provides {}",
                capabilities::GRANTABLE.join(", ")
            );
            refusals.push(Refusal { what: format!("imports {import}, which nothing provides"), remedy });
        }
    }
    for grant in &manifest.grants {
        // One that is imported was told above.
        if !is_provided(grant) && !imports.contains(grant) {
            let remedy = format!(
                "remove it, or add a component that exports it; this host provides {}",
                capabilities::GRANTABLE.join(", ")
            );
            refusals.push(Refusal { what: format!("is granted {grant}, which nothing provides"), remedy });
        }
    }
    if routed && !Answers::of(engine, component).any() {
        let remedy = "export wasi:http/handler@0.3.0 or souk:http/exchange@0.1.0, or make its route { private = true }";
        refusals.push(Refusal { what: "has a route but answers no HTTP".to_owned(), remedy: remedy.to_owned() });
    }
    refusals
}

/// The interfaces that the component imports, without their versions.
fn imports(engine: &Engine, component: &Component) -> Vec<String> {
    let mut imports: Vec<String> = component
        .component_type()
        .imports(engine)
        // An interface of types only cannot be called: it gives the component nothing.
        .filter(|(_, import)| match &import.ty {
            ComponentItem::ComponentInstance(instance) => {
                instance.exports(engine).any(|(_, export)| !matches!(export.ty, ComponentItem::Type(_)))
            }
            _ => true,
        })
        .map(|(name, _)| interface(name).to_owned())
        .collect();
    imports.dedup();
    imports
}

/// The name of an interface without its version.
pub(super) fn interface(name: &str) -> &str {
    name.split_once('@').map_or(name, |(interface, _version)| interface)
}
