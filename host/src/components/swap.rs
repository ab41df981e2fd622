//! A swap: another file takes a component's place while requests are in flight.
//!
//! Read [`Components::swap`] and what it calls, from above: the file is read and compiled beside the running application, held against its slot
//! (everything that the start would refuse is refused here, too), its migrations are applied, it is started and asked whether it is ready; only then
//! the pointer is switched. A step that fails leaves the old generation serving, and the reason is told in one sentence. What served before is
//! drained and kept, so that going back is a switch of the pointer as well. While it is on probation (`trial`), the host goes back by itself.

mod ready;

mod trial;

use super::code::Origin;
use super::generation::{Carried, Generation};
use super::instance::{Mould, in_a_line};
use super::link::Member;
use super::package::{self, Package};
use super::shelf::Shelf;
use super::slot::{Candidate, Standing};
use super::{Component, Components, vouch};
use crate::audit::{Action, Audit, Outcome, Record, Which};
use crate::capabilities::{Provision, Sandbox, Usage};
use crate::clock;
use crate::databases::{DatabaseError, Databases};
use crate::problem::Problem;
use crate::{manifest, memory};
use serde::{Deserialize, Serialize};
use souk_database::migration::Migration;
use souk_identity::seal::version::SealVersion;
use std::num::NonZero;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};
use tokio::runtime::Handle;
use tokio::sync::{Mutex as AsyncMutex, OwnedMutexGuard};
use wasmtime::component::InstancePre;

/// What changes of an application need.
pub(super) struct Changing {
    /// One change at a time: components are held against those that serve.
    turn: AsyncMutex<()>,
    shelf: Shelf,
    databases: Databases,
    audit: Audit,
    /// The digests of files that are on their way to serve.
    coming: Mutex<Vec<String>>,
}

/// Where one component's next generation is made.
#[derive(Default)]
pub(super) struct Bench {
    /// Held while a swap is under way.
    swapping: Arc<AsyncMutex<()>>,
    step: Mutex<Option<Step>>,
    /// Generations that were made after the first.
    made: AtomicU64,
}

/// How far a swap is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Step {
    /// What was sent is looked at.
    Reading,
    /// Takes seconds, unless it was compiled before.
    Compiling,
    /// It is held against its slot.
    Checking,
    /// The database is brought to its newest migration.
    Migrating,
    /// It is started, and asked whether it is ready.
    Warming,
}

/// Who asks for a swap, and for what.
#[derive(Clone, Debug)]
pub struct Order {
    /// The component's file.
    pub file: Vec<u8>,
    /// Its seal.
    pub seal: Option<Vec<u8>>,
    /// For the audit log.
    pub who: String,
    /// Of a hundred calls it gets so many first, 1 to 99; all at once without.
    pub canary_percent: Option<u64>,
    /// How long it is watched; `probation_ms` without. Zero for not at all.
    pub probation: Option<Duration>,
    /// Whether it may be compiled at the cost of requests: on all cores, and before them.
    pub in_haste: bool,
}

/// Niceness of the threads that compile: requests come first.
const COMPILE_NICE: i32 = 10;

impl Changing {
    pub(super) fn new(shelf: Shelf, databases: Databases, audit: Audit) -> Self {
        Self { turn: AsyncMutex::default(), shelf, databases, audit, coming: Mutex::default() }
    }
}

