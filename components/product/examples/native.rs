//! The service as an ordinary process, without any wasm: what the sandbox is compared with, and a way to run this one
//! service alone.
//!
//! `cargo run --release --package product --example native -- --listen 127.0.0.1:3100 --data
//! product.db`

use std::net::SocketAddr;
use std::path::PathBuf;

use anyhow::Context;
use clap::Parser;
use souk_kit::native;
use tokio::net::TcpListener;

#[derive(Parser)]
struct Arguments {
    /// Where to listen.
    #[arg(long, default_value = "127.0.0.1:3100")]
    listen: SocketAddr,
    /// The file of the database; made if it is not there.
    #[arg(long, default_value = "product.db")]
    data: PathBuf,
}

/// As many workers as cores, tokio's default.
#[tokio::main]
#[expect(clippy::print_stdout, reason = "the start of a program that a person runs")]
async fn main() -> anyhow::Result<()> {
    let arguments = Arguments::parse();
    let context = native::open(&arguments.data, product::MIGRATIONS)
        .with_context(|| format!("could not open {}", arguments.data.display()))?;
    let listener = TcpListener::bind(arguments.listen)
        .await
        .with_context(|| format!("could not listen on {}", arguments.listen))?;
    println!("product on http://{}", listener.local_addr()?);
    native::serve(product::http::router(context), listener).await;
    Ok(())
}
