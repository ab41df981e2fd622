//! PostgreSQL: `SOUK_TEST_POSTGRES` is the URL of an administrator on a server for tests. Without it a private server is started in
//! a folder that is removed afterwards; without the programs for it there is none, which is said once.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::LazyLock;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

/// A server that this process started. Ends with this process, however that ends.
pub struct Server {
    /// The URL of its administrator, over its socket.
    pub url: String,
    /// Where it and its socket are.
    pub folder: PathBuf,
    /// None if it only listens on a socket.
    pub port: Option<u16>,
    programs: PathBuf,
    _guard: Child,
}

/// The server of all tests that don't stop it.
static SHARED: LazyLock<Option<Server>> = LazyLock::new(Server::start);

/// The URL of an administrator on the server for tests; none if there is no server, which is said once.
pub fn shared() -> Option<String> {
    std::env::var("SOUK_TEST_POSTGRES").ok().or_else(|| SHARED.as_ref().map(|server| server.url.clone()))
}

/// Whether tests that take any engine are to run on this one: `SOUK_TEST_ENGINE=postgres`.
pub fn is_asked_for() -> bool {
    std::env::var("SOUK_TEST_ENGINE").is_ok_and(|engine| engine == "postgres")
}

impl Server {
    /// Makes a cluster and starts it; none if the programs are not installed.
    pub fn start() -> Option<Self> {
        Self::start_on(None)
    }

    /// Makes one that also listens on 127.0.0.1, on a port that was free a moment ago.
    pub fn start_on_tcp() -> Option<Self> {
        let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        Self::start_on(Some(free))
    }

    fn start_on(port: Option<u16>) -> Option<Self> {
        let Some(programs) = programs() else {
            // Past the harness, which keeps what passing tests print to itself.
            let _ = writeln!(std::io::stderr(), "PostgreSQL is not installed: its tests are left out");
            return None;
        };
        let folder = tempfile::Builder::new().prefix("souk-pg").tempdir().unwrap().keep();
        std::fs::write(folder.join("password"), "secret of the tests").unwrap();
        own(&folder);
        let (data, password) = (folder.join("data"), folder.join("password"));
        let mut initdb = as_user(&programs.join("initdb"));
        initdb.args(["-U", "admin", "-A", "scram-sha-256", "-N", "-E", "UTF8", "--locale=C", "-D"]).arg(&data);
        done(initdb.arg("--pwfile").arg(&password));
        let url = format!(
            "postgres://admin:secret%20of%20the%20tests@{}:{}/postgres",
            folder.display().to_string().replace('/', "%2F"),
            port.unwrap_or(5432)
        );
        let guard = guard(&programs, &folder);
        let server = Self { url, folder, port, programs, _guard: guard };
        server.start_again();
        Some(server)
    }

    /// Starts it after a stop.
    pub fn start_again(&self) {
        let options = format!(
            "-c listen_addresses={} -c port={} -c unix_socket_directories={} -c fsync=off -c max_connections=400",
            self.port.map_or("", |_| "127.0.0.1"),
            self.port.unwrap_or(5432),
            self.folder.display()
        );
        done(self.control().args(["-w", "-o", &options, "-l"]).arg(self.folder.join("log")).arg("start"));
    }

    /// Stops it as a crash does.
    pub fn stop(&self) {
        done(self.control().args(["-m", "immediate", "stop"]));
    }

    fn control(&self) -> Command {
        let mut control = as_user(&self.programs.join("pg_ctl"));
        control.arg("-D").arg(self.folder.join("data"));
        control
    }
}

/// Runs a statement as the administrator and answers with what `psql` prints.
pub fn psql(url: &str, sql: &str) -> Result<String, String> {
    let program = programs().map_or_else(|| "psql".into(), |programs| programs.join("psql"));
    let output = Command::new(program).args(["-X", "-A", "-t", "-c", sql, url]).output().unwrap();
    if output.status.success() {
        Ok(String::from_utf8(output.stdout).unwrap().trim().to_owned())
    } else {
        Err(String::from_utf8_lossy(&output.stderr).into_owned())
    }
}

