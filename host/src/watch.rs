//! `souk up --watch`: a component whose file changed is swapped, and one whose source changed is built anew, while the rest goes on.
//!
//! Files are looked at again and again, ten times a second: that works on every file system, and hundreds of them cost a hundredth of a core. A file
//! counts as changed once it has stayed the same for one look, since whoever writes it may not be done. There is no probation: whoever watches
//! wants to see what he wrote, also if it fails. What can't be swapped or built is told in the log, and what served goes on.

use crate::components::{Components, Order, seal_beside, seal_file};
use crate::manifest::{Application, Build};
use crate::problem::Problem;
use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::Arc;
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::time::{Duration, SystemTime};
use tokio::process::Command;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio_util::sync::CancellationToken;

/// Between two looks at components' files.
const LOOK: Duration = Duration::from_millis(100);

/// Source is looked at in every so many looks only: there are more files, and whoever saves one waits for a compiler anyway.
const LOOKS_FOR_SOURCE: u32 = 3;

/// For the audit log.
const WHO: &str = "watch";

/// What of the host's environment is no business of a compiler.
const SECRETS: [&str; 4] = ["SOUK_SIGNING_KEYS", "SOUK_ADMIN_TOKENS", "SOUK_DATABASE", "SOUK_RATES"];

/// What has changed, by the component's place in the manifest.
enum Change {
    /// Its file.
    File(usize),
    /// What that is made of.
    Source(usize),
}

/// Watches the files of all components until told to stop.
pub(crate) async fn run(application: Arc<Application>, components: Arc<Components>, stop: CancellationToken) {
    let (tell, mut changes) = unbounded_channel();
    let (end, ended) = channel::<()>();
    let looked_at = Arc::clone(&application);
    let started = std::thread::Builder::new().name("watch".to_owned()).spawn(move || {
        let mut watched = Watched::of(&looked_at);
        let mut looks = 0;
        // Ends with the sender, when the host stops.
        while ended.recv_timeout(LOOK) == Err(RecvTimeoutError::Timeout) {
            looks += 1;
            watched.look(looks % LOOKS_FOR_SOURCE == 0, &tell);
        }
    });
    if let Err(error) = started {
        tracing::error!(%error, "nothing is watched");
        return;
    }
    let (builds, to_build) = unbounded_channel();
    let building = tokio::spawn(build_each(Arc::clone(&application), to_build));
    loop {
        let change = tokio::select! {
            () = stop.cancelled() => break,
            change = changes.recv() => change,
        };
        match change {
            Some(Change::File(place)) => swap(&application, &components, place).await,
            // Fails only when nobody builds any more.
            Some(Change::Source(place)) => drop(builds.send(place)),
            None => break,
        }
    }
    building.abort();
    drop(end);
}

async fn swap(application: &Application, components: &Arc<Components>, place: usize) {
    let manifest = &application.components[place];
    let component = manifest.id.as_str();
    let read = fs::read(&manifest.source).and_then(|file| Ok((file, seal_beside(&manifest.source)?)));
    match read {
        Ok((file, seal)) => {
            let probation = Some(Duration::ZERO);
            let order = Order { file, seal, who: WHO.to_owned(), canary_percent: None, probation, in_haste: true };
            let swap = || components.swap(component, order.clone());
            let mut swapped = swap().await;
            // The operator's own swap comes first.
            while swapped == Err(Problem::SwapUnderWay) {
                tokio::time::sleep(LOOK).await;
                swapped = swap().await;
            }
            if let Err(problem) = swapped {
                tracing::debug!(component, problem = problem.name(), "a changed file does not serve");
            }
        }
        Err(error) => tracing::warn!(component, %error, "its file has changed, and can't be read"),
    }
}

/// One after another: compilers take all cores anyway, and cargo waits for itself.
async fn build_each(application: Arc<Application>, mut places: UnboundedReceiver<usize>) {
    while let Some(first) = places.recv().await {
        let mut wanted = vec![first];
        // What changed again meanwhile is built once.
        while let Ok(place) = places.try_recv() {
            if !wanted.contains(&place) {
                wanted.push(place);
            }
        }
        for place in wanted {
            let manifest = &application.components[place];
            if let Some(build) = &manifest.build {
                build_one(&manifest.id, build).await;
            }
        }
    }
}

