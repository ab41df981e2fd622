//! What the contender on Node needs: Node itself, its packages, and something to sell. Where one can't be had, there is a reason for the reader.

use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;

use anyhow::{Context, Result, bail, ensure};
use serde_json::json;

use super::client::Doors;
use super::{CUSTOMERS_MAX, PRODUCTS, STOCK, shelves};

/// The oldest Node that it runs on.
const NODE_MIN: [u32; 3] = [20, 18, 1];

/// The one package that is compiled or downloaded ready-made, and comes last.
const DRIVER: &str = "bench/express/node_modules/better-sqlite3/build/Release/better_sqlite3.node";

/// Where the headers of Node are that come with a system's packages.
const SYSTEM_HEADERS: (&str, &str) = ("/usr", "/usr/include/node/node.h");

/// Makes sure that it can be started.
pub(super) fn install() -> Result<()> {
    let version = Command::new("node").arg("--version").output().context("node can't be started")?;
    let version = String::from_utf8_lossy(&version.stdout).trim().to_owned();
    let numbers: Vec<u32> = version.trim_start_matches('v').split('.').map_while(|part| part.parse().ok()).collect();
    ensure!(numbers[..] >= NODE_MIN[..], "node is {version}, and must be {NODE_MIN:?} or newer");
    if Path::new(DRIVER).exists() {
        return Ok(());
    }
    eprintln!("npm ci in bench/express, which takes minutes where the driver has to be compiled");
    let mut npm = Command::new("npm");
    npm.arg("ci").current_dir("bench/express").stdout(Stdio::null());
    if Path::new(SYSTEM_HEADERS.1).exists() {
        npm.env("npm_config_nodedir", SYSTEM_HEADERS.0);
    }
    let status = npm.status().context("npm can't be started")?;
    if !status.success() || !Path::new(DRIVER).exists() {
        bail!("npm ci ended with {status}");
    }
    Ok(())
}

/// Products and accounts, which it makes itself. The ids of the products.
pub(super) async fn seed(doors: &Doors) -> Result<Arc<[String]>> {
    shelves::demand(&doors.product, "/seed", None, &json!({"products": PRODUCTS, "stock": STOCK})).await?;
    shelves::demand(&doors.customer, "/seed", None, &json!({"accounts": CUSTOMERS_MAX})).await?;
    Ok((1..=PRODUCTS).map(|number| format!("product-{number}")).collect())
}
