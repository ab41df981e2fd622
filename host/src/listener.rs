//! Connections: accepted within a limit, spoken to in HTTP/1.1 or HTTP/2 as the client chooses, ended when they are too
//! slow, and drained when the host stops.

mod wire;

use crate::body::{self, Body};
use crate::config::{HostLimits, ms, size};
use crate::handler::{Handler, Peer};
use crate::problem::Problem;
use http::header::{CONNECTION, HeaderValue, TRANSFER_ENCODING};
use http::{Request, Response, Version};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use hyper_util::server::graceful::GracefulShutdown;
use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_util::sync::CancellationToken;
use wire::{Line, Wire};

/// Pings an HTTP/2 peer this often, and gives it as long to answer: else a peer that is gone is never noticed.
const PING: Duration = Duration::from_secs(20);

/// Pause after an error of the socket itself, such as no free descriptor: the next attempt would only fail again.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// Connections that wait in the kernel's queue, as far as its `somaxconn` allows. With the usual 128 a burst overflows it, and
/// who is not let in tries again a second later.
const BACKLOG: u32 = 4096;

/// A socket that waits for connections.
pub struct Listener {
    socket: TcpListener,
    limits: Arc<HostLimits>,
}

impl Listener {
    /// Binds the address; from here on, connections wait in the kernel's queue. Needs tokio's runtime.
    pub fn bind(address: SocketAddr, limits: &HostLimits) -> io::Result<Self> {
        let socket = if address.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
        // As the standard library does: else a restart finds the address in use by connections that are long closed.
        socket.set_reuseaddr(true)?;
        socket.bind(address)?;
        Ok(Self { socket: socket.listen(BACKLOG)?, limits: Arc::new(limits.clone()) })
    }

    /// The address, with the port that the kernel chose if it was 0.
    pub fn address(&self) -> io::Result<SocketAddr> {
        self.socket.local_addr()
    }

    /// Serves until told to stop, then lets connections end what they are at, for `drain_ms_max` at most. Answers
    /// whether all could.
    pub async fn serve<H: Handler>(self, handler: Arc<H>, stop: CancellationToken) -> bool {
        let places = Arc::new(Semaphore::new(size(self.limits.connections_max)));
        let graceful = GracefulShutdown::new();
        let builder = Arc::new(protocol(&self.limits));
        loop {
            let accepted = tokio::select! {
                accepted = self.accept(&places) => accepted,
                () = stop.cancelled() => break,
            };
            let (socket, place) = match accepted {
                Ok(accepted) => accepted,
                Err(error) => {
                    tracing::warn!(%error, "a connection could not be accepted");
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                    continue;
                }
            };
            let (handler, builder, limits) = (Arc::clone(&handler), Arc::clone(&builder), Arc::clone(&self.limits));
            let watcher = graceful.watcher();
            tokio::spawn(async move {
                converse(socket, handler, &builder, &limits, watcher).await;
                drop(place);
            });
        }
        drop(self.socket);
        tokio::time::timeout(ms(self.limits.drain_ms_max), graceful.shutdown()).await.is_ok()
    }

    /// The next connection, once there is a place for it. Until then it waits in the kernel's queue.
    async fn accept(&self, places: &Arc<Semaphore>) -> io::Result<((TcpStream, Peer), OwnedSemaphorePermit)> {
        let place = Arc::clone(places).acquire_owned().await.expect("the semaphore is never closed");
        let (socket, peer) = self.socket.accept().await?;
        Ok(((socket, Peer(peer)), place))
    }
}

fn protocol(limits: &HostLimits) -> auto::Builder<TokioExecutor> {
    let mut builder = auto::Builder::new(TokioExecutor::new());
    builder
        .http1()
        // Without a timer hyper never applies the timeout.
        .timer(TokioTimer::new())
        .header_read_timeout(ms(limits.head_ms_max))
        .max_buf_size(size(limits.head_bytes_max));
    builder
        .http2()
        .timer(TokioTimer::new())
        .max_concurrent_streams(u32::try_from(limits.streams_max).unwrap_or(u32::MAX))
        .max_header_list_size(u32::try_from(limits.head_bytes_max).unwrap_or(u32::MAX))
        .keep_alive_interval(PING)
        .keep_alive_timeout(PING);
    builder
}

/// One connection, from accept to close.
async fn converse<H: Handler>(
    (socket, peer): (TcpStream, Peer),
    handler: Arc<H>,
    builder: &auto::Builder<TokioExecutor>,
    limits: &HostLimits,
    watcher: hyper_util::server::graceful::Watcher,
) {
    // Without it the last segment of an answer waits up to 40 ms for the client's delayed acknowledgement.
    if let Err(error) = socket.set_nodelay(true) {
        return tracing::debug!(%error, "a connection was gone before it was served");
    }
    let line = Line::new();
    let wire = Wire::new(socket, Arc::clone(&line), ms(limits.write_idle_ms_max), size(limits.head_bytes_max));
    let service = service_fn({
        let line = Arc::clone(&line);
        move |mut request: Request<Incoming>| {
            request.extensions_mut().insert(peer);
            answer(request, Arc::clone(&handler), Arc::clone(&line))
        }
    });
    let conversation = watcher.watch(builder.serve_connection(TokioIo::new(wire), service).into_owned());
    // hyper's own timer starts with the first byte that tells HTTP/1.1 from HTTP/2; before that byte this one counts.
    let silent = async {
        tokio::time::sleep(ms(limits.head_ms_max)).await;
        if line.had_request() {
            std::future::pending::<()>().await;
        }
    };
    tokio::select! {
        ended = conversation => {
            if let Err(error) = ended {
                tracing::debug!(error = %error, "a connection ended early");
            }
        }
        () = silent => {}
    }
}

async fn answer<H: Handler>(
    request: Request<Incoming>,
    handler: Arc<H>,
    line: Arc<Line>,
) -> Result<Response<Body>, Infallible> {
    let _under_way = line.request();
    let chunked = request.version() == Version::HTTP_11 && request.headers().contains_key(TRANSFER_ENCODING);
    if chunked && !line.head_has_one_framing() {
        let why = "the request has both Transfer-Encoding and Content-Length";
        let mut response = Problem::MalformedRequest(why).into_response().map(body::whole);
        response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
        return Ok(response);
    }
    Ok(handler.handle(request).await)
}
