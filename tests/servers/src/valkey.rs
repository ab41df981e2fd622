//! Valkey, or Redis: `SOUK_TEST_VALKEY` is the URL of a server for tests. Without it a private server is started, without persistence and in
//! a folder that is removed afterwards; without the program for it there is none, which is said once.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::{LazyLock, Mutex};
use std::time::Duration;
use tempfile::TempDir;

const PASSWORD: &str = "secret-of-the-tests";

/// A server that this process started. Ends with this process, however that ends.
pub struct Server {
    program: PathBuf,
    folder: TempDir,
    port: u16,
    /// Whether it takes connections with TLS alone.
    tls: bool,
    /// What watches over it while it runs, and its own number.
    running: Mutex<Option<(Child, u32)>>,
}

/// The server of all tests that don't stop it.
static SHARED: LazyLock<Option<Server>> = LazyLock::new(Server::start);

/// Either program does, and is asked for by its name in the path.
static PROGRAM: LazyLock<Option<PathBuf>> = LazyLock::new(|| {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let folders: Vec<PathBuf> = std::env::split_paths(&path).collect();
    let programs = ["valkey-server", "redis-server"];
    let found = programs
        .iter()
        .flat_map(|name| folders.iter().map(move |folder| folder.join(name)))
        .find(|file| file.is_file());
    if found.is_none() {
        // Past the harness, which keeps what passing tests print to itself.
        let _ = writeln!(std::io::stderr(), "neither Valkey nor Redis is installed: its tests are left out");
    }
    found
});

/// The URL of the server for tests; none if there is no server, which is said once. Its keys are everybody's.
pub fn shared() -> Option<String> {
    std::env::var("SOUK_TEST_VALKEY").ok().or_else(|| SHARED.as_ref().map(Server::url))
}

impl Server {
    /// Starts one on a port of 127.0.0.1 that was free a moment ago; none if the program is not installed.
    pub fn start() -> Option<Self> {
        Self::start_in(TempDir::new().unwrap(), false)
    }

    /// Starts one that speaks TLS alone, with `server.pem` and `server.key` of this folder.
    pub fn start_with_tls(folder: TempDir) -> Option<Self> {
        Self::start_in(folder, true)
    }

    fn start_in(folder: TempDir, tls: bool) -> Option<Self> {
        let program = PROGRAM.clone()?;
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let server = Self { program, folder, port, tls, running: Mutex::default() };
        server.start_again();
        Some(server)
    }

    /// As `souk up --rates` takes it.
    pub fn url(&self) -> String {
        self.url_with_password(PASSWORD)
    }

    /// One with a password of the caller's choice.
    pub fn url_with_password(&self, password: &str) -> String {
        let (scheme, host) = if self.tls { ("rediss", "localhost") } else { ("redis", "127.0.0.1") };
        format!("{scheme}://:{password}@{host}:{}/0", self.port)
    }

    /// Starts it after a stop. It remembers nothing.
    pub fn start_again(&self) {
        // A shell that ends the server at a word of this process, or at its end (its input closes), when the folder goes as well.
        let script =
            r#""$@" >log 2>&1 & echo $!; if read _; then kill -9 $!; else kill -9 $!; rm -rf "$PWD"; fi; wait"#;
        let mut shell = Command::new("sh");
        shell.current_dir(self.folder.path()).arg("-c").arg(script).arg("sh").arg(&self.program);
        shell.args(["--bind", "127.0.0.1", "--save", "", "--appendonly", "no", "--requirepass", PASSWORD]);
        let port = self.port.to_string();
        if self.tls {
            shell.args(["--port", "0", "--tls-port", &port, "--tls-auth-clients", "no"]);
            shell.args([
                "--tls-cert-file",
                "server.pem",
                "--tls-key-file",
                "server.key",
                "--tls-ca-cert-file",
                "server.pem",
            ]);
        } else {
            shell.args(["--port", &port]);
        }
        let mut shell = shell.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        let mut number = String::new();
        BufReader::new(shell.stdout.as_mut().unwrap()).read_line(&mut number).unwrap();
        *self.running.lock().unwrap() = Some((shell, number.trim().parse().unwrap()));
        self.wait_until_it_listens();
    }

    fn wait_until_it_listens(&self) {
        for _ in 0..600 {
            if TcpStream::connect(("127.0.0.1", self.port)).is_ok() {
                return;
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        let log = std::fs::read_to_string(self.folder.path().join("log"));
        panic!("the server does not listen: {log:?}");
    }

    /// Stops it as a crash does.
    pub fn stop(&self) {
        if let Some((mut shell, _)) = self.running.lock().unwrap().take() {
            shell.stdin.as_mut().unwrap().write_all(b"stop\n").unwrap();
            shell.wait().unwrap();
        }
    }

    /// Leaves its connections open and answers nobody until it is resumed or stopped.
    pub fn pause(&self) {
        self.signal("-STOP");
    }

    /// Goes on after a pause.
    pub fn resume(&self) {
        self.signal("-CONT");
    }

    fn signal(&self, signal: &str) {
        let number = self.running.lock().unwrap().as_ref().unwrap().1;
        assert!(Command::new("kill").arg(signal).arg(number.to_string()).status().unwrap().success());
    }

    /// What it answers to commands, each a line of words, as it stands in the protocol.
    pub fn answer(&self, commands: &[&str]) -> String {
        let mut stream = TcpStream::connect(("127.0.0.1", self.port)).unwrap();
        write!(stream, "AUTH {PASSWORD}\r\n{}\r\nQUIT\r\n", commands.join("\r\n")).unwrap();
        let mut text = String::new();
        stream.read_to_string(&mut text).unwrap();
        text
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.stop();
    }
}
