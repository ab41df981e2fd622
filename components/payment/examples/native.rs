//! The service as an ordinary process, without any wasm: what the sandbox is compared with, and a way to try this one
//! service alone. It believes whoever calls: the field `souk-caller` is the gateway's.
//!
//! `cargo run --release --package payment --example native -- --listen 127.0.0.1:3104 --data payment.db`

use std::net::SocketAddr;
use std::path::PathBuf;

use anyhow::Context;
use clap::Parser;
use payment::payments::Payments;
use payment::provider::simulator::Simulator;
use souk_kit::native::{self, GivenSettings};
use tokio::net::TcpListener;

#[derive(Parser)]
struct Arguments {
    /// Where to listen.
    #[arg(long, default_value = "127.0.0.1:3104")]
    listen: SocketAddr,
    /// The file of the database; made if it is not there.
    #[arg(long, default_value = "payment.db")]
    data: PathBuf,
    /// What the simulator signs its webhooks with, 32 bytes or more. Without it they are refused.
    #[arg(long)]
    webhook_secret: Option<String>,
}

/// As many workers as cores, tokio's default.
#[tokio::main]
#[expect(clippy::print_stdout, reason = "the start of a program that a person runs")]
async fn main() -> anyhow::Result<()> {
    let arguments = Arguments::parse();
    let secret = arguments.webhook_secret.iter();
    let settings =
        secret.fold(GivenSettings::default(), |settings, secret| settings.with("simulator_webhook_secret", secret));
    let context = native::open_with(&arguments.data, payment::MIGRATIONS, settings)
        .with_context(|| format!("could not open {}", arguments.data.display()))?;
    let payments = Payments::new(context.clone(), Simulator::new(context));
    let listener = TcpListener::bind(arguments.listen)
        .await
        .with_context(|| format!("could not listen on {}", arguments.listen))?;
    println!("payment on http://{}", listener.local_addr()?);
    native::serve(payment::http::router(payments), listener).await;
    Ok(())
}
