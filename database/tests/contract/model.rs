//! Random transactions against a plain model: a map, and rules that a reader can check by hand.

use std::collections::BTreeMap;

use proptest::prelude::*;
use souk_database::contract::{Error, Event, Expectation, Outcome, Statement, Step, Value};

use super::random::check;
use crate::harness::Limits;
use crate::shop::{Place, Shop};
use crate::words::{event, text};

pub(crate) const SCHEMA: &str =
    "CREATE TABLE item (id BIGINT NOT NULL PRIMARY KEY, amount BIGINT NOT NULL CHECK (amount BETWEEN 0 AND 9));";

/// One step over a handful of ids, so that they meet.
#[derive(Clone, Debug)]
enum Act {
    Insert(i64, i64),
    Upsert(i64, i64),
    Add(i64, i64),
    AddAll(i64),
    Delete(i64),
    Count,
}

/// A transaction: what to do, what to expect of it, and the ids of its events.
#[derive(Clone, Debug)]
pub(crate) struct Plan {
    acts: Vec<(Act, Expectation)>,
    events: Vec<u8>,
}

/// What the model says about a transaction.
#[derive(Debug, PartialEq)]
pub(crate) enum Verdict {
    Committed(Vec<(u64, Vec<i64>)>),
    Unmet(u32),
    Constraint,
}

#[derive(Clone, Debug, Default)]
pub(crate) struct Model {
    items: BTreeMap<i64, i64>,
    events: Vec<u8>,
}

#[test]
fn random_transactions_do_what_the_model_does() {
    let plans = prop::collection::vec(plan(), 1..40);
    check(24, Limits::default(), SCHEMA, plans, &async |shop: &Shop, plans| {
        shop.run("DELETE FROM item").await;
        shop.home.deliver();
        let mut model = Model::default();
        for plan in &plans {
            let result = shop.publish(plan.steps(), plan.events()).await;
            prop_assert_eq!(verdict(result), model.carry_out(plan));
        }
        let items = shop.query("SELECT id, amount FROM item ORDER BY id", &[]).await.unwrap();
        prop_assert_eq!(items.cells, model.items());
        let events: Vec<_> = shop.home.waiting().iter().map(|(_, event)| text(&event.id)).collect();
        prop_assert_eq!(events, model.events());
        Ok(())
    });
}

pub(crate) fn plan() -> impl Strategy<Value = Plan> {
    let acts = prop::collection::vec((act(), expectation()), 0..5);
    (acts, prop::collection::vec(any::<u8>(), 0..3)).prop_map(|(acts, events)| Plan { acts, events })
}

fn act() -> impl Strategy<Value = Act> {
    let (id, amount) = (0..5i64, -1..6i64);
    prop_oneof![
        5 => (id.clone(), amount.clone()).prop_map(|(id, amount)| Act::Insert(id, amount)),
        3 => (id.clone(), amount.clone()).prop_map(|(id, amount)| Act::Upsert(id, amount)),
        3 => (id.clone(), -3..4i64).prop_map(|(id, by)| Act::Add(id, by)),
        1 => (-2..3i64).prop_map(Act::AddAll),
        2 => id.prop_map(Act::Delete),
        1 => Just(Act::Count),
    ]
}

fn expectation() -> impl Strategy<Value = Expectation> {
    prop_oneof![
        6 => Just(Expectation::Anything),
        2 => (0..3u64).prop_map(Expectation::Exactly),
        2 => (0..3u64).prop_map(Expectation::AtLeast),
    ]
}

impl Plan {
    pub(crate) fn steps(&self) -> Vec<Step> {
        self.acts.iter().map(|(act, expect)| Step { statement: act.statement(), expect: *expect }).collect()
    }

    pub(crate) fn events(&self) -> Vec<Event> {
        self.events.iter().map(|id| event(&id.to_string(), "item")).collect()
    }
}

