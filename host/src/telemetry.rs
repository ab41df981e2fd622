//! Logs: lines that a person can read on a terminal, or one JSON object a line for a machine.
//!
//! Logs go to standard error; standard output belongs to what a command prints. `--log`, or `SOUK_LOG`, is a level, which then holds for
//! souk and its guests and not for the libraries below (the compiler alone writes ten thousand lines at `debug`), or a
//! filter in the syntax of tracing's `EnvFilter`. Metrics and traces are not here yet.

use std::io::IsTerminal;
use tracing_subscriber::EnvFilter;

/// How log lines look.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum LogFormat {
    /// For a person; colours only on a terminal.
    Text,
    /// One JSON object a line.
    Json,
}

/// Starts logging for the whole process. A filter that can't be read is an error that names the part.
pub fn start(filter: &str, format: LogFormat) -> Result<(), String> {
    let filter = if filter.contains([',', '=']) { filter.to_owned() } else { everywhere(filter) };
    let filter = EnvFilter::try_new(&filter).map_err(|error| format!("--log {filter}: {error}"))?;
    let builder = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    let started = match format {
        LogFormat::Text => builder.with_ansi(std::io::stderr().is_terminal()).with_target(false).compact().try_init(),
        LogFormat::Json => builder.json().flatten_event(true).try_init(),
    };
    started.map_err(|error| format!("logging could not be started: {error}"))
}

/// A single level, for the targets that are ours.
fn everywhere(level: &str) -> String {
    ["souk", "souk_database", "guest", "access"]
        .iter()
        .fold("warn".to_owned(), |filter, target| format!("{filter},{target}={level}"))
}
