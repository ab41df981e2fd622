//! HTTP/1 spoken by hand: what is sent is exactly what the test says, and what comes back is read without forgiving anything.

use crate::host::SOON;
use serde_json::Value;
use std::fmt::Write as _;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

/// An answer, read to its end.
#[derive(Clone, Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) fields: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

/// An open connection.
pub(crate) struct Connection {
    socket: BufReader<TcpStream>,
}

impl Connection {
    pub(crate) fn to(address: SocketAddr) -> Self {
        Self::try_to(address).unwrap()
    }

    pub(crate) fn try_to(address: SocketAddr) -> io::Result<Self> {
        let socket = TcpStream::connect_timeout(&address, SOON)?;
        socket.set_nodelay(true)?;
        socket.set_read_timeout(Some(SOON))?;
        socket.set_write_timeout(Some(SOON))?;
        Ok(Self { socket: BufReader::new(socket) })
    }

    /// Sends these bytes.
    pub(crate) fn send(&mut self, bytes: impl AsRef<[u8]>) -> io::Result<()> {
        self.socket.get_mut().write_all(bytes.as_ref())
    }

    /// Sends a request with everything that it needs, and reads the answer.
    pub(crate) fn ask(&mut self, method: &str, target: &str, fields: &[(&str, &str)], body: &[u8]) -> Answer {
        self.try_ask(method, target, fields, body).unwrap_or_else(|error| panic!("{method} {target}: {error}"))
    }

    pub(crate) fn try_ask(
        &mut self,
        method: &str,
        target: &str,
        fields: &[(&str, &str)],
        body: &[u8],
    ) -> io::Result<Answer> {
        let mut head = format!("{method} {target} HTTP/1.1\r\nhost: shop.test\r\n");
        for (name, value) in fields {
            write!(head, "{name}: {value}\r\n").unwrap();
        }
        if !body.is_empty() || ["POST", "PUT", "PATCH"].contains(&method) {
            write!(head, "content-length: {}\r\n", body.len()).unwrap();
        }
        head.push_str("\r\n");
        // A refusal may come, and the connection end, before the body is sent: then the answer is what counts.
        let sent = self.send(head).and_then(|()| self.send(body));
        self.read_answer_to(method).map_err(|error| sent.err().unwrap_or(error))
    }

    /// Reads the answer to anything but `HEAD`.
    pub(crate) fn answer(&mut self) -> Answer {
        self.read_answer_to("GET").unwrap()
    }

    pub(crate) fn read_answer_to(&mut self, method: &str) -> io::Result<Answer> {
        let (status, fields) = self.read_head()?;
        let mut answer = Answer { status, fields, body: Vec::new() };
        let nothing_follows = method == "HEAD" || matches!(status, 204 | 304);
        if answer.field("transfer-encoding") == Some("chunked") {
            assert!(answer.field("content-length").is_none(), "both framings in {answer:?}");
            while self.read_chunk(&mut answer.body)? {}
        } else if nothing_follows {
        } else if let Some(length) = answer.field("content-length") {
            answer.body = vec![0; length.parse().unwrap()];
            self.socket.read_exact(&mut answer.body)?;
        } else {
            self.socket.read_to_end(&mut answer.body)?;
        }
        Ok(answer)
    }

    /// Status and fields; the body is left where it is.
    pub(crate) fn read_head(&mut self) -> io::Result<(u16, Vec<(String, String)>)> {
        let line = self.line()?;
        let status = line.strip_prefix("HTTP/1.").and_then(|rest| rest.get(2..5)?.parse().ok());
        let status = status.ok_or_else(|| io::Error::other(format!("not a status line: {line:?}")))?;
        let mut fields = Vec::new();
        loop {
            let line = self.line()?;
            if line.is_empty() {
                return Ok((status, fields));
            }
            let (name, value) = line.split_once(':').unwrap_or_else(|| panic!("not a field: {line:?}"));
            fields.push((name.to_ascii_lowercase(), value.trim().to_owned()));
        }
    }

    /// The next chunk; whether it was not the last.
    pub(crate) fn read_chunk(&mut self, body: &mut Vec<u8>) -> io::Result<bool> {
        let line = self.line()?;
        let length =
            usize::from_str_radix(&line, 16).map_err(|_| io::Error::other(format!("not a chunk: {line:?}")))?;
        let start = body.len();
        body.resize(start + length, 0);
        self.socket.read_exact(&mut body[start..])?;
        assert_eq!(self.line()?, "", "a chunk ends with a line break");
        Ok(length > 0)
    }

