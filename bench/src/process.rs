//! A contender: a process that serves, from its start to its end.

use anyhow::{Context, Result, bail};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};

/// A process that is ready to serve. Dropping it ends it.
pub(crate) struct Server {
    child: Child,
    /// Kept open: who writes to a closed one may end.
    _output: BufReader<ChildStdout>,
    /// Where it serves.
    pub(crate) address: SocketAddr,
    /// From its start to the line that says that it is ready.
    pub(crate) ready_after: Duration,
}

impl Server {
    /// The host with `spin.toml` and its demo data.
    pub(crate) fn host(data: &Path, demo: bool) -> Result<Self> {
        let mut command = up(Path::new("spin.toml"), data)?;
        command.args(demo.then_some("--demo"));
        Self::start(command, address_of_host)
    }

    /// The host with another manifest.
    pub(crate) fn host_of(manifest: &Path, data: &Path) -> Result<Self> {
        Self::start(up(manifest, data)?, address_of_host)
    }

    /// The same service without any wasm.
    pub(crate) fn native_twin(database: &Path) -> Result<Self> {
        let mut command = Command::new(std::env::current_exe()?);
        command.args(["--native-twin", "127.0.0.1:0"]).arg(database);
        Self::start(command, |line| line.strip_prefix("serving "))
    }

    /// One service of the checkout without any wasm, which knows its peers as `NAME=ADDRESS`.
    pub(crate) fn native_service(name: &str, folder: &Path, peers: &[String]) -> Result<Self> {
        let mut command = Command::new(std::env::current_exe()?);
        command.args(["--native-service", name, "127.0.0.1:0"]).arg(folder).args(peers);
        Self::start(command, |line| line.strip_prefix("serving "))
    }

    /// One service of the checkout on Node, which knows its peers as `NAME=URL`.
    pub(crate) fn express(name: &str, folder: &Path, peers: &[String]) -> Result<Self> {
        let mut command = Command::new("node");
        command.args(["bench/express/service.js", name, "--port", "0", "--data"]).arg(folder);
        command.args(["--peers", &peers.join(",")]);
        Self::start(command, |line| line.strip_prefix(name)?.strip_prefix(" on "))
    }

    fn start(mut command: Command, address: impl Fn(&str) -> Option<&str>) -> Result<Self> {
        let started = Instant::now();
        let mut child = command.stdout(Stdio::piped()).spawn().with_context(|| format!("starting {command:?}"))?;
        let mut output = BufReader::new(child.stdout.take().context("the output was piped")?);
        let mut line = String::new();
        while output.read_line(&mut line)? > 0 {
            if let Some(url) = address(line.trim_end()) {
                let address = url.trim_start_matches("http://").parse()?;
                return Ok(Self { child, _output: output, address, ready_after: started.elapsed() });
            }
            line.clear();
        }
        bail!("{command:?} ended before it was ready: {}", child.wait()?)
    }

    /// Resident memory in MiB.
    pub(crate) fn memory_mib(&self) -> Result<f64> {
        self.told_mib("status", "VmRSS:")
    }

    /// Resident memory in MiB, with its share only of what several processes have in common. Not every kernel tells it.
    pub(crate) fn share_of_memory_mib(&self) -> Option<f64> {
        self.told_mib("smaps_rollup", "Pss:").ok()
    }

    fn told_mib(&self, file: &str, name: &str) -> Result<f64> {
        let text = std::fs::read_to_string(format!("/proc/{}/{file}", self.child.id()))?;
        let line = text.lines().find_map(|line| line.strip_prefix(name));
        let line = line.with_context(|| format!("the kernel tells {name}"))?;
        let kib: f64 = line.trim().trim_end_matches("kB").trim().parse()?;
        Ok(kib / 1024.0)
    }

    /// Seconds of CPU that it has taken so far, with all its threads.
    pub(crate) fn cpu_seconds(&self) -> Result<f64> {
        /// What the kernel counts in (`USER_HZ`), the same on all of Linux.
        const TICKS_PER_SECOND: f64 = 100.0;
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.child.id()))?;
        // Behind the name, which may have anything in it: field 3 and on. 14 and 15 are user and system.
        let (_, fields) = stat.rsplit_once(") ").context("the kernel tells the state")?;
        let ticks: Vec<f64> = fields.split(' ').skip(11).take(2).map(str::parse).collect::<Result<_, _>>()?;
        Ok(ticks.iter().sum::<f64>() / TICKS_PER_SECOND)
    }

    /// The body of `GET path`.
    pub(crate) fn get(&self, path: &str) -> Result<String> {
        let mut socket = TcpStream::connect(self.address)?;
        write!(socket, "GET {path} HTTP/1.1\r\nhost: {}\r\nconnection: close\r\n\r\n", self.address)?;
        let mut answer = String::new();
        socket.read_to_string(&mut answer)?;
        let (head, body) = answer.split_once("\r\n\r\n").context("an answer has a head")?;
        if !head.starts_with("HTTP/1.1 200 ") {
            bail!("GET {path} was answered {answer}");
        }
        Ok(body.to_owned())
    }

    /// The whole answer to `POST path`, head first.
    pub(crate) fn post(&self, path: &str, body: &str) -> Result<String> {
        let mut socket = TcpStream::connect(self.address)?;
        let (address, length) = (self.address, body.len());
        write!(
            socket,
            "POST {path} HTTP/1.1\r\nhost: {address}\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n{body}"
        )?;
        let mut answer = String::new();
        socket.read_to_string(&mut answer)?;
        Ok(answer)
    }

    /// Ends it as an operator would, so that its database is closed.
    pub(crate) fn stop(mut self) -> Result<()> {
        Command::new("kill").args(["-TERM", &self.child.id().to_string()]).status()?;
        self.child.wait()?;
        Ok(())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended by itself; then there is nothing to end.
        let _ended = self.child.kill();
        let _reaped = self.child.wait();
    }
}

fn up(manifest: &Path, data: &Path) -> Result<Command> {
    let binary = std::env::var_os("SOUK_BIN").context("SOUK_BIN is not set: run cargo xtask bench")?;
    let mut command = Command::new(PathBuf::from(binary));
    command.args(["up", "--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0", "--log", "warn", "--manifest"]);
    command.arg(manifest).arg("--data").arg(data);
    Ok(command)
}

fn address_of_host(line: &str) -> Option<&str> {
    line.trim().strip_prefix("serving").map(str::trim)
}

/// An empty folder under `target/bench`.
pub(crate) fn folder(name: &str) -> Result<PathBuf> {
    let folder = PathBuf::from("target/bench/data").join(name);
    if folder.exists() {
        std::fs::remove_dir_all(&folder)?;
    }
    std::fs::create_dir_all(&folder)?;
    Ok(folder)
}
