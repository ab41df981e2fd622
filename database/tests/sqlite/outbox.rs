//! An event exists exactly if the change that it tells of was committed, and waits in order.

use souk_database::contract::{Error, Event, Expectation, Outcome};

use crate::harness::Shop;
use crate::words::{committed, event, expect, step};

#[test]
fn events_are_stored_with_what_they_tell_of() {
    let shop = Shop::open();
    assert_eq!(shop.db.status().unwrap().outbox.oldest_ms, None);
    let add = step("INSERT INTO product (id, name) VALUES (1, 'chair')");
    committed(shop.publish(vec![add.clone()], vec![event("1", "a"), event("2", "a")]));
    assert!(shop.publish(vec![add], vec![event("3", "a")]).is_err(), "the id is taken");
    let unmet = shop.publish(vec![expect("SELECT 1", Expectation::Exactly(0))], vec![event("4", "a")]);
    assert_eq!(unmet, Ok(Outcome::Unmet(0)));
    let outbox = shop.db.status().unwrap().outbox;
    assert_eq!(outbox.waiting, 2);
    assert!(outbox.oldest_ms.unwrap() < 60_000, "{outbox:?}");
}

#[test]
fn events_without_steps_are_published() {
    let shop = Shop::open();
    assert_eq!(shop.publish(vec![], vec![event("1", "a")]), Ok(Outcome::Committed(vec![])));
    assert_eq!(shop.db.status().unwrap().outbox.waiting, 1);
}

#[test]
fn an_id_that_waits_already_refuses_the_whole_transaction() {
    let shop = Shop::open();
    committed(shop.publish(vec![], vec![event("1", "a")]));
    let again =
        shop.publish(vec![step("INSERT INTO product (name) VALUES ('chair')")], vec![event("2", "a"), event("1", "b")]);
    assert!(matches!(&again, Err(Error::Constraint(text)) if text.contains("event 1")), "{again:?}");
    assert_eq!(shop.number("SELECT count(*) FROM product"), 0);
    assert_eq!(shop.db.status().unwrap().outbox.waiting, 1);
}

#[test]
fn a_row_holds_the_event_as_it_was_given_in_order_per_key() {
    let shop = Shop::open();
    let odd = Event {
        subject: None,
        data: "\"naïve\"".into(),
        time: "2026-11-20T10:00:00.123456789Z".into(),
        ..event("odd", "b")
    };
    committed(shop.publish(vec![], vec![event("z", "a"), odd, event("y", "a")]));
    committed(shop.publish(vec![], vec![event("x", "a")]));
    let db = rusqlite::Connection::open(shop.file()).unwrap();
    let mut select = db.prepare("SELECT id FROM souk_outbox WHERE key = 'a' ORDER BY sequence").unwrap();
    let ids: Vec<String> = select.query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect();
    assert_eq!(ids, ["z", "y", "x"]);
    let plan: String = db
        .query_row("EXPLAIN QUERY PLAN SELECT data FROM souk_outbox WHERE key = 'a' ORDER BY sequence", [], |row| {
            row.get(3)
        })
        .unwrap();
    assert!(plan.contains("souk_outbox_order"), "delivery reads a key in order through the index: {plan}");
    let (subject, data, time): (Option<String>, String, String) = db
        .query_row("SELECT subject, data, time FROM souk_outbox WHERE id = 'odd'", [], |row| {
            Ok((row.get(0)?, row.get(1)?, row.get(2)?))
        })
        .unwrap();
    assert_eq!((subject, data.as_str(), time.as_str()), (None, "\"naïve\"", "2026-11-20T10:00:00.123456789Z"));
}

#[test]
fn a_place_in_the_order_is_never_used_twice() {
    let shop = Shop::open();
    committed(shop.publish(vec![], vec![event("1", "a"), event("2", "a")]));
    rusqlite::Connection::open(shop.file()).unwrap().execute("DELETE FROM souk_outbox", []).unwrap();
    committed(shop.publish(vec![], vec![event("2", "a")]));
    assert_eq!(shop.host_number("SELECT max(sequence) FROM souk_outbox"), 3);
}

#[test]
fn fields_are_held_against_the_contract() {
    let shop = Shop::open();
    let long = |bytes: usize| "a".repeat(bytes);
    let base = || event("1", "a");
    for bad in [
        Event { id: String::new(), ..base() },
        Event { r#type: String::new(), ..base() },
        Event { key: String::new(), ..base() },
        Event { data: String::new(), ..base() },
        Event { data: "{".into(), ..base() },
        Event { data: "1 2".into(), ..base() },
        Event { time: "2026-11-20 10:00:00Z".into(), ..base() },
        Event { time: "2026-11-20T10:00:00+01:00".into(), ..base() },
        Event { time: "2026-02-29T10:00:00Z".into(), ..base() },
        Event { time: "2026-11-20T24:00:00Z".into(), ..base() },
        Event { time: "2026-11-20T10:00:00.Z".into(), ..base() },
        Event { time: "2026-11-20T10:00é00Z".into(), ..base() },
    ] {
        let error = shop.publish(vec![], vec![bad.clone()]).unwrap_err();
        assert!(matches!(error, Error::Invalid(_)), "{bad:?}: {error}");
    }
    for bad in [
        Event { id: long(65), ..base() },
        Event { r#type: long(129), ..base() },
        Event { subject: Some(long(257)), ..base() },
        Event { key: long(129), ..base() },
        Event { data: format!("\"{}\"", long(64 << 10)), ..base() },
    ] {
        let error = shop.publish(vec![], vec![bad]).unwrap_err();
        assert!(matches!(error, Error::TooLarge(_)), "{error}");
    }
    let longest = Event {
        id: long(64),
        r#type: long(128),
        subject: Some(long(256)),
        key: long(128),
        time: "2024-02-29T23:59:60Z".into(),
        data: format!("\"{}\"", long((64 << 10) - 2)),
    };
    committed(shop.publish(vec![], vec![longest]));
}
