//! The host as a process: started in a folder of its own, watched, killed when nobody needs it any more.

use crate::application::Application;
use crate::code;
use crate::http::{Answer, Connection};
use rustix::process::{Pid, Signal, kill_process};
use souk_test_servers::postgres::{self, Namespace};
use std::cell::RefCell;
use std::fmt::Write as _;
use std::io::Read;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Condvar, Mutex, PoisonError, Weak};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// Longer than anything here takes on a busy machine; whatever is not there by then never comes.
pub(crate) const SOON: Duration = Duration::from_secs(30);

/// The longest that a test waits for a line of the log; what is logged is logged before the answer.
const LOGGED: Duration = Duration::from_secs(5);

/// A folder with a manifest, from which a host can be started, many times.
pub(crate) struct Place {
    folder: TempDir,
    environment: Vec<(&'static str, String)>,
    arguments: Vec<String>,
    /// Where the databases are, unless they are files.
    namespace: Option<Arc<Namespace>>,
    /// Whether compiled code is shared with other hosts.
    lent: bool,
}

/// A command that has ended.
pub(crate) struct Ended {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

/// A host that serves, until dropped.
pub(crate) struct Host {
    pub(crate) address: SocketAddr,
    pub(crate) admin: SocketAddr,
    pub(crate) place: Arc<Place>,
    process: Mutex<Child>,
    stdout: Captured,
    log: Captured,
}

impl Place {
    pub(crate) fn new(application: &Application) -> Self {
        let place = Self::cold(application);
        code::lend(&place.code());
        Self { lent: true, ..place }
    }

    /// A place where nothing has been compiled yet.
    pub(crate) fn cold(application: &Application) -> Self {
        Self::with_manifest(&application.manifest())
    }

    pub(crate) fn with_manifest(manifest: &str) -> Self {
        // With `SOUK_TEST_ENGINE=postgres` on the server for tests, in files otherwise.
        let namespace =
            postgres::is_asked_for().then(|| Arc::new(Namespace::new().expect("there is a server to test with")));
        let (folder, environment, arguments) = (TempDir::new().unwrap(), Vec::new(), Vec::new());
        let place = Self { folder, environment, arguments, namespace, lent: false };
        place.write_manifest(manifest);
        place
    }

    pub(crate) fn write_manifest(&self, manifest: &str) {
        std::fs::write(self.manifest(), manifest).unwrap();
    }

    pub(crate) fn environment(mut self, name: &'static str, value: &str) -> Self {
        self.environment.push((name, value.to_owned()));
        self
    }

    pub(crate) fn argument(mut self, argument: &str) -> Self {
        self.arguments.push(argument.to_owned());
        self
    }

    /// Another place for the same application with the same databases; none if they are files, which have one host.
    pub(crate) fn another(&self) -> Option<Self> {
        let namespace = self.namespace.clone()?;
        let manifest = std::fs::read_to_string(self.manifest()).unwrap();
        let (folder, environment, arguments) = (TempDir::new().unwrap(), Vec::new(), Vec::new());
        let place = Self { folder, environment, arguments, namespace: Some(namespace), lent: false };
        place.write_manifest(&manifest);
        Some(place)
    }

    /// With databases in files, whatever engine was asked for.
    pub(crate) fn in_files(mut self) -> Self {
        self.namespace = None;
        self
    }

    /// The engine of its databases.
    pub(crate) fn dialect(&self) -> &'static str {
        if self.namespace.is_some() { "postgres" } else { "sqlite" }
    }

    /// What the engine calls a component's database: a file, or a name on the server.
    pub(crate) fn database(&self, component: &str) -> String {
        let file = || self.data().join("db").join(format!("{component}.sqlite")).display().to_string();
        self.namespace.as_ref().map_or_else(file, |namespace| namespace.database(component))
    }

    pub(crate) fn manifest(&self) -> PathBuf {
        self.folder.path().join("spin.toml")
    }

    pub(crate) fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    /// Where compiled code is kept.
    pub(crate) fn code(&self) -> PathBuf {
        self.data().join("code")
    }

