//! Load by wrk: connections that each send the next request when they have the answer to the last.

use crate::median::median;
use anyhow::{Context, Result, bail};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
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

/// Requests with tokens: each of wrk's two threads takes every second one of its turn's part.
const TOKENS: &str = r#"
local threads = 0
function setup(thread) thread:set("number", threads); threads = threads + 1 end
function init(args)
  requests = {}
  local lines = {}
  for line in io.lines(FILE) do lines[#lines + 1] = line end
  local part = math.max(1, math.floor(#lines / TURNS))
  local first = #lines > 1 and TURN * part or 0
  for i = 1 + (#lines > 1 and number or 0), part, 2 do
    requests[#requests + 1] = wrk.format(nil, nil, { authorization = "Bearer " .. lines[first + i] })
  end
  at = 0
end
function request()
  at = at % #requests + 1
  return requests[at]
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
        self.run_script(address, seconds, &script(self.method, "")?)
    }

    /// The same with a bearer token of a file, a line each: the first part of so many in the first turn, the next in the next, so that
    /// none is sent twice if there are enough.
    pub(crate) fn run_with_tokens(
        self,
        address: SocketAddr,
        seconds: u64,
        tokens: &Path,
        turn: usize,
        turns: usize,
    ) -> Result<Turn> {
        let file = tokens.display().to_string();
        let lua = TOKENS.replace("FILE", &format!("{file:?}")).replace("TURNS", &turns.to_string());
        self.run_script(address, seconds, &script(self.method, &lua.replace("TURN", &turn.to_string()))?)
    }

    fn run_script(self, address: SocketAddr, seconds: u64, script: &Path) -> Result<Turn> {
        let Self { path, connections, .. } = self;
        let threads = connections.min(2).to_string();
        let output = Command::new("wrk")
            .args(["--threads", &threads, "--connections", &connections.to_string()])
            .args(["--duration", &format!("{seconds}s"), "--script"])
            .arg(script)
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

fn script(method: &str, requests: &str) -> Result<PathBuf> {
    let folder = PathBuf::from("target/bench");
    std::fs::create_dir_all(&folder)?;
    let path = folder.join(format!("wrk-{method}.lua"));
    std::fs::write(&path, format!("wrk.method = \"{method}\"\n{requests}{SCRIPT}"))?;
    Ok(path)
}
