//! Random callers at the same time who move money between a few accounts. In whichever order they come, nothing may be lost or
//! made, and who was told something must find it so.

use std::collections::BTreeMap;

use futures_util::future::{join, join_all};
use proptest::prelude::*;
use proptest::test_runner::TestCaseResult;
use souk_database::contract::{Error, Event, Expectation, Outcome, Step, Value};

use super::random::check;
use crate::harness::crowded;
use crate::shop::{Place, Shop};
use crate::words::{event, statement};

const SCHEMA: &str = "CREATE TABLE account (
    id BIGINT NOT NULL PRIMARY KEY,
    balance BIGINT NOT NULL CHECK (balance >= 0),
    version BIGINT NOT NULL,
    is_open BIGINT NOT NULL
);";

const ACCOUNTS: i64 = 4;
const BALANCE: i64 = 20;

/// One transaction of a caller.
#[derive(Clone, Copy, Debug)]
enum Plan {
    Transfer {
        from: i64,
        to: i64,
        amount: i64,
        care: Care,
    },
    /// Closes an account if another one is open: a rule about rows that it does not change.
    Close(i64),
    /// Opens an account if another one is open: so if all are closed once, they stay it, and it is seen.
    Open(i64),
}

/// How a transfer makes sure that there is enough.
#[derive(Clone, Copy, Debug)]
enum Care {
    /// It leaves that to the constraint of the schema.
    None,
    /// It expects it of the step.
    Balance,
    /// It looks first, and expects that nobody was faster.
    Version,
    /// Like none, and publishes an event that waits already.
    Repeats,
}

/// What a transaction that was committed did to an account: its event, and by how much the balance was changed.
#[derive(Debug)]
struct Change {
    event: String,
    by: i64,
}

/// What became of each account, by the versions that the transactions saw.
type History = BTreeMap<i64, BTreeMap<i64, Change>>;

#[test]
fn transfers_at_the_same_time_lose_nothing_and_are_told_in_their_order() {
    let callers = prop::collection::vec(prop::collection::vec(plan(), 1..10), 2..7);
    check(20, crowded(), SCHEMA, callers, &async |shop: &Shop, callers| {
        shop.run("DELETE FROM account").await;
        for id in 0..ACCOUNTS {
            // Only two are open, so that it matters.
            shop.run(&format!("INSERT INTO account VALUES ({id}, {BALANCE}, 0, {})", i64::from(id < 2))).await;
        }
        shop.home.deliver();
        let calls = callers.iter().enumerate().map(|(caller, plans)| carry_out(shop, caller, plans));
        let (changes, watched) = join(join_all(calls), watch(shop)).await;
        watched?;
        let mut history = History::new();
        for (account, version, change) in changes.into_iter().flatten() {
            let before = history.entry(account).or_default().insert(version, change);
            prop_assert!(before.is_none(), "two made version {} of account {}: {:?}", version, account, before);
        }
        judge(shop, &history).await
    });
}

fn plan() -> impl Strategy<Value = Plan> {
    let account = 0..ACCOUNTS;
    let care = prop_oneof![
        3 => Just(Care::None),
        3 => Just(Care::Balance),
        2 => Just(Care::Version),
        1 => Just(Care::Repeats),
    ];
    // One account beside those that exist: the second step is then unmet, after the first was carried out.
    let transfer = (account.clone(), 1..=ACCOUNTS, 1..15i64, care).prop_map(|(from, by, amount, care)| {
        let to = if by == ACCOUNTS { ACCOUNTS } else { (from + by) % ACCOUNTS };
        Plan::Transfer { from, to, amount, care }
    });
    prop_oneof![5 => transfer, 4 => account.clone().prop_map(Plan::Close), 2 => account.prop_map(Plan::Open)]
}

/// Carries out a caller's transactions one after another; answers with what those did that were committed, by account and version.
async fn carry_out(shop: &Shop, caller: usize, plans: &[Plan]) -> Vec<(i64, i64, Change)> {
    let mut changes: Vec<(i64, i64, Change)> = Vec::new();
    for (number, plan) in plans.iter().enumerate() {
        let seen = plan.look(shop).await;
        let touched = plan.touched();
        let id = |account: i64| format!("{caller}-{number}-{account}");
        let mut events: Vec<Event> =
            touched.iter().map(|(account, _)| event(&id(*account), &account.to_string())).collect();
        let repeated = changes.first().filter(|_| plan.repeats());
        events.extend(repeated.map(|(_, _, change)| event(&change.event, "repeated")));
        let result = shop.publish(plan.steps(seen), events).await;
        match result {
            Ok(Outcome::Committed(effects)) => {
                assert!(repeated.is_none(), "{plan:?}: the event waits already");
                // The steps that touch an account are the last ones.
                let effects = &effects[effects.len() - touched.len()..];
                for ((account, by), effect) in touched.into_iter().zip(effects) {
                    let [Value::Integer(version)] = effect.rows.cells[..] else { panic!("{plan:?}: {effect:?}") };
                    changes.push((account, version, Change { event: id(account), by }));
                }
            }
            Ok(Outcome::Unmet(_) | Outcome::Stale) => {}
            Err(Error::Constraint(_)) if plan.may_break_a_constraint() => {}
            other => panic!("{plan:?}: {other:?}"),
        }
    }
    changes
}

