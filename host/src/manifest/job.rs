//! Work that nobody asks for: which jobs of a component the host calls, and how often.

use super::fault::{Fault, Faults};
use super::section::Section;
use std::ops::RangeInclusive;

/// One entry of `jobs` of a component. No two of a component have the same name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Job {
    /// As the component knows it: 1 to 64 of `a-z`, `0-9` and `-`.
    pub name: String,
    /// From the end of a call to the next.
    pub every_seconds: u32,
    /// Where in the file.
    pub line: usize,
}

/// A day is the longest: what comes more rarely would never come to a host that is restarted each day.
const EVERY_SECONDS: RangeInclusive<u32> = 1..=86_400;

/// Reads `jobs` of a component.
pub(super) fn read(sections: Vec<Section<'_>>, faults: &mut Faults) -> Vec<Job> {
    let mut jobs: Vec<Job> = Vec::new();
    for section in sections {
        let Some(job) = job(section, faults) else { continue };
        if jobs.iter().any(|other| other.name == job.name) {
            let remedy = "remove one of the two, or give it the name of another job";
            faults.push(Fault::new(job.line, format!("job {:?} is there twice", job.name), remedy));
        }
        jobs.push(job);
    }
    jobs
}

fn job(mut section: Section<'_>, faults: &mut Faults) -> Option<Job> {
    let line = section.line();
    let name = section.required_text("name", "name a job of the component", faults);
    if let Some((name, line)) = name
        && !is_name(name)
    {
        faults.push(Fault::new(line, format!("job {name:?} is not valid"), "use 1 to 64 of a-z, 0-9 and -"));
    }
    let every_seconds = section.number("every_seconds", EVERY_SECONDS, faults);
    if !section.has("every_seconds") {
        let what = format!("{} is missing", section.name("every_seconds"));
        faults.push(Fault::new(line, what, "say how many seconds after the end of a call the next one comes"));
    }
    section.finish(faults);
    Some(Job { name: name?.0.to_owned(), every_seconds: every_seconds?, line })
}

fn is_name(text: &str) -> bool {
    (1..=64).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
}
