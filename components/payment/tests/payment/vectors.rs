//! What another implementation over the same database has to compute as this one does, written down in `vectors.json`: names and fingerprints of
//! operations, where each operation leads, what is booked, signatures, moments. Its own tests read the same file, so that neither can drift.
//!
//! `SOUK_VECTORS=write cargo test -p payment --test payment vectors` writes the file anew: what changes there changes for databases that exist.

use payment::domain::ledger::{self, Entry};
use payment::domain::operation::{Ask, Authorization, Change, Origin, Wanted};
use payment::domain::payment::{Conflict, DeclineReason, Move, State, Status};
use payment::domain::webhook::Secret;
use payment::domain::{Amount, Currency, Customer, Key, MethodToken, Money, OrderId, PaymentId};
use serde_json::{Value, json};
use souk_kit::time::Timestamp;

use crate::shop::amount;

const WRITTEN: &str = include_str!("../vectors.json");

#[test]
fn what_is_computed_is_what_is_written_down() {
    let computed = json!({
        "operations": operations(),
        "moves": moves(),
        "entries": {"captured": entries(&ledger::captured(amount(250))), "refunded": entries(&ledger::refunded(amount(250)))},
        "signatures": signatures(),
        "moments": moments(),
    });
    let lists = computed.as_object().expect("it is an object").iter();
    let text: Vec<String> = lists.map(|(name, list)| format!("{}: {}", json!(name), lines(list))).collect();
    let text = format!("{{\n{}\n}}\n", text.join(",\n"));
    if std::env::var("SOUK_VECTORS").is_ok_and(|what| what == "write") {
        std::fs::write(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/vectors.json"), text).expect("it can be written");
    } else {
        assert!(text == WRITTEN, "vectors.json says otherwise; what is computed now:\n{text}");
    }
}

/// A list with a line for each of its items, so that a difference shows.
fn lines(list: &Value) -> String {
    let Some(items) = list.as_array() else { return list.to_string() };
    let items: Vec<String> = items.iter().map(Value::to_string).collect();
    format!("[\n{}\n]", items.join(",\n"))
}

/// The arguments of operations, and what they are known by.
fn operations() -> Vec<Value> {
    let authorize = |order_id: &str, customer: &str, units: i64, currency: &str, token: &str| {
        Ask::Authorize(Authorization {
            order_id: OrderId::parse(order_id.to_owned()).expect("it is an id"),
            customer: Customer::parse(customer.to_owned()).expect("it is a customer"),
            money: Money { amount: amount(units), currency: Currency::parse(currency.to_owned()).expect("it is one") },
            method: MethodToken::parse(token.to_owned()).expect("it is printable"),
        })
    };
    let id = PaymentId::stored("019aa0c8-0000-7000-8000-000000000001".to_owned());
    let change = |change: Change| Ask::Change(id.clone(), change);
    let asks = [
        authorize("order-1", "https://shop.example|mina", 100, "EUR", "tok_visa"),
        authorize(
            "A.b_c-9",
            "\u{fc}\u{8336}\u{1f4b6} \"\\/|<>&\u{2028}",
            1_000_000_000_000,
            "JPY",
            "tok \"quoted\" \\ /",
        ),
        change(Change::Capture(None)),
        change(Change::Capture(Some(amount(1)))),
        change(Change::Capture(Some(amount(1_000_000_000_000)))),
        change(Change::Void),
        change(Change::Refund(None)),
        change(Change::Refund(Some(amount(1)))),
    ];
    let known = |ask: &Ask, origin: Origin| {
        let key = Key::parse("order 7: @http:step".to_owned()).expect("it is printable");
        let wanted = Wanted::new(origin, &key, ask.clone());
        json!({
            "kind": ask.kind(),
            "arguments": arguments(ask),
            "origin": if origin == Origin::Http { "http" } else { "component" },
            "key": key,
            "id": wanted.id.as_str(),
            "fingerprint": wanted.ask.fingerprint().as_str(),
        })
    };
    asks.iter().flat_map(|ask| [known(ask, Origin::Component), known(ask, Origin::Http)]).collect()
}

fn arguments(ask: &Ask) -> Value {
    match ask {
        Ask::Authorize(Authorization { order_id, customer, money, method }) => {
            json!({"order_id": order_id, "customer": customer, "money": money, "method": method.as_str()})
        }
        Ask::Change(payment_id, Change::Capture(amount) | Change::Refund(amount)) => {
            json!({"payment_id": payment_id, "amount": amount})
        }
        Ask::Change(payment_id, Change::Void) => json!({"payment_id": payment_id}),
    }
}

/// Where an operation leads, and how much moves.
type Leads = Result<(State, Option<Amount>), Conflict>;

/// Each operation in each state of a payment of 100, with each amount that makes a difference.
fn moves() -> Vec<Value> {
    let amounts = [None, Some(1), Some(40), Some(60), Some(99), Some(100), Some(101)].map(|units| units.map(amount));
    let of_state = |state: State| {
        let simple = [
            ("authorize", None, state.authorize().map(still)),
            ("decline", None, state.decline(DeclineReason::Expired).map(still)),
            ("fail", None, state.fail().map(still)),
            ("void", None, state.void(amount(100)).map(moved)),
        ];
        let capture = amounts.map(|wanted| ("capture", wanted, state.capture(amount(100), wanted).map(moved)));
        let refund = amounts.map(|wanted| ("refund", wanted, state.refund(wanted).map(moved)));
        let written = |(operation, wanted, leads): (&str, Option<Amount>, Leads)| {
            let leads = match leads {
                Ok((next, moved)) => json!({"state": facts(next), "moved": moved}),
                Err(conflict) => json!({"conflict": conflict.as_str()}),
            };
            json!({"from": facts(state), "operation": operation, "amount": wanted, "to": leads})
        };
        simple.into_iter().chain(capture).chain(refund).map(written).collect::<Vec<_>>()
    };
    states().into_iter().flat_map(of_state).collect()
}

fn still(next: State) -> (State, Option<Amount>) {
    (next, None)
}

fn moved(step: Move) -> (State, Option<Amount>) {
    (step.next, Some(step.amount))
}

fn states() -> Vec<State> {
    let stored = [
        (Status::Authorizing, 0, 0, None),
        (Status::Authorized, 0, 0, None),
        (Status::PartiallyCaptured, 60, 0, None),
        (Status::Captured, 100, 0, None),
        (Status::Voided, 0, 0, None),
        (Status::Declined, 0, 0, Some(DeclineReason::SuspectedFraud)),
        (Status::PartiallyRefunded, 60, 20, None),
        (Status::PartiallyRefunded, 100, 1, None),
        (Status::Refunded, 60, 60, None),
        (Status::Failed, 0, 0, None),
    ];
    let state = |(status, captured, refunded, reason)| State::stored(status, captured, refunded, reason);
    stored.into_iter().map(|facts| state(facts).expect("they fit")).collect()
}

fn facts(state: State) -> Value {
    json!([state.status(), state.captured(), state.refunded(), state.decline_reason()])
}

fn entries(entries: &[Entry]) -> Value {
    entries.iter().map(|entry| json!([entry.account, entry.units])).collect()
}

fn signatures() -> Vec<Value> {
    let secret = "a secret of the simulator, 32 and more";
    let signed = |(milliseconds, body): (i64, &str)| {
        let field = Secret::parse(secret)
            .expect("it is long")
            .sign(Timestamp::from_milliseconds(milliseconds), body.as_bytes());
        json!({"secret": secret, "milliseconds": milliseconds, "body": body, "field": field})
    };
    [(1_795_168_800_999, "{}"), (0, ""), (1_795_168_800_000, "{\"id\":\"\u{fc}\"}")].into_iter().map(signed).collect()
}

fn moments() -> Vec<Value> {
    let moments = [-1, 0, 1, 999, 1_795_168_800_120, 1_709_209_845_006, 253_402_207_200_000, i64::MAX];
    moments
        .into_iter()
        .map(|milliseconds| json!([milliseconds, Timestamp::from_milliseconds(milliseconds).to_string()]))
        .collect()
}
