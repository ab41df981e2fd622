//! `/metrics`: numbers for Prometheus, in its text format (version 0.0.4).
//!
//! So far what an alert on databases needs: whether they answer, how large they are, and how long events have been waiting; how often
//! components call each other, how long that takes and how often it fails; the same of jobs, and when each last did what it could; and how
//! many passwords were hashed, which is what a storm of logins is made of.

use crate::components::{JobFigures, LinkFigures};
use crate::databases::Figures;
use crate::identity::PasswordFigures;
use std::fmt::Write;

/// What the format calls itself.
pub(crate) const CONTENT_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

/// A metric: its name, what it is, and how it is read.
type Gauge = (&'static str, &'static str, fn(&Figures) -> Option<f64>);

#[expect(clippy::cast_precision_loss, reason = "the format's numbers are floating-point")]
const GAUGES: [Gauge; 4] = [
    ("souk_outbox_events", "Events that wait for delivery.", |figures| Some(figures.outbox.waiting as f64)),
    (
        "souk_outbox_oldest_age_seconds",
        "Time since the oldest waiting event was committed; 0 if none waits.",
        |figures| Some(figures.outbox.oldest_ms.unwrap_or(0) as f64 / 1000.0),
    ),
    ("souk_database_size_bytes", "Size of the component's database.", |figures| Some(figures.database_bytes as f64)),
    ("souk_database_wal_size_bytes", "Size of the write-ahead log of a database that is a file.", |figures| {
        figures.wal_bytes.map(|bytes| bytes as f64)
    }),
];

/// A counter of links.
type LinkCounter = (&'static str, &'static str, fn(&LinkFigures) -> f64);

#[expect(clippy::cast_precision_loss, reason = "the format's numbers are floating-point")]
const LINK_COUNTERS: [LinkCounter; 3] = [
    ("souk_link_calls_total", "Calls of one component by another that have ended.", |link| link.calls as f64),
    ("souk_link_failures_total", "Those of them without an answer of the component.", |link| link.failures as f64),
    ("souk_link_seconds_total", "Time that all calls took together.", |link| link.took.as_secs_f64()),
];

/// A number of jobs: its name, its type, what it is, and how it is read.
type JobNumber = (&'static str, &'static str, &'static str, fn(&JobFigures) -> f64);

#[expect(clippy::cast_precision_loss, reason = "the format's numbers are floating-point")]
const JOB_NUMBERS: [JobNumber; 4] = [
    ("souk_job_runs_total", "counter", "Calls of the job that have ended.", |job| job.runs as f64),
    ("souk_job_failures_total", "counter", "Those of them that did not do what they could.", |job| job.failures as f64),
    ("souk_job_seconds_total", "counter", "Time that all calls took together.", |job| job.took.as_secs_f64()),
    (
        "souk_job_last_success_timestamp_seconds",
        "gauge",
        "When the last call ended that did what it could; 0 before the first.",
        |job| job.last_success_s as f64,
    ),
];

/// The text for these databases, where none stands for one that does not answer, for the links, for the jobs, and for the passwords of an
/// application that keeps accounts.
pub(crate) fn text(
    databases: &[(&str, Option<Figures>)],
    links: &[LinkFigures],
    jobs: &[JobFigures],
    passwords: Option<PasswordFigures>,
) -> String {
    let mut text = String::new();
    for (name, help, read) in LINK_COUNTERS.iter().filter(|_| !links.is_empty()) {
        writeln!(text, "# HELP {name} {help}\n# TYPE {name} counter").expect("a text takes any text");
        for link in links {
            let LinkFigures { from, to, interface, .. } = link;
            writeln!(text, "{name}{{from=\"{from}\",to=\"{to}\",interface=\"{interface}\"}} {}", read(link))
                .expect("a text takes any text");
        }
    }
    for (name, kind, help, read) in JOB_NUMBERS.iter().filter(|_| !jobs.is_empty()) {
        writeln!(text, "# HELP {name} {help}\n# TYPE {name} {kind}").expect("a text takes any text");
        for figures in jobs {
            let JobFigures { component, job, .. } = figures;
            writeln!(text, "{name}{{component=\"{component}\",job=\"{job}\"}} {}", read(figures))
                .expect("a text takes any text");
        }
    }
    if let Some(PasswordFigures { hashed, refused }) = passwords {
        counter(&mut text, "souk_passwords_hashed_total", "Passwords that were hashed or compared.", hashed);
        counter(&mut text, "souk_passwords_refused_total", "Passwords refused because too many waited.", refused);
    }
    family(&mut text, "souk_database_up", "Whether the component's database answers.");
    for (component, figures) in databases {
        sample(&mut text, "souk_database_up", component, f64::from(u8::from(figures.is_some())));
    }
    for (name, help, read) in GAUGES {
        family(&mut text, name, help);
        for (component, figures) in databases {
            if let Some(value) = figures.as_ref().and_then(read) {
                sample(&mut text, name, component, value);
            }
        }
    }
    text
}

fn family(text: &mut String, name: &str, help: &str) {
    writeln!(text, "# HELP {name} {help}\n# TYPE {name} gauge").expect("a text takes any text");
}

fn counter(text: &mut String, name: &str, help: &str, count: u64) {
    writeln!(text, "# HELP {name} {help}\n# TYPE {name} counter\n{name} {count}").expect("a text takes any text");
}

/// The names of components need no escaping: the manifest has a-z, 0-9 and - in them.
fn sample(text: &mut String, name: &str, component: &str, value: f64) {
    writeln!(text, "{name}{{component=\"{component}\"}} {value}").expect("a text takes any text");
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::databases::OutboxStatus;

    #[test]
    fn a_database_that_does_not_answer_is_down_and_has_no_other_numbers() {
        let figures = Figures {
            database_bytes: 4096,
            wal_bytes: None,
            outbox: OutboxStatus { waiting: 3, oldest_ms: Some(1500) },
        };
        let text = text(&[("product", Some(figures)), ("cart", None)], &[], &[], None);
        let samples: Vec<&str> = text.lines().filter(|line| !line.starts_with('#')).collect();
        let expected = [
            "souk_database_up{component=\"product\"} 1",
            "souk_database_up{component=\"cart\"} 0",
            "souk_outbox_events{component=\"product\"} 3",
            "souk_outbox_oldest_age_seconds{component=\"product\"} 1.5",
            "souk_database_size_bytes{component=\"product\"} 4096",
        ];
        assert_eq!(samples, expected);
    }

    #[test]
    fn passwords_are_counted_where_there_are_accounts() {
        let text = text(&[], &[], &[], Some(PasswordFigures { hashed: 7, refused: 2 }));
        assert!(text.contains("# TYPE souk_passwords_hashed_total counter\nsouk_passwords_hashed_total 7\n"), "{text}");
        assert!(text.contains("souk_passwords_refused_total 2\n"), "{text}");
    }
}
