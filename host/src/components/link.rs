//! Live links: what one component imports and another one exports, found by looking at the types of both, so that the host need not know
//! the interface.
//!
//! A link needs a grant in the manifest. Only values cross it (records, variants, lists and what they are made of): a resource or a stream
//! belongs to one sandbox. A link goes from an importer to whatever runs under the name of another component at the time of the call.
//! Links form no circle, so a call never waits for itself. All that is wrong is told together, before anything starts.

mod compare;

mod call;

mod count;

pub(super) use count::Counted;
pub use count::Figures;

use super::grant::{Refusal, interface};
use super::slot::Slot;
use crate::capabilities::{self, Sandbox};
use crate::manifest;
use call::Target;
use std::collections::BTreeMap;
use std::sync::Arc;
use wasmtime::Engine;
use wasmtime::component::types::{ComponentExtern, ComponentFunc, ComponentItem};
use wasmtime::component::{Component, ComponentExportIndex, Linker};

/// A component that takes part, with what the manifest says about it.
#[derive(Clone)]
pub(super) struct Member<'m> {
    pub(super) manifest: &'m manifest::Component,
    pub(super) component: Component,
}

/// One import of one component that another one serves.
#[derive(Clone)]
pub(super) struct Link {
    /// The importer, by its place among the members.
    pub(super) from: usize,
    /// Who serves.
    pub(super) to: usize,
    /// As the importer names it, with its version.
    pub(super) import: String,
    functions: Vec<Function>,
}

#[derive(Clone)]
struct Function {
    name: String,
    /// Of the importer's type.
    ty: ComponentFunc,
}

impl Link {
    /// The interface without its version.
    pub(super) fn interface(&self) -> &str {
        interface(&self.import)
    }

    /// Makes the import call whoever runs under the server's name.
    pub(super) fn define(
        &self,
        linker: &mut Linker<Sandbox>,
        from: &str,
        server: &Arc<Slot>,
        counted: &Counted,
    ) -> wasmtime::Result<()> {
        let mut instance = linker.instance(&self.import)?;
        let counters = counted.of(from, &server.id, self.interface());
        for function in &self.functions {
            let target = Target::new(server, &counters, &self.import, &function.name, &function.ty);
            target.define(&mut instance)?;
        }
        Ok(())
    }
}

