//! Who is at the other end: the address of the connection, or what proxies that the manifest names say about it.
//!
//! `Forwarded` (RFC 7239), else `X-Forwarded-For`, is read from the right, where the nearest proxy wrote: past those that are named, to the first
//! address that is not. Anything further left was written by whoever sent it. From anybody but a named proxy these fields do not
//! reach a component: it might believe them.

use crate::handler::Peer;
use http::{HeaderMap, HeaderName, HeaderValue, Request};
use ipnet::IpNet;
use std::net::{IpAddr, SocketAddr};

const FORWARDED: HeaderName = HeaderName::from_static("forwarded");
const X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");

/// The field that tells a component the address of the client, if the manifest wants it to know.
const CLIENT: HeaderName = HeaderName::from_static("souk-client");

/// Who sent a request.
pub(super) struct Client {
    /// None for a request without a connection.
    pub(super) address: Option<IpAddr>,
    /// Whether it came from anybody but a named proxy.
    is_stranger: bool,
}

/// Finds out who sent a request.
pub(super) fn identify<B>(request: &Request<B>, proxies: &[IpNet]) -> Client {
    let peer = request.extensions().get::<Peer>().map(|peer| peer.0.ip().to_canonical());
    let is_proxy = |address: &IpAddr| proxies.iter().any(|network| network.contains(address));
    let Some(mut client) = peer.filter(is_proxy) else { return Client { address: peer, is_stranger: true } };
    // As far as addresses can be read and are proxies themselves, and one further.
    for address in said(request.headers()).into_iter().rev().map_while(|address| address) {
        client = address;
        if !is_proxy(&address) {
            break;
        }
    }
    Client { address: Some(client), is_stranger: false }
}

impl Client {
    /// Tells a component the address.
    pub(super) fn tell(&self, headers: &mut HeaderMap) {
        let address = self.address.map(|address| HeaderValue::try_from(address.to_string()));
        if let Some(Ok(address)) = address {
            headers.insert(CLIENT, address);
        }
    }

    /// Whether a field must not reach a component: it says who the client is, and a stranger wrote it. An underscore counts as a hyphen,
    /// since a component's framework may think so; nobody's proxy writes it like that.
    pub(super) fn made_up(&self, name: &HeaderName) -> bool {
        let says_who = |name: &str| name.starts_with("x-forwarded") || name == "x-real-ip";
        match name.as_str() {
            "forwarded" => self.is_stranger,
            name if name.starts_with("x_") || name.starts_with("x-") => {
                (self.is_stranger && says_who(name)) || (name.contains('_') && says_who(&name.replace('_', "-")))
            }
            _ => false,
        }
    }
}

/// What the fields say, from the client to the nearest proxy; none for what is no address.
fn said(headers: &HeaderMap) -> Vec<Option<IpAddr>> {
    let has_standard = headers.contains_key(FORWARDED);
    let field = if has_standard { FORWARDED } else { X_FORWARDED_FOR };
    let elements = headers.get_all(field).iter().flat_map(|value| value.to_str().unwrap_or("?").split(','));
    elements.map(|element| address(if has_standard { of_forwarded(element)? } else { element.trim() })).collect()
}

/// The value of `for` in one element of `Forwarded`.
fn of_forwarded(element: &str) -> Option<&str> {
    element.split(';').find_map(|pair| {
        let (name, value) = pair.trim().split_once('=')?;
        name.eq_ignore_ascii_case("for").then(|| value.trim_matches('"'))
    })
}

/// An address, with a port behind it or not; IPv6 in brackets then.
fn address(text: &str) -> Option<IpAddr> {
    let bare = text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(text);
    let parsed = bare.parse().ok().or_else(|| text.parse::<SocketAddr>().ok().map(|address| address.ip()));
    parsed.map(|address: IpAddr| address.to_canonical())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(peer: &str, fields: &[(&str, &str)]) -> Request<()> {
        let mut request = Request::new(());
        request.extensions_mut().insert(Peer(peer.parse().unwrap()));
        for (name, value) in fields {
            request.headers_mut().append(HeaderName::try_from(*name).unwrap(), value.parse().unwrap());
        }
        request
    }

    fn with_host(mut request: Request<()>) -> Request<()> {
        request.headers_mut().insert("host", "shop.test".parse().unwrap());
        request
    }

    fn client(peer: &str, fields: &[(&str, &str)]) -> String {
        let proxies = ["10.0.0.0/8".parse().unwrap(), "2001:db8::/32".parse().unwrap()];
        identify(&request(peer, fields), &proxies).address.unwrap().to_string()
    }

    #[test]
    fn only_named_proxies_are_believed() {
        let forged = [
            ("X-Forwarded-For", "192.0.2.9"),
            ("forwarded", "for=192.0.2.9"),
            ("X-REAL-IP", "192.0.2.9"),
            ("x_forwarded_for", "192.0.2.9"),
            ("X_Forwarded-For", "192.0.2.9"),
            ("X-Real_IP", "192.0.2.9"),
        ];
        assert_eq!(client("198.51.100.1:80", &forged), "198.51.100.1");
        let request = request("198.51.100.1:80", &forged);
        let client = identify(&request, &[]);
        let request = crate::gateway::head::admit(with_host(request), |name| client.made_up(name)).unwrap();
        assert_eq!(request.headers().keys().collect::<Vec<_>>(), ["host"], "{:?}", request.headers());
    }

    #[test]
    fn not_even_a_proxy_writes_fields_with_underscores() {
        let request = request("10.0.0.1:80", &[("x-forwarded-for", "192.0.2.1"), ("x_forwarded_for", "192.0.2.9")]);
        let client = identify(&request, &["10.0.0.0/8".parse().unwrap()]);
        assert!(!client.made_up(&HeaderName::from_static("x-forwarded-for")));
        assert!(client.made_up(&HeaderName::from_static("x_forwarded_for")));
        assert!(!client.made_up(&HeaderName::from_static("x_other_thing")));
    }

    #[test]
    fn the_last_address_that_is_no_proxy_is_the_client() {
        for (fields, expected) in [
            (vec![("x-forwarded-for", "192.0.2.1")], "192.0.2.1"),
            (vec![("x-forwarded-for", "203.0.113.5, 192.0.2.1, 10.1.1.1")], "192.0.2.1"),
            (vec![("x-forwarded-for", "203.0.113.5"), ("x-forwarded-for", "192.0.2.1")], "192.0.2.1"),
            (vec![("x-forwarded-for", "192.0.2.1:4711")], "192.0.2.1"),
            (vec![("x-forwarded-for", "192.0.2.1, unknown, 10.1.1.1")], "10.1.1.1"),
            (vec![("x-forwarded-for", "10.1.1.1, 10.1.1.2")], "10.1.1.1"),
            (vec![("forwarded", "for=203.0.113.5, For=\"[2001:db9::17]:4711\";proto=https")], "2001:db9::17"),
            (vec![("forwarded", "for=192.0.2.1"), ("x-forwarded-for", "203.0.113.5")], "192.0.2.1"),
            (vec![("forwarded", "proto=https")], "10.0.0.1"),
            (vec![("x-forwarded-for", "")], "10.0.0.1"),
            (vec![], "10.0.0.1"),
        ] {
            assert_eq!(client("10.0.0.1:80", &fields), expected, "{fields:?}");
        }
        assert_eq!(client("[::ffff:10.0.0.1]:80", &[("x-forwarded-for", "::ffff:192.0.2.1")]), "192.0.2.1");
    }
}