/// Looks again and again while others write: each look is of one moment.
async fn watch(shop: &Shop) -> TestCaseResult {
    for _ in 0..10 {
        let look = "SELECT CAST(sum(balance) AS BIGINT), min(balance) >= 0, sum(is_open) >= 1 FROM account";
        let seen = shop.query(look, &[]).await.unwrap();
        let expected = [BALANCE * ACCOUNTS, 1, 1].map(Value::Integer);
        prop_assert_eq!(seen.cells, expected, "the sum, whether all have enough, whether one is open");
        tokio::task::yield_now().await;
    }
    Ok(())
}

/// Holds what is there in the end against what was answered.
async fn judge(shop: &Shop, history: &History) -> TestCaseResult {
    let rows = shop.query("SELECT id, balance, version FROM account ORDER BY id", &[]).await.unwrap();
    let events = shop.home.waiting();
    let nothing = BTreeMap::new();
    for account in 0..ACCOUNTS {
        let changes = history.get(&account).unwrap_or(&nothing);
        let versions: Vec<_> = changes.keys().copied().collect();
        let last = i64::try_from(changes.len()).unwrap();
        prop_assert_eq!(versions, (1..=last).collect::<Vec<_>>(), "the versions of account {}", account);
        let balance = BALANCE + changes.values().map(|change| change.by).sum::<i64>();
        let at = usize::try_from(account).unwrap() * 3;
        prop_assert_eq!(&rows.cells[at..at + 3], [account, balance, last].map(Value::Integer));
        let told = events.iter().filter(|(_, event)| event.key == account.to_string());
        let told: Vec<_> = told.map(|(_, event)| event.id.as_str()).collect();
        let expected: Vec<_> = changes.values().map(|change| change.event.as_str()).collect();
        prop_assert_eq!(told, expected, "the events of account {} in the order of its versions", account);
    }
    prop_assert_eq!(events.len(), history.values().map(BTreeMap::len).sum::<usize>(), "no other event waits");
    watch(shop).await
}

impl Plan {
    /// What a caller reads before it writes: the version of the account that it takes from.
    async fn look(self, shop: &Shop) -> i64 {
        match self {
            Self::Transfer { from, care: Care::Version, .. } => {
                shop.number(&format!("SELECT version FROM account WHERE id = {from}")).await
            }
            _ => 0,
        }
    }

    /// The accounts whose version it raises, in the order of its last steps, and by how much it changes their balances.
    fn touched(self) -> Vec<(i64, i64)> {
        match self {
            Self::Transfer { from, to, amount, .. } => vec![(from, -amount), (to, amount)],
            Self::Close(account) | Self::Open(account) => vec![(account, 0)],
        }
    }

    fn repeats(self) -> bool {
        matches!(self, Self::Transfer { care: Care::Repeats, .. })
    }

    fn may_break_a_constraint(self) -> bool {
        matches!(self, Self::Transfer { care: Care::None | Care::Version | Care::Repeats, .. })
    }

    fn steps(self, seen: i64) -> Vec<Step> {
        let one = |sql: &str, parameters: &[i64]| {
            let parameters: Vec<_> = parameters.iter().copied().map(Value::Integer).collect();
            Step { statement: statement(sql, &parameters), expect: Expectation::Exactly(1) }
        };
        match self {
            Self::Transfer { from, to, amount, care } => {
                let take = "UPDATE account SET balance = balance - $2, version = version + 1 WHERE id = $1";
                let put = "UPDATE account SET balance = balance + $2, version = version + 1 WHERE id = $1
                    RETURNING version";
                let take = match care {
                    Care::None | Care::Repeats => one(&format!("{take} RETURNING version"), &[from, amount]),
                    Care::Balance => one(&format!("{take} AND balance >= $2 RETURNING version"), &[from, amount]),
                    Care::Version => one(&format!("{take} AND version = $3 RETURNING version"), &[from, amount, seen]),
                };
                vec![take, one(put, &[to, amount])]
            }
            Self::Close(account) | Self::Open(account) => {
                let is_open = i64::from(matches!(self, Self::Open(_)));
                let guard = "SELECT id FROM account WHERE is_open = 1 AND id <> $1";
                let turn = "UPDATE account SET is_open = $2, version = version + 1 WHERE id = $1 AND is_open <> $2
                    RETURNING version";
                let guard = Step { expect: Expectation::AtLeast(1), ..one(guard, &[account]) };
                vec![guard, one(turn, &[account, is_open])]
            }
        }
    }
}
