//! A contender: its processes, where customers go, and how they say who they are.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

use anyhow::Result;
use http::{HeaderName, HeaderValue};
use serde_json::json;

use super::client::{Client, Doors};
use super::souk::{Issuer, account};
use super::{CUSTOMERS_MAX, EXPRESS, NATIVE, SOUK, express, shelves, souk};
use crate::process::{Server, folder};

/// One way to have the shop.
pub(super) struct Contender {
    pub(super) name: &'static str,
    processes: Vec<Server>,
    pub(super) doors: Arc<Doors>,
    whose: Whose,
    /// The ids of what is sold.
    pub(super) products: Arc<[String]>,
    /// The status of an order that is paid.
    pub(super) paid: &'static str,
}

/// How somebody says who they are.
enum Whose {
    /// By a token, which is checked.
    Token(Issuer),
    /// By the field that a gateway would write, which is believed.
    Field,
}

/// Each service after those that it asks.
const SERVICES: [(&str, &[&str]); 5] = [
    ("product", &[]),
    ("customer", &[]),
    ("payment", &[]),
    ("cart", &["product"]),
    ("order", &["product", "customer", "payment", "cart"]),
];

impl Contender {
    /// The host, with the shop's own manifest. It compiles the components when it starts for the first time, and is measured as it runs from
    /// the second start on. What it took the first time, in MiB, is told beside it.
    pub(super) async fn souk() -> Result<(Self, f64)> {
        let prepared = souk::prepare(&folder("checkout/souk")?)?;
        let first = prepared.start()?;
        let first_mib = first.memory_mib()?;
        first.stop()?;
        let server = prepared.start()?;
        let door = || Client::new(server.address);
        let doors = Doors { product: door(), customer: door(), cart: door(), order: door() };
        let mut souk = Self::of(SOUK, doors, Whose::Token(prepared.issuer), "paid");
        souk.processes = vec![server];
        Ok((souk.fill().await?, first_mib))
    }

    /// Five processes of this program.
    pub(super) async fn native() -> Result<Self> {
        let servers = start(&folder("checkout/native")?, "", Server::native_service)?;
        let mut native = Self::of(NATIVE, Doors::of(&servers), Whose::Field, "paid");
        native.processes = servers;
        native.fill().await
    }

    /// Five processes of Node, where that is installed.
    pub(super) async fn express() -> Result<Option<Self>> {
        if let Err(reason) = express::install() {
            eprintln!("without {EXPRESS}: {reason:#}");
            return Ok(None);
        }
        let servers = start(&folder("checkout/express")?, "http://", Server::express)?;
        let mut express = Self::of(EXPRESS, Doors::of(&servers), Whose::Field, "confirmed");
        express.processes = servers;
        express.products = express::seed(&express.doors).await?;
        Ok(Some(express))
    }

    fn of(name: &'static str, doors: Doors, whose: Whose, paid: &'static str) -> Self {
        Self { name, processes: Vec::new(), doors: Arc::new(doors), whose, products: Arc::default(), paid }
    }

    async fn fill(mut self) -> Result<Self> {
        self.products = shelves::fill(&self.doors, &self.identity("admin", &["admin"])).await?;
        for number in 1..=CUSTOMERS_MAX {
            shelves::introduce(&self.doors, &self.customer(number)).await?;
        }
        Ok(self)
    }

    /// What a customer's requests carry, who come from 1 to [`CUSTOMERS_MAX`].
    pub(super) fn customer(&self, number: usize) -> (HeaderName, HeaderValue) {
        self.identity(&format!("account-{number}"), &["customer"])
    }

    fn identity(&self, subject: &str, roles: &[&str]) -> (HeaderName, HeaderValue) {
        let (name, value) = match &self.whose {
            Whose::Token(issuer) => ("authorization", format!("Bearer {}", issuer.token(subject, roles))),
            Whose::Field => {
                // Express has no issuers.
                let account = if self.name == EXPRESS { subject.to_owned() } else { account(subject) };
                ("souk-caller", json!({"sub": account, "roles": roles, "scopes": []}).to_string())
            }
        };
        (HeaderName::from_static(name), HeaderValue::try_from(value).expect("tokens and JSON of ASCII are printable"))
    }

    /// Resident memory of all its processes.
    pub(super) fn memory_mib(&self) -> Result<f64> {
        self.processes.iter().map(Server::memory_mib).sum()
    }

    /// The same, with what they have in common counted once.
    pub(super) fn share_of_memory_mib(&self) -> Option<f64> {
        self.processes.iter().map(Server::share_of_memory_mib).sum()
    }

    /// What all its processes have computed so far.
    pub(super) fn cpu_seconds(&self) -> Result<f64> {
        self.processes.iter().map(Server::cpu_seconds).sum()
    }
}

impl Doors {
    fn of(servers: &[Server]) -> Self {
        let door = |name| {
            let place = SERVICES.iter().position(|(service, _)| *service == name).expect("it is one of them");
            Client::new(servers[place].address)
        };
        Self { product: door("product"), customer: door("customer"), cart: door("cart"), order: door("order") }
    }
}

/// Starts the five, each with the addresses of those that it asks.
fn start(folder: &Path, scheme: &str, one: impl Fn(&str, &Path, &[String]) -> Result<Server>) -> Result<Vec<Server>> {
    let mut servers: Vec<Server> = Vec::new();
    for (name, asks) in SERVICES {
        let address = |peer: &str| -> SocketAddr {
            let place = SERVICES.iter().position(|(service, _)| *service == peer);
            servers[place.expect("it is one of them")].address
        };
        let peers: Vec<String> = asks.iter().map(|peer| format!("{peer}={scheme}{}", address(peer))).collect();
        let server = one(name, folder, &peers)?;
        servers.push(server);
    }
    Ok(servers)
}
