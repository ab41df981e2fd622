//! Many who want the same thing at the same time.

use super::{HOST, JSON, PRODUCTS, etag, make_category, make_product, product};
use crate::host::Host;
use crate::http::Answer;
use serde_json::{Value, json};
use std::sync::Barrier;
use std::thread;

const RACERS: usize = 100;

/// All start together; their answers by status.
fn race(host: &Host, run: impl Fn(usize, &Host) -> Answer + Sync) -> Vec<Answer> {
    let start = Barrier::new(RACERS);
    thread::scope(|scope| {
        let racers: Vec<_> = (0..RACERS)
            .map(|number| {
                let (start, run) = (&start, &run);
                scope.spawn(move || {
                    start.wait();
                    run(number, host)
                })
            })
            .collect();
        racers.into_iter().map(|racer| racer.join().unwrap()).collect()
    })
}

fn with_status(answers: &[Answer], status: u16) -> usize {
    answers.iter().filter(|answer| answer.status == status).count()
}

fn id(path: &str) -> &str {
    path.rsplit('/').next().unwrap()
}

fn stock(host: &Host, path: &str) -> Value {
    host.get(&format!("{path}/stock")).json()
}

#[test]
fn exactly_one_of_many_buyers_gets_the_last_unit() {
    let host = HOST.host();
    let path = make_product(&host, 1);
    let answers = race(&host, |_, host| {
        host.send("POST", &format!("{path}/stock/adjustments"), &[JSON], b"{\"change\":-1,\"reason\":\"sold\"}")
    });
    assert_eq!((with_status(&answers, 200), with_status(&answers, 409)), (1, RACERS - 1));
    for answer in answers.iter().filter(|answer| answer.status == 409) {
        answer.is_problem(409, "sold-out");
    }
    assert_eq!(stock(&host, &path)["available"], 0);
}

#[test]
fn exactly_one_of_many_reservations_holds_the_last_unit() {
    let host = HOST.host();
    let path = make_product(&host, 1);
    let body = json!({ "lines": [{ "product_id": id(&path), "quantity": 1 }], "expires_in_seconds": 900 }).to_string();
    let answers = race(&host, |number, host| {
        host.send("PUT", &format!("/api/v1/reservations/{}-{number}", id(&path)), &[JSON], body.as_bytes())
    });
    assert_eq!((with_status(&answers, 201), with_status(&answers, 409)), (1, RACERS - 1));
    let stock = stock(&host, &path);
    assert_eq!((&stock["stock"], &stock["held"], &stock["available"]), (&json!(1), &json!(1), &json!(0)), "{stock}");
}

#[test]
fn the_same_reservation_sent_many_times_holds_once() {
    let host = HOST.host();
    let path = make_product(&host, 50);
    let body = json!({ "lines": [{ "product_id": id(&path), "quantity": 1 }], "expires_in_seconds": 900 }).to_string();
    let answers = race(&host, |_, host| {
        host.send("PUT", &format!("/api/v1/reservations/{}", id(&path)), &[JSON], body.as_bytes())
    });
    assert_eq!((with_status(&answers, 201), with_status(&answers, 200)), (1, RACERS - 1));
    assert_eq!(stock(&host, &path)["held"], 1);
}

#[test]
fn exactly_one_of_many_writers_of_one_version_wins() {
    let host = HOST.host();
    let path = make_product(&host, 1);
    let version = etag(&host, &path);
    let answers = race(&host, |number, host| {
        let fields = [("content-type", "application/merge-patch+json"), ("if-match", &*version)];
        host.send("PATCH", &path, &fields, format!("{{\"name\":\"Writer {number}\"}}").as_bytes())
    });
    assert_eq!((with_status(&answers, 200), with_status(&answers, 412)), (1, RACERS - 1));
    let winner = answers.iter().position(|answer| answer.status == 200).unwrap();
    assert_eq!(host.get(&path).json()["name"], format!("Writer {winner}"));
}

#[test]
fn exactly_one_of_many_gets_a_sku() {
    let host = HOST.host();
    make_category(&host);
    let body = product(1).to_string();
    let answers = race(&host, |_, host| host.send("POST", PRODUCTS, &[JSON], body.as_bytes()));
    assert_eq!((with_status(&answers, 201), with_status(&answers, 409)), (1, RACERS - 1));
}

#[test]
fn nothing_is_lost_of_many_that_are_made_at_the_same_time() {
    let host = HOST.host();
    make_category(&host);
    let answers = race(&host, |_, host| host.send("POST", PRODUCTS, &[JSON], product(1).to_string().as_bytes()));
    for answer in &answers {
        assert_eq!(answer.status, 201, "{}", answer.text());
        assert_eq!(host.get(answer.field("location").unwrap()).status, 200);
    }
}
