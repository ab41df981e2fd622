//! The simulator, and what its own tables say: what the rest of the tests know of the provider.

use payment::domain::PaymentId;
use payment::provider::Provider;
pub(crate) use payment::provider::simulator::SLOW_S;
use payment::provider::simulator::Simulator;
use souk_database::contract::Transaction;
use souk_kit::context::Context;
use souk_kit::database::{Row, attempt, first, sql};
use souk_kit::native::{GivenSettings, SetClock};

use crate::shop::Truth;

/// Its name.
pub(crate) const NAME: &str = "simulator";

/// What its webhooks are signed with.
pub(crate) const SECRET: &str = "a secret of the simulator, 32 and more";

/// So many statements are sent, the provider's among them.
pub(crate) const STATEMENTS_MIN: usize = 26;

/// The provider's own side.
pub(crate) struct Desk;

impl Desk {
    pub(crate) fn open(_: &SetClock) -> Self {
        Self
    }

    #[expect(clippy::unused_self, reason = "another provider has settings")]
    pub(crate) fn settings(&self, given: GivenSettings) -> GivenSettings {
        given
    }

    pub(crate) fn provider(context: &Context) -> impl Provider + 'static {
        Simulator::new(context.clone())
    }

    pub(crate) async fn truth(&self, context: &Context, id: &PaymentId) -> Option<Truth> {
        let statement = sql("SELECT captured, refunded, is_voided FROM simulator_authorizations WHERE payment_id = $1");
        let read = |row: &mut Row| {
            Ok(Truth { captured: row.integer()?, refunded: row.integer()?, is_voided: row.integer()? == 1 })
        };
        first(context.database(), statement.bind(id.as_str()), read).await.expect("there is such a table")
    }

    /// How often a key has arrived; nothing if never.
    pub(crate) async fn arrivals(&self, context: &Context, key: &str) -> Option<i64> {
        let statement = sql("SELECT arrivals FROM simulator_operations WHERE key = $1").bind(key);
        first(context.database(), statement, Row::integer).await.expect("there is such a table")
    }

    pub(crate) async fn operations(&self, context: &Context) -> i64 {
        let count = first(context.database(), sql("SELECT COUNT(*) FROM simulator_operations"), Row::integer).await;
        count.expect("there is such a table").expect("a count is a row")
    }

    /// What it has not told it does not tell for years.
    pub(crate) async fn stall(&self, context: &Context) {
        let late = sql("UPDATE simulator_operations SET told_from = '2030-01-01T00:00:00.000Z'");
        let transaction = Transaction { steps: vec![late.exactly(1)], events: vec![] };
        attempt(context.database(), transaction).await.expect("there is such a table");
    }
}
