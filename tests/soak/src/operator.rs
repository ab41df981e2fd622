//! The operator's side of the shop: swaps components while they serve, and asks what serves.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::{Method, Request};
use serde_json::Value;

use crate::builds::{Build, Builds};
use crate::connection::{Answer, connect};

/// More than a swap takes in a host that was not optimised, on cores that are busy.
const PATIENCE: Duration = Duration::from_mins(2);

/// Whoever can read the data folder of a host.
#[derive(Clone)]
pub(crate) struct Operator {
    data: PathBuf,
}

/// What became of a swap.
#[derive(Clone, Debug)]
pub(crate) enum Swapped {
    /// The new build serves; how long it took, as the host says.
    Done(Duration),
    /// The build before serves on: the status of the answer, and why.
    Refused(u16, String),
    /// There is no answer: the host is gone, perhaps in the middle of it.
    Lost(String),
}

impl Operator {
    /// That of the host with this data folder.
    pub(crate) fn of(data: &Path) -> Self {
        Self { data: data.to_owned() }
    }

    /// Lets a component be replaced by that build of it that does not serve.
    pub(crate) async fn swap(&self, builds: &Builds, probation_seconds: u64) -> Swapped {
        let swapped = tokio::time::timeout(PATIENCE, self.try_to_swap(builds, probation_seconds)).await;
        match swapped {
            Ok(Ok(swapped)) => swapped,
            Ok(Err(error)) => Swapped::Lost(format!("{error:#}")),
            Err(_) => Swapped::Lost(format!("no answer after {} s", PATIENCE.as_secs())),
        }
    }

    async fn try_to_swap(&self, builds: &Builds, probation_seconds: u64) -> Result<Swapped> {
        let serving = serving(&self.components().await?, &builds.component)?;
        let build = builds.other_than(&serving);
        let path = format!("/components/{}?probation_seconds={probation_seconds}", builds.component);
        let answer = self.ask(Method::PUT, &path, build.bytes.clone()).await?;
        Ok(swapped(&answer, build))
    }

    /// What serves, as `GET /components` tells it.
    pub(crate) async fn components(&self) -> Result<Vec<Value>> {
        let asked = tokio::time::timeout(PATIENCE, self.ask(Method::GET, "/components", Bytes::new()));
        let answer = asked.await.context("no answer for too long")??;
        ensure!(answer.status == 200, "GET /components: {} {}", answer.status, String::from_utf8_lossy(&answer.bytes));
        let Value::Array(components) = answer.json()["components"].take() else { bail!("GET /components has no list") };
        Ok(components)
    }

    /// What was done so far, oldest first: the lines of the file that the host keeps of it.
    pub(crate) fn audit(&self) -> Result<Vec<Value>> {
        let text = std::fs::read_to_string(self.data.join("audit.log")).context("the host keeps no audit.log")?;
        text.lines().map(|line| serde_json::from_str(line).context("a line of audit.log is no JSON")).collect()
    }

    /// On a connection of its own: the host may be another one since the last time.
    async fn ask(&self, method: Method, path: &str, body: Bytes) -> Result<Answer> {
        let (address, token) = self.pass()?;
        let mut connection = connect(address).await?;
        let request = Request::builder().method(method).uri(path).header("host", address.to_string());
        let request =
            request.header("authorization", format!("Bearer {token}")).header("content-type", "application/wasm");
        let (parts, body) = connection.send_request(request.body(Full::new(body))?).await?.into_parts();
        let bytes = body.collect().await?.to_bytes();
        Ok(Answer { status: parts.status.as_u16(), headers: parts.headers, bytes })
    }

    /// Where the host that runs now can be asked, and with what.
    fn pass(&self) -> Result<(SocketAddr, String)> {
        let pass: Value = serde_json::from_slice(&std::fs::read(self.data.join("operator.json"))?)?;
        let member = |name: &str| pass[name].as_str().with_context(|| format!("operator.json has no {name}"));
        Ok((member("address")?.parse()?, member("token")?.to_owned()))
    }
}

/// The digest of what serves of a component.
fn serving(components: &[Value], component: &str) -> Result<String> {
    let of_component = components.iter().find(|told| told["name"] == component);
    let generations = of_component.and_then(|told| told["generations"].as_array()).into_iter().flatten();
    let mut serving = generations.filter(|generation| generation["state"] == "serving");
    let digest = serving.next().and_then(|generation| generation["digest"].as_str());
    Ok(digest.with_context(|| format!("nothing of {component} serves"))?.to_owned())
}

fn swapped(answer: &Answer, build: &Build) -> Swapped {
    let told = answer.json();
    if answer.status != 200 {
        return Swapped::Refused(answer.status, String::from_utf8_lossy(&answer.bytes).into_owned());
    }
    if told["outcome"] != "done" || told["to"]["digest"] != build.digest.as_str() {
        return Swapped::Refused(answer.status, format!("the answer is another one: {told}"));
    }
    Swapped::Done(Duration::from_millis(told["took_ms"].as_u64().unwrap_or(0)))
}
