//! `souk check`: everything that `souk up` would refuse, without serving or changing anything.

use crate::components;
use crate::databases::Databases;
use crate::identity::{self, Identity};
use crate::manifest::{self, DatabaseUrl, Faults};
use crate::summary::Summary;
use crate::up::routes;
use std::io::{self, Write};
use std::path::Path;
use std::sync::Arc;

/// Why the manifest was not found right.
#[derive(Debug, thiserror::Error)]
pub enum CheckError {
    /// The manifest, or a component that it names.
    #[error(transparent)]
    Faults(#[from] Faults),
    /// The report could not be written.
    #[error(transparent)]
    System(#[from] io::Error),
}

/// Checks a manifest and its components; `data` is where compiled code is, and databases that are files. `out` is told what was found.
pub async fn run(file: &Path, data: &Path, database: DatabaseUrl, out: &mut dyn Write) -> Result<(), CheckError> {
    let application = Arc::new(manifest::read(file, &|name| std::env::var(name).ok())?);
    routes(&application)?;
    Identity::check(&application, data, identity::from_environment())?;
    let examined = components::examine(&application, data)?;
    components::try_start(&examined).await?;
    let plan = components::plan(&examined, &Databases::new(data, database)).await?;
    Summary::new(&application, &examined.components).print_components(out)?;
    for (from, to, interface) in examined.links() {
        writeln!(out, "  {from}: calls {to} over {interface}")?;
    }
    for fit in examined.components.iter().filter(|fit| fit.is_periodic && fit.manifest.jobs.is_empty()) {
        writeln!(
            out,
            "  {0}: exports souk:jobs/periodic, and [[component.{0}.tool.souk.jobs]] names no job",
            fit.manifest.id
        )?;
    }
    for (component, pending) in plan.iter().filter(|(_, pending)| !pending.is_empty()) {
        writeln!(out, "  {component}: the next start applies {}", pending.join(", "))?;
    }
    writeln!(out, "{}: no faults", file.display())?;
    Ok(())
}
