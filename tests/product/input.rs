//! Bad input, over the wire: each is refused with the right problem, and nothing is written.

use super::{HOST, JSON, PRODUCTS, make_category, make_product, post, product};
use crate::http::Answer;
use serde_json::{Value, json};

/// Sends a body that is refused; the number of products stays as it was, and the next request is answered.
#[track_caller]
fn check_body(body: &[u8], status: u16) -> Value {
    let host = HOST.host();
    make_category(&host);
    let answer = post(&host, PRODUCTS, body);
    let problem = answer.is_any_problem(status);
    leaks_nothing(&answer);
    assert_eq!(host.get(PRODUCTS).status, 200);
    problem
}

/// A product with one thing changed.
#[track_caller]
fn check_changed(change: impl FnOnce(&mut Value), pointer: &str) {
    let mut body = product(1);
    change(&mut body);
    let problem = check_body(body.to_string().as_bytes(), 422);
    let errors = problem["errors"].as_array().unwrap_or_else(|| panic!("no errors in {problem}"));
    assert!(errors.iter().any(|error| error["pointer"] == pointer), "no {pointer} in {problem}");
}

fn leaks_nothing(answer: &Answer) {
    let text = answer.text().to_lowercase();
    for word in ["sqlite", "panicked", ".rs:", "backtrace", "select ", "insert "] {
        assert!(!text.contains(word), "{word} in {text}");
    }
}

#[test]
fn a_body_that_is_no_json_is_400() {
    for body in ["", "{", "nonsense", "{\"sku\":}", "[1,", "{\"a\":1}{", "\"", "nul", "{'sku': 1}", "{\"a\":01}"] {
        check_body(body.as_bytes(), 400);
    }
}

#[test]
fn a_body_that_is_100_000_deep_is_400() {
    for (open, close) in [("[", "]"), ("{\"a\":", "}")] {
        let deep = format!("{}1{}", open.repeat(100_000), close.repeat(100_000));
        check_body(deep.as_bytes(), 400);
        check_body(open.repeat(100_000).as_bytes(), 400);
        let mut hidden = product(1);
        hidden["attributes"] = json!("HERE");
        check_body(hidden.to_string().replace("\"HERE\"", &deep).as_bytes(), 400);
    }
}

#[test]
fn a_body_that_is_no_utf_8_is_400() {
    let text = product(1).to_string();
    let at = text.find("Blue").unwrap();
    for bytes in [&b"\xff"[..], b"\xc3\x28", b"\xed\xa0\x80", b"\xf0\x9f"] {
        let mut body = text.clone().into_bytes();
        body.splice(at..at, bytes.iter().copied());
        check_body(&body, 400);
    }
    check_body(text.replace("Blue", "\\ud800").as_bytes(), 400);
}

#[test]
fn a_body_of_another_type_is_415() {
    let host = HOST.host();
    let body = product(1).to_string();
    for fields in [
        &[][..],
        &[("content-type", "text/plain")],
        &[("content-type", "application/x-www-form-urlencoded")],
        &[("content-type", "application/xml")],
        &[("content-type", "nonsense")],
    ] {
        let answer = host.send("POST", PRODUCTS, fields, body.as_bytes());
        answer.is_any_problem(415);
    }
}

#[test]
fn a_body_of_11_mib_is_413_however_it_is_framed() {
    let host = HOST.host();
    let body = vec![b' '; 11 * 1024 * 1024];
    post(&host, PRODUCTS, &body).is_any_problem(413);
    let mut connection = host.connect();
    connection
        .send("POST /api/v1/products HTTP/1.1\r\nhost: a\r\ncontent-type: application/json\r\ntransfer-encoding: chunked\r\n\r\n")
        .unwrap();
    for piece in body.chunks(64 * 1024) {
        let mut chunk = format!("{:x}\r\n", piece.len()).into_bytes();
        chunk.extend_from_slice(piece);
        chunk.extend_from_slice(b"\r\n");
        if connection.send(chunk).is_err() {
            break;
        }
    }
    connection.answer().is_any_problem(413);
    assert_eq!(host.get(PRODUCTS).status, 200);
}

