//! Events that the gateway sends, signed: HMAC-SHA256 over `<t>.<body>`. By hand over a socket, so that any test can wait for it.

use std::fmt::Write as _;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use super::WEBHOOK_SECRET;

/// How long the receiver may take.
const TIME: Duration = Duration::from_secs(30);

pub(super) fn send(url: &str, body: &str, at_s: i64) -> u16 {
    let (authority, path) = url.strip_prefix("http://").unwrap().split_once('/').unwrap();
    let signature = sign(body, at_s);
    let mut stream = TcpStream::connect(authority).unwrap();
    stream.set_read_timeout(Some(TIME)).unwrap();
    let head = format!(
        "POST /{path} HTTP/1.1\r\nhost: {authority}\r\nconnection: close\r\ncontent-type: application/json\r\n\
         content-length: {}\r\npayment-signature: {signature}\r\n\r\n",
        body.len()
    );
    stream.write_all(format!("{head}{body}").as_bytes()).unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).unwrap();
    let answer = String::from_utf8_lossy(&answer);
    answer.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap_or_else(|| panic!("no answer: {answer}"))
}

fn sign(body: &str, at_s: i64) -> String {
    let mut hmac = Hmac::<Sha256>::new_from_slice(WEBHOOK_SECRET.as_bytes()).unwrap();
    hmac.update(format!("{at_s}.{body}").as_bytes());
    let mut field = format!("t={at_s},v1=");
    for byte in hmac.finalize().into_bytes() {
        write!(field, "{byte:02x}").unwrap();
    }
    field
}
