//! HTTP/2 without TLS, with prior knowledge, through hyper's client.

use crate::host::SOON;
use crate::http::Answer;
use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::Request;
use hyper::client::conn::http2;
use hyper::header::HeaderValue;
use hyper_util::rt::{TokioExecutor, TokioIo};
use std::net::SocketAddr;
use tokio::net::TcpStream;

/// Sends the first request, then all others at the same time over the same connection; answers in their order.
pub(crate) fn ask(address: SocketAddr, requests: Vec<Request<Full<Bytes>>>) -> Vec<Answer> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async { tokio::time::timeout(SOON, converse(address, requests)).await.expect("answers come") })
}

async fn converse(address: SocketAddr, requests: Vec<Request<Full<Bytes>>>) -> Vec<Answer> {
    let socket = TokioIo::new(TcpStream::connect(address).await.unwrap());
    let (mut sender, connection) = http2::handshake(TokioExecutor::new(), socket).await.unwrap();
    tokio::spawn(connection);
    let mut requests = requests.into_iter();
    // Whoever has an answer knows how many streams the server allows.
    let mut answers = vec![answer(&mut sender, requests.next().unwrap()).await];
    let others: Vec<_> = requests
        .map(|request| {
            let mut sender = sender.clone();
            tokio::spawn(async move { answer(&mut sender, request).await })
        })
        .collect();
    for other in others {
        answers.push(other.await.unwrap());
    }
    answers
}

async fn answer(sender: &mut http2::SendRequest<Full<Bytes>>, request: Request<Full<Bytes>>) -> Answer {
    let (parts, body) = sender.send_request(request).await.unwrap().into_parts();
    let text = |value: &HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
    Answer {
        status: parts.status.as_u16(),
        fields: parts.headers.iter().map(|(name, value)| (name.to_string(), text(value))).collect(),
        body: body.collect().await.unwrap().to_bytes().to_vec(),
    }
}

/// A request as a client writes it.
pub(crate) fn request(method: &str, path: &str, fields: &[(&str, &str)], body: &[u8]) -> Request<Full<Bytes>> {
    let mut request = Request::builder().method(method).uri(format!("http://shop.test{path}"));
    for (name, value) in fields {
        request = request.header(*name, *value);
    }
    request.body(Full::new(Bytes::copy_from_slice(body))).unwrap()
}
