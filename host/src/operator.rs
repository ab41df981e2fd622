//! How a command reaches the host that runs on its data folder: an address and a token, in a file that only this user can read.
//!
//! A host writes them anew when it starts. Whoever can read the data folder is its operator: there lie the databases and the keys.

use crate::private;
use bytes::Bytes;
use http::header::{AUTHORIZATION, CONTENT_TYPE, HOST, HeaderMap};
use http::{Request, Response};
use http_body_util::{BodyExt, Full, Limited};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use ring::digest::{SHA256, digest};
use ring::rand::{SecureRandom, SystemRandom};
use serde::{Deserialize, Serialize};
use std::fmt::Write as _;
use std::fs::OpenOptions;
use std::io::{self, Write};
use std::net::SocketAddr;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::time::Duration;
use tokio::net::TcpStream;

const FILE: &str = "operator.json";
const PART: &str = "operator.json.part";

/// How long a command waits for the host: a password may wait its turn behind others.
const ANSWER_MAX: Duration = Duration::from_secs(30);

/// Bytes of an answer that a command reads.
const ANSWER_BYTES_MAX: usize = 1 << 20;

/// What opens the operator's listener.
#[derive(Clone, Serialize, Deserialize)]
pub struct Pass {
    address: SocketAddr,
    token: String,
}

/// Why the host could not be asked.
#[derive(Debug, thiserror::Error)]
pub enum AskError {
    /// Nobody has written the file, or nobody listens any more.
    #[error("no host runs on this data folder: start one with `souk up`, or name its folder with --data")]
    NoHost,
    /// The file, the connection.
    #[error("the host can't be asked: {0}")]
    System(#[from] io::Error),
    /// It did not answer as HTTP has it, or not in time.
    #[error("the host can't be asked: {0}")]
    Answer(String),
}

impl Pass {
    /// Makes one for the operator's listener at this address, and writes it into the data folder.
    pub fn issue(data: &Path, address: SocketAddr) -> io::Result<Self> {
        let mut secret = [0; 32];
        SystemRandom::new().fill(&mut secret).map_err(|_| io::Error::other("the system has no random numbers"))?;
        let token = secret.iter().fold(String::new(), |mut text, byte| {
            write!(text, "{byte:02x}").expect("a text takes any text");
            text
        });
        let pass = Self { address, token };
        private::make_folder(data)?;
        let part = data.join(PART);
        let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&part)?;
        file.write_all(&serde_json::to_vec(&pass)?)?;
        std::fs::rename(part, data.join(FILE))?;
        Ok(pass)
    }

    /// That of the host that runs on this data folder.
    pub fn read(data: &Path) -> Result<Self, AskError> {
        let text = std::fs::read(data.join(FILE)).map_err(|error| match error.kind() {
            io::ErrorKind::NotFound => AskError::NoHost,
            _ => AskError::System(error),
        })?;
        serde_json::from_slice(&text).map_err(|error| AskError::System(error.into()))
    }

    /// Whether a request carries it. Digests are compared: how long that takes tells nothing of the token.
    pub fn is_on(&self, headers: &HeaderMap) -> bool {
        let sent = headers.get(AUTHORIZATION).and_then(|field| field.to_str().ok()?.strip_prefix("Bearer "));
        let of = |token: &str| digest(&SHA256, token.as_bytes());
        sent.is_some_and(|sent| of(sent).as_ref() == of(&self.token).as_ref())
    }

    /// Posts a JSON document to the operator's listener.
    pub async fn post(&self, path: &str, document: &serde_json::Value) -> Result<Response<Bytes>, AskError> {
        let asked = tokio::time::timeout(ANSWER_MAX, self.ask(path, document)).await;
        asked.unwrap_or_else(|_| Err(AskError::Answer("it did not answer in time".to_owned())))
    }

    async fn ask(&self, path: &str, document: &serde_json::Value) -> Result<Response<Bytes>, AskError> {
        let stream = TcpStream::connect(self.address).await.map_err(|error| match error.kind() {
            io::ErrorKind::ConnectionRefused => AskError::NoHost,
            _ => AskError::System(error),
        })?;
        let answer = |error: hyper::Error| AskError::Answer(error.to_string());
        let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await.map_err(answer)?;
        let request = Request::post(path)
            .header(HOST, self.address.to_string())
            .header(AUTHORIZATION, format!("Bearer {}", self.token))
            .header(CONTENT_TYPE, "application/json")
            .body(Full::new(Bytes::from(document.to_string())))
            .map_err(|error| AskError::Answer(error.to_string()))?;
        tokio::spawn(connection);
        let (head, body) = sender.send_request(request).await.map_err(answer)?.into_parts();
        let body = Limited::new(body, ANSWER_BYTES_MAX).collect().await;
        let body = body.map_err(|error| AskError::Answer(error.to_string()))?.to_bytes();
        Ok(Response::from_parts(head, body))
    }
}