impl Bench {
    /// How far the swap is that is under way.
    pub(super) fn step(&self) -> Option<Step> {
        *self.step.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn is_at(&self, step: Option<Step>) {
        *self.step.lock().unwrap_or_else(PoisonError::into_inner) = step;
    }

    fn begin(&self) -> Result<OwnedMutexGuard<()>, Problem> {
        Arc::clone(&self.swapping).try_lock_owned().map_err(|_| Problem::SwapUnderWay)
    }

    fn next_number(&self) -> u64 {
        self.made.fetch_add(1, Ordering::Relaxed) + 2
    }
}

impl Components {
    /// Replaces what serves under this name. Answers when it serves, or begins to get its share; goes on if the future is dropped.
    pub async fn swap(self: &Arc<Self>, name: &str, order: Order) -> Result<Record, Problem> {
        let place = self.place(name)?;
        let swapping = self.list[place].bench.begin()?;
        let asked = Asked::now(&order.who, Action::Swap);
        let swap = move |all: Arc<Self>| async move {
            let done = all.swap_in(place, order, &asked).await;
            all.list[place].bench.is_at(None);
            drop(swapping);
            done
        };
        self.aside(swap).await
    }

    /// Changes work on files and wait for the disk: on a thread of their own, and to their end also if nobody waits for it any more.
    async fn aside<T, F>(self: &Arc<Self>, change: impl FnOnce(Arc<Self>) -> F + Send + 'static) -> T
    where
        T: Send + 'static,
        F: Future<Output = T>,
    {
        let (all, runtime) = (Arc::clone(self), Handle::current());
        let changed = tokio::task::spawn_blocking(move || runtime.block_on(change(all)));
        changed.await.expect("a change does not panic")
    }

    async fn swap_in(self: &Arc<Self>, place: usize, order: Order, asked: &Asked) -> Result<Record, Problem> {
        let component = &self.list[place];
        let from = which(&component.standing().current);
        component.bench.is_at(Some(Step::Reading));
        let to = Which { generation: None, digest: package::digest_of(&order.file).hex() };
        let digest = to.digest.clone();
        self.changing.coming.lock().unwrap_or_else(PoisonError::into_inner).push(digest.clone());
        let done = self.begin_service(place, order, asked).await;
        let mut coming = self.changing.coming.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(this) = coming.iter().position(|coming| *coming == digest) {
            coming.swap_remove(this);
        }
        drop(coming);
        done.or_else(|why| self.refuse(asked, component, Some(from), Some(to), why))
    }

    /// From the file to the switch; the error says at which step it ended.
    async fn begin_service(self: &Arc<Self>, place: usize, order: Order, asked: &Asked) -> Result<Record, String> {
        let component = &self.list[place];
        let probation = order.probation.unwrap_or(component.probation());
        let began = component.standing();
        self.may_begin(place, order.canary_percent, probation)?;
        let package = package::parse(order.file).map_err(|why| format!("the file {why}"))?;
        // What nobody vouches for is not even compiled.
        self.vouched(place, &package, order.seal.as_deref())?;
        component.bench.is_at(Some(Step::Compiling));
        let (package, code) = self.compile(package, order.in_haste).await?;
        let generation = Arc::new(self.make(place, package, order.seal.as_deref(), code).await?);
        let _turn = self.changing.turn.lock().await;
        // Again, since others may have come to serve while this one got ready.
        self.may_begin(place, order.canary_percent, probation)?;
        if !component.standing().is_served_like(&began) {
            return Err("what serves was changed meanwhile by somebody else: look, and swap again".to_owned());
        }
        self.fit_in(place, &generation.code)?;
        Ok(self.put_to_service(place, &generation, order.canary_percent, probation, asked))
    }

    /// One trial at a time, and none without somebody who watches and somebody who is served.
    fn may_begin(&self, place: usize, canary_percent: Option<u64>, probation: Duration) -> Result<(), String> {
        let standing = self.list[place].standing();
        let why = match canary_percent {
            _ if standing.candidate.is_some() => "another candidate is on trial: wait for its end, or roll it back",
            Some(_) if standing.is_on_probation => {
                "a share can't be given while what serves is on probation itself: wait for its end, or roll it back"
            }
            Some(_) if standing.is_stopped => {
                "a share can't be given while nobody is served: start the component first"
            }
            Some(_) if probation.is_zero() => "a share is a trial, and there is none without a probation: name one",
            _ => return Ok(()),
        };
        Err(why.to_owned())
    }

    /// Off the path of requests, on threads that step back behind them.
    async fn compile(
        self: &Arc<Self>,
        package: Package,
        in_haste: bool,
    ) -> Result<(Package, wasmtime::component::Component), String> {
        let all = Arc::clone(self);
        let compile = move || {
            let cores = std::thread::available_parallelism().map_or(1, NonZero::get);
            let threads = rayon_core::ThreadPoolBuilder::new()
                .num_threads(if in_haste { cores } else { (cores / 2).max(1) })
                .thread_name(|_| "compile".to_owned())
                .start_handler(move |_| {
                    if !in_haste {
                        step_back();
                    }
                })
                .build()
                .map_err(|error| format!("can't be compiled: {error}"))?;
            let compiled = threads.install(|| all.workshop.compile(&package));
            let (code, origin) =
                compiled.map_err(|error| format!("the file can't be compiled: {}", in_a_line(&error)))?;
            if origin == Origin::Compiled {
                memory::give_back();
            }
            Ok((package, code))
        };
        let compiled = tokio::task::spawn_blocking(compile).await;
        compiled.unwrap_or_else(|_| Err("the file can't be compiled: the compiler panicked".to_owned()))
    }

    /// A generation that is ready to serve, or why it is not.
    async fn make(
        &self,
        place: usize,
        package: Package,
        seal: Option<&[u8]>,
        code: wasmtime::component::Component,
    ) -> Result<Generation, String> {
        let component = &self.list[place];
        component.bench.is_at(Some(Step::Checking));
        let sealed = self.vouched(place, &package, seal)?;
        let pre = self.fit_in(place, &code)?;
        let readiness = ready::find(&code)?;
        let provision = Provision { usage: Arc::new(Usage::default()), ..component.provision.clone() };
        // Without a database: what can't be started leaves no trace.
        let untouched = Provision { database: None, usage: Arc::default(), ..provision.clone() };
        let started = Mould::new(pre.clone(), untouched).try_start().await;
        started.map_err(|why| format!("an instance can't be started: {why}"))?;
        component.bench.is_at(Some(Step::Migrating));
        let Package { bytes, version, migrations } = package;
        self.changing
            .shelf
            .put(&component.id, &version, &bytes, seal)
            .map_err(|error| format!("the file can't be kept: {error}"))?;
        drop(bytes);
        self.migrate(place, &version.hex(), &migrations).await?;
        component.bench.is_at(Some(Step::Warming));
        let (number, mould) = (component.bench.next_number(), Mould::new(pre, provision));
        let generation = Generation::new(number, Carried { version, sealed, migrations }, code, mould);
        let instances = component.standing().current.pool.mould().provision().usage.instances();
        ready::warm(&generation.pool, readiness, instances).await?;
        Ok(generation)
    }

    /// Holds a candidate against the application as it runs: what the start would refuse is refused. It has to fit also if the trials of others end
    /// otherwise than they hope.
    fn fit_in(&self, place: usize, code: &wasmtime::component::Component) -> Result<InstancePre<Sandbox>, String> {
        let standings: Vec<Arc<Standing>> = self.list.iter().map(Component::standing).collect();
        let serving: Vec<Member<'_>> = standings
            .iter()
            .enumerate()
            .map(|(other, standing)| self.member(other, if other == place { code } else { &standing.current.code }))
            .collect();
        let links = self.judge(&serving)?;
        for (other, standing) in standings.iter().enumerate().filter(|(other, _)| *other != place) {
            for unproven in standing.others_that_may_serve() {
                let mut with_it = serving.clone();
                with_it[other] = self.member(other, &unproven.code);
                self.judge(&with_it)?;
            }
        }
        let slots: Vec<_> = self.list.iter().map(|component| &component.slot).collect();
        let linked = self.workshop.link(&serving[place], place, &links, &slots);
        linked.map_err(|error| format!("the file can't be linked: {}", in_a_line(&error)))
    }

    fn judge(&self, members: &[Member<'_>]) -> Result<Vec<super::link::Link>, String> {
        let judged = self.workshop.judge(members);
        let faults: Vec<String> = judged.faults.into_iter().flatten().map(|fault| fault.what).collect();
        if faults.is_empty() { Ok(judged.links) } else { Err(faults.join("; ")) }
    }

    fn member(&self, place: usize, code: &wasmtime::component::Component) -> Member<'_> {
        Member { manifest: self.manifest(place), component: code.clone() }
    }

    fn manifest(&self, place: usize) -> &manifest::Component {
        &self.workshop.application.components[place]
    }

    /// Brings the database to the newest migration of a candidate, tried before where it does not last. The old generation serves meanwhile, and
    /// after a rollback: so a migration may add, and take away only what no generation uses any more.
    async fn migrate(&self, place: usize, digest: &str, migrations: &[Migration]) -> Result<(), String> {
        let component = &self.list[place];
        let Some(database) = &component.database else { return Ok(()) };
        if component.standing().current.carried.migrations == migrations {
            return Ok(());
        }
        let failed = |error: DatabaseError| format!("its migrations do not fit the database: {error}");
        let pending = self.changing.databases.plan(self.manifest(place), migrations).await.map_err(failed)?;
        if pending.is_empty() {
            return Ok(());
        }
        // Before they are applied: the next start has to know them, whatever serves then.
        let kept =
            self.changing.shelf.remember(self.manifest(place), |entry| entry.migrations = Some(digest.to_owned()));
        kept.map_err(|error| format!("its migrations can't be kept: {error}"))?;
        let applied = database.migrate(migrations).await;
        applied.map(|_files| ()).map_err(|error| format!("its migrations can't be applied: {error}"))
    }

    /// The version that a signer gave the file, where the manifest names signers; it is not older than what serves.
    fn vouched(&self, place: usize, package: &Package, seal: Option<&[u8]>) -> Result<Option<SealVersion>, String> {
        let at_least = self.list[place].standing().current.carried.sealed;
        vouch::vouched(self.manifest(place), &package.version, seal, at_least)
    }

    /// Switches the pointer: to the generation, or to a share for it.
    fn put_to_service(
        self: &Arc<Self>,
        place: usize,
        generation: &Arc<Generation>,
        canary_percent: Option<u64>,
        probation: Duration,
        asked: &Asked,
    ) -> Record {
        let component = &self.list[place];
        let standing = component.standing();
        let from = which(&standing.current);
        let is_watched = !probation.is_zero() && !standing.is_stopped;
        let percent = canary_percent.filter(|_| is_watched);
        if let Some(percent) = percent {
            let candidate = Candidate { generation: Arc::clone(generation), percent };
            component.slot.set(Standing { candidate: Some(candidate), ..(*standing).clone() });
        } else {
            self.switch(place, generation, is_watched);
        }
        if is_watched {
            trial::begin(self, place, generation, probation);
        } else {
            self.keep_for_next_start(place);
        }
        let reason = percent.map(|percent| format!("it gets {percent} of 100 calls on trial"));
        self.record(asked, component, Some(from), Some(which(generation)), Outcome::Done, reason)
    }

    /// From now on this generation serves. The one before is drained, and kept to go back to, unless it was not proven itself.
    fn switch(&self, place: usize, generation: &Arc<Generation>, is_on_probation: bool) {
        let component = &self.list[place];
        let standing = component.standing();
        let proven =
            if standing.is_on_probation { standing.previous.clone() } else { Some(Arc::clone(&standing.current)) };
        component.slot.set(Standing {
            current: Arc::clone(generation),
            candidate: None,
            previous: proven,
            is_stopped: standing.is_stopped,
            is_on_probation,
        });
        self.drain(place, &standing.current);
    }

    fn drain(&self, place: usize, generation: &Arc<Generation>) {
        let (name, within_ms) = (Arc::clone(&self.list[place].id), self.workshop.application.limits.drain_ms_max);
        let generation = Arc::clone(generation);
        // At once: who calls it back right after this finds it retired, and has another way to cut off.
        let cut = generation.retire();
        tokio::spawn(async move {
            let (component, number) = (&*name, generation.number);
            if generation.drain(cut, within_ms).await {
                tracing::debug!(component, generation = number, "drained");
            } else {
                tracing::warn!(
                    component,
                    generation = number,
                    within_ms,
                    "not all that was under way has ended in time"
                );
            }
        });
    }

    /// Serves what served before, or takes the share of a candidate back.
    pub async fn roll_back(self: &Arc<Self>, name: &str, who: &str) -> Result<Record, Problem> {
        let place = self.place(name)?;
        let asked = Asked::now(who, Action::Rollback);
        // Also while a swap is under way, which may take minutes: it is refused at its end then.
        let go_back = move |all: Arc<Self>| async move {
            let _turn = all.changing.turn.lock().await;
            all.go_back(place, &asked, None)
        };
        self.aside(go_back).await
    }

    /// With a reason, it is the host itself that goes back, from a generation that did worse.
    fn go_back(&self, place: usize, asked: &Asked, reason: Option<String>) -> Result<Record, Problem> {
        let component = &self.list[place];
        let standing = component.standing();
        if let Some(candidate) = &standing.candidate {
            component.slot.set(Standing { candidate: None, ..(*standing).clone() });
            self.drain(place, &candidate.generation);
            let (from, to) = (which(&candidate.generation), which(&standing.current));
            return Ok(self.record(asked, component, Some(from), Some(to), Outcome::Done, reason));
        }
        let previous = standing.previous.as_ref().ok_or(Problem::NothingToGoBackTo)?;
        let (from, to) = (which(&standing.current), which(previous));
        if let Err(why) = self.fit_in(place, &previous.code) {
            return self.refuse(asked, component, Some(from), Some(to), why);
        }
        previous.recall();
        component.slot.set(Standing {
            current: Arc::clone(previous),
            candidate: None,
            // What did worse is nothing to go back to.
            previous: Some(Arc::clone(&standing.current)).filter(|_| reason.is_none()),
            is_stopped: standing.is_stopped,
            is_on_probation: false,
        });
        self.drain(place, &standing.current);
        self.keep_for_next_start(place);
        Ok(self.record(asked, component, Some(from), Some(to), Outcome::Done, reason))
    }

    /// Serves nobody under this name. Routes answer 503, and callers hear that it is unavailable.
    pub async fn stop(self: &Arc<Self>, name: &str, who: &str) -> Result<Record, Problem> {
        self.set_stopped(name, true, Asked::now(who, Action::Stop)).await
    }

    /// Serves again.
    pub async fn start(self: &Arc<Self>, name: &str, who: &str) -> Result<Record, Problem> {
        self.set_stopped(name, false, Asked::now(who, Action::Start)).await
    }

    async fn set_stopped(self: &Arc<Self>, name: &str, is_stopped: bool, asked: Asked) -> Result<Record, Problem> {
        let place = self.place(name)?;
        let change = move |all: Arc<Self>| async move {
            let _turn = all.changing.turn.lock().await;
            all.put_to_rest(place, is_stopped, &asked)
        };
        self.aside(change).await
    }

    fn put_to_rest(&self, place: usize, is_stopped: bool, asked: &Asked) -> Result<Record, Problem> {
        let component = &self.list[place];
        let standing = component.standing();
        if standing.is_stopped == is_stopped {
            return Err(Problem::NotInThisState(if is_stopped {
                "it is stopped already"
            } else {
                "it is not stopped"
            }));
        }
        let both = standing.candidate.iter().map(|candidate| &candidate.generation).chain([&standing.current]);
        if is_stopped {
            both.for_each(|generation| self.drain(place, generation));
        } else {
            both.for_each(|generation| generation.recall());
        }
        component.slot.set(Standing { is_stopped, ..(*standing).clone() });
        let now = which(&standing.current);
        Ok(self.record(asked, component, Some(now.clone()), Some(now), Outcome::Done, None))
    }

    /// What was changed, newest first, of one component or of all.
    pub async fn history(self: &Arc<Self>, name: Option<&str>, limit: usize) -> Result<Vec<Record>, Problem> {
        let name = name.map(|name| self.place(name).map(|_| name.to_owned())).transpose()?;
        let read = move |all: Arc<Self>| async move { all.changing.audit.newest(name.as_deref(), limit) };
        self.aside(read).await.map_err(|error| {
            tracing::error!(%error, "the audit log can't be read");
            Problem::Internal
        })
    }

    /// The next start serves what serves now.
    fn keep_for_next_start(&self, place: usize) {
        let standing = self.list[place].standing();
        let Carried { version, sealed, .. } = &standing.current.carried;
        let is_kept = self.changing.shelf.has(version);
        let kept = self.changing.shelf.remember(self.manifest(place), |entry| {
            entry.serves = Some(version.hex()).filter(|digest| *digest != entry.manifest && is_kept);
            entry.sealed = sealed.map(|version| version.to_string());
        });
        let kept = kept.and_then(|()| self.changing.shelf.tidy(&self.in_use()));
        if let Err(error) = kept {
            let component = &*self.list[place].id;
            tracing::error!(component, %error, "what serves now can't be kept: the next start serves the manifest's file");
        }
    }

    /// The digests of all generations that serve, could again, or are being made.
    fn in_use(&self) -> Vec<String> {
        let all = self.list.iter().flat_map(|component| component.standing().all());
        let coming = self.changing.coming.lock().unwrap_or_else(PoisonError::into_inner).clone();
        all.map(|generation| generation.carried.version.hex()).chain(coming).collect()
    }

    fn place(&self, name: &str) -> Result<usize, Problem> {
        self.list.iter().position(|component| &*component.id == name).ok_or(Problem::UnknownComponent)
    }

    fn refuse(
        &self,
        asked: &Asked,
        component: &Component,
        from: Option<Which>,
        to: Option<Which>,
        why: String,
    ) -> Result<Record, Problem> {
        self.record(asked, component, from, to, Outcome::Refused, Some(why.clone()));
        if let Err(error) = self.changing.shelf.tidy(&self.in_use()) {
            tracing::debug!(%error, "files that nobody needs stay");
        }
        Err(Problem::ComponentRefused(why))
    }

    fn record(
        &self,
        asked: &Asked,
        component: &Component,
        from: Option<Which>,
        to: Option<Which>,
        outcome: Outcome,
        reason: Option<String>,
    ) -> Record {
        let record = Record {
            time: clock::text(clock::now_ms()),
            who: asked.who.clone(),
            action: asked.action,
            component: component.id.as_ref().to_owned(),
            from,
            to,
            outcome,
            reason,
            took_ms: u64::try_from(asked.begun.elapsed().as_millis()).unwrap_or(u64::MAX),
        };
        self.changing.audit.write(&record);
        record
    }
}

/// Who asked for a change, for what and when.
struct Asked {
    who: String,
    action: Action,
    begun: Instant,
}

impl Asked {
    fn now(who: &str, action: Action) -> Self {
        Self { who: who.to_owned(), action, begun: Instant::now() }
    }
}

fn which(generation: &Generation) -> Which {
    Which { generation: Some(generation.number), digest: generation.carried.version.hex() }
}

/// Linux counts niceness by thread, POSIX by process: elsewhere the whole host would step back.
fn step_back() {
    #[cfg(target_os = "linux")]
    if let Err(error) = rustix::process::nice(COMPILE_NICE) {
        tracing::debug!(%error, "compiling does not step back behind requests");
    }
}