    fn line(&mut self) -> io::Result<String> {
        let mut line = Vec::new();
        self.socket.read_until(b'\n', &mut line)?;
        let Some(line) = line.strip_suffix(b"\r\n") else {
            let error = format!("the connection ended at {:?}", String::from_utf8_lossy(&line));
            return Err(io::Error::new(io::ErrorKind::UnexpectedEof, error));
        };
        Ok(String::from_utf8_lossy(line).into_owned())
    }

    /// The same connection, for another thread.
    pub(crate) fn try_clone(&self) -> Self {
        Self { socket: BufReader::new(self.socket.get_ref().try_clone().unwrap()) }
    }

    /// Whether a byte comes, or the end, within this time.
    pub(crate) fn has_something_within(&mut self, time: Duration) -> bool {
        self.socket.get_ref().set_read_timeout(Some(time)).unwrap();
        let came = self.socket.fill_buf().is_ok();
        self.socket.get_ref().set_read_timeout(Some(SOON)).unwrap();
        came
    }

    /// Whatever comes until the peer ends the connection, by a reset or properly.
    pub(crate) fn rest(&mut self) -> Vec<u8> {
        let mut rest = Vec::new();
        if let Err(error) = self.socket.read_to_end(&mut rest) {
            assert_eq!(error.kind(), io::ErrorKind::ConnectionReset, "the connection stays open");
        }
        rest
    }
}

impl Answer {
    /// The value of a field that is there once at most.
    pub(crate) fn field(&self, name: &str) -> Option<&str> {
        let mut values = self.fields.iter().filter(|(known, _)| known == name);
        let value = values.next().map(|(_, value)| value.as_str());
        assert!(values.next().is_none(), "{name} is there twice: {self:?}");
        value
    }

    /// Every value of a field.
    pub(crate) fn fields(&self, name: &str) -> Vec<&str> {
        self.fields.iter().filter(|(known, _)| known == name).map(|(_, value)| value.as_str()).collect()
    }

    pub(crate) fn text(&self) -> &str {
        std::str::from_utf8(&self.body).unwrap()
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    /// Asserts that it is 200 with this text.
    #[track_caller]
    pub(crate) fn is_ok(&self, text: &str) {
        assert_eq!((self.status, self.text()), (200, text), "{self:?}");
    }

    /// Asserts that it is the host's problem of this name.
    #[track_caller]
    pub(crate) fn is_problem(&self, status: u16, name: &str) {
        let body = self.is_any_problem(status);
        assert_eq!(body["type"], format!("urn:souk:problem:{name}"), "{self:?}");
    }

    /// Asserts that it is some problem document with this status; hands it out.
    #[track_caller]
    pub(crate) fn is_any_problem(&self, status: u16) -> Value {
        assert_eq!(self.status, status, "{}", String::from_utf8_lossy(&self.body));
        assert_eq!(self.field("content-type"), Some("application/problem+json"), "{self:?}");
        let body = self.json();
        assert_eq!(body["status"], status, "{body}");
        assert!(body["title"].as_str().is_some_and(|text| !text.is_empty()), "no title in {body}");
        // RFC 9457 §4.2.1: without a type the status says it all.
        assert!(body["type"].is_null() || body["type"].as_str().is_some_and(|text| !text.is_empty()), "{body}");
        body
    }
}

/// A server that answers every request 200 and counts them.
pub(crate) struct Server {
    pub(crate) address: SocketAddr,
    requests: Arc<AtomicUsize>,
}

impl Server {
    pub(crate) fn start() -> Self {
        let socket = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let (address, requests) = (socket.local_addr().unwrap(), Arc::new(AtomicUsize::new(0)));
        let count = Arc::clone(&requests);
        // Ends with the process: nothing else would wake it up.
        std::thread::spawn(move || {
            for peer in socket.incoming() {
                let mut peer = BufReader::new(peer.unwrap());
                let mut line = String::from("-");
                while !line.trim().is_empty() {
                    line.clear();
                    peer.read_line(&mut line).unwrap();
                }
                count.fetch_add(1, Ordering::SeqCst);
                peer.get_mut().write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nhi").unwrap();
            }
        });
        Self { address, requests }
    }

    pub(crate) fn requests(&self) -> usize {
        self.requests.load(Ordering::SeqCst)
    }
}
