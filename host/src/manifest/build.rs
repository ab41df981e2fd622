//! `[component.<id>.build]`: how a component's file is made, as Spin has it. `souk up --watch` makes it anew when its source changes.

use super::fault::{Fault, Faults};
use super::section::Section;
use std::path::{Path, PathBuf};
use toml::Spanned;

/// How a component's file is made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Build {
    /// Lines for `sh`, one after another.
    pub commands: Vec<String>,
    /// Where they run.
    pub folder: PathBuf,
    /// Patterns of the files that it is made of, such as `src/**/*.rs`, relative to the folder.
    pub watch: Vec<String>,
}

/// Reads `build`. What else stands there is Spin's.
pub(super) fn read(mut section: Section<'_>, folder: &Path, faults: &mut Faults) -> Option<Build> {
    if !section.is_there() {
        return None;
    }
    let line = section.line();
    let commands = match section.value("command").map(Spanned::get_ref) {
        Some(value) if value.as_str().is_some() => value.as_str().map(|command| vec![command.to_owned()]),
        Some(value) => value.as_array().and_then(|list| {
            list.iter().map(|command| command.get_ref().as_str().map(str::to_owned)).collect::<Option<Vec<_>>>()
        }),
        None => None,
    };
    let Some(commands) = commands.filter(|commands| !commands.is_empty()) else {
        let what = format!("{} is not a command, or a list of them", section.name("command"));
        faults.push(Fault::new(line, what, "write it like command = \"cargo build --target wasm32-wasip2 --release\""));
        return None;
    };
    // The folder of a manifest that was named without one has no name itself.
    let folder = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
    let workdir = section.text("workdir", faults).map_or(folder.to_owned(), |(workdir, _)| folder.join(workdir));
    let mut watch = Vec::new();
    for (pattern, line) in section.texts("watch", faults) {
        match glob::Pattern::new(pattern) {
            Ok(_) => watch.push(pattern.to_owned()),
            Err(error) => {
                let what = format!("pattern {pattern:?} can't be read: {error}");
                faults.push(Fault::new(line, what, "write it like src/**/*.rs"));
            }
        }
    }
    // Without a slash at its end, which patterns take for a folder without a name.
    Some(Build { commands, folder: workdir.components().collect(), watch })
}
