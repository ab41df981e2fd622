//! Requests out of a process: hyper's client, a connection for each. Without TLS: who needs it runs the component, whose host has it.

use std::time::Duration;

use bytes::Bytes;
use http::header::HOST;
use http::uri::Scheme;
use http::{HeaderValue, Uri};
use http_body_util::Full;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio::time::timeout;

use crate::outbound::{Answer, Bounds, Fault, Outbound, Request, Response, whole};

/// hyper's way out. Of any host: there is no manifest that grants some.
pub struct HyperOutbound;

impl Outbound for HyperOutbound {
    fn send(&self, request: Request, bounds: Bounds) -> Answer<'_> {
        Box::pin(async move {
            let answer = timeout(milliseconds(bounds.time_ms), exchange(request, bounds)).await;
            answer.unwrap_or_else(|_| Err(bounds.no_answer_in_time()))
        })
    }
}

async fn exchange(request: Request, bounds: Bounds) -> Result<Response, Fault> {
    let never_sent = |reason: &dyn ToString| Fault::NeverSent(reason.to_string());
    let request = addressed(request)?;
    let stream = timeout(milliseconds(bounds.connect_ms()), TcpStream::connect(&request.address)).await;
    let stream = stream.map_err(|_| Fault::NeverSent(format!("not connected within {} ms", bounds.connect_ms())))?;
    let stream = stream.map_err(|error| never_sent(&error))?;
    stream.set_nodelay(true).map_err(|error| never_sent(&error))?;
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await.map_err(|error| never_sent(&error))?;
    // Gone with this call, however that ends.
    let mut driver = JoinSet::new();
    driver.spawn(connection);
    let response = sender.send_request(request.request).await;
    whole(response.map_err(|error| Fault::NoAnswer(error.to_string()))?, bounds).await
}

/// A request as it goes over a connection, and where to.
struct Addressed {
    address: String,
    request: http::Request<Full<Bytes>>,
}

/// hyper wants the target as it stands on the wire, and the field `Host` from its caller.
fn addressed(mut request: Request) -> Result<Addressed, Fault> {
    let uri = std::mem::take(request.uri_mut());
    let authority = uri.authority().ok_or_else(|| Fault::NeverSent("the URL has no host".to_owned()))?;
    if uri.scheme() != Some(&Scheme::HTTP) {
        return Err(Fault::NeverSent("without a component only http is spoken".to_owned()));
    }
    let host = HeaderValue::try_from(authority.as_str()).expect("an authority is printable");
    let address = format!("{}:{}", authority.host(), authority.port_u16().unwrap_or(80));
    let path = uri.path_and_query().cloned();
    *request.uri_mut() = path.map_or_else(|| Uri::from_static("/"), Uri::from);
    request.headers_mut().insert(HOST, host);
    Ok(Addressed { address, request: request.map(Full::new) })
}

fn milliseconds(ms: u32) -> Duration {
    Duration::from_millis(ms.into())
}

#[cfg(test)]
mod tests;