/// The links of all members, and what is wrong with them, by member. What nobody exports is not told here.
pub(super) fn plan(engine: &Engine, members: &[Member<'_>]) -> (Vec<Link>, Vec<Vec<Refusal>>) {
    let mut refusals: Vec<Vec<Refusal>> = members.iter().map(|_| Vec::new()).collect();
    let mut links = Vec::new();
    for (from, member) in members.iter().enumerate() {
        for (import, item) in member.component.component_type().imports(engine) {
            let ComponentItem::ComponentInstance(wanted) = item.ty else { continue };
            // What the host provides no component can offer to others: it would hear their passwords.
            if capabilities::provides(interface(import)) {
                continue;
            }
            let functions = functions(wanted.exports(engine));
            let servers = servers(engine, members, from, import);
            if functions.is_empty() || servers.is_empty() {
                continue;
            }
            match choose(members, from, import, &servers) {
                Ok(to) => match fit(engine, &members[to], import, functions) {
                    Ok(functions) => links.push(Link { from, to, import: import.to_owned(), functions }),
                    Err(found) => refusals[from].push(incompatible(import, members[to].manifest, &found)),
                },
                Err(refusal) => refusals[from].push(refusal),
            }
        }
        refusals[from].extend(unknown_choices(engine, member));
    }
    if let Some((from, refusal)) = circle(members, &links) {
        refusals[from].push(refusal);
    }
    (links, refusals)
}

/// The interfaces that others export, without versions: what may be granted although the host does not know it.
pub(super) fn exported_by_others(engine: &Engine, members: &[Member<'_>], but: usize) -> Vec<String> {
    let others = members.iter().enumerate().filter(|(place, _)| *place != but);
    others
        .flat_map(|(_, other)| {
            other.component.component_type().exports(engine).map(|(name, _)| name.to_owned()).collect::<Vec<_>>()
        })
        .map(|name| interface(&name).to_owned())
        .collect()
}

fn functions<'a>(exports: impl Iterator<Item = (&'a str, ComponentExtern<'a>)>) -> BTreeMap<String, ComponentFunc> {
    let functions = exports.filter_map(|(name, item)| match item.ty {
        ComponentItem::ComponentFunc(function) => Some((name.to_owned(), function)),
        _ => None,
    });
    functions.collect()
}

/// The members that export this interface in a version that can stand for the wanted one.
fn servers(engine: &Engine, members: &[Member<'_>], from: usize, import: &str) -> Vec<(usize, String)> {
    let mut servers = Vec::new();
    for (place, member) in members.iter().enumerate().filter(|(place, _)| *place != from) {
        let exports: Vec<String> =
            member.component.component_type().exports(engine).map(|(name, _)| name.to_owned()).collect();
        servers.extend(exports.into_iter().filter(|export| stands_for(export, import)).map(|export| (place, export)));
    }
    servers
}

/// Where a component has the function of an interface that can stand for this import.
fn place(component: &Component, import: &str, function: &str) -> Option<ComponentExportIndex> {
    let ty = component.component_type();
    let export = ty.exports(component.engine()).map(|(name, _)| name).find(|name| stands_for(name, import))?;
    let interface = component.get_export_index(None, export)?;
    component.get_export_index(Some(&interface), function)
}

/// Whether a version can stand for another (semver): the same major one, before 1.0 the same minor one, and before 0.1 the same.
fn stands_for(export: &str, import: &str) -> bool {
    let track = |name: &str| {
        let version = name.split_once('@')?.1.to_owned();
        let parts: Vec<&str> = version.split(['.', '-', '+']).collect();
        let kept = match parts.as_slice() {
            ["0", "0", ..] => version.clone(),
            ["0", minor, ..] => format!("0.{minor}"),
            [major, ..] => (*major).to_owned(),
            [] => return None,
        };
        Some(kept)
    };
    interface(export) == interface(import) && track(export) == track(import)
}

/// Who serves: the only one, or the one that the manifest names.
fn choose(members: &[Member<'_>], from: usize, import: &str, servers: &[(usize, String)]) -> Result<usize, Refusal> {
    let name = interface(import);
    let component = &members[from].manifest.id;
    let ids: Vec<&str> = servers.iter().map(|(place, _)| members[*place].manifest.id.as_str()).collect();
    if let Some(wanted) = members[from].manifest.links.get(name) {
        let chosen = servers.iter().find(|(place, _)| members[*place].manifest.id == *wanted);
        return chosen.map(|(place, _)| *place).ok_or_else(|| Refusal {
            what: format!("links {name} to {wanted}, which does not export it in a version that fits"),
            remedy: format!("name one of {}", ids.join(", ")),
        });
    }
    match servers {
        [(place, _)] => Ok(*place),
        _ => Err(Refusal {
            what: format!("imports {name}, which {} export", ids.join(" and ")),
            remedy: format!("choose one: links = {{ {name:?} = {:?} }} in [component.{component}.tool.souk]", ids[0]),
        }),
    }
}

/// The functions with their places in the server, or every difference.
fn fit(
    engine: &Engine,
    server: &Member<'_>,
    import: &str,
    wanted: BTreeMap<String, ComponentFunc>,
) -> Result<Vec<Function>, Vec<String>> {
    let (mut fitting, mut differences) = (Vec::new(), Vec::new());
    let ty = server.component.component_type();
    let (_, item) =
        ty.exports(engine).find(|(name, _)| stands_for(name, import)).expect("a server was found by this export");
    let ComponentItem::ComponentInstance(item) = item.ty else {
        return Err(vec!["the export is no interface".to_owned()]);
    };
    let offered = functions(item.exports(engine));
    for (name, ty) in wanted {
        match offered.get(&name) {
            Some(offered) => {
                differences.extend(compare::functions(&name, &ty, offered));
                fitting.push(Function { name, ty });
            }
            None => differences.push(format!("{name} is missing")),
        }
    }
    if differences.is_empty() { Ok(fitting) } else { Err(differences) }
}

fn incompatible(import: &str, server: &manifest::Component, differences: &[String]) -> Refusal {
    Refusal {
        what: format!("imports {import}, which {} exports otherwise: {}", server.id, differences.join("; ")),
        remedy: "build both against the same contract".to_owned(),
    }
}

/// Entries of `links` that choose for nothing. One whose choice was refused is told by that.
fn unknown_choices(engine: &Engine, member: &Member<'_>) -> Vec<Refusal> {
    let imports: Vec<String> =
        member.component.component_type().imports(engine).map(|(name, _)| interface(name).to_owned()).collect();
    let unused = member.manifest.links.iter().filter(|(name, _)| !imports.contains(name));
    unused
        .map(|(name, to)| Refusal {
            what: format!("links {name} to {to}, and does not import it"),
            remedy: "remove it".to_owned(),
        })
        .collect()
}

/// A circle of links: calls along it could wait for each other for ever.
fn circle(members: &[Member<'_>], links: &[Link]) -> Option<(usize, Refusal)> {
    let next = |from: usize| links.iter().filter(move |link| link.from == from).map(|link| link.to);
    for start in 0..members.len() {
        let mut ways = vec![vec![start]];
        while let Some(way) = ways.pop() {
            let last = *way.last().expect("a way begins somewhere");
            for to in next(last) {
                if to == start {
                    let names: Vec<&str> =
                        way.iter().chain([&start]).map(|place| members[*place].manifest.id.as_str()).collect();
                    let what = format!("is part of a circle of links: {}", names.join(" → "));
                    return Some((
                        start,
                        Refusal { what, remedy: "take one of them out; an event can go back".into() },
                    ));
                }
                if !way.contains(&to) {
                    ways.push(way.iter().copied().chain([to]).collect());
                }
            }
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_version_stands_for_others_of_its_track() {
        for (export, import, expected) in [
            ("a:b/c@0.1.0", "a:b/c@0.1.0", true),
            ("a:b/c@0.1.9", "a:b/c@0.1.0", true),
            ("a:b/c@0.2.0", "a:b/c@0.1.0", false),
            ("a:b/c@1.2.0", "a:b/c@1.0.0", true),
            ("a:b/c@2.0.0", "a:b/c@1.0.0", false),
            ("a:b/c@0.0.1", "a:b/c@0.0.2", false),
            ("a:b/d@1.0.0", "a:b/c@1.0.0", false),
            ("a:b/c", "a:b/c", true),
            ("a:b/c", "a:b/c@1.0.0", false),
        ] {
            assert_eq!(stands_for(export, import), expected, "{export} {import}");
        }
    }
}
