//! Manifests for tests, written as `spin.toml` text.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

/// An application of fixture components.
#[derive(Clone, Default)]
pub(crate) struct Application {
    name: Option<String>,
    limits: Vec<(&'static str, u64)>,
    components: Vec<Component>,
    demo: Option<PathBuf>,
    tables: String,
    /// The whole manifest, if it was written by somebody else.
    written: Option<String>,
}

/// One component of it.
#[derive(Clone)]
pub(crate) struct Component {
    id: String,
    source: PathBuf,
    routes: Vec<String>,
    grants: Vec<&'static str>,
    outbound: Vec<String>,
    limits: Vec<(&'static str, u64)>,
    database_limits: Vec<(&'static str, u64)>,
    lines: String,
    tables: String,
}

impl Application {
    pub(crate) fn of(components: impl IntoIterator<Item = Component>) -> Self {
        Self { components: components.into_iter().collect(), ..Self::default() }
    }

    /// `application.name`, which is `test` otherwise.
    pub(crate) fn named(mut self, name: &str) -> Self {
        self.name = Some(name.to_owned());
        self
    }

    /// `spin.toml` as it is delivered, behind a proxy, with the least work for passwords that may be asked for.
    pub(crate) fn delivered() -> Self {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
        let text = std::fs::read_to_string(folder.join("spin.toml")).unwrap();
        let limits = "limits = { password_memory_kib = 8192, password_passes = 1 }\nproxies = [\"127.0.0.0/8\"]";
        let text = text.replacen("[application.tool.souk]", &format!("[application.tool.souk]\n{limits}"), 1);
        let text = text.replace("source = \"", &format!("source = \"{}/", folder.display()));
        let text = text.replace("demo = \"", &format!("demo = \"{}/", folder.display()));
        Self { written: Some(text), ..Self::default() }
    }

    /// The manifest that somebody else wrote, with another text for one that it must have.
    pub(crate) fn replaced(self, text: &str, with: &str) -> Self {
        let written = self.written.expect("the manifest is written by somebody else");
        assert!(written.contains(text), "the manifest has no {text}");
        Self { written: Some(written.replace(text, with)), ..self }
    }

    pub(crate) fn limit(mut self, name: &'static str, value: u64) -> Self {
        self.limits.push((name, value));
        self
    }

    pub(crate) fn demo(mut self, file: &Path) -> Self {
        self.demo = Some(file.to_owned());
        self
    }

    /// `[variables.<name>]` with a default, or required without one.
    pub(crate) fn variable(mut self, name: &str, default: Option<&str>) -> Self {
        let rule = default.map_or("required = true".to_owned(), |default| format!("default = {default:?}"));
        writeln!(self.tables, "\n[variables.{name}]\n{rule}").unwrap();
        self
    }

    /// Lines of `[application.tool.souk]`, or tables below it.
    pub(crate) fn tool(mut self, text: &str) -> Self {
        writeln!(self.tables, "\n[application.tool.souk]\n{text}").unwrap();
        self
    }

    pub(crate) fn manifest(&self) -> String {
        if let Some(manifest) = &self.written {
            return manifest.clone();
        }
        let name = self.name.as_deref().unwrap_or("test");
        let mut text = format!("spin_manifest_version = 2\n\n[application]\nname = {name:?}\n");
        if let Some(demo) = &self.demo {
            writeln!(text, "\n[application.tool.souk]\ndemo = \"{}\"", demo.display()).unwrap();
        }
        limits(&mut text, "application.tool.souk.limits", &self.limits);
        text.push_str(&self.tables);
        for component in &self.components {
            component.write(&mut text);
        }
        text
    }
}

impl Component {
    /// The fixture guest in `tests/guests/<name>`, under its own name, with the routes `/<name>` and below.
    pub(crate) fn guest(name: &str) -> Self {
        Self::new(name, &guest(name)).route(&format!("/{name}/..."))
    }

    /// The same guest under another name, with the routes `/<id>` and below.
    pub(crate) fn guest_as(id: &str, name: &str) -> Self {
        Self::new(id, &guest(name)).route(&format!("/{id}/..."))
    }

    /// The same without routes: it serves other components.
    pub(crate) fn unrouted(id: &str, name: &str) -> Self {
        Self::new(id, &guest(name))
    }

    /// Any file as a component without routes.
    pub(crate) fn new(id: &str, source: &Path) -> Self {
        Self {
            id: id.to_owned(),
            source: source.to_owned(),
            routes: Vec::new(),
            grants: Vec::new(),
            outbound: Vec::new(),
            limits: Vec::new(),
            database_limits: Vec::new(),
            lines: String::new(),
            tables: String::new(),
        }
    }

    pub(crate) fn route(mut self, route: &str) -> Self {
        self.routes.push(route.to_owned());
        self
    }

    /// Forgets the routes that it was born with.
    pub(crate) fn only_route(mut self, route: &str) -> Self {
        self.routes = vec![route.to_owned()];
        self
    }

    pub(crate) fn grant(mut self, interface: &'static str) -> Self {
        self.grants.push(interface);
        self
    }

    pub(crate) fn outbound(mut self, host: &str) -> Self {
        self.outbound.push(host.to_owned());
        self
    }

    pub(crate) fn limit(mut self, name: &'static str, value: u64) -> Self {
        self.limits.push((name, value));
        self
    }

    /// One of its database.
    pub(crate) fn database_limit(mut self, name: &'static str, value: u64) -> Self {
        self.database_limits.push((name, value));
        self
    }

    /// Lines of its own table.
    pub(crate) fn lines(mut self, lines: &str) -> Self {
        writeln!(self.lines, "{lines}").unwrap();
        self
    }

    /// An entry of `rates`: a policy, and what of its requests counts against it.
    pub(crate) fn rate(mut self, policy: &str, rule: &str) -> Self {
        writeln!(self.tables, "\n[[component.{}.tool.souk.rates]]\npolicy = {policy:?}\n{rule}", self.id).unwrap();
        self
    }

    /// An entry of `access`.
    pub(crate) fn access(mut self, rule: &str) -> Self {
        writeln!(self.tables, "\n[[component.{}.tool.souk.access]]\n{rule}", self.id).unwrap();
        self
    }

    /// An entry of `jobs`.
    pub(crate) fn job(mut self, name: &str, every_seconds: u32) -> Self {
        let entry = format!("name = {name:?}\nevery_seconds = {every_seconds}");
        writeln!(self.tables, "\n[[component.{}.tool.souk.jobs]]\n{entry}", self.id).unwrap();
        self
    }

    /// `[component.<id>.<table>]` with one entry.
    pub(crate) fn entry(mut self, table: &str, key: &str, value: &str) -> Self {
        writeln!(self.tables, "\n[component.{}.{table}]\n{key} = {value:?}", self.id).unwrap();
        self
    }

    fn write(&self, text: &mut String) {
        let Self { id, source, routes, grants, outbound, limits: own, database_limits, lines, tables } = self;
        for route in routes {
            writeln!(text, "\n[[trigger.http]]\nroute = {route:?}\ncomponent = {id:?}").unwrap();
        }
        writeln!(text, "\n[component.{id}]\nsource = \"{}\"", source.display()).unwrap();
        writeln!(text, "allowed_outbound_hosts = {outbound:?}").unwrap();
        writeln!(text, "\n[component.{id}.tool.souk]\ngrants = {grants:?}\n{lines}").unwrap();
        limits(text, &format!("component.{id}.tool.souk.limits"), own);
        limits(text, &format!("component.{id}.tool.souk.database.limits"), database_limits);
        text.push_str(tables);
    }
}

fn limits(text: &mut String, table: &str, limits: &[(&str, u64)]) {
    writeln!(text, "\n[{table}]").unwrap();
    for (name, value) in limits {
        writeln!(text, "{name} = {value}").unwrap();
    }
}

/// The component built from `tests/guests/<name>`.
pub(crate) fn guest(name: &str) -> PathBuf {
    built(&format!("guest_{name}.wasm"))
}

/// A component of the shop.
pub(crate) fn service(name: &str) -> PathBuf {
    built(&format!("{name}.wasm"))
}

fn built(file: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().join("target/wasm32-wasip2/component");
    let path = folder.join(file);
    assert!(path.is_file(), "{} is missing: run cargo xtask build", path.display());
    path
}