#[test]
fn a_body_that_is_chunked_is_read_as_any_other() {
    let host = HOST.host();
    make_category(&host);
    let body = product(1).to_string();
    let mut connection = host.connect();
    connection
        .send(format!(
            "POST /api/v1/products HTTP/1.1\r\nhost: a\r\ncontent-type: application/json\r\ntransfer-encoding: chunked\r\n\r\n\
             {:x}\r\n{body}\r\n0\r\n\r\n",
            body.len()
        ))
        .unwrap();
    let answer = connection.answer();
    assert_eq!(answer.status, 201, "{}", answer.text());
}

#[test]
fn a_product_that_is_not_right_is_422_and_the_place_is_named() {
    check_changed(|body| body["colour"] = json!("blue"), "/colour");
    check_changed(|body| body["price"]["tax"] = json!(19), "/price/tax");
    check_changed(|body| body["price"]["amount"] = json!(-1), "/price/amount");
    check_changed(|body| body["price"]["amount"] = json!(19.99), "/price/amount");
    check_changed(|body| body["price"]["amount"] = json!("1999"), "/price/amount");
    check_changed(|body| body["price"]["amount"] = json!(u64::MAX), "/price/amount");
    check_changed(|body| body["price"]["currency"] = json!("euro"), "/price/currency");
    check_changed(|body| body["stock"] = json!(-1), "/stock");
    check_changed(|body| body["stock"] = json!(1.5), "/stock");
    check_changed(|body| body["stock"] = json!(10_000_000_000_u64), "/stock");
    check_changed(|body| body["name"] = json!(""), "/name");
    check_changed(|body| body["name"] = json!("x".repeat(201)), "/name");
    check_changed(|body| body["name"] = json!("two\nlines"), "/name");
    check_changed(|body| body["name"] = json!(null), "/name");
    check_changed(|body| body["status"] = json!("sold"), "/status");
    check_changed(|body| body["sku"] = json!("'; DROP TABLE product; --"), "/sku");
    check_changed(|body| body["image_url"] = json!("javascript:alert(1)"), "/image_url");
    check_changed(|body| drop(body.as_object_mut().unwrap().remove("name")), "/name");
}

#[test]
fn all_that_is_wrong_with_a_product_is_told_at_once() {
    let mut body = product(1);
    body["stock"] = json!(-1);
    body["price"]["amount"] = json!(-1);
    body["name"] = json!("");
    body["colour"] = json!("blue");
    let problem = check_body(body.to_string().as_bytes(), 422);
    let pointers: Vec<_> =
        problem["errors"].as_array().unwrap().iter().map(|error| error["pointer"].as_str().unwrap()).collect();
    for pointer in ["/stock", "/price/amount", "/name", "/colour"] {
        assert!(pointers.contains(&pointer), "no {pointer} in {pointers:?}");
    }
}

#[test]
fn a_query_that_is_not_right_is_400_and_the_parameter_is_named() {
    let host = HOST.host();
    for (query, parameter) in [
        ("page=0", "page"),
        ("page=-1", "page"),
        ("page=one", "page"),
        ("page=99999999999999999999", "page"),
        ("size=0", "size"),
        ("size=1000000", "size"),
        ("size=101", "size"),
        ("sort=colour", "sort"),
        ("sort=name;drop", "sort"),
        ("sort=relevance", "sort"),
        ("status=sold", "status"),
        ("price_min=-1&currency=EUR", "price_min"),
        ("colour=blue", "colour"),
    ] {
        let answer = host.get(&format!("{PRODUCTS}?{query}"));
        let problem = answer.is_any_problem(400);
        leaks_nothing(&answer);
        let errors = problem["errors"].as_array().unwrap_or_else(|| panic!("{query}: no errors in {problem}"));
        assert!(errors.iter().any(|error| error["parameter"] == parameter), "{query}: {problem}");
    }
    for query in ["q=%ff", "q=%zz", "page=1&page=2"] {
        let answer = host.get(&format!("{PRODUCTS}?{query}"));
        assert!([200, 400].contains(&answer.status), "{query}: {answer:?}");
        leaks_nothing(&answer);
    }
}