/// A place on the server for tests where nobody else is: the databases in it are gone when it is dropped.
pub struct Namespace {
    server: String,
    name: String,
}

impl Namespace {
    /// A new one; none if there is no server.
    pub fn new() -> Option<Self> {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        // Not the number of the process alone: many hosts may share a server that the environment names.
        let name = format!("t{:x}n{:x}", std::process::id(), NUMBER.fetch_add(1, Ordering::Relaxed));
        Some(Self { server: shared()?, name })
    }

    /// The URL of an administrator, as `souk up --database` takes it.
    pub fn url(&self) -> String {
        let and = if self.server.contains('?') { '&' } else { '?' };
        format!("{}{and}namespace={}", self.server, self.name)
    }

    /// The name of a component's database and of its role.
    pub fn database(&self, component: &str) -> String {
        format!("{}_{component}", self.name)
    }
}

impl Drop for Namespace {
    fn drop(&mut self) {
        let all = |from: &str, name: &str| {
            psql(&self.server, &format!("SELECT {name} FROM {from} WHERE {name} LIKE '{}\\_%'", self.name))
                .unwrap_or_default()
        };
        for database in all("pg_database", "datname").lines() {
            let _ = psql(&self.server, &format!("DROP DATABASE \"{database}\" WITH (FORCE)"));
        }
        for role in all("pg_roles", "rolname").lines() {
            let _ = psql(&self.server, &format!("DROP ROLE \"{role}\""));
        }
    }
}

/// Waits until a statement on this database has come to a `pg_sleep`: then what stands before it has been done.
pub async fn until_asleep(url: &str) {
    let sleepers =
        "SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'PgSleep' AND datname = current_database()";
    for _ in 0..600 {
        let url = url.to_owned();
        if tokio::task::spawn_blocking(move || psql(&url, sleepers)).await.unwrap().unwrap() != "0" {
            return;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("nobody came to a pg_sleep");
}

/// A process that waits for the end of this one (its input closes) and then removes the server.
fn guard(programs: &Path, folder: &Path) -> Child {
    let script = r#"read _; "$0"/pg_ctl -D "$1"/data -m immediate stop; rm -rf "$1""#;
    let mut guard = as_user(Path::new("sh"));
    guard.arg("-c").arg(script).arg(programs).arg(folder);
    guard.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap()
}

/// The folder of the server's programs: beside one in the path, or where Debian has them.
fn programs() -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let mut folders: Vec<PathBuf> = std::fs::read_dir("/usr/lib/postgresql")
        .into_iter()
        .flatten()
        .filter_map(|version| Some(version.ok()?.path().join("bin")))
        .collect();
    folders.sort();
    folders.extend(std::env::split_paths(&path));
    let has_all = |folder: &PathBuf| ["initdb", "pg_ctl", "psql"].iter().all(|name| folder.join(name).exists());
    folders.into_iter().rev().find(has_all)
}

/// The server refuses to run as root, so then it runs as nobody.
fn as_user(program: &Path) -> Command {
    if !is_root() {
        return Command::new(program);
    }
    let mut command = Command::new("setpriv");
    command.args(["--reuid=nobody", "--regid=nogroup", "--clear-groups", "--"]).arg(program);
    command
}

/// Gives a folder to the user as whom the server runs.
pub fn own(folder: &Path) {
    if is_root() {
        done(Command::new("chown").arg("-R").arg("nobody:nogroup").arg(folder));
    }
}

fn is_root() -> bool {
    let id = Command::new("id").arg("-u").output().unwrap();
    id.stdout == b"0\n"
}

fn done(command: &mut Command) {
    // A server that is started keeps its output open: reading it to the end would wait for the server's.
    let status = command.current_dir("/").stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).status();
    let status = status.unwrap();
    assert!(status.success(), "{command:?}: {status}");
}
