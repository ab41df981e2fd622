//! The service as an ordinary process, without any wasm: what the sandbox is compared with, and a way to try this one
//! service alone. Its keys are gone when it ends, and it believes whoever calls: the field `souk-caller` is the gateway's.
//!
//! `cargo run --release --package user --example native -- --listen 127.0.0.1:3101 --data user.db`

mod identity;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use anyhow::Context;
use clap::Parser;
use ring::rand::SystemRandom;
use souk_identity::keys::Keys;
use souk_identity::passwords::Cost;
use souk_identity::sign::Signer;
use souk_kit::native;
use tokio::net::TcpListener;

use identity::Local;

#[derive(Parser)]
struct Arguments {
    /// Where to listen.
    #[arg(long, default_value = "127.0.0.1:3101")]
    listen: SocketAddr,
    /// The file of the database; made if it is not there.
    #[arg(long, default_value = "user.db")]
    data: PathBuf,
    /// In whose name tokens are signed, and for whom.
    #[arg(long, default_value = "http://localhost:3101")]
    issuer: String,
}

/// As many workers as cores, tokio's default.
#[tokio::main]
#[expect(clippy::print_stdout, reason = "the start of a program that a person runs")]
async fn main() -> anyhow::Result<()> {
    let arguments = Arguments::parse();
    let context = native::open(&arguments.data, user::MIGRATIONS)
        .with_context(|| format!("could not open {}", arguments.data.display()))?;
    let keys = Keys::generate(&SystemRandom::new()).context("could not make a key")?;
    let signer = Signer::new(&arguments.issuer, &arguments.issuer, Arc::new(keys)).context("the issuer is no name")?;
    let identity = Local::new(signer, Cost::default(), context.clone());
    let listener = TcpListener::bind(arguments.listen)
        .await
        .with_context(|| format!("could not listen on {}", arguments.listen))?;
    println!("user on http://{}", listener.local_addr()?);
    native::serve(user::http::router(context, identity), listener).await;
    Ok(())
}
