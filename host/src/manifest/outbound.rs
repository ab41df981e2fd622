//! Hosts that a component may send requests to: `allowed_outbound_hosts`, in Spin's notation.
//!
//! `https://api.example.com`, `http://127.0.0.1:9000`, `https://*.example.com:*`, `*://*:*`. Without a port, the scheme's own.

use std::fmt;

/// One granted host, or a family of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OutboundHost {
    scheme: Option<String>,
    host: Host,
    port: Option<u16>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Host {
    Any,
    /// The domain with a dot before it.
    Below(String),
    Exactly(String),
}

impl OutboundHost {
    /// Reads a pattern. The error says what is wrong with it.
    pub fn parse(text: &str) -> Result<Self, &'static str> {
        let (scheme, rest) = text.split_once("://").ok_or("has no scheme")?;
        let scheme = match scheme {
            "*" => None,
            "http" | "https" => Some(scheme.to_owned()),
            _ => return Err("has a scheme other than http, https or *"),
        };
        let rest = rest.strip_suffix('/').unwrap_or(rest);
        if rest.contains(['/', '?', '#', '@']) {
            return Err("has more than scheme, host and port");
        }
        let (host, port) = split_port(rest);
        let port = match (port, scheme.as_deref()) {
            (Some("*"), _) => None,
            (Some(port), _) => Some(port.parse().map_err(|_| "has a port that is not a number")?),
            (None, Some("http")) => Some(80),
            (None, Some(_)) => Some(443),
            (None, None) => return Err("needs a port, since it has no scheme"),
        };
        Ok(Self { scheme, host: Host::parse(host)?, port })
    }

    /// Whether a request to there is granted.
    pub fn allows(&self, scheme: &str, host: &str, port: u16) -> bool {
        self.scheme.as_deref().is_none_or(|granted| granted == scheme)
            && self.port.is_none_or(|granted| granted == port)
            && self.host.matches(&host.to_ascii_lowercase())
    }
}

impl Host {
    fn parse(text: &str) -> Result<Self, &'static str> {
        let text = text.to_ascii_lowercase();
        match text.strip_prefix('*') {
            Some("") => Ok(Self::Any),
            Some(below) if below.len() > 1 && below.starts_with('.') && !below.contains('*') => {
                Ok(Self::Below(below.to_owned()))
            }
            Some(_) => Err("has a * that is not a whole first label"),
            None if text.is_empty() => Err("has no host"),
            None if text.contains('*') => Err("has a * that is not a whole first label"),
            None => Ok(Self::Exactly(text)),
        }
    }

    fn matches(&self, host: &str) -> bool {
        match self {
            Self::Any => true,
            Self::Below(domain) => host.len() > domain.len() && host.ends_with(domain.as_str()),
            Self::Exactly(granted) => host == granted,
        }
    }
}

/// Splits `host:port`, leaving an IPv6 address in its brackets whole.
fn split_port(authority: &str) -> (&str, Option<&str>) {
    match authority.rfind(':') {
        Some(colon) if !authority[colon..].contains(']') => (&authority[..colon], Some(&authority[colon + 1..])),
        _ => (authority, None),
    }
}

impl fmt::Display for OutboundHost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let host = match &self.host {
            Host::Any => "*".to_owned(),
            Host::Below(domain) => format!("*{domain}"),
            Host::Exactly(host) => host.clone(),
        };
        let port = self.port.map_or_else(|| "*".to_owned(), |port| port.to_string());
        write!(f, "{}://{host}:{port}", self.scheme.as_deref().unwrap_or("*"))
    }
}
