//! The contender that a team would build in Rust without souk: five optimised processes, a service each, which call each other over HTTP.
//!
//! The services are the same crates with the same embedded engine (`synchronous=FULL`, transactions that share commits), tokio with its default of a
//! worker a core, hyper as server and client, connections that stay open, `TCP_NODELAY`. What others call over links is here a route `/internal/…`.
//! Where HTTP would have been the dearer way to do it, it is done in a cheaper way than souk does it:
//!
//! - An answer has only what is read of it, while a link carries whole records.
//! - What a cart has to know of products is one call (`/internal/offers`), for which the component calls twice.
//! - No gateway: the field `souk-caller` is believed, no token is checked, nothing is counted.
//! - No jobs: nothing fails here, so there is nothing to take up again.

use std::net::SocketAddr;
use std::path::Path;

use anyhow::{Context as _, Result, anyhow, bail};
use axum::Router;
use souk_kit::context::Context;
use souk_kit::native;
use tokio::net::TcpListener;

use peer::Peer;

mod function;

mod peer;

mod wire;

mod product;

mod customer;

mod payment;

mod cart;

mod others;

/// Serves one of the services until the process ends. Peers are `NAME=ADDRESS`.
pub(crate) fn serve(name: &str, address: SocketAddr, folder: &Path, peers: &[String]) -> Result<()> {
    tokio::runtime::Builder::new_multi_thread().enable_all().build()?.block_on(async {
        let router = router(name, folder, peers)?;
        let listener = TcpListener::bind(address).await?;
        println!("serving http://{}", listener.local_addr()?);
        native::serve(router, listener).await;
        Ok(())
    })
}

fn router(name: &str, folder: &Path, peers: &[String]) -> Result<Router> {
    let open = |migrations| -> Result<Context> {
        let file = folder.join(format!("{name}.sqlite"));
        native::open(&file, migrations).with_context(|| format!("could not open {}", file.display()))
    };
    let peer = |name| find(name, peers);
    Ok(match name {
        "product" => product::router(&open(::product::MIGRATIONS)?),
        "customer" => customer::router(&open(::customer::MIGRATIONS)?),
        "payment" => payment::router(open(::payment::MIGRATIONS)?),
        "cart" => cart::router(open(::cart::MIGRATIONS)?, peer("product")?),
        "order" => {
            let others = others::Others {
                product: peer("product")?,
                customer: peer("customer")?,
                payment: peer("payment")?,
                cart: peer("cart")?,
            };
            order::http::router(order::orders::Orders::new(open(order::MIGRATIONS)?, others))
        }
        unknown => bail!("there is no service {unknown:?}"),
    })
}

fn find(name: &'static str, peers: &[String]) -> Result<Peer> {
    let address = peers.iter().find_map(|peer| peer.strip_prefix(name)?.strip_prefix('='));
    let address = address.ok_or_else(|| anyhow!("{name}=ADDRESS is missing"))?;
    Ok(Peer::new(name, address.parse().with_context(|| format!("the address of {name}"))?))
}