    /// Starts a host that must come up.
    pub(crate) fn up(self: &Arc<Self>) -> Host {
        match self.start("127.0.0.1:0", "127.0.0.1:0") {
            Ok(host) => host,
            Err(ended) => panic!("the host did not start:\n{}\n{}", ended.stdout, ended.stderr),
        }
    }

    /// Starts a host that must come up, on another address.
    pub(crate) fn up_at(self: &Arc<Self>, listen: &str) -> Host {
        match self.start(listen, "127.0.0.1:0") {
            Ok(mut host) => {
                host.address.set_ip(std::net::Ipv4Addr::LOCALHOST.into());
                host
            }
            Err(ended) => panic!("the host did not start:\n{}\n{}", ended.stdout, ended.stderr),
        }
    }

    /// Starts a host that must not come up.
    pub(crate) fn refused(self: &Arc<Self>) -> Ended {
        self.refused_at("127.0.0.1:0", "127.0.0.1:0")
    }

    pub(crate) fn refused_at(self: &Arc<Self>, listen: &str, admin: &str) -> Ended {
        match self.start(listen, admin) {
            Ok(host) => panic!("the host started:\n{}", host.stdout.text()),
            Err(ended) => ended,
        }
    }

    /// `souk check`
    pub(crate) fn check(&self) -> Ended {
        let mut command = self.command();
        command.arg("check").arg(self.manifest()).arg("--data").arg(self.data());
        run(&mut command)
    }

    /// A command that works on the data folder: `souk db …`.
    pub(crate) fn on_data(&self, arguments: &[&str]) -> Ended {
        run(self.command().args(arguments).arg("--data").arg(self.data()))
    }

    /// `souk graph`
    pub(crate) fn graph(&self, format: &str) -> Ended {
        let mut command = self.command();
        command.arg("graph").arg(self.manifest()).args(["--format", format]).arg("--data").arg(self.data());
        run(&mut command)
    }

    /// `souk migrate`
    pub(crate) fn migrate(&self, arguments: &[&str]) -> Ended {
        run(self
            .command()
            .arg("migrate")
            .arg("--manifest")
            .arg(self.manifest())
            .arg("--data")
            .arg(self.data())
            .args(arguments))
    }

    /// Starts a host that does not come up, and sends it a signal; how it ended, if that was soon.
    pub(crate) fn signalled_while_starting(&self, signal: Signal) -> Option<ExitStatus> {
        let mut process = self.up_command("127.0.0.1:0", "127.0.0.1:0").spawn().unwrap();
        let stdout = Captured::of(process.stdout.take().unwrap());
        let log = Captured::of(process.stderr.take().unwrap());
        assert!(stdout.wait(Duration::from_secs(1), |text| (!text.is_empty()).then_some(())).is_none(), "it came up");
        assert!(process.try_wait().unwrap().is_none(), "it ended by itself: {}", log.text());
        kill(&process, signal);
        let status = wait_for(&mut process, LOGGED);
        drop(process.kill());
        process.wait().unwrap();
        status
    }

    fn start(self: &Arc<Self>, listen: &str, admin: &str) -> Result<Host, Ended> {
        let mut process = self.up_command(listen, admin).spawn().unwrap();
        let stdout = Captured::of(process.stdout.take().unwrap());
        let log = Captured::of(process.stderr.take().unwrap());
        let told = stdout.wait(SOON, |text| text.contains("  stop  ").then(|| addresses(text)));
        let Some((address, admin)) = told else {
            drop(process.kill());
            let code = process.wait().unwrap().code();
            return Err(Ended { code, stdout: stdout.whole(), stderr: log.whole() });
        };
        if self.lent {
            code::take_back(&self.code());
        }
        let place = Arc::clone(self);
        Ok(Host { address, admin, place, process: Mutex::new(process), stdout, log })
    }