#[test]
fn a_search_is_text_and_no_query_language() {
    let host = HOST.host();
    make_product(&host, 1);
    for query in ["%22", "*", "a*", "NEAR(", "AND", "OR%20OR", "-", "(", "%27%20OR%201=1", "name:", "^", "a%00b", "%20"]
    {
        let answer = host.get(&format!("{PRODUCTS}?q={query}"));
        assert!([200, 400].contains(&answer.status), "{query}: {answer:?}");
        leaks_nothing(&answer);
    }
    let long = "x".repeat(5_000);
    let answer = host.get(&format!("{PRODUCTS}?q={long}"));
    assert!([200, 400].contains(&answer.status), "{answer:?}");
}

#[test]
fn what_does_not_exist_is_404() {
    let host = HOST.host();
    let ids = [
        "nothing",
        "0",
        "-1",
        "00000000-0000-0000-0000-000000000000",
        "%27",
        "%00",
        "%ff",
        "..",
        "a%2fb",
        "99999999999999999999",
    ];
    for id in ids {
        for path in [
            format!("{PRODUCTS}/{id}"),
            format!("{PRODUCTS}/{id}/stock"),
            format!("/api/v1/categories/{id}"),
            format!("/api/v1/reservations/{id}"),
        ] {
            let answer = host.get(&path);
            answer.is_any_problem(404);
            leaks_nothing(&answer);
        }
    }
    host.get(&format!("{PRODUCTS}/a/b/c/d")).is_any_problem(404);
    host.get("/api/v1/nothing").is_problem(404, "no-route");
}

#[test]
fn a_method_that_is_not_there_is_405_with_those_that_are() {
    let host = HOST.host();
    let path = make_product(&host, 1);
    for (method, path, allowed) in [
        ("PATCH", PRODUCTS, "POST"),
        ("DELETE", PRODUCTS, "GET"),
        ("POST", &*path, "PATCH"),
        ("PROPFIND", &*path, "DELETE"),
        ("DELETE", &*format!("{path}/stock"), "PUT"),
    ] {
        let answer = host.send(method, path, &[], b"");
        answer.is_any_problem(405);
        let allow = answer.field("allow").unwrap_or_else(|| panic!("no Allow: {answer:?}"));
        assert!(allow.split(',').any(|name| name.trim() == allowed), "{method} {path}: {allow}");
    }
}

#[test]
fn head_is_answered_as_get_without_the_body() {
    let host = HOST.host();
    let path = make_product(&host, 1);
    let (got, head) = (host.get(&path), host.send("HEAD", &path, &[], b""));
    assert_eq!((head.status, head.body.len()), (200, 0));
    assert_eq!((head.field("etag"), head.field("content-length")), (got.field("etag"), got.field("content-length")));
}

#[test]
fn text_of_every_kind_comes_back_as_it_was_sent() {
    let host = HOST.host();
    make_category(&host);
    for name in [
        "Ünïcödé",
        "茶壺",
        "🫖",
        "\"quoted\" \\ back",
        "<script>alert(1)</script>",
        "Robert'); DROP TABLE--",
        "a\u{301}",
    ] {
        let mut body = product(1);
        body["name"] = json!(name);
        let answer = host.send("POST", PRODUCTS, &[JSON], body.to_string().as_bytes());
        assert_eq!(answer.status, 201, "{}", answer.text());
        assert_eq!(host.get(answer.field("location").unwrap()).json()["name"], name);
    }
}
