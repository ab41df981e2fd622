//! `souk migrate`: brings the databases to the newest migrations of their components without serving them, or shows what that would do.

use crate::audit::Audit;
use crate::check::CheckError;
use crate::components;
use crate::databases::Databases;
use crate::manifest::{self, DatabaseUrl};
use std::io::Write;
use std::path::Path;
use std::sync::Arc;

/// Applies the migrations, or with `dry_run` tries them where it does not last. Refused while a host runs on the same file, unless
/// it is a dry run; on a server it can be done at any time.
pub async fn run(
    file: &Path,
    data: &Path,
    database: DatabaseUrl,
    dry_run: bool,
    out: &mut dyn Write,
) -> Result<(), CheckError> {
    let application = Arc::new(manifest::read(file, &|name| std::env::var(name).ok())?);
    let examined = components::examine(&application, data)?;
    let databases = Databases::new(data, database);
    // First for all of them: where one component's migrations can't be applied, no other's are.
    let plan = components::plan(&examined, &databases).await?;
    if !dry_run {
        components::furnish(examined, databases, None, Audit::at(data)).await?;
    }
    let verb = if dry_run { "would apply" } else { "applied" };
    for (component, files) in &plan {
        match files.as_slice() {
            [] => writeln!(out, "{component}: nothing to apply")?,
            files => writeln!(out, "{component}: {verb} {}", files.join(", "))?,
        }
    }
    Ok(())
}
