//! Calls to another process: what `function` serves, from the other end.

use std::net::SocketAddr;
use std::time::Duration;

use bytes::Bytes;
use http::StatusCode;
use http_body_util::Full;
use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::time::timeout;

use super::super::client::Client;

/// Half of what souk gives a whole request: whoever waits longer waits for somebody who is gone.
const CALL_TIMEOUT: Duration = Duration::from_secs(30);

/// Another service.
pub(super) struct Peer {
    name: &'static str,
    client: Client,
}

/// Why there is no result.
pub(super) struct NoResult {
    /// What was answered instead, if anything was.
    pub(super) status: Option<StatusCode>,
    /// For the log.
    pub(super) text: String,
}

impl Peer {
    pub(super) fn new(name: &'static str, address: SocketAddr) -> Self {
        Self { name, client: Client::new(address) }
    }

    /// Calls a function of it. Arguments are a tuple.
    pub(super) async fn call<R: DeserializeOwned>(
        &self,
        path: &str,
        arguments: &impl Serialize,
    ) -> Result<R, NoResult> {
        let nothing = |status, text| Err(NoResult { status, text: format!("{}{path}: {text}", self.name) });
        let body = serde_json::to_vec(arguments).expect("arguments serialise");
        let request = self.client.post(path).body(Full::new(Bytes::from(body))).expect("a path is a path");
        let response = match timeout(CALL_TIMEOUT, self.client.send(request)).await {
            Ok(Ok(response)) => response,
            Ok(Err(error)) => return nothing(None, format!("{error:#}")),
            Err(_) => return nothing(None, "no answer in time".to_owned()),
        };
        let (status, body) = (response.status(), response.body());
        if status != StatusCode::OK {
            return nothing(Some(status), format!("{status} {}", String::from_utf8_lossy(body)));
        }
        serde_json::from_slice(body).or_else(|error| nothing(None, error.to_string()))
    }
}
