//! Requests that a component sends out: to hosts that the manifest grants, and to no other.
//!
//! A request to another host is refused with `HTTP-request-denied` before a name is resolved or a socket opened.

use super::Provision;
use crate::config::{ComponentLimits, ms};
use crate::manifest::OutboundHost;
use http_body_util::BodyExt;
use std::sync::Arc;
use std::time::Duration;
use wasmtime_wasi_http::{Error, RequestOptions, Result, WasiBody, WasiHttpHooks, default_send_request};

/// The way out of one component.
pub(super) struct Outbound {
    component: Arc<str>,
    granted: Arc<[OutboundHost]>,
    limits: Arc<ComponentLimits>,
}

type Sent = Result<(http::Response<WasiBody>, Box<dyn Future<Output = Result<()>> + Send>)>;

impl Outbound {
    /// Grants what the provision says.
    pub(super) fn new(provision: &Provision) -> Self {
        Self {
            component: Arc::clone(&provision.component),
            granted: Arc::clone(&provision.outbound),
            limits: Arc::clone(&provision.limits),
        }
    }

    fn admit(&self, uri: &http::Uri) -> Result<()> {
        let scheme = uri.scheme_str().unwrap_or("https");
        let host = uri.host().unwrap_or_default();
        let port = uri.port_u16().unwrap_or(if scheme == "http" { 80 } else { 443 });
        if self.granted.iter().any(|granted| granted.allows(scheme, host, port)) {
            return Ok(());
        }
        let component = &*self.component;
        tracing::warn!(
            component,
            scheme,
            host,
            port,
            "request to a host that is not in allowed_outbound_hosts was denied"
        );
        Err(Error::HttpRequestDenied)
    }

    /// The guest may ask for shorter times than the limits, not for longer ones.
    fn options(&self, asked: Option<RequestOptions>) -> RequestOptions {
        let asked = asked.unwrap_or_default();
        let within = |asked: Option<Duration>, max: u64| Some(asked.map_or(ms(max), |asked| asked.min(ms(max))));
        let mut options = asked;
        options.connect_timeout = within(asked.connect_timeout, self.limits.outbound_connect_ms_max);
        options.first_byte_timeout = within(asked.first_byte_timeout, self.limits.outbound_idle_ms_max);
        options.between_bytes_timeout = within(asked.between_bytes_timeout, self.limits.outbound_idle_ms_max);
        options
    }
}

impl WasiHttpHooks for Outbound {
    fn send_request(
        &mut self,
        request: http::Request<WasiBody>,
        options: Option<RequestOptions>,
        _processed: Box<dyn Future<Output = Result<()>> + Send>,
    ) -> Box<dyn Future<Output = Sent> + Send> {
        if let Err(denied) = self.admit(request.uri()) {
            return Box::new(async { Err(denied) });
        }
        let options = self.options(options);
        Box::new(async move {
            let (response, io) = default_send_request(request, Some(options)).await?;
            Ok((response.map(BodyExt::boxed_unsync), Box::new(io) as Box<dyn Future<Output = Result<()>> + Send>))
        })
    }
}
