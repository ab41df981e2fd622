//! The shop: its host as a process that is killed and started again, what is in stock, and who may do what.

use std::collections::BTreeMap;
use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result, bail, ensure};
use fastrand::Rng;
use ring::rand::SystemRandom;
use serde_json::json;
use souk_identity::keys::Keys;
use souk_identity::sign::{Grant, Signer};
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};

use crate::connection::{Asked, Client};
use crate::operator::Operator;

const ISSUER: &str = "https://soak.example/";

/// The shop's own name, for which tokens are meant: the default of `spin.toml`.
const AUDIENCE: &str = "http://127.0.0.1:3000";

/// Few products, so that many want the same.
const PRODUCTS: usize = 12;

/// Some are nearly sold out from the beginning.
const STOCK_MAX: i64 = 400;

/// More than a run takes.
const TOKEN_LIFETIME_S: u32 = 3_600;

/// A host that serves the shop.
pub(crate) struct Shop {
    folder: PathBuf,
    manifest: PathBuf,
    signer: Arc<Signer>,
    address: SocketAddr,
    has_demo: bool,
    process: Child,
    /// What was in stock at the beginning, by product.
    pub(crate) initial: BTreeMap<String, i64>,
}

impl Shop {
    /// Starts it in an empty folder, with the goods of the demo or with none.
    pub(crate) async fn open(folder: &Path, has_demo: bool) -> Result<Self> {
        if folder.exists() {
            std::fs::remove_dir_all(folder)?;
        }
        std::fs::create_dir_all(folder)?;
        let folder = folder.canonicalize()?;
        let keys = Arc::new(Keys::generate(&SystemRandom::new())?);
        std::fs::write(folder.join("keys.json"), keys.public_set(now_s()))?;
        let manifest = folder.join("spin.toml");
        std::fs::write(&manifest, manifest_of(&std::fs::read_to_string("spin.toml")?)?)?;
        // The same address again after a kill, as an operator has it.
        let address = TcpListener::bind("127.0.0.1:0")?.local_addr()?;
        let process = start(&manifest, &folder, address, has_demo).await?;
        let signer = Arc::new(Signer::new(ISSUER, AUDIENCE, keys)?);
        Ok(Self { folder, manifest, signer, address, has_demo, process, initial: BTreeMap::new() })
    }

    /// Where it serves.
    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Its manifest, with paths that hold everywhere.
    pub(crate) fn manifest(&self) -> &Path {
        &self.manifest
    }

    /// Whoever runs it.
    pub(crate) fn operator(&self) -> Operator {
        Operator::of(&self.folder.join("data"))
    }

    /// The id of its process.
    pub(crate) fn process_id(&self) -> Result<u32> {
        self.process.id().context("the host has ended")
    }

    /// A client of somebody with these roles.
    pub(crate) fn client(&self, subject: &str, roles: &[&str]) -> Client {
        Client::new(self.address, &self.token(subject, roles))
    }

    /// The token of somebody with these roles.
    pub(crate) fn token(&self, subject: &str, roles: &[&str]) -> String {
        let grant = Grant { subject, client: "soak", roles, scopes: &[], family: subject, id: subject };
        let token = self.signer.sign(&grant, now_s(), TOKEN_LIFETIME_S, &SystemRandom::new());
        token.expect("a token can be signed")
    }

    /// Who keeps the shop.
    pub(crate) fn admin(&self) -> Client {
        self.client("admin", &["admin"])
    }

    /// Who fills the shelves, and what is there to be filled.
    pub(crate) fn merchant(&self) -> (Client, Vec<String>) {
        (self.client("merchant", &["merchant"]), self.products())
    }

    /// The ids of what is sold.
    pub(crate) fn products(&self) -> Vec<String> {
        self.initial.keys().cloned().collect()
    }

    /// What the gateway calls somebody.
    pub(crate) fn account(subject: &str) -> String {
        format!("{ISSUER}|{subject}")
    }

    /// Fills the shelves for the first time.
    pub(crate) async fn stock(&mut self, rng: &mut Rng) -> Result<()> {
        let mut admin = self.admin();
        admin.demand(&Asked::post("/api/v1/categories", json!({"slug": "soak", "name": "Soak"}))).await?;
        for number in 0..PRODUCTS {
            let stock = if number == 0 { 1 } else { rng.i64(1..=STOCK_MAX) };
            self.sell(&number.to_string(), rng.i64(1..=10_000), stock).await?;
        }
        Ok(())
    }

