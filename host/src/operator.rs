//! How a command reaches the host that runs on its data folder: an address and a token, in a file that only this user can read.
//!
//! A host writes them anew when it starts. Whoever can read the data folder is its operator: there lie the databases and the keys.

use crate::private;
use bytes::Bytes;
use http::header::{AUTHORIZATION, CONTENT_TYPE, HOST, HeaderMap, HeaderValue};
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

    /// That of a host at this address, with this token; what is not given is the one's that runs on this data folder.
    pub fn of(data: &Path, address: Option<SocketAddr>, token: Option<String>) -> Result<Self, AskError> {
        match (address, token) {
            (Some(address), Some(token)) => Ok(Self { address, token }),
            (address, token) => {
                let own = Self::read(data)?;
                Ok(Self { address: address.unwrap_or(own.address), token: token.unwrap_or(own.token) })
            }
        }
    }

    /// Posts a JSON document to the operator's listener.
    pub async fn post(&self, path: &str, document: &serde_json::Value) -> Result<Response<Bytes>, AskError> {
        let request = Request::post(path).header(CONTENT_TYPE, "application/json");
        self.send(request.body(Bytes::from(document.to_string())), ANSWER_MAX).await
    }

    /// Sends a request to the operator's listener, and waits for its answer so long.
    pub async fn send(
        &self,
        request: http::Result<Request<Bytes>>,
        within: Duration,
    ) -> Result<Response<Bytes>, AskError> {
        let request = request.map_err(|error| AskError::Answer(error.to_string()))?;
        let asked = tokio::time::timeout(within, self.ask(request)).await;
        asked.unwrap_or_else(|_| Err(AskError::Answer("it did not answer in time".to_owned())))
    }

    async fn ask(&self, mut request: Request<Bytes>) -> Result<Response<Bytes>, AskError> {
        let stream = TcpStream::connect(self.address).await.map_err(|error| match error.kind() {
            io::ErrorKind::ConnectionRefused => AskError::NoHost,
            _ => AskError::System(error),
        })?;
        let answer = |error: hyper::Error| AskError::Answer(error.to_string());
        let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await.map_err(answer)?;
        let field = |text: String| HeaderValue::try_from(text).map_err(|error| AskError::Answer(error.to_string()));
        request.headers_mut().insert(HOST, field(self.address.to_string())?);
        request.headers_mut().insert(AUTHORIZATION, field(format!("Bearer {}", self.token))?);
        tokio::spawn(connection);
        let (head, body) = sender.send_request(request.map(Full::new)).await.map_err(answer)?.into_parts();
        let body = Limited::new(body, ANSWER_BYTES_MAX).collect().await;
        let body = body.map_err(|error| AskError::Answer(error.to_string()))?.to_bytes();
        Ok(Response::from_parts(head, body))
    }
}

/// Who may use the operator's listener: whoever can read the data folder, and those whose tokens the environment names.
pub struct Operators(Vec<(String, Token)>);

/// The digest of a token. Digests are compared: how long that takes tells nothing of the token.
type Token = [u8; 32];

/// The name of whoever shows the pass of the data folder.
const OPERATOR: &str = "operator";

/// Names that the host uses for itself in the audit log.
const RESERVED: [&str; 3] = [OPERATOR, "probation", "watch"];

/// Characters of a token: 128 bits in hexadecimal digits have 32.
const TOKEN_CHARACTERS_MIN: usize = 32;

impl Operators {
    /// `named` is the variable `SOUK_ADMIN_TOKENS`: `name=token`, several with a comma between them. The error says what is wrong with it.
    pub fn new(pass: &Pass, named: Option<&str>) -> Result<Self, String> {
        let mut all = vec![(OPERATOR.to_owned(), digest_of(&pass.token))];
        for entry in named.unwrap_or_default().split(',').filter(|entry| !entry.is_empty()) {
            let (name, token) = entry.split_once('=').ok_or("an entry is not written name=token")?;
            let is_name = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || "-_.".contains(c);
            if name.is_empty() || name.len() > 64 || !name.chars().all(is_name) {
                return Err("a name is not 1 to 64 of a-z, 0-9, -, _ and .".to_owned());
            }
            if RESERVED.contains(&name) || all.iter().any(|(other, _)| other == name) {
                return Err(format!("the name {name} is taken"));
            }
            if token.len() < TOKEN_CHARACTERS_MIN || !token.bytes().all(|byte| byte.is_ascii_graphic()) {
                return Err(format!(
                    "the token of {name} is not {TOKEN_CHARACTERS_MIN} or more printable characters: openssl rand -hex 32 makes one"
                ));
            }
            all.push((name.to_owned(), digest_of(token)));
        }
        Ok(Self(all))
    }

    /// The name of who sent a request; none for a stranger.
    pub fn who(&self, headers: &HeaderMap) -> Option<&str> {
        let sent = headers.get(AUTHORIZATION).and_then(|field| field.to_str().ok()?.strip_prefix("Bearer "))?;
        let sent = digest_of(sent);
        self.0.iter().find(|(_, token)| *token == sent).map(|(name, _)| name.as_str())
    }
}

fn digest_of(token: &str) -> Token {
    digest(&SHA256, token.as_bytes()).as_ref().try_into().expect("SHA-256 has 32 bytes")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn operators(named: &str) -> Result<Operators, String> {
        let pass = Pass { address: ([127, 0, 0, 1], 1).into(), token: "p".repeat(64) };
        Operators::new(&pass, Some(named))
    }

    fn who(operators: &Operators, field: &str) -> Option<String> {
        let mut headers = HeaderMap::new();
        headers.insert(AUTHORIZATION, field.parse().unwrap());
        operators.who(&headers).map(str::to_owned)
    }

    #[test]
    fn an_operator_is_known_by_the_token() {
        let operators = operators(&format!("ci={},anna={}", "c".repeat(32), "a".repeat(40))).unwrap();
        for (field, expected) in [
            (format!("Bearer {}", "p".repeat(64)), Some("operator")),
            (format!("Bearer {}", "c".repeat(32)), Some("ci")),
            (format!("Bearer {}", "a".repeat(40)), Some("anna")),
            (format!("Bearer {}", "a".repeat(41)), None),
            (format!("Basic {}", "a".repeat(40)), None),
            ("Bearer ".to_owned(), None),
        ] {
            assert_eq!(who(&operators, &field).as_deref(), expected, "{field}");
        }
    }

    #[test]
    fn tokens_that_are_no_good_are_refused_without_being_told() {
        let long = "t".repeat(32);
        for bad in
            ["ci", "ci=short", "=x", &format!("probation={long}"), &format!("a={long},a={long}"), &format!("A={long}")]
        {
            let why = operators(bad).err().unwrap();
            assert!(!why.contains(&long) && !why.contains("short"), "{why}");
        }
        assert!(operators("").is_ok());
    }
}
