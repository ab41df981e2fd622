//! Passwords are hashed here, on threads of their own: one takes tens of milliseconds of a core and megabytes of memory.
//!
//! There are few threads and a queue with an end, they step back from everything else, and pause again and again (`pauses`), so that a storm
//! of logins makes logins slow and nothing else. What nobody waits for any more is not worked on.

use super::pauses::Pauses;
use ring::rand::SystemRandom;
use souk_identity::fault::Unhashed;
use souk_identity::passwords::{Cost, Hasher, Verdict};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::oneshot;

/// How far the threads step back, as `nice` counts. The last step: a password may wait for everything else.
const NICE: i32 = 19;

/// Cores for each thread. One in four may hash at a time; a machine with fewer has one thread.
const CORES_PER_THREAD: usize = 4;

/// The threads and their queue.
pub(super) struct Passwords {
    queue: SyncSender<Job>,
    hashed: Arc<AtomicU64>,
    refused: AtomicU64,
}

/// Why a password was not looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PasswordRefusal {
    /// Too many wait.
    #[error("too many passwords wait")]
    Busy,
    /// What was passed can't be worked on.
    #[error(transparent)]
    Unhashed(#[from] Unhashed),
}

/// What an operator watches.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PasswordFigures {
    /// Passwords that were hashed or compared.
    pub hashed: u64,
    /// Those that were refused because too many waited.
    pub refused: u64,
}

enum Job {
    Hash { password: String, answer: oneshot::Sender<Result<String, Unhashed>> },
    Verify { password: String, kept: Option<String>, answer: oneshot::Sender<Result<Verdict, Unhashed>> },
}

impl Passwords {
    /// Starts the threads; they end with the process or when this is dropped.
    pub(super) fn start(cost: Cost, waiting_max: u64) -> Self {
        let (queue, jobs) = sync_channel(crate::config::size(waiting_max));
        let (jobs, hashed) = (Arc::new(Mutex::new(jobs)), Arc::new(AtomicU64::new(0)));
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        for number in 0..(cores / CORES_PER_THREAD).max(1) {
            let (jobs, hashed) = (Arc::clone(&jobs), Arc::clone(&hashed));
            let work = move || work(&jobs, cost, &hashed);
            let started = std::thread::Builder::new().name(format!("password-{number}")).spawn(work);
            started.expect("a system that starts a host has room for a thread");
        }
        Self { queue, hashed, refused: AtomicU64::new(0) }
    }

    /// Hashes a password.
    pub(super) async fn hash(&self, password: String) -> Result<String, PasswordRefusal> {
        let (answer, answered) = oneshot::channel();
        self.put(Job::Hash { password, answer })?;
        Ok(answered.await.map_err(|_| PasswordRefusal::Busy)??)
    }

    /// Compares a password.
    pub(super) async fn verify(&self, password: String, kept: Option<String>) -> Result<Verdict, PasswordRefusal> {
        let (answer, answered) = oneshot::channel();
        self.put(Job::Verify { password, kept, answer })?;
        Ok(answered.await.map_err(|_| PasswordRefusal::Busy)??)
    }

    /// How much was done.
    pub(super) fn figures(&self) -> PasswordFigures {
        PasswordFigures { hashed: self.hashed.load(Ordering::Relaxed), refused: self.refused.load(Ordering::Relaxed) }
    }

    fn put(&self, job: Job) -> Result<(), PasswordRefusal> {
        self.queue.try_send(job).map_err(|_| {
            self.refused.fetch_add(1, Ordering::Relaxed);
            PasswordRefusal::Busy
        })
    }
}

fn work(jobs: &Mutex<Receiver<Job>>, cost: Cost, hashed: &AtomicU64) {
    step_back();
    let mut worker = Hasher::new(cost);
    let mut pauses =
        Pauses::new().inspect_err(|error| tracing::warn!(%error, "passwords are hashed without pauses")).ok();
    loop {
        // Released as soon as there is a job.
        let next = jobs.lock().unwrap_or_else(PoisonError::into_inner).recv();
        let Ok(job) = next else { return };
        if job.is_awaited() {
            hashed.fetch_add(1, Ordering::Relaxed);
            match &mut pauses {
                Some(pauses) => pauses.during(|| job.finish(&mut worker)),
                None => job.finish(&mut worker),
            }
        }
    }
}

impl Job {
    fn is_awaited(&self) -> bool {
        match self {
            Self::Hash { answer, .. } => !answer.is_closed(),
            Self::Verify { answer, .. } => !answer.is_closed(),
        }
    }

    /// Whoever asked may have gone by now.
    fn finish(self, hasher: &mut Hasher) {
        match self {
            Self::Hash { password, answer } => drop(answer.send(hasher.hash(&password, &SystemRandom::new()))),
            Self::Verify { password, kept, answer } => drop(answer.send(hasher.verify(&password, kept.as_deref()))),
        }
    }
}

fn step_back() {
    // Linux counts niceness by thread, POSIX by process: elsewhere the whole host would step back.
    #[cfg(target_os = "linux")]
    if let Err(error) = rustix::process::nice(NICE) {
        tracing::debug!(%error, "passwords are hashed with the priority of everything else");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LITTLE: Cost = Cost { memory_kib: 8, passes: 1 };

    #[tokio::test]
    async fn a_password_is_hashed_and_known_again() {
        let passwords = Passwords::start(LITTLE, 10);
        let kept = passwords.hash("a secret".into()).await.unwrap();
        assert_eq!(passwords.verify("a secret".into(), Some(kept.clone())).await, Ok(Verdict::Right));
        assert_eq!(passwords.verify("another".into(), Some(kept)).await, Ok(Verdict::Wrong));
        assert_eq!(passwords.verify("a secret".into(), None).await, Ok(Verdict::Wrong));
        let refused = passwords.verify("a secret".into(), Some("no hash".into())).await;
        assert_eq!(refused, Err(PasswordRefusal::Unhashed(Unhashed::Faulty)));
        assert_eq!(passwords.figures(), PasswordFigures { hashed: 5, refused: 0 });
    }

    #[tokio::test]
    async fn beyond_the_queue_one_is_refused_and_what_nobody_waits_for_is_left_out() {
        let slow = Cost { memory_kib: 64 * 1024, passes: 4 };
        let passwords = Passwords::start(slow, 3);
        let mut waiting: Vec<_> = Vec::new();
        for _ in 0..100 {
            let (answer, answered) = oneshot::channel();
            match passwords.put(Job::Hash { password: "x".into(), answer }) {
                Ok(()) => waiting.push(answered),
                Err(refusal) => assert_eq!(refusal, PasswordRefusal::Busy),
            }
        }
        assert!((3..20).contains(&waiting.len()), "{}", waiting.len());
        let first = waiting.remove(0);
        drop(waiting);
        assert!(first.await.unwrap().is_ok());
        let refused = passwords.figures().refused;
        assert!(refused >= 80, "{refused}");
        // One that comes later waits for no more than what was being worked on.
        assert!(passwords.hash("y".into()).await.is_ok());
        assert!(passwords.figures().hashed <= 6, "{:?}", passwords.figures());
    }
}
