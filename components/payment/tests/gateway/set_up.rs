//! Settings: what is missing or wrong, and that what is secret stays so.

use std::process::Command;

use payment::domain::Refusal;
use payment::domain::operation::RESOLVE_AFTER_S;
use payment::domain::payment::Status;
use payment::payments::Resolved;
use souk_kit::native::GivenSettings;

use crate::shop::{Shop, done};

fn with(name: &str, value: &str) -> GivenSettings {
    GivenSettings::default().with(name, value)
}

#[tokio::test]
async fn without_good_settings_every_operation_is_unavailable() {
    for (name, value) in [
        ("payment_gateway_url", ""),
        ("payment_gateway_url", "gateway.example"),
        ("payment_gateway_key", ""),
        ("payment_gateway_key", "two words"),
        ("payment_gateway_key", "of another account"),
        ("payment_gateway_key", "another-account"),
        ("payment_gateway_timeout_ms", "soon"),
    ] {
        let shop = Shop::open_with(with(name, value)).await;
        let refused = shop.authorize("a", "order-1", 100, "tok_visa").await;
        assert_eq!(refused, Err(Refusal::ProviderUnavailable), "{name} {value}");
        shop.clock.advance_seconds(RESOLVE_AFTER_S.into());
        assert_eq!(shop.payments.resolve().await, Ok(Resolved { settled: 0, open: 1 }), "{name} {value}");
        assert_eq!(shop.known_operations().await, 0);
    }
}

#[tokio::test]
async fn an_address_may_have_a_path_and_the_time_may_be_set() {
    let shop = Shop::open_with(with("payment_gateway_timeout_ms", "5000")).await;
    assert_eq!(done(shop.authorize("a", "order-1", 100, "tok_visa").await).0, Status::Authorized);
    let address = shop.context.setting("payment_gateway_url").expect("it is set");
    let elsewhere = Shop::open_with(with("payment_gateway_url", &format!("{address}/elsewhere/"))).await;
    // There is nothing there, which the gateway says itself.
    let failed = elsewhere.authorize("a", "order-1", 100, "tok_visa").await.expect("it has an outcome");
    assert_eq!((failed.payment.state.status(), shop.desk.gateway.effects()), (Status::Failed, 1));
}

/// Whatever goes wrong, with an own line on stderr for each.
async fn let_everything_go_wrong() {
    let impatient = || with("payment_gateway_timeout_ms", "200");
    for settings in [
        impatient(),
        with("payment_gateway_url", "https://user:hush@gateway.example"),
        with("payment_gateway_url", "https://127.0.0.1:1"),
        with("payment_gateway_url", "http://name.invalid"),
        with("payment_gateway_key", "hush hush"),
        with("payment_gateway_key", "hush"),
        impatient().with("payment_gateway_timeout_ms", "hush"),
    ] {
        let shop = Shop::open_with(settings).await;
        for fault in ["error", "unavailable", "timeout", "500", "409_after_effect", "hangs", "garbled_after_effect"] {
            let token = format!("tok_{fault}");
            for _ in 0..2 {
                drop(shop.authorize(fault, "order-1", 100, &token).await);
            }
        }
        shop.desk.gateway.stop();
        drop(shop.authorize("gone", "order-1", 100, "tok_visa").await);
    }
}

/// Run by itself once more, so that its log can be read: the harness keeps what it would print.
#[test]
fn the_log_names_what_is_missing_and_tells_no_secret() {
    const INNER: &str = "SOUK_TEST_INNER";
    if std::env::var_os(INNER).is_some() {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        return runtime.expect("a runtime can be made").block_on(let_everything_go_wrong());
    }
    let mut inner = Command::new(std::env::current_exe().expect("this program has a path"));
    inner.args(["--exact", "--nocapture", "set_up::the_log_names_what_is_missing_and_tells_no_secret"]);
    let output = inner.env(INNER, "1").output().expect("this program can be started");
    let log = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{log}");
    for line in [
        "error: gateway: setting payment_gateway_url must be a URL",
        "error: gateway: setting payment_gateway_key must be 1 to 255",
        "error: gateway: setting payment_gateway_timeout_ms must be a number",
        "error: gateway: authorize: HTTP 401: the gateway does not take the setting payment_gateway_key",
        "error: gateway: authorize: HTTP 500",
        "error: gateway: authorize: no answer: no answer within 200 ms",
        "error: gateway: authorize: never sent: ",
        "error: gateway: an operation: HTTP 200 with a body that is not about it",
    ] {
        assert!(log.contains(line), "{line:?} is not in {log}");
    }
    for secret in [souk_test_servers::gateway::KEY, "hush", "tok_"] {
        assert!(!log.contains(secret), "{secret:?} is in {log}");
    }
}
