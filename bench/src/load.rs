//! Load by wrk: connections that each send the next request when they have the answer to the last.

use crate::report::median;
use anyhow::{Context, Result, bail};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::{Command, Output};

/// Concurrent requests: what the promises in the README are about.
pub(crate) const CONNECTIONS: usize = 16;

/// What one turn, or the median of several, came to.
#[derive(Clone, Copy)]
pub(crate) struct Turn {
    pub(crate) requests_per_second: f64,
    pub(crate) p50_us: f64,
    pub(crate) p99_us: f64,
}

impl Turn {
    /// The median of each number by itself.
    pub(crate) fn median(turns: &[Self]) -> Self {
        let of = |field: fn(&Self) -> f64| median(turns.iter().map(field).collect());
        Self {
            requests_per_second: of(|turn| turn.requests_per_second),
            p50_us: of(|turn| turn.p50_us),
            p99_us: of(|turn| turn.p99_us),
        }
    }
}

impl Turn {
    /// Of each part of requests that do several things one after another. The 99th percentile is that of whole requests, by part.
    pub(crate) fn of_each(self, parts: u32) -> Self {
        let parts = f64::from(parts);
        Self {
            requests_per_second: self.requests_per_second * parts,
            p50_us: self.p50_us / parts,
            p99_us: self.p99_us / parts,
        }
    }
}

/// What wrk is told to print when it is done.
const SCRIPT: &str = r#"
done = function(summary, latency, requests)
  local errors = summary.errors
  io.write(string.format("RESULT %f %f %f %d\n",
    summary.requests / (summary.duration / 1e6), latency:percentile(50), latency:percentile(99),
    errors.connect + errors.read + errors.write + errors.status + errors.timeout))
end
"#;

/// What is sent, and by how many at a time.
#[derive(Clone, Copy)]
pub(crate) struct Load<'a> {
    pub(crate) path: &'a str,
    pub(crate) method: &'a str,
    pub(crate) connections: usize,
}

/// Sends `GET path` over [`CONNECTIONS`] for some seconds.
pub(crate) fn run(address: SocketAddr, path: &str, seconds: u64) -> Result<Turn> {
    Load { path, method: "GET", connections: CONNECTIONS }.run(address, seconds)
}

impl Load<'_> {
    /// Sends for some seconds. An answer other than 2xx or 3xx is an error: a fast refusal is no result.
    pub(crate) fn run(self, address: SocketAddr, seconds: u64) -> Result<Turn> {
        let Self { path, method, connections } = self;
        let threads = connections.min(2).to_string();
        let output = Command::new("wrk")
            .args(["--threads", &threads, "--connections", &connections.to_string()])
            .args(["--duration", &format!("{seconds}s"), "--script"])
            .arg(script(method)?)
            .arg(format!("http://{address}{path}"))
            .output()
            .context(
                "wrk could not be started; install it with the system's packages (apt-get install wrk, brew install wrk)",
            )?;
        read(&output, path)
    }
}

fn read(output: &Output, path: &str) -> Result<Turn> {
    let text = String::from_utf8_lossy(&output.stdout);
    let Some(result) = text.lines().find_map(|line| line.strip_prefix("RESULT ")) else {
        bail!("wrk gave no result: {text}{}", String::from_utf8_lossy(&output.stderr));
    };
    let numbers = result.split(' ').map(str::parse).collect::<Result<Vec<f64>, _>>().context("reading wrk's result")?;
    let [requests_per_second, p50_us, p99_us, errors] = numbers[..] else { bail!("wrk's result has another shape") };
    if errors > 0.0 {
        bail!("{errors} requests to {path} failed");
    }
    Ok(Turn { requests_per_second, p50_us, p99_us })
}

fn script(method: &str) -> Result<PathBuf> {
    let folder = PathBuf::from("target/bench");
    std::fs::create_dir_all(&folder)?;
    let path = folder.join(format!("wrk-{method}.lua"));
    std::fs::write(&path, format!("wrk.method = \"{method}\"\n{SCRIPT}"))?;
    Ok(path)
}
