//! An event exists exactly if the change that it tells of was committed, and waits in order.

use souk_database::contract::{Error, Event, Expectation, Outcome};

use crate::shop::{Place, Shop};
use crate::words::{committed, event, expect, step};

const ADD: &str = "INSERT INTO product (id, name) VALUES (1, 'chair')";

#[tokio::test]
async fn events_are_stored_with_what_they_tell_of() {
    let Some(shop) = Shop::open().await else { return };
    assert_eq!(shop.home.status(&shop.db).await.1.oldest_ms, None);
    committed(shop.publish(vec![step(ADD)], vec![event("1", "a"), event("2", "a")]).await);
    assert!(shop.publish(vec![step(ADD)], vec![event("3", "a")]).await.is_err(), "the id is taken");
    let unmet = shop.publish(vec![expect("SELECT 1", Expectation::Exactly(0))], vec![event("4", "a")]).await;
    assert_eq!(unmet, Ok(Outcome::Unmet(0)));
    let (_, outbox) = shop.home.status(&shop.db).await;
    assert_eq!(outbox.waiting, 2);
    assert!(outbox.oldest_ms.unwrap() < 60_000, "{outbox:?}");
}

#[tokio::test]
async fn events_without_steps_are_published() {
    let Some(shop) = Shop::open().await else { return };
    assert_eq!(shop.publish(vec![], vec![event("1", "a")]).await, Ok(Outcome::Committed(vec![])));
    assert_eq!(shop.waiting().await, 1);
}

#[tokio::test]
async fn an_id_that_waits_already_refuses_the_whole_transaction() {
    let Some(shop) = Shop::open().await else { return };
    committed(shop.publish(vec![], vec![event("1", "a")]).await);
    let again = shop.publish(vec![step(ADD)], vec![event("2", "a"), event("1", "b")]).await;
    assert!(matches!(&again, Err(Error::Constraint(text)) if text.contains("event 1: the id `1` waits")), "{again:?}");
    assert_eq!(shop.number("SELECT count(*) FROM product").await, 0);
    assert_eq!(shop.waiting().await, 1);
}

#[tokio::test]
async fn an_event_waits_as_it_was_given_in_order_of_publication() {
    let Some(shop) = Shop::open().await else { return };
    let odd = Event {
        subject: None,
        data: "\"na\\u0000ïve\"".into(),
        time: "2026-11-20T10:00:00.123456789Z".into(),
        ..event("odd", "b")
    };
    let published = [event("z", "a"), odd, event("y", "a"), event("x", "a")];
    committed(shop.publish(vec![], published[..3].to_vec()).await);
    committed(shop.publish(vec![], published[3..].to_vec()).await);
    let waiting: Vec<_> = shop.home.waiting().into_iter().map(|(_, event)| event).collect();
    assert_eq!(waiting, published);
}

#[tokio::test]
async fn a_place_in_the_order_is_never_used_twice() {
    let Some(shop) = Shop::open().await else { return };
    committed(shop.publish(vec![], vec![event("1", "a"), event("2", "a")]).await);
    let before = shop.home.waiting();
    shop.home.deliver();
    committed(shop.publish(vec![], vec![event("2", "a")]).await);
    let after = shop.home.waiting();
    assert_eq!((before.len(), after.len()), (2, 1));
    assert!(after[0].0 > before[1].0, "{before:?} {after:?}");
}

#[tokio::test]
async fn fields_are_held_against_the_contract() {
    let Some(shop) = Shop::open().await else { return };
    let long = |bytes: usize| "a".repeat(bytes);
    let base = || event("1", "a");
    for bad in [
        Event { id: String::new(), ..base() },
        Event { r#type: String::new(), ..base() },
        Event { key: String::new(), ..base() },
        Event { data: String::new(), ..base() },
        Event { data: "{".into(), ..base() },
        Event { subject: Some("a\0b".into()), ..base() },
        Event { key: "a\0b".into(), ..base() },
        Event { data: "1 2".into(), ..base() },
        Event { time: "2026-11-20 10:00:00Z".into(), ..base() },
        Event { time: "2026-11-20T10:00:00+01:00".into(), ..base() },
        Event { time: "2026-02-29T10:00:00Z".into(), ..base() },
        Event { time: "2026-11-20T24:00:00Z".into(), ..base() },
        Event { time: "2026-11-20T10:00:00.Z".into(), ..base() },
        Event { time: "2026-11-20T10:00é00Z".into(), ..base() },
    ] {
        let error = shop.publish(vec![], vec![bad.clone()]).await.unwrap_err();
        assert!(matches!(error, Error::Invalid(_)), "{bad:?}: {error}");
    }
    for bad in [
        Event { id: long(65), ..base() },
        Event { r#type: long(129), ..base() },
        Event { subject: Some(long(257)), ..base() },
        Event { key: long(129), ..base() },
        Event { data: format!("\"{}\"", long(64 << 10)), ..base() },
    ] {
        let error = shop.publish(vec![], vec![bad]).await.unwrap_err();
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
    committed(shop.publish(vec![], vec![longest]).await);
    assert_eq!(shop.waiting().await, 1);
}
