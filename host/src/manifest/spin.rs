//! What Spin defines: application, variables, triggers, components (Spin manifest, version 2).

use super::build;
use super::fault::{Fault, Faults};
use super::outbound::OutboundHost;
use super::section::{Lines, Section};
use super::template::{self, Variables};
use super::{Application, Component, Environment, Route, RoutePattern, access, rate, souk};
use std::collections::BTreeMap;
use std::path::Path;
use toml::de::{DeTable, DeValue};

/// Reads a whole manifest. `None` only together with faults.
pub(super) fn read(file: &Path, text: &str, environment: Environment<'_>, faults: &mut Faults) -> Option<Application> {
    let lines = Lines(text);
    let (document, errors) = DeTable::parse_recoverable(text);
    for error in &errors {
        let line = error.span().map_or(0, |span| lines.line(&span));
        faults.push(Fault::new(line, format!("not TOML: {}", error.message()), "see https://toml.io/en/v1.0.0"));
    }
    if !errors.is_empty() {
        return None;
    }
    let folder = file.parent().unwrap_or(Path::new(""));
    let mut root = Section::root(lines, document.get_ref());
    check_version(&mut root, faults);
    let mut application = root.section("application", faults);
    let name = application.required_text("name", "name the application", faults).map(|(name, _)| name.to_owned());
    for key in ["version", "description"] {
        application.text(key, faults);
    }
    application.texts("authors", faults);
    let variables = template::variables(root.section("variables", faults), environment, faults);
    let tool = souk::application(application.section("tool", faults), folder, &variables, faults);
    application.finish(faults);

    let components = components(root.section("component", faults), folder, &variables, faults);
    for component in &components {
        rate::check(&component.rates, &tool.rates, tool.tokens.is_some(), faults);
        access::check(component, tool.tokens.as_ref(), faults);
    }
    let routes = routes(root.section("trigger", faults), &components, faults);
    root.finish(faults);
    let demo = tool.demo.map(|path| folder.join(path));
    let souk::ApplicationTool { proxies, rates, tokens, limits, .. } = tool;
    Some(Application { file: file.to_owned(), name: name?, limits, proxies, rates, tokens, demo, components, routes })
}

fn check_version(root: &mut Section<'_>, faults: &mut Faults) {
    let remedy = "write spin_manifest_version = 2 at the top";
    match root.value("spin_manifest_version") {
        None => faults.push(Fault::new(1, "spin_manifest_version is missing", remedy)),
        Some(value) if value.get_ref().as_integer().is_some_and(|number| number.as_str() == "2") => {}
        Some(value) => faults.push(Fault::new(root.line_of(value), "spin_manifest_version is not 2", remedy)),
    }
}

fn components(section: Section<'_>, folder: &Path, variables: &Variables, faults: &mut Faults) -> Vec<Component> {
    let read = section.sections(faults);
    read.into_iter().filter_map(|(id, section)| component(id, section, folder, variables, faults)).collect()
}

fn component(
    id: &str,
    mut section: Section<'_>,
    folder: &Path,
    variables: &Variables,
    faults: &mut Faults,
) -> Option<Component> {
    if !is_id(id) {
        let remedy = "use 1 to 64 of a-z, 0-9 and -, starting with a letter";
        faults.push(Fault::new(section.line(), format!("component id {id:?} is not valid"), remedy));
    }
    let source = source(&mut section, faults);
    // Spin's own capabilities mean nothing here: what a component needs is read from its imports, and an import that
    // nothing provides is refused. So these entries may stand, for Spin's sake.
    for ignored in ["description", "key_value_stores", "sqlite_databases", "ai_models", "dependencies"] {
        section.value(ignored);
    }
    section.value("dependencies_inherit_configuration");
    let build = build::read(section.section("build", faults), folder, faults);
    refuse_files(&mut section, faults);
    let settings = texts_by_name(section.section("variables", faults), variables, faults);
    let env = texts_by_name(section.section("environment", faults), variables, faults);
    let outbound = outbound(&mut section, variables, faults);
    let tool = souk::component(section.section("tool", faults), variables, faults);
    section.finish(faults);
    let (source, line) = source?;
    Some(Component {
        id: id.to_owned(),
        source: folder.join(source),
        line,
        build,
        grants: tool.grants,
        links: tool.links,
        signers: tool.signers,
        rates: tool.rates,
        access: tool.access,
        jobs: tool.jobs,
        is_told_addresses: tool.is_told_addresses,
        variables: settings,
        environment: env,
        outbound,
        database: tool.database,
        limits: tool.limits,
    })
}

fn is_id(id: &str) -> bool {
    (1..=64).contains(&id.len())
        && id.starts_with(|c: char| c.is_ascii_lowercase())
        && id.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
}

