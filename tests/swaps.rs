//! Another file takes a component's place while requests are in flight: what is lost meanwhile (nothing), what is refused, what is taken back, and what a
//! restart finds.
//!
//! The operator's listener is asked as an operator asks it, with the pass of the data folder, and the commands are processes of their own. What a
//! swap compiled is lent to the next test, so that a swap takes milliseconds.

mod load;

mod links;

mod refused;

mod kept;

mod trial;

mod canary;

mod rest;

mod operators;

mod commands;

use crate::application::{Application, Component, guest};
use crate::code;
use crate::host::{Host, Place, SOON};
use crate::http::{Answer, Connection};
use serde_json::Value;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

/// Between two looks at something that has to come.
const PAUSE: Duration = Duration::from_millis(20);

/// A host, and whoever may change what it serves.
struct Operator {
    host: Host,
    token: String,
}

impl Operator {
    fn up(application: &Application) -> Self {
        Self::of(Host::up(application))
    }

    fn at(place: &Arc<Place>) -> Self {
        Self::of(place.up())
    }

    fn of(host: Host) -> Self {
        let pass: Value = serde_json::from_slice(&fs::read(host.place.data().join("operator.json")).unwrap()).unwrap();
        let token = pass["token"].as_str().unwrap().to_owned();
        Self { host, token }
    }

    fn ask(&self, method: &str, target: &str, body: &[u8]) -> Answer {
        self.ask_with(&self.token, method, target, body)
    }

    fn ask_with(&self, token: &str, method: &str, target: &str, body: &[u8]) -> Answer {
        Connection::to(self.host.admin).ask(method, target, &[("authorization", &format!("Bearer {token}"))], body)
    }

    /// Sends a file; `query` is empty or begins with `?`.
    fn put(&self, name: &str, query: &str, file: &Path) -> Answer {
        let answer = self.ask("PUT", &format!("/components/{name}{query}"), &fs::read(file).unwrap());
        code::take_back(&self.host.place.code());
        answer
    }

    /// A swap that has to be done, and its record.
    #[track_caller]
    fn swap(&self, name: &str, query: &str, file: &Path) -> Value {
        let record = done(&self.put(name, query, file));
        assert_eq!((&record["action"], &record["component"]), (&"swap".into(), &name.into()), "{record}");
        record
    }

    /// A swap that has to be refused, and the sentence that says why.
    #[track_caller]
    fn refused(&self, name: &str, file: &[u8]) -> String {
        let answer = self.ask("PUT", &format!("/components/{name}"), file);
        code::take_back(&self.host.place.code());
        answer.is_problem(422, "component-refused");
        answer.json()["detail"].as_str().unwrap().to_owned()
    }

    fn post(&self, name: &str, what: &str) -> Answer {
        self.ask("POST", &format!("/components/{name}/{what}"), b"")
    }

    /// A change that has to be done, and its record.
    #[track_caller]
    fn change(&self, name: &str, what: &str) -> Value {
        done(&self.post(name, what))
    }

    fn get(&self, target: &str) -> Value {
        let answer = self.ask("GET", target, b"");
        assert_eq!(answer.status, 200, "{}", answer.text());
        answer.json()
    }

    fn status(&self, name: &str) -> Value {
        self.get(&format!("/components/{name}"))
    }

    fn state(&self, name: &str) -> String {
        self.status(name)["state"].as_str().unwrap().to_owned()
    }

    /// The generation that has this part: `serving`, `candidate`, `kept`.
    #[track_caller]
    fn generation(&self, name: &str, part: &str) -> Value {
        let status = self.status(name);
        let found = status["generations"].as_array().unwrap().iter().find(|generation| generation["state"] == part);
        found.unwrap_or_else(|| panic!("nobody is {part}: {status}")).clone()
    }

    /// Who serves, by number.
    #[track_caller]
    fn serving(&self, name: &str) -> u64 {
        number(&self.generation(name, "serving")["number"])
    }

    /// Newest first.
    fn history(&self, name: &str) -> Vec<Value> {
        self.get(&format!("/components/{name}/history"))["history"].as_array().unwrap().clone()
    }

    /// The first record of a component, from the newest on, that is so; waits for it.
    #[track_caller]
    fn record(&self, name: &str, action: &str, who: &str) -> Value {
        let is_it = |record: &Value| record["action"] == action && record["who"] == who;
        self.within(SOON, &format!("no {action} by {who}"), || self.history(name).into_iter().find(is_it))
    }

    /// The lines of the audit log, oldest first.
    fn audit(&self) -> Vec<Value> {
        let text = fs::read_to_string(self.host.place.data().join("audit.log")).unwrap();
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    #[track_caller]
    fn waits_for_state(&self, name: &str, state: &str) {
        self.within(SOON, state, || (self.state(name) == state).then_some(()));
    }

    /// What is there within this time.
    #[track_caller]
    fn within<T>(&self, most: Duration, what: &str, look: impl Fn() -> Option<T>) -> T {
        let begun = Instant::now();
        loop {
            if let Some(found) = look() {
                return found;
            }
            assert!(begun.elapsed() < most, "{what}: {}", self.get("/components"));
            thread::sleep(PAUSE);
        }
    }

    /// Asks this many times, and counts the answers with this status.
    fn count(&self, target: &str, times: usize, status: u16) -> usize {
        let mut connection = self.host.connect();
        (0..times).filter(|_| connection.ask("GET", target, &[], b"").status == status).count()
    }
}

#[track_caller]
fn done(answer: &Answer) -> Value {
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert_eq!(answer.field("content-type"), Some("application/json"));
    let record = answer.json();
    assert_eq!(record["outcome"], "done", "{record}");
    record
}

#[track_caller]
fn number(value: &Value) -> u64 {
    value.as_u64().unwrap_or_else(|| panic!("{value} is no number"))
}

/// The component whose files the tests swap most: it tells its version.
fn greeter() -> Component {
    Component::guest_as("greeter", "one")
}

/// The same for tests that keep the machine busy: there it may take any time, and that is not what they are about.
fn unhurried() -> Component {
    greeter().limit("probation_slowdown_percent_max", 0)
}

/// Who asks it over a link.
fn visitor() -> Component {
    Component::guest("visits").grant("test:greeter/greet")
}

/// A copy of a guest's file in a place, which a manifest can name as its source and a test can overwrite.
fn copied(folder: &Path, name: &str) -> PathBuf {
    let path = folder.join("source.wasm");
    fs::copy(guest(name), &path).unwrap();
    path
}

/// Runs something on threads until the rest has been done; every thread ends with an assertion of its own.
fn meanwhile<T>(workers: &[&(dyn Fn(&AtomicBool) + Sync)], rest: impl FnOnce() -> T) -> T {
    let stop = AtomicBool::new(false);
    thread::scope(|scope| {
        /// Also if the rest panics: the threads would go on for ever.
        struct Stopping<'a>(&'a AtomicBool);
        impl Drop for Stopping<'_> {
            fn drop(&mut self) {
                self.0.store(true, Ordering::SeqCst);
            }
        }
        let stopping = Stopping(&stop);
        let threads: Vec<_> = workers.iter().map(|worker| scope.spawn(|| worker(&stop))).collect();
        let result = rest();
        drop(stopping);
        for thread in threads {
            thread.join().unwrap();
        }
        result
    })
}
