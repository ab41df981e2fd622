//! The gateway, and what it knows: what the rest of the tests know of the provider.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use payment::domain::PaymentId;
use payment::provider::{Provider, http};
use souk_kit::context::{Context, Settings};
use souk_kit::native::outbound::HyperOutbound;
use souk_kit::native::{GivenSettings, SetClock};
use souk_kit::time::Clock;
use souk_test_servers::gateway::Gateway;
pub(crate) use souk_test_servers::gateway::SLOW_S;

use crate::shop::Truth;

/// Its name.
pub(crate) const NAME: &str = http::NAME;

/// What its webhooks are signed with.
pub(crate) const SECRET: &str = souk_test_servers::gateway::WEBHOOK_SECRET;

/// So many statements are sent, the provider has none.
pub(crate) const STATEMENTS_MIN: usize = 23;

/// The provider's own side.
pub(crate) struct Desk {
    pub(crate) gateway: Gateway,
    /// So many seconds pass whenever the gateway looks at the clock.
    look_s: Arc<AtomicU32>,
}

impl Desk {
    pub(crate) fn open(clock: &SetClock) -> Self {
        let look_s = Arc::<AtomicU32>::default();
        let (clock, takes_s) = (clock.clone(), Arc::clone(&look_s));
        let gateway = Gateway::start(move || {
            clock.advance_seconds(takes_s.load(Ordering::SeqCst).into());
            clock.now().milliseconds()
        });
        Self { gateway, look_s }
    }

    pub(crate) fn settings(&self, given: GivenSettings) -> GivenSettings {
        let own = [
            ("payment_gateway_url", self.gateway.url()),
            ("payment_gateway_key", souk_test_servers::gateway::KEY.to_owned()),
        ];
        own.iter().fold(given, |given, (name, value)| match given.get(name) {
            Some(_) => given,
            None => given.with(name, value),
        })
    }

    pub(crate) fn provider(context: &Context) -> impl Provider + 'static {
        http::Gateway::new(context.clone(), HyperOutbound)
    }

    #[expect(clippy::unused_async, reason = "another provider is asked in a database")]
    pub(crate) async fn truth(&self, _: &Context, id: &PaymentId) -> Option<Truth> {
        let payment = self.gateway.payment(id.as_str())?;
        Some(Truth { captured: payment.captured, refunded: payment.refunded, is_voided: payment.is_voided })
    }

    /// How often a key has arrived; nothing if never.
    #[expect(clippy::unused_async, reason = "another provider is asked in a database")]
    pub(crate) async fn arrivals(&self, _: &Context, key: &str) -> Option<i64> {
        self.gateway.arrivals(key).map(i64::from)
    }

    #[expect(clippy::unused_async, reason = "another provider is asked in a database")]
    pub(crate) async fn operations(&self, _: &Context) -> i64 {
        i64::try_from(self.gateway.operations()).expect("no test makes so many")
    }

    /// What it has not told it does not tell.
    #[expect(clippy::unused_async, reason = "another provider is asked in a database")]
    pub(crate) async fn stall(&self, _: &Context) {
        self.gateway.stall(true);
    }

    /// From now on each answer takes so many seconds of the test's clock.
    pub(crate) fn take_s(&self, seconds: u32) {
        self.look_s.store(seconds, Ordering::SeqCst);
    }
}
