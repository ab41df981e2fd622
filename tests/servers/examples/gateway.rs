//! The stand-in for a payment gateway, to try `payment-http` by hand: `cargo run --package souk-test-servers --example gateway`.

use std::time::{SystemTime, UNIX_EPOCH};

use souk_test_servers::gateway::{Gateway, KEY, WEBHOOK_SECRET};

#[expect(clippy::print_stdout, reason = "the start of a program that a person runs")]
fn main() {
    let gateway = Gateway::start(now_ms);
    println!("payment_gateway_url = {:?}", gateway.url());
    println!("payment_gateway_key = {KEY:?}");
    println!("gateway_webhook_secret = {WEBHOOK_SECRET:?}");
    loop {
        std::thread::park();
    }
}

#[expect(clippy::disallowed_methods, reason = "the edge of the program")]
fn now_ms() -> i64 {
    let since_1970 = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since_1970.as_millis()).unwrap_or(i64::MAX)
}
