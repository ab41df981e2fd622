//! Steps and the time they took.
//!
//! [`Steps`] is for steps whose children write to the terminal themselves: a heading before, a table at the end. [`Line`] is
//! for steps whose children write to a log: one line each. Colour and the running clock appear on a terminal only.

use std::cell::Cell;
use std::fmt::Write as _;
use std::io::{self, IsTerminal as _, Write as _};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};

const BOLD: &str = "\x1b[1m";
const RED: &str = "\x1b[31m";
const PLAIN: &str = "\x1b[0m";

/// The steps of one command so far.
#[derive(Default)]
pub(crate) struct Steps {
    entries: Vec<Entry>,
}

struct Entry {
    name: &'static str,
    outcome: Outcome,
}

enum Outcome {
    Done(Duration),
    Failed(Duration),
    LeftOut(&'static str),
}

impl Steps {
    /// Runs a step under a heading; a failure carries the step's name.
    pub(crate) fn run(&mut self, name: &'static str, work: impl FnOnce() -> Result<()>) -> Result<()> {
        eprintln!("{}", styled(BOLD, &format!("==> {name}")));
        self.quiet(name, work)
    }

    /// Runs a step that is silent when there is nothing to do.
    pub(crate) fn quiet(&mut self, name: &'static str, work: impl FnOnce() -> Result<()>) -> Result<()> {
        let started = Instant::now();
        let result = work();
        let took = started.elapsed();
        let outcome = if result.is_ok() { Outcome::Done(took) } else { Outcome::Failed(took) };
        self.entries.push(Entry { name, outcome });
        result.with_context(|| format!("step `{name}` failed"))
    }

    /// Notes a step that this machine cannot run, and why.
    pub(crate) fn leave_out(&mut self, name: &'static str, why: &'static str) {
        self.entries.push(Entry { name, outcome: Outcome::LeftOut(why) });
    }

    /// Prints one line per step. Nothing when there was one step only: its outcome has been said already.
    pub(crate) fn print_summary(&self) {
        if self.entries.len() < 2 {
            return;
        }
        let width = self.entries.iter().map(|entry| entry.name.len()).max().unwrap_or_default();
        let mut table = String::new();
        for Entry { name, outcome } in &self.entries {
            let text = match outcome {
                Outcome::Done(took) => seconds(*took),
                Outcome::Failed(took) => styled(RED, &format!("{} FAILED", seconds(*took))),
                Outcome::LeftOut(why) => format!("       –   left out: {why}"),
            };
            writeln!(table, "  {name:width$}  {text}").expect("a string takes all text");
        }
        eprint!("\n{table}");
    }
}

/// One line on stderr for a step that works in silence.
pub(crate) struct Line {
    label: String,
    started: Instant,
    shown_seconds: Cell<u64>,
    is_done: bool,
}

impl Line {
    /// Starts the clock, and shows the label at once on a terminal.
    pub(crate) fn start(label: impl Into<String>) -> Self {
        let line = Self { label: label.into(), started: Instant::now(), shown_seconds: Cell::new(0), is_done: false };
        line.show("…");
        line
    }

    /// Moves the clock on a terminal.
    pub(crate) fn tick(&self) {
        let now = self.started.elapsed().as_secs();
        if self.shown_seconds.replace(now) != now {
            self.show(&format!("… {now} s"));
        }
    }

    /// Ends the line with the time taken. A line that is dropped without this has failed, and says so.
    pub(crate) fn done(mut self) {
        self.is_done = true;
    }

    fn show(&self, state: &str) {
        if io::stderr().is_terminal() {
            eprint!("\r\x1b[Ksetup: {} {state}", self.label);
            // A line that cannot be shown is no reason to stop.
            let _ = io::stderr().flush();
        }
    }
}

impl Drop for Line {
    fn drop(&mut self) {
        let clear = if io::stderr().is_terminal() { "\r\x1b[K" } else { "" };
        let note = if self.is_done { "" } else { ", failed" };
        eprintln!("{clear}setup: {}: {}{note}", self.label, seconds(self.started.elapsed()));
    }
}

fn styled(style: &str, text: &str) -> String {
    if io::stderr().is_terminal() { format!("{style}{text}{PLAIN}") } else { text.to_owned() }
}

fn seconds(took: Duration) -> String {
    format!("{:7.2} s", took.as_secs_f64())
}
