//! Optimistic locking over the wire: a write says which version it is about.

use super::{HOST, JSON, PRODUCTS, etag, make_product, product};
use serde_json::json;

const MERGE: (&str, &str) = ("content-type", "application/merge-patch+json");

#[test]
fn a_write_without_a_version_is_428() {
    let host = HOST.host();
    let path = make_product(&host, 1);
    let body = product(1).to_string();
    host.send("PUT", &path, &[JSON], body.as_bytes()).is_any_problem(428);
    host.send("PATCH", &path, &[MERGE], b"{\"name\":\"x\"}").is_any_problem(428);
    host.send("DELETE", &path, &[], b"").is_any_problem(428);
    host.send("PUT", &format!("{path}/stock"), &[JSON], b"{\"stock\":5}").is_any_problem(428);
    assert_eq!(host.get(&path).json()["name"], "Blue teapot");
}

#[test]
fn a_write_with_a_stale_version_is_412() {
    let host = HOST.host();
    let path = make_product(&host, 1);
    let stale = etag(&host, &path);
    let first = host.send("PATCH", &path, &[MERGE, ("if-match", &stale)], b"{\"name\":\"First\"}");
    assert_eq!(first.status, 200, "{}", first.text());
    host.send("PATCH", &path, &[MERGE, ("if-match", &stale)], b"{\"name\":\"Second\"}").is_any_problem(412);
    host.send("DELETE", &path, &[("if-match", &stale)], b"").is_any_problem(412);
    assert_eq!(host.get(&path).json()["name"], "First");
}

#[test]
fn a_version_of_another_product_is_412() {
    let host = HOST.host();
    let (path, other) = (make_product(&host, 1), make_product(&host, 1));
    let foreign = etag(&host, &other);
    host.send("PATCH", &path, &[MERGE, ("if-match", &foreign)], b"{\"name\":\"x\"}").is_any_problem(412);
    host.send("DELETE", &path, &[("if-match", &foreign)], b"").is_any_problem(412);
    assert_eq!(host.get(&path).json()["name"], "Blue teapot");
}

#[test]
fn a_version_that_is_none_writes_nothing() {
    let host = HOST.host();
    let path = make_product(&host, 1);
    for version in ["nonsense", "\"\"", "W/\"1\"", "\"a\", ", "\"unended", "\"*\""] {
        let answer = host.send("PATCH", &path, &[MERGE, ("if-match", version)], b"{\"name\":\"x\"}");
        assert!([400, 412].contains(&answer.status), "{version}: {}", answer.text());
        answer.is_any_problem(answer.status);
    }
    assert_eq!(host.get(&path).json()["name"], "Blue teapot");
}

#[test]
fn what_the_client_has_already_is_not_sent_again() {
    let host = HOST.host();
    let path = make_product(&host, 1);
    let version = etag(&host, &path);
    let mut connection = host.connect();
    let answer = connection.ask("GET", &path, &[("if-none-match", &version)], b"");
    assert_eq!((answer.status, answer.body.len(), answer.field("etag")), (304, 0, Some(&*version)));
    assert_eq!(connection.ask("GET", &path, &[], b"").status, 200, "the connection is in order");
}

#[test]
fn what_was_deleted_is_gone() {
    let host = HOST.host();
    let path = make_product(&host, 0);
    let version = etag(&host, &path);
    let mut connection = host.connect();
    assert_eq!(connection.ask("DELETE", &path, &[("if-match", &version)], b"").status, 204);
    connection.ask("GET", &path, &[], b"").is_any_problem(404);
    connection.ask("DELETE", &path, &[("if-match", &version)], b"").is_any_problem(404);
}

#[test]
fn a_sku_is_taken_once() {
    let host = HOST.host();
    make_product(&host, 1);
    let body = product(1);
    assert_eq!(host.send("POST", PRODUCTS, &[JSON], body.to_string().as_bytes()).status, 201);
    host.send("POST", PRODUCTS, &[JSON], body.to_string().as_bytes()).is_problem(409, "sku-taken");
    let mut unknown = product(1);
    unknown["category"] = json!("nowhere");
    host.send("POST", PRODUCTS, &[JSON], unknown.to_string().as_bytes()).is_problem(422, "unknown-category");
}
