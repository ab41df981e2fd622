//! What a command tells about an application: components, versions, routes, grants, jobs, and where to go next.

use crate::components::Fit;
use crate::demo::Played;
use crate::manifest::Application;
use std::io::{self, Write};
use std::net::SocketAddr;
use std::time::Duration;

/// An application, ready to be told.
pub(crate) struct Summary {
    name: String,
    lines: Vec<Line>,
    compiled: usize,
    first_path: Option<String>,
}

struct Line {
    id: String,
    version: String,
    is_swapped_in: bool,
    routes: Vec<String>,
    imports: Vec<String>,
    jobs: Vec<String>,
}

impl Summary {
    /// What was found.
    pub(crate) fn new(application: &Application, components: &[Fit<'_>]) -> Self {
        let lines = components.iter().map(|fit| Line {
            id: fit.manifest.id.clone(),
            version: fit.version.to_string(),
            is_swapped_in: fit.is_swapped_in,
            routes: application
                .routes
                .iter()
                .filter(|route| route.component == fit.manifest.id)
                .map(|route| route.pattern.to_string())
                .collect(),
            imports: fit.imports.clone(),
            jobs: fit.manifest.jobs.iter().map(|job| format!("{} every {} s", job.name, job.every_seconds)).collect(),
        });
        let first = application.routes.iter().map(|route| route.pattern.to_string()).find(|path| !path.contains(':'));
        Self {
            name: application.name.clone(),
            lines: lines.collect(),
            compiled: components.iter().filter(|fit| fit.compiled).count(),
            first_path: first.map(|path| path.trim_end_matches("...").trim_end_matches('/').to_owned()),
        }
    }

    /// One block a component.
    pub(crate) fn print_components(&self, out: &mut dyn Write) -> io::Result<()> {
        writeln!(out, "{} (souk {})\n", self.name, env!("CARGO_PKG_VERSION"))?;
        let width = self.lines.iter().map(|line| line.id.len()).max().unwrap_or(0);
        for line in &self.lines {
            let routes = if line.routes.is_empty() { "no public route".to_owned() } else { line.routes.join("  ") };
            writeln!(out, "  {:width$}  {}  {routes}", line.id, line.version)?;
            if line.is_swapped_in {
                writeln!(out, "  {:width$}  {:12}  swapped in, in place of the manifest's file", "", "")?;
            }
            if !line.imports.is_empty() {
                writeln!(out, "  {:width$}  {:12}  may use {}", "", "", line.imports.join(", "))?;
            }
            if !line.jobs.is_empty() {
                writeln!(out, "  {:width$}  {:12}  jobs {}", "", "", line.jobs.join(", "))?;
            }
        }
        writeln!(out)
    }

    /// Everything, at the moment the host is ready.
    pub(crate) fn print(
        &self,
        out: &mut dyn Write,
        (listen, admin): (SocketAddr, SocketAddr),
        loaded: Duration,
        played: Option<Played>,
    ) -> io::Result<()> {
        self.print_components(out)?;
        let (count, compiled) = (self.lines.len(), self.compiled);
        let plural = if count == 1 { "" } else { "s" };
        writeln!(out, "ready in {} ms ({count} component{plural}, {compiled} compiled)", loaded.as_millis())?;
        if let Some(Played { created, present, told, took }) = played {
            writeln!(out, "demo data: {created} created, {present} there already, {} ms", took.as_millis())?;
            for line in told {
                writeln!(out, "  {line}")?;
            }
        }
        writeln!(out, "\n  serving   http://{listen}")?;
        writeln!(out, "  health    http://{admin}/readyz")?;
        if let Some(path) = &self.first_path {
            writeln!(out, "  try       curl http://{listen}{path}")?;
        }
        writeln!(out, "  stop      Ctrl-C\n")?;
        out.flush()
    }
}
