//! A client of the shop, with a connection that may break at any moment.

use std::net::SocketAddr;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::client::conn::http1::{self, SendRequest};
use hyper::header::HeaderMap;
use hyper::{Request, StatusCode};
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio::net::TcpStream;

/// Longer than the host lets any request take.
const PATIENCE: Duration = Duration::from_secs(70);

/// How long to wait for a host that is not there, before the next try.
const PAUSE: Duration = Duration::from_millis(50);

/// How often a request is sent until it has an answer. A host is gone for a second or so.
const TRIES_MAX: u32 = 400;

/// Somebody who is signed in.
pub(crate) struct Client {
    address: SocketAddr,
    token: String,
    connection: Option<SendRequest<Full<Bytes>>>,
}

/// What came back.
#[derive(Clone, Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) bytes: Bytes,
}

/// A request that can be sent again.
#[derive(Clone, Debug)]
pub(crate) struct Asked {
    pub(crate) method: &'static str,
    pub(crate) path: String,
    pub(crate) key: Option<String>,
    /// Only if it is not there yet.
    pub(crate) creates: bool,
    pub(crate) body: Option<Value>,
}

impl Asked {
    pub(crate) fn get(path: impl Into<String>) -> Self {
        Self { method: "GET", path: path.into(), key: None, creates: false, body: None }
    }

    pub(crate) fn post(path: impl Into<String>, body: Value) -> Self {
        Self { method: "POST", path: path.into(), key: None, creates: false, body: Some(body) }
    }

    /// Makes what is not there yet.
    pub(crate) fn create(path: impl Into<String>, body: Value) -> Self {
        Self { method: "PUT", creates: true, ..Self::post(path, body) }
    }

    pub(crate) fn under(self, key: &str) -> Self {
        Self { key: Some(key.to_owned()), ..self }
    }
}

impl Answer {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.bytes).unwrap_or_default()
    }

    /// The name of a problem.
    pub(crate) fn problem(&self) -> String {
        let body = self.json();
        body["type"].as_str().unwrap_or_default().trim_start_matches("urn:souk:problem:").to_owned()
    }
}

impl Client {
    pub(crate) fn new(address: SocketAddr, token: &str) -> Self {
        Self { address, token: token.to_owned(), connection: None }
    }

    /// A second connection of the same person.
    pub(crate) fn another(&self) -> Self {
        Self::new(self.address, &self.token)
    }

    /// One try. An error says that it is not known what became of it.
    pub(crate) async fn send(&mut self, asked: &Asked) -> Result<Answer> {
        let answer = tokio::time::timeout(PATIENCE, self.exchange(asked)).await.context("no answer for too long");
        match answer.and_then(|answer| answer) {
            Ok(answer) => Ok(answer),
            Err(error) => {
                self.connection = None;
                Err(error)
            }
        }
    }

    /// As many tries as it takes until the shop says something: not that it is away, or too busy.
    pub(crate) async fn insist(&mut self, asked: &Asked) -> Result<Answer> {
        for _ in 0..TRIES_MAX {
            match self.send(asked).await {
                Ok(answer) if !matches!(answer.status, 429 | 503 | 504) => return Ok(answer),
                Ok(answer) if answer.problem() == "order-given-up" => return Ok(answer),
                Ok(_) => tokio::time::sleep(4 * PAUSE).await,
                Err(_) => tokio::time::sleep(PAUSE).await,
            }
        }
        bail!("{} {} has no answer", asked.method, asked.path)
    }

    /// The same for what must succeed.
    pub(crate) async fn demand(&mut self, asked: &Asked) -> Result<Value> {
        let answer = self.insist(asked).await?;
        if (200..300).contains(&answer.status) {
            return Ok(answer.json());
        }
        bail!("{} {}: {} {}", asked.method, asked.path, answer.status, String::from_utf8_lossy(&answer.bytes))
    }

    /// Sends it, and leaves after so long, whatever comes.
    pub(crate) async fn send_and_leave(&mut self, asked: &Asked, after: Duration) {
        if tokio::time::timeout(after, self.exchange(asked)).await.is_err() {
            self.connection = None;
        }
    }

    async fn exchange(&mut self, asked: &Asked) -> Result<Answer> {
        let mut connection = match self.connection.take().filter(|connection| !connection.is_closed()) {
            Some(connection) => connection,
            None => connect(self.address).await?,
        };
        connection.ready().await?;
        let response = connection.send_request(self.request(asked)?).await?;
        let (parts, body) = response.into_parts();
        let bytes = body.collect().await?.to_bytes();
        self.connection = Some(connection);
        Ok(Answer { status: parts.status.as_u16(), headers: parts.headers, bytes })
    }

    fn request(&self, asked: &Asked) -> Result<Request<Full<Bytes>>> {
        let request = Request::builder().method(asked.method).uri(&asked.path).header("host", self.address.to_string());
        let request = request.header("authorization", format!("Bearer {}", self.token));
        let request = asked.key.iter().fold(request, |request, key| request.header("idempotency-key", key));
        let request = if asked.creates { request.header("if-none-match", "*") } else { request };
        let Some(body) = &asked.body else { return Ok(request.body(Full::default())?) };
        Ok(request.header("content-type", "application/json").body(Full::from(body.to_string()))?)
    }
}

/// A new connection.
pub(crate) async fn connect(address: SocketAddr) -> Result<SendRequest<Full<Bytes>>> {
    let stream = TcpStream::connect(address).await?;
    stream.set_nodelay(true)?;
    let (sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
    // How it ends is seen by whoever sends next.
    tokio::spawn(connection);
    Ok(sender)
}

/// Whether a status says that something was done.
pub(crate) fn is_success(status: u16) -> bool {
    StatusCode::from_u16(status).is_ok_and(|status| status.is_success())
}