    fn up_command(&self, listen: &str, admin: &str) -> Command {
        let mut command = self.command();
        command.args(["up", "--listen", listen, "--admin", admin]).args(&self.arguments);
        command.arg("--manifest").arg(self.manifest()).arg("--data").arg(self.data());
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    fn command(&self) -> Command {
        let mut command = souk();
        command.envs(self.namespace.iter().map(|namespace| ("SOUK_DATABASE", namespace.url())));
        command.envs(self.environment.iter().map(|(name, value)| (name, value))).current_dir(self.folder.path());
        command
    }
}

/// Runs a command line that ends by itself.
pub(crate) fn souk_ends(arguments: &[&str]) -> Ended {
    run(souk().args(arguments))
}

fn run(command: &mut Command) -> Ended {
    let output = command.output().unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    Ended { code: output.status.code(), stdout: text(&output.stdout), stderr: text(&output.stderr) }
}

/// The program: `SOUK_BIN`, or the one beside this test's own.
fn souk() -> Command {
    let program = std::env::var_os("SOUK_BIN").map_or_else(
        || {
            let own = std::env::current_exe().unwrap();
            own.ancestors().nth(2).unwrap().join("souk")
        },
        PathBuf::from,
    );
    assert!(program.is_file(), "{} is missing: run cargo xtask build", program.display());
    let mut command = Command::new(program);
    for name in ["SOUK_DATABASE", "SOUK_RATES", "SOUK_LOG", "SOUK_LOG_FORMAT"] {
        command.env_remove(name);
    }
    command.stdin(Stdio::null());
    command
}

fn kill(process: &Child, signal: Signal) {
    let pid = i32::try_from(process.id()).unwrap();
    kill_process(Pid::from_raw(pid).unwrap(), signal).unwrap();
}

fn wait_for(process: &mut Child, most: Duration) -> Option<ExitStatus> {
    let deadline = Instant::now() + most;
    loop {
        let status = process.try_wait().unwrap();
        if status.is_some() || Instant::now() > deadline {
            return status;
        }
        thread::sleep(Duration::from_millis(10));
    }
}

/// The addresses in the lines `serving   http://…` and `health    http://…/readyz`.
fn addresses(text: &str) -> (SocketAddr, SocketAddr) {
    let after = |label: &str| {
        let rest = text.split_once(label).unwrap_or_else(|| panic!("no {label} in {text}")).1;
        let url = rest.lines().next().unwrap().trim().trim_start_matches("http://");
        url.split('/').next().unwrap().parse().unwrap()
    };
    (after("  serving "), after("  health "))
}

impl Host {
    pub(crate) fn up(application: &Application) -> Self {
        Arc::new(Place::new(application)).up()
    }

    pub(crate) fn connect(&self) -> Connection {
        Connection::to(self.address)
    }

    /// A connection on which these bytes were sent.
    pub(crate) fn connect_and_send(&self, bytes: impl AsRef<[u8]>) -> Connection {
        let mut connection = self.connect();
        connection.send(bytes).unwrap();
        connection
    }

    pub(crate) fn get(&self, target: &str) -> Answer {
        self.send("GET", target, &[], b"")
    }

    pub(crate) fn send(&self, method: &str, target: &str, fields: &[(&str, &str)], body: &[u8]) -> Answer {
        self.connect().ask(method, target, fields, body)
    }

    /// What it printed so far.
    pub(crate) fn summary(&self) -> String {
        self.stdout.text()
    }

    /// What it logged so far.
    pub(crate) fn log(&self) -> String {
        self.log.text()
    }

    /// The first log line that has all of these in it; waits for it.
    pub(crate) fn log_line(&self, parts: &[&str]) -> String {
        let found = self.log.wait(LOGGED, |log| {
            log.lines().find(|line| parts.iter().all(|part| line.contains(part))).map(str::to_owned)
        });
        found.unwrap_or_else(|| panic!("no log line with {parts:?} in:\n{}", self.log()))
    }

    pub(crate) fn signal(&self, signal: Signal) {
        kill(&self.process.lock().unwrap(), signal);
    }

    /// Waits for its end, at most this long.
    pub(crate) fn ended_within(&self, most: Duration) -> Option<ExitStatus> {
        wait_for(&mut self.process.lock().unwrap(), most)
    }

