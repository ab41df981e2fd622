//! The random transactions of the contract's model, asked all at once: they share commits, and the queue keeps their order, so the
//! model can carry them out one after another.

use futures_util::future::join_all;
use proptest::prelude::*;
use souk_database::contract::{Database, Transaction};

use crate::contract::model::{Model, SCHEMA, plan, verdict};
use crate::contract::random::check;
use crate::harness::Limits;
use crate::shop::{Place, Shop};
use crate::words::text;

#[test]
fn random_transactions_in_groups_do_what_the_model_does() {
    let limits = Limits { group_transactions: 16, ..Limits::default() };
    let plans = prop::collection::vec((plan(), prop::bool::weighted(0.1)), 1..60);
    check(40, limits, SCHEMA, plans, &async |shop: &Shop, plans| {
        shop.run("DELETE FROM item").await;
        shop.home.deliver();
        let calls = plans.iter().map(|(plan, is_rude)| {
            let mut steps = plan.steps();
            if *is_rude {
                // The engine then rolls the whole group back. Nobody may notice.
                for step in &mut steps {
                    let sql = &mut step.statement.sql;
                    *sql = sql.replace("INSERT INTO item VALUES", "INSERT OR ROLLBACK INTO item VALUES");
                }
            }
            shop.db.transact(Transaction { steps, events: plan.events() })
        });
        let results = join_all(calls).await;
        let mut model = Model::default();
        for (result, (plan, _)) in results.into_iter().zip(&plans) {
            prop_assert_eq!(verdict(result), model.carry_out(plan));
        }
        let items = shop.query("SELECT id, amount FROM item ORDER BY id", &[]).await.unwrap();
        prop_assert_eq!(items.cells, model.items());
        let events: Vec<_> = shop.home.waiting().iter().map(|(_, event)| text(&event.id)).collect();
        prop_assert_eq!(events, model.events());
        Ok(())
    });
}