    /// A new product; its id.
    pub(crate) async fn sell(&mut self, name: &str, amount: i64, stock: i64) -> Result<String> {
        let body = json!({
            "sku": format!("SOAK-{name}"), "name": format!("Thing {name}"), "category": "soak",
            "price": {"amount": amount, "currency": "EUR"}, "status": "published", "stock": stock,
        });
        let product = self.admin().demand(&Asked::post("/api/v1/products", body)).await?;
        let id = product["id"].as_str().context("a product has an id")?.to_owned();
        self.initial.insert(id.clone(), stock);
        Ok(id)
    }

    /// `kill -9`, and a new start on what is on the disk.
    pub(crate) async fn kill_and_start_again(&mut self) -> Result<()> {
        self.process.start_kill()?;
        self.process.wait().await?;
        self.process = start(&self.manifest, &self.folder, self.address, self.has_demo).await?;
        Ok(())
    }

    /// Ends it as an operator would.
    pub(crate) async fn stop(&mut self) -> Result<()> {
        let id = self.process_id()?;
        Command::new("kill").args(["-TERM", &id.to_string()]).status().await?;
        let status = self.process.wait().await?;
        ensure!(status.success(), "the host ended with {status}");
        Ok(())
    }
}

impl Drop for Shop {
    fn drop(&mut self) {
        // It may have ended by itself.
        drop(self.process.start_kill());
    }
}

/// Puts things on the shelves from time to time, each time once, however often it is asked. How many of each product.
pub(crate) async fn restock(
    (mut merchant, products): (Client, Vec<String>),
    mut rng: Rng,
    is_over: Arc<AtomicBool>,
) -> Result<BTreeMap<String, i64>> {
    let mut restocked = BTreeMap::new();
    while !is_over.load(Ordering::Relaxed) {
        tokio::time::sleep(Duration::from_millis(rng.u64(50..800))).await;
        let product = &products[rng.usize(1..products.len())];
        let change = rng.i64(1..20);
        let asked = Asked::post(
            format!("/api/v1/products/{product}/stock/adjustments"),
            json!({"change": change, "reason": "delivery"}),
        );
        let asked = asked.under(&format!("delivery-{}", rng.u64(..)));
        loop {
            let answer = merchant.insist(&asked).await?;
            match answer.status {
                200 | 201 => break,
                // Others were preferred; nothing was written.
                409 => {}
                status => bail!("a delivery was refused with {status}"),
            }
        }
        *restocked.entry(product.clone()).or_default() += change;
    }
    Ok(restocked)
}

/// The shop's own manifest, with an issuer that this program signs for, and without rates: its customers are more than eager.
fn manifest_of(shop: &str) -> Result<String> {
    let root = std::env::current_dir()?;
    let issuers = format!(
        "\n[[application.tool.souk.tokens.issuers]]\nissuer = \"{ISSUER}\"\nkeys = \"keys.json\"\n\
         roles = [\"admin\", \"merchant\"]\n\n[variables]\n"
    );
    let rates = "requests = 600, seconds = 60, burst = 100";
    let rates_of_sign_in = "requests = 20, seconds = 60, burst = 10";
    let unlimited = "requests = 1_000_000, seconds = 1";
    let token = "transactions_payment_token = \"tok_visa\"";
    let mut manifest = shop.to_owned();
    for (old, new) in [
        ("source = \"target/", format!("source = \"{}/target/", root.display())),
        ("demo = \"demo/", format!("demo = \"{}/demo/", root.display())),
        ("\n[variables]\n", issuers),
        (rates, unlimited.to_owned()),
        (rates_of_sign_in, unlimited.to_owned()),
        (token, format!("{token}\npayment_patience_seconds = \"8\"")),
    ] {
        ensure!(manifest.contains(old), "spin.toml has no {old:?} any more");
        manifest = manifest.replace(old, &new);
    }
    Ok(manifest)
}

async fn start(manifest: &Path, folder: &Path, address: SocketAddr, has_demo: bool) -> Result<Child> {
    let binary = std::env::var_os("SOUK_BIN").context("SOUK_BIN is not set: run cargo xtask soak")?;
    let log = std::fs::OpenOptions::new().create(true).append(true).open(folder.join("host.log"))?;
    let mut command = Command::new(binary);
    command.args(["up", "--admin", "127.0.0.1:0", "--listen", &address.to_string()]);
    command.arg("--manifest").arg(manifest).arg("--data").arg(folder.join("data")).args(has_demo.then_some("--demo"));
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(log).kill_on_drop(true);
    let mut process = command.spawn()?;
    let mut lines = BufReader::new(process.stdout.take().context("the output was piped")?).lines();
    while let Some(line) = lines.next_line().await? {
        if line.trim_start().starts_with("stop  ") {
            // Kept open: who writes to a closed one may end.
            tokio::spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });
            return Ok(process);
        }
    }
    bail!("the host did not start: see {}", folder.join("host.log").display())
}

#[expect(clippy::disallowed_methods, reason = "tokens have a time")]
fn now_s() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs()
}
