//! Whose budget a request comes out of: a policy is a size, and each component gives one of that size to each peer or caller.
//!
//! A peer is an IPv4 address or an IPv6 network of 64 bits, which is what one subscriber gets. A caller is an account, that is a subject of an
//! issuer, and who is not signed in is the peer.

use crate::manifest::Per;
use ring::digest::{SHA256, digest};
use souk_identity::token::Caller;
use std::fmt::Write;
use std::net::{IpAddr, Ipv6Addr};

/// One budget of a policy. What is not in here is shared.
#[derive(Clone, Copy, Hash, PartialEq, Eq)]
pub(in crate::gateway) struct Budget<'a> {
    /// Its index.
    pub(super) component: usize,
    /// What a peer has used as a caller is not what it has used as a peer.
    pub(super) per: Per,
    payer: Payer<'a>,
}

#[derive(Clone, Copy, Hash, PartialEq, Eq)]
enum Payer<'a> {
    Network(u128),
    Account { issuer: &'a str, subject: &'a str },
}

impl<'a> Budget<'a> {
    /// That of a peer; none stands for requests without an address, all of them together.
    pub(in crate::gateway) fn of_peer(component: usize, peer: Option<IpAddr>) -> Self {
        Self { component, per: Per::Peer, payer: Payer::Network(network(peer)) }
    }

    /// Whose it is, as a name of bounded length that shows an address and no account.
    pub(super) fn payer(&self) -> String {
        match self.payer {
            Payer::Network(bits) => Ipv6Addr::from_bits(bits).to_canonical().to_string(),
            Payer::Account { issuer, subject } => {
                let digest = digest(&SHA256, [issuer, subject].join("\0").as_bytes());
                digest.as_ref()[..16].iter().fold(String::new(), |mut name, byte| {
                    write!(name, "{byte:02x}").expect("a text takes any text");
                    name
                })
            }
        }
    }

    /// That of whoever is signed in, or of the peer if nobody is.
    pub(in crate::gateway) fn of_caller(component: usize, caller: Option<&'a Caller>, peer: Option<IpAddr>) -> Self {
        let payer = match caller {
            Some(caller) => Payer::Account { issuer: &caller.issuer, subject: &caller.subject },
            None => Payer::Network(network(peer)),
        };
        Self { component, per: Per::Caller, payer }
    }
}

/// What counts as one peer. Who has an IPv6 address has 2^64 of them.
fn network(peer: Option<IpAddr>) -> u128 {
    match peer.map(|peer| peer.to_canonical()) {
        Some(IpAddr::V4(address)) => address.to_ipv6_mapped().to_bits(),
        Some(IpAddr::V6(address)) => address.to_bits() >> 64 << 64,
        None => Ipv6Addr::UNSPECIFIED.to_bits(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn caller(issuer: &str, subject: &str) -> Caller {
        Caller {
            issuer: issuer.into(),
            subject: subject.to_owned(),
            roles: Vec::new(),
            scopes: Vec::new(),
            family: None,
            key: String::new(),
            id: None,
            expires_s: 0,
        }
    }

    #[test]
    fn peers_do_not_share_a_budget_but_addresses_of_one_network_do() {
        let of = |address: &str| Budget::of_peer(0, Some(address.parse().unwrap()));
        let peers = ["192.0.2.1", "192.0.2.2", "2001:db8:0:1::1", "2001:db8:0:2::1"];
        for (one, other) in
            peers.iter().enumerate().flat_map(|(at, one)| peers[..at].iter().map(move |other| (one, other)))
        {
            assert!(of(one) != of(other), "{one} {other}");
        }
        assert!(of("192.0.2.1") == of("::ffff:192.0.2.1") && of("2001:db8:0:1::1") == of("2001:db8:0:1::2"));
    }

    #[test]
    fn an_account_has_one_budget_wherever_it_asks_from_and_in_each_component() {
        let (here, there) = (Some("192.0.2.1".parse().unwrap()), Some("192.0.2.2".parse().unwrap()));
        let (alice, other) = (caller("a", "alice"), caller("b", "alice"));
        let of = |caller, peer| Budget::of_caller(0, caller, peer);
        assert!(of(Some(&alice), here) == of(Some(&alice), there));
        assert!(of(Some(&alice), here) != of(Some(&other), here), "a subject means somebody only with its issuer");
        assert!(of(Some(&alice), here) != Budget::of_caller(1, Some(&alice), here));
        assert!(of(None, here) != of(None, there));
        assert!(of(None, here) != Budget::of_peer(0, here), "counted twice, paid twice");
        let names = [of(Some(&alice), here), of(Some(&other), here), of(None, here)].map(|budget| budget.payer());
        assert!(names[0] != names[1] && names[0].len() == 32 && !names[0].contains("alice"), "{names:?}");
        assert_eq!(names[2], "192.0.2.1");
    }
}
