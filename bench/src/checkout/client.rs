//! HTTP with connections that stay open: what the load comes from, and how the native services call each other.
//!
//! As lean as hyper allows: no redirects, no names to resolve, no layers. A request waits for nothing but its own connection: if none is idle, one is
//! opened. As many stay open as were in use at once.

use std::net::SocketAddr;
use std::sync::{Mutex, PoisonError};

use anyhow::{Context, Result};
use bytes::Bytes;
use http::header::{CONTENT_TYPE, HOST};
use http::request::Builder;
use http::{HeaderValue, Request, Response};
use http_body_util::{BodyExt, Full};
use hyper::client::conn::http1::{self, SendRequest};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

type Connection = SendRequest<Full<Bytes>>;

/// A server, and the connections to it.
pub(super) struct Client {
    address: SocketAddr,
    host: HeaderValue,
    /// The one that was used last comes first.
    idle: Mutex<Vec<Connection>>,
}

/// Where to go: four services, or four times the gateway.
pub(super) struct Doors {
    pub(super) product: Client,
    pub(super) customer: Client,
    pub(super) cart: Client,
    pub(super) order: Client,
}

impl Client {
    pub(super) fn new(address: SocketAddr) -> Self {
        let host = HeaderValue::try_from(address.to_string()).expect("an address is printable");
        Self { address, host, idle: Mutex::default() }
    }

    /// A request with a JSON body, but for whatever else it needs.
    pub(super) fn post(&self, path: &str) -> Builder {
        Request::post(path).header(HOST, &self.host).header(CONTENT_TYPE, HeaderValue::from_static("application/json"))
    }

    /// Sends a request and receives the whole answer.
    pub(super) async fn send(&self, mut request: Request<Full<Bytes>>) -> Result<Response<Bytes>> {
        while let Some(mut connection) = self.idle() {
            // The server may have closed it; then the request comes back as it was.
            match connection.try_send_request(request).await {
                Ok(response) => return self.receive(connection, response).await,
                Err(mut error) => match error.take_message() {
                    Some(unsent) => request = unsent,
                    None => return Err(error.into_error()).context("sending"),
                },
            }
        }
        let mut connection = self.connect().await.with_context(|| format!("connecting to {}", self.address))?;
        let response = connection.send_request(request).await.context("sending")?;
        self.receive(connection, response).await
    }

    async fn receive(
        &self,
        connection: Connection,
        response: Response<hyper::body::Incoming>,
    ) -> Result<Response<Bytes>> {
        let (parts, body) = response.into_parts();
        let body = body.collect().await.context("receiving")?.to_bytes();
        self.idle.lock().unwrap_or_else(PoisonError::into_inner).push(connection);
        Ok(Response::from_parts(parts, body))
    }

    /// An open connection that has answered all it was asked.
    fn idle(&self) -> Option<Connection> {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        while let Some(connection) = idle.pop() {
            if !connection.is_closed() {
                return Some(connection);
            }
        }
        None
    }

    async fn connect(&self) -> Result<Connection> {
        let stream = TcpStream::connect(self.address).await?;
        stream.set_nodelay(true)?;
        let (sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
        // How it ends is seen by whoever sends next.
        tokio::spawn(connection);
        Ok(sender)
    }
}