    /// Asks it to stop, and waits until it has.
    pub(crate) fn stop(&self) -> ExitStatus {
        self.signal(Signal::TERM);
        self.ended_within(SOON).expect("the host stops when it is asked to")
    }

    /// Bytes of memory that are in use, from `/proc`.
    pub(crate) fn resident_bytes(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.process.lock().unwrap().id())).unwrap();
        let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap();
        line.split_whitespace().nth(1).unwrap().parse::<u64>().unwrap() * 1024
    }
}

impl Drop for Host {
    fn drop(&mut self) {
        let process = self.process.get_mut().unwrap();
        drop(process.kill());
        drop(process.wait());
        if thread::panicking() {
            let log = self.log.text();
            let tail: Vec<&str> = log.lines().rev().take(20).collect();
            let mut shown = String::from("the host logged at last:\n");
            for line in tail.into_iter().rev() {
                writeln!(shown, "    | {line}").unwrap();
            }
            print!("{shown}");
        }
    }
}

/// A host that the tests of a module share. It lives as long as a test that used it: a static would outlive them all, and the
/// process would outlive the static.
pub(crate) struct Shared {
    application: fn() -> Application,
    host: Mutex<Weak<Host>>,
}

thread_local! {
    /// What this test uses: each test has a thread of its own.
    static IN_USE: RefCell<Vec<Arc<Host>>> = const { RefCell::new(Vec::new()) };
}

impl Shared {
    pub(crate) const fn new(application: fn() -> Application) -> Self {
        Self { application, host: Mutex::new(Weak::new()) }
    }

    pub(crate) fn host(&self) -> Arc<Host> {
        // A test that failed to start it must not fail the others with another message.
        let mut shared = self.host.lock().unwrap_or_else(PoisonError::into_inner);
        let host = shared.upgrade().unwrap_or_else(|| Arc::new(Host::up(&(self.application)())));
        *shared = Arc::downgrade(&host);
        IN_USE.with_borrow_mut(|used| {
            if !used.iter().any(|used| Arc::ptr_eq(used, &host)) {
                used.push(Arc::clone(&host));
            }
        });
        host
    }
}

/// What a process writes, as it comes.
struct Captured {
    text: Arc<(Mutex<Written>, Condvar)>,
    reader: Option<JoinHandle<()>>,
}

#[derive(Default)]
struct Written {
    text: String,
    ended: bool,
}

impl Captured {
    fn of(mut pipe: impl Read + Send + 'static) -> Self {
        let text = Arc::new((Mutex::new(Written::default()), Condvar::new()));
        let shared = Arc::clone(&text);
        let reader = thread::spawn(move || {
            let mut piece = vec![0; 64 * 1024];
            loop {
                let count = pipe.read(&mut piece).unwrap_or(0);
                let mut written = shared.0.lock().unwrap();
                written.text.push_str(&String::from_utf8_lossy(&piece[..count]));
                written.ended = count == 0;
                shared.1.notify_all();
                if count == 0 {
                    return;
                }
            }
        });
        Self { text, reader: Some(reader) }
    }

    fn text(&self) -> String {
        self.text.0.lock().unwrap().text.clone()
    }

    /// Everything, after its writer has ended.
    fn whole(mut self) -> String {
        self.reader.take().unwrap().join().unwrap();
        self.text()
    }

    /// Waits until something is found in it, or it has ended, or it took too long.
    fn wait<T>(&self, most: Duration, find: impl Fn(&str) -> Option<T>) -> Option<T> {
        let deadline = Instant::now() + most;
        let mut written = self.text.0.lock().unwrap();
        loop {
            let found = find(&written.text);
            let left = deadline.saturating_duration_since(Instant::now());
            if found.is_some() || written.ended || left.is_zero() {
                return found;
            }
            written = self.text.1.wait_timeout(written, left).unwrap().0;
        }
    }
}

/// Whether two files are the same path, for messages that show it.
pub(crate) fn shows(text: &str, path: &Path) -> bool {
    text.contains(&path.display().to_string())
}
