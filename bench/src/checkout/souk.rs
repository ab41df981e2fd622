//! souk as it is measured: the shop's own manifest, with an issuer that this program signs for, and without rates, for its customers are in a hurry.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Result, ensure};
use ring::rand::SystemRandom;
use souk_identity::keys::Keys;
use souk_identity::sign::{Grant, Signer};

use crate::clock::now_s;
use crate::process::Server;

const ISSUER: &str = "https://bench.example/";

/// The shop's own name, for which tokens are meant: the default of `spin.toml`.
const AUDIENCE: &str = "http://127.0.0.1:3000";

const MANIFEST: &str = "spin.toml";

/// More than a turn takes.
const TOKEN_LIFETIME_S: u32 = 3_600;

/// Who signs.
pub(super) struct Issuer(Signer);

/// All that it needs to start.
pub(super) struct Prepared {
    folder: PathBuf,
    pub(super) issuer: Issuer,
}

/// Puts it into an empty folder.
pub(super) fn prepare(folder: &Path) -> Result<Prepared> {
    let keys = Arc::new(Keys::generate(&SystemRandom::new())?);
    std::fs::write(folder.join("keys.json"), keys.public_set(now_s()))?;
    std::fs::write(folder.join(MANIFEST), manifest_of(&std::fs::read_to_string(MANIFEST)?)?)?;
    let issuer = Issuer(Signer::new(ISSUER, AUDIENCE, keys)?);
    Ok(Prepared { folder: folder.to_owned(), issuer })
}

impl Prepared {
    /// Starts it.
    pub(super) fn start(&self) -> Result<Server> {
        Server::host_of(&self.folder.join(MANIFEST), &self.folder.join("data"))
    }
}

/// What the gateway calls somebody, and everybody else with it.
pub(super) fn account(subject: &str) -> String {
    format!("{ISSUER}|{subject}")
}

impl Issuer {
    /// Who somebody is, signed.
    pub(super) fn token(&self, subject: &str, roles: &[&str]) -> String {
        let grant = Grant { subject, client: "bench", roles, scopes: &[], family: subject, id: subject };
        self.0.sign(&grant, now_s(), TOKEN_LIFETIME_S, &SystemRandom::new()).expect("a token can be signed")
    }
}

fn manifest_of(shop: &str) -> Result<String> {
    let root = std::env::current_dir()?;
    let issuers = format!(
        "\n[[application.tool.souk.tokens.issuers]]\nissuer = \"{ISSUER}\"\nkeys = \"keys.json\"\n\
         roles = [\"admin\"]\n\n[variables]\n"
    );
    let mut manifest = shop.to_owned();
    for (old, new) in [
        ("source = \"target/", format!("source = \"{}/target/", root.display())),
        ("demo = \"demo/", format!("demo = \"{}/demo/", root.display())),
        ("\n[variables]\n", issuers),
        (
            "rates.change = { requests = 600, seconds = 60, burst = 100 }",
            "rates.change = { requests = 1_000_000, seconds = 1 }".to_owned(),
        ),
    ] {
        ensure!(manifest.contains(old), "spin.toml has no {old:?} any more");
        manifest = manifest.replace(old, &new);
    }
    Ok(manifest)
}