impl Act {
    fn statement(&self) -> Statement {
        let (sql, parameters): (&str, &[i64]) = match self {
            Self::Insert(id, amount) => ("INSERT INTO item VALUES ($1, $2) RETURNING id", &[*id, *amount]),
            Self::Upsert(id, amount) => {
                ("INSERT INTO item (amount, id) VALUES ($2, $1) ON CONFLICT DO NOTHING RETURNING id", &[*id, *amount])
            }
            Self::Add(id, amount) => {
                ("UPDATE item SET amount = amount + $2 WHERE id = $1 RETURNING amount", &[*id, *amount])
            }
            Self::AddAll(amount) => ("UPDATE item SET amount = amount + $1", &[*amount]),
            Self::Delete(id) => ("DELETE FROM item WHERE id = $1", &[*id]),
            Self::Count => ("SELECT id FROM item ORDER BY id", &[]),
        };
        Statement { sql: sql.into(), parameters: parameters.iter().copied().map(Value::Integer).collect() }
    }

    /// Does it to the model: rows changed and numbers returned, or none if a constraint refuses it.
    fn apply(&self, items: &mut BTreeMap<i64, i64>) -> Option<(u64, Vec<i64>)> {
        let fits = |amount: i64| (0..=9).contains(&amount);
        Some(match *self {
            // The engines check the row before they look whether there is a conflict.
            Self::Upsert(id, amount) if fits(amount) && items.contains_key(&id) => (0, vec![]),
            Self::Insert(id, amount) | Self::Upsert(id, amount) => {
                if items.contains_key(&id) || !fits(amount) {
                    return None;
                }
                items.insert(id, amount);
                (1, vec![id])
            }
            Self::Add(id, by) => match items.get_mut(&id) {
                None => (0, vec![]),
                Some(amount) if fits(*amount + by) => {
                    *amount += by;
                    (1, vec![*amount])
                }
                Some(_) => return None,
            },
            Self::AddAll(by) => {
                if !items.values().all(|amount| fits(amount + by)) {
                    return None;
                }
                for amount in items.values_mut() {
                    *amount += by;
                }
                (items.len() as u64, vec![])
            }
            Self::Delete(id) => (u64::from(items.remove(&id).is_some()), vec![]),
            Self::Count => (0, items.keys().copied().collect()),
        })
    }
}

impl Model {
    pub(crate) fn carry_out(&mut self, plan: &Plan) -> Verdict {
        let mut next = self.clone();
        let mut effects = vec![];
        for (index, (act, expectation)) in plan.acts.iter().enumerate() {
            let Some((changed, returned)) = act.apply(&mut next.items) else { return Verdict::Constraint };
            let found = if matches!(act, Act::Count) { returned.len() as u64 } else { changed };
            let is_met = match expectation {
                Expectation::Anything => true,
                Expectation::Exactly(number) => found == *number,
                Expectation::AtLeast(number) => found >= *number,
            };
            if !is_met {
                return Verdict::Unmet(u32::try_from(index).unwrap());
            }
            effects.push((changed, returned));
        }
        for event in &plan.events {
            if next.events.contains(event) {
                return Verdict::Constraint;
            }
            next.events.push(*event);
        }
        *self = next;
        Verdict::Committed(effects)
    }

    /// The rows of the table, flat, by their ids.
    pub(crate) fn items(&self) -> Vec<Value> {
        self.items.iter().flat_map(|(id, amount)| [Value::Integer(*id), Value::Integer(*amount)]).collect()
    }

    /// The ids of the events, in order of publication.
    pub(crate) fn events(&self) -> Vec<Value> {
        self.events.iter().map(|id| text(&id.to_string())).collect()
    }
}

pub(crate) fn verdict(result: Result<Outcome, Error>) -> Verdict {
    match result {
        Ok(Outcome::Committed(effects)) => {
            let number = |value: &Value| if let Value::Integer(number) = value { *number } else { panic!("{value:?}") };
            Verdict::Committed(
                effects.iter().map(|effect| (effect.changed, effect.rows.cells.iter().map(number).collect())).collect(),
            )
        }
        Ok(Outcome::Unmet(step)) => Verdict::Unmet(step),
        Err(Error::Constraint(_)) => Verdict::Constraint,
        other => panic!("{other:?}"),
    }
}
