//! Against real sockets: what a server does, and what the caller learns of it.

use std::sync::{Arc, Mutex};
use std::time::Instant;

use bytes::Bytes;
use http::Request;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use super::HyperOutbound;
use crate::outbound::{Bounds, Fault, Outbound};

const BOUNDS: Bounds = Bounds { time_ms: 300, answer_bytes_max: 100 };

/// A server that reads one request to its end, notes it, and does something with the connection.
async fn server<F>(act: impl Fn(TcpStream) -> F + Send + 'static) -> (String, Arc<Mutex<String>>)
where
    F: Future<Output = ()> + Send,
{
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let seen = Arc::<Mutex<String>>::default();
    let noted = Arc::clone(&seen);
    tokio::spawn(async move {
        loop {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut text = String::new();
            while !text.ends_with("the end") {
                let mut bytes = [0; 1024];
                let count = stream.read(&mut bytes).await.unwrap();
                text.push_str(std::str::from_utf8(&bytes[..count]).unwrap());
            }
            *noted.lock().unwrap() = text;
            act(stream).await;
        }
    });
    (format!("http://{address}"), seen)
}

async fn send(url: &str) -> Result<(u16, String), Fault> {
    let request = Request::post(url).header("authorization", "Bearer hush").body(Bytes::from_static(b"the end"));
    let response = HyperOutbound.send(request.unwrap(), BOUNDS).await?;
    Ok((response.status().as_u16(), String::from_utf8(response.into_body().to_vec()).unwrap()))
}

fn is_no_answer<T>(outcome: &Result<T, Fault>) -> bool {
    matches!(outcome, Err(Fault::NoAnswer(text)) if !text.contains("hush") && !text.contains("the end"))
}

#[tokio::test]
async fn a_request_arrives_as_it_was_made_and_its_answer_comes_back() {
    let (url, seen) = server(async |mut stream: TcpStream| {
        stream.write_all(b"HTTP/1.1 402 Payment Required\r\ncontent-length: 4\r\n\r\nnone").await.unwrap();
    })
    .await;
    assert_eq!(send(&format!("{url}/a/b%20c?d=e")).await, Ok((402, "none".to_owned())));
    let seen = seen.lock().unwrap().clone();
    assert!(seen.starts_with("POST /a/b%20c?d=e HTTP/1.1\r\n"), "{seen}");
    let host = url.trim_start_matches("http://");
    for field in [&*format!("host: {host}\r\n"), "authorization: Bearer hush\r\n", "content-length: 7\r\n"] {
        assert!(seen.contains(field), "{seen}");
    }
}

#[tokio::test]
async fn a_redirect_is_an_answer() {
    let (url, _) = server(async |mut stream: TcpStream| {
        stream.write_all(b"HTTP/1.1 307 Elsewhere\r\nlocation: /\r\ncontent-length: 0\r\n\r\n").await.unwrap();
    })
    .await;
    assert_eq!(send(&url).await, Ok((307, String::new())));
}

#[tokio::test]
async fn what_nobody_takes_was_never_sent() {
    let free = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    for url in [&*format!("http://{free}"), "http://name.invalid/", "https://127.0.0.1/", "/path"] {
        let outcome = send(url).await;
        assert!(matches!(outcome, Err(Fault::NeverSent(_))), "{url}: {outcome:?}");
    }
}

#[tokio::test]
async fn a_server_that_is_not_reached_in_time_was_never_sent_anything() {
    // A queue of one connection that nobody takes: the system answers no further one.
    let socket = tokio::net::TcpSocket::new_v4().unwrap();
    socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let listener = socket.listen(1).unwrap();
    let address = listener.local_addr().unwrap();
    let mut waiting = Vec::new();
    while let Ok(Ok(stream)) =
        tokio::time::timeout(std::time::Duration::from_millis(100), TcpStream::connect(address)).await
    {
        waiting.push(stream);
    }
    let outcome = send(&format!("http://{address}")).await;
    assert_eq!(outcome, Err(Fault::NeverSent("not connected within 150 ms".to_owned())));
}

#[tokio::test]
async fn a_connection_that_is_closed_before_the_answer_or_within_it_is_no_answer() {
    let (closes, _) = server(async |stream: TcpStream| drop(stream)).await;
    let (cuts_off, _) = server(async |mut stream: TcpStream| {
        stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nno").await.unwrap();
    })
    .await;
    let (talks, _) = server(async |mut stream: TcpStream| stream.write_all(b"220 mail\r\n").await.unwrap()).await;
    for url in [closes, cuts_off, talks] {
        let outcome = send(&url).await;
        assert!(is_no_answer(&outcome), "{outcome:?}");
    }
}

#[tokio::test]
async fn time_is_counted_to_the_last_byte() {
    let (silent, _) = server(async |stream: TcpStream| {
        tokio::time::sleep(std::time::Duration::from_mins(1)).await;
        drop(stream);
    })
    .await;
    // Something comes all the time, and never all of it.
    let (drips, _) = server(async |mut stream: TcpStream| {
        stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 99\r\n\r\n").await.unwrap();
        while stream.write_all(b".").await.is_ok() {
            tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        }
    })
    .await;
    for url in [silent, drips] {
        let asked = Instant::now();
        assert_eq!(send(&url).await, Err(BOUNDS.no_answer_in_time()));
        assert!(asked.elapsed().as_secs() < 5, "300 ms are over");
    }
}

#[tokio::test]
async fn an_answer_is_as_large_as_it_may_be_and_no_larger() {
    for (bytes, is_good) in [(100, true), (101, false)] {
        let (url, _) = server(move |mut stream: TcpStream| async move {
            let body = "x".repeat(bytes);
            let answer = format!("HTTP/1.1 200 OK\r\ncontent-length: {bytes}\r\n\r\n{body}");
            stream.write_all(answer.as_bytes()).await.unwrap();
        })
        .await;
        let outcome = send(&url).await;
        assert_eq!((outcome.is_ok(), is_no_answer(&outcome)), (is_good, !is_good), "{outcome:?}");
    }
}
