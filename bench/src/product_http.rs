//! The price of the sandbox: one product, a page of a list, a search, through the host and through the same service built
//! natively (kit feature `native`, hyper), with copies of the same database.

use crate::Effort;
use crate::load::{self, Turn};
use crate::process::{Server, folder};
use crate::report::Report;
use anyhow::{Context, Result};
use souk_kit::native;
use std::net::SocketAddr;
use std::path::Path;

const NATIVE: &str = "native";
const SOUK: &str = "souk";

/// Measures.
pub(crate) fn run(effort: Effort) -> Result<Report> {
    let mut report = Report::default();
    let data = folder("product")?;
    let filled = Server::host(&data, true)?;
    let id = first_product(&filled)?;
    filled.stop()?;
    let copy = data.join("native.sqlite");
    std::fs::copy(data.join("db/product.sqlite"), &copy).context("copying the database for the native twin")?;

    let native = Server::native_twin(&copy)?;
    let souk = Server::host(&data, false)?;
    for (contender, server) in [(NATIVE, &native), (SOUK, &souk)] {
        report.add("idle", contender, "memory", server.memory_mib()?, "MiB");
    }
    let cases = [
        ("one product", format!("/api/v1/products/{id}")),
        ("page of 20", "/api/v1/products?page=2".to_owned()),
        ("search", "/api/v1/products?q=coffee".to_owned()),
    ];
    for (case, path) in &cases {
        measure(&mut report, case, path, [(NATIVE, &native), (SOUK, &souk)], effort)?;
    }
    for (contender, server) in [(NATIVE, &native), (SOUK, &souk)] {
        report.add("after the load", contender, "memory", server.memory_mib()?, "MiB");
    }
    Ok(report)
}

/// Contenders take turns, so that a machine that slows down slows all of them.
fn measure(report: &mut Report, case: &str, path: &str, servers: [(&str, &Server); 2], effort: Effort) -> Result<()> {
    eprintln!("{case}: {} turns of {} s for each contender", effort.turns, effort.seconds);
    let mut turns = [Vec::new(), Vec::new()];
    for (_, server) in servers {
        load::run(server.address, path, 1)?;
    }
    for _ in 0..effort.turns {
        for ((_, server), turns) in servers.iter().zip(&mut turns) {
            turns.push(load::run(server.address, path, effort.seconds)?);
        }
    }
    for ((contender, _), turns) in servers.iter().zip(&turns) {
        report.add_turn(case, contender, Turn::median(turns));
    }
    Ok(())
}

fn first_product(server: &Server) -> Result<String> {
    let page: serde_json::Value = serde_json::from_str(&server.get("/api/v1/products?size=1")?)?;
    Ok(page["items"][0]["id"].as_str().context("the demo has products")?.to_owned())
}

/// The contender that this program is itself, when it is told so.
pub(crate) fn serve_native_twin(address: SocketAddr, database: &Path) -> Result<()> {
    tokio::runtime::Builder::new_multi_thread().enable_all().build()?.block_on(async {
        let context = native::open(database, product::MIGRATIONS)?;
        let listener = tokio::net::TcpListener::bind(address).await?;
        println!("serving http://{}", listener.local_addr()?);
        native::serve(product::http::router(context), listener).await;
        Ok(())
    })
}