async fn build_one(component: &str, build: &Build) {
    for line in &build.commands {
        tracing::info!(component, command = line, "its source has changed: building");
        // What the compiler says belongs where the log is: standard output is for machines.
        let output = std::io::stderr();
        let mut command = Command::new("sh");
        command.arg("-c").arg(line).current_dir(&build.folder).stdin(Stdio::null()).kill_on_drop(true);
        for secret in SECRETS {
            command.env_remove(secret);
        }
        let ended = command.stdout(Stdio::from(output)).status().await;
        match ended {
            Ok(status) if status.success() => {}
            Ok(status) => {
                return tracing::error!(component, command = line, %status, "building failed; what served goes on");
            }
            Err(error) => return tracing::error!(component, command = line, %error, "building failed"),
        }
    }
}

/// What is watched, and as it was seen last.
struct Watched {
    /// Each with its seal.
    files: Vec<Seen<(Option<Stamp>, Option<Stamp>)>>,
    sources: Vec<(usize, Build, Seen<Stamps>)>,
    paths: Vec<PathBuf>,
}

/// When a file was written, and its length.
type Stamp = (SystemTime, u64);

/// Of all files that something is made of.
type Stamps = HashMap<PathBuf, Stamp>;

/// Something that changes.
struct Seen<T> {
    /// As it was told.
    told: T,
    /// As it was at the last look.
    last: T,
}

impl<T: Clone + PartialEq> Seen<T> {
    fn new(now: T) -> Self {
        Self { told: now.clone(), last: now }
    }

    /// Whether it has changed since it was told, and not since the last look.
    fn has_changed(&mut self, now: T) -> bool {
        let is_still = now == self.last;
        let has_changed = is_still && now != self.told;
        if has_changed {
            self.told = now.clone();
        }
        self.last = now;
        has_changed
    }
}

impl Watched {
    fn of(application: &Application) -> Self {
        let paths: Vec<PathBuf> = application.components.iter().map(|component| component.source.clone()).collect();
        let builds = application.components.iter().enumerate().filter_map(|(place, component)| {
            let build = component.build.clone().filter(|build| !build.watch.is_empty())?;
            let seen = Seen::new(sources(&build));
            Some((place, build, seen))
        });
        Self { sources: builds.collect(), files: paths.iter().map(|path| Seen::new(with_seal(path))).collect(), paths }
    }

    fn look(&mut self, with_sources: bool, changes: &UnboundedSender<Change>) {
        // Fails only when nobody waits for changes any more.
        let tell = |change| drop(changes.send(change));
        for (place, (path, seen)) in self.paths.iter().zip(&mut self.files).enumerate() {
            let now = with_seal(path);
            // While a file is exchanged there may be none.
            if now.0.is_some() && seen.has_changed(now) {
                tell(Change::File(place));
            }
        }
        for (place, build, seen) in self.sources.iter_mut().filter(|_| with_sources) {
            if seen.has_changed(sources(build)) {
                tell(Change::Source(*place));
            }
        }
    }
}

fn with_seal(path: &Path) -> (Option<Stamp>, Option<Stamp>) {
    (stamp(path), stamp(&seal_file(path)))
}

fn stamp(path: &Path) -> Option<Stamp> {
    let data = fs::metadata(path).ok().filter(fs::Metadata::is_file)?;
    Some((data.modified().ok()?, data.len()))
}

fn sources(build: &Build) -> Stamps {
    let folder = glob::Pattern::escape(&build.folder.to_string_lossy());
    let patterns = build.watch.iter().filter_map(|pattern| glob::glob(&format!("{folder}/{pattern}")).ok());
    let paths = patterns.flatten().filter_map(Result::ok);
    paths.filter_map(|path| stamp(&path).map(|stamp| (path, stamp))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_is_told_once_and_only_when_it_is_over() {
        let mut seen = Seen::new(1);
        let told: Vec<bool> = [1, 2, 3, 3, 3, 1, 1].into_iter().map(|now| seen.has_changed(now)).collect();
        assert_eq!(told, [false, false, false, true, false, false, true]);
    }

    #[test]
    fn sources_are_found_by_their_patterns_below_the_folder() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        fs::create_dir_all(path("src/deep")).unwrap();
        for name in ["src/lib.rs", "src/deep/more.rs", "src/notes.txt", "build.toml"] {
            fs::write(path(name), name).unwrap();
        }
        let watch = vec!["src/**/*.rs".to_owned(), "*.toml".to_owned()];
        let build = Build { commands: Vec::new(), folder: folder.path().to_owned(), watch };
        let mut found: Vec<PathBuf> = sources(&build).into_keys().collect();
        found.sort();
        assert_eq!(found, [path("build.toml"), path("src/deep/more.rs"), path("src/lib.rs")]);
    }
}