fn source<'d>(section: &mut Section<'d>, faults: &mut Faults) -> Option<(&'d str, usize)> {
    if let Some(value) = section.value("source")
        && value.get_ref().is_table()
    {
        let what = format!("{} names a remote component", section.name("source"));
        faults.push(Fault::new(section.line_of(value), what, "fetch the file and name its path"));
        return None;
    }
    section.required_text("source", "name the component's .wasm file", faults)
}

fn refuse_files(section: &mut Section<'_>, faults: &mut Faults) {
    for key in ["files", "exclude_files"] {
        if let Some(value) = section.value(key)
            && value.get_ref().as_array().is_none_or(|list| !list.is_empty())
        {
            let what = format!("{} is not supported: components have no file system", section.name(key));
            faults.push(Fault::new(section.line_of(value), what, "embed the files into the component"));
        }
    }
}

fn texts_by_name(section: Section<'_>, variables: &Variables, faults: &mut Faults) -> BTreeMap<String, String> {
    let path = section.name("");
    let mut texts = BTreeMap::new();
    for (key, value, line) in section.entries() {
        match value.get_ref().as_str() {
            Some(text) => {
                if let Some(text) = template::fill(text, line, variables, faults) {
                    texts.insert(key.to_owned(), text);
                }
            }
            None => faults.push(Fault::new(line, format!("{path}{key} has the wrong type"), "make it a string")),
        }
    }
    texts
}

fn outbound(section: &mut Section<'_>, variables: &Variables, faults: &mut Faults) -> Vec<OutboundHost> {
    let mut hosts = Vec::new();
    for (text, line) in section.texts("allowed_outbound_hosts", faults) {
        let Some(text) = template::fill(text, line, variables, faults) else {
            continue;
        };
        match OutboundHost::parse(&text) {
            Ok(host) => hosts.push(host),
            Err(why) => {
                let remedy = "write scheme://host:port, such as https://api.example.com or http://127.0.0.1:9000";
                faults.push(Fault::new(line, format!("outbound host {text:?} {why}"), remedy));
            }
        }
    }
    hosts
}

fn routes(section: Section<'_>, components: &[Component], faults: &mut Faults) -> Vec<Route> {
    let mut section = section;
    let mut routes = Vec::new();
    for trigger in section.section_list("http", faults) {
        routes.extend(route(trigger, components, faults));
    }
    for other in ["redis", "mqtt", "cron", "sqs", "command"] {
        if let Some(value) = section.value(other) {
            let what = format!("trigger.{other} is not supported");
            faults.push(Fault::new(section.line_of(value), what, "souk serves [[trigger.http]]; remove it"));
        }
    }
    section.finish(faults);
    routes
}

fn route(mut trigger: Section<'_>, components: &[Component], faults: &mut Faults) -> Option<Route> {
    trigger.text("id", faults);
    if let Some(executor) = trigger.value("executor") {
        let kind = executor.get_ref().as_table().and_then(|table| table.get("type")).and_then(|t| t.get_ref().as_str());
        if !matches!(kind, Some("spin" | "http")) {
            let line = trigger.line_of(executor);
            faults.push(Fault::new(line, "trigger.http.executor is not supported", "remove it"));
        }
    }
    let component = trigger.required_text("component", "name the component that answers", faults);
    if let Some((id, line)) = component
        && !components.iter().any(|component| component.id == id)
    {
        let known: Vec<_> = components.iter().map(|component| component.id.as_str()).collect();
        let remedy = match super::fault::meant(id, known.iter().copied()) {
            Some(meant) => format!("did you mean {meant}?"),
            None => format!("add [component.{id}] with a source"),
        };
        faults.push(Fault::new(line, format!("trigger.http names component {id:?}, which does not exist"), remedy));
    }
    let pattern = pattern(&mut trigger, faults);
    let line = trigger.line();
    trigger.finish(faults);
    Some(Route { pattern: pattern?, component: component?.0.to_owned(), line })
}

/// The route's pattern; `None` for a private one.
fn pattern(trigger: &mut Section<'_>, faults: &mut Faults) -> Option<RoutePattern> {
    if let Some(value) = trigger.value("route")
        && let DeValue::Table(table) = value.get_ref()
    {
        let private =
            table.len() == 1 && table.get("private").is_some_and(|flag| flag.get_ref().as_bool() == Some(true));
        if !private {
            let remedy = "write a path, or { private = true }";
            faults.push(Fault::new(trigger.line_of(value), "trigger.http.route is not valid", remedy));
        }
        return None;
    }
    let (text, line) = trigger.required_text("route", "name the path, such as /api/v1/products/...", faults)?;
    RoutePattern::parse(text)
        .map_err(|why| {
            let remedy = "see https://spinframework.dev/http-trigger";
            faults.push(Fault::new(line, format!("route {text:?} {why}"), remedy));
        })
        .ok()
}
