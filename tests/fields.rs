//! Methods and header fields on their way in and out, over every version of HTTP.

use crate::application::{Application, Component};
use crate::host::Shared;
use crate::http2;
use std::collections::HashSet;

static HOST: Shared = Shared::new(|| Application::of([Component::guest("echo"), Component::guest("misanswers")]));

/// The header fields that the guest got.
#[track_caller]
fn received(fields: &[(&str, &str)]) -> Vec<String> {
    let answer = HOST.host().send("GET", "/echo", fields, b"");
    assert_eq!(answer.status, 200, "{}", answer.text());
    answer.text().lines().skip(1).take_while(|line| !line.is_empty()).map(str::to_owned).collect()
}

#[test]
fn every_answer_has_a_name_that_no_other_has() {
    let host = HOST.host();
    let mut connection = host.connect();
    let mut names = HashSet::new();
    for (method, target) in
        [("GET", "/echo"), ("GET", "/nothing"), ("GET", "/healthz"), ("TRACE", "/echo"), ("GET", "/misanswers/999")]
    {
        for _ in 0..3 {
            let answer = connection.ask(method, target, &[("x-request-id", "chosen")], b"");
            let name = answer.field("x-request-id").unwrap_or_else(|| panic!("no name: {answer:?}")).to_owned();
            assert!(names.insert(name.clone()), "{name} is there twice");
        }
    }
    assert!(!names.contains("chosen"));
}

#[test]
fn a_client_cannot_speak_for_the_gateway() {
    let forged = [
        ("souk-caller", "root"),
        ("Souk-Caller", "root"),
        ("SOUK-CALLER", "root"),
        ("souk_caller", "root"),
        ("Souk_Caller", "root"),
        ("souk-", "root"),
        ("souk-anything-else", "root"),
    ];
    for field in forged {
        let received = received(&[field, ("soukous", "music")]);
        assert!(!received.iter().any(|line| line.contains("root")), "{field:?} arrived: {received:?}");
        assert!(received.contains(&"soukous: music".to_owned()), "{received:?}");
    }
    let both = received(&[("connection", "x-a"), ("souk-caller", "root"), ("souk-caller", "root")]);
    assert_eq!(both, ["host: shop.test"]);
    let trailing = HOST.host().get("/misanswers/reserved");
    assert_eq!((trailing.status, trailing.field("souk-caller")), (200, None));
}

#[test]
fn fields_of_the_connection_end_at_the_gateway() {
    let fields = [
        ("connection", "keep-alive, X-Hop"),
        ("connection", "x-second"),
        ("x-hop", "1"),
        ("x-second", "2"),
        ("keep-alive", "timeout=5"),
        ("proxy-connection", "keep-alive"),
        ("te", "trailers"),
        ("trailer", "x-sum"),
        ("upgrade", "websocket"),
        ("accept", "text/plain"),
    ];
    let mut received = received(&fields);
    received.sort();
    assert_eq!(received, ["accept: text/plain", "host: shop.test"]);
}

#[test]
fn a_connection_field_cannot_take_away_what_the_host_says() {
    let received = received(&[("connection", "host, content-length")]);
    assert_eq!(received, ["host: shop.test"]);
}

#[test]
fn what_a_component_says_about_the_connection_is_not_believed() {
    let host = HOST.host();
    let mut connection = host.connect();
    let hop = connection.ask("GET", "/misanswers/hop-by-hop", &[], b"");
    assert_eq!((hop.status, hop.field("transfer-encoding"), hop.text()), (200, None, "answered"));
    let length = connection.ask("GET", "/misanswers/content-length", &[], b"");
    assert_eq!((length.status, length.field("content-length"), length.text()), (200, Some("8"), "answered"));
    assert_eq!(connection.ask("GET", "/misanswers/200", &[], b"").text(), "answered", "the connection is in order");
}

#[test]
fn an_answer_that_is_no_http_is_502() {
    let host = HOST.host();
    for what in ["field-name", "field-value", "0", "42", "100", "101", "199", "600", "999", "1000"] {
        let mut connection = host.connect();
        let answer = connection.ask("GET", &format!("/misanswers/{what}"), &[], b"");
        assert_eq!(answer.status, 502, "{what}");
        answer.is_problem(502, "component-misanswered");
        connection.ask("GET", "/misanswers/200", &[], b"").is_ok("answered");
    }
    assert!(!host.get("/misanswers/field-value").fields.iter().any(|(name, _)| name == "set-cookie"));
}

#[test]
fn every_status_of_http_goes_through() {
    for status in [200_u16, 201, 202, 301, 400, 404, 409, 418, 500, 503, 599] {
        let answer = HOST.host().get(&format!("/misanswers/{status}"));
        assert_eq!((answer.status, answer.text(), answer.field("x-fine")), (status, "answered", Some("yes")));
    }
    for status in [204_u16, 304] {
        let mut connection = HOST.host().connect();
        let answer = connection.ask("GET", &format!("/misanswers/{status}"), &[], b"");
        assert_eq!((answer.status, answer.field("x-fine")), (status, Some("yes")));
        connection.ask("GET", "/misanswers/200", &[], b"").is_ok("answered");
    }
}

#[test]
fn head_is_answered_as_get_without_the_body() {
    let host = HOST.host();
    let mut connection = host.connect();
    let got = connection.ask("GET", "/misanswers/200", &[], b"");
    let head = connection.ask("HEAD", "/misanswers/200", &[], b"");
    assert_eq!((head.status, head.body.len(), head.field("x-fine")), (200, 0, Some("yes")));
    assert_eq!(head.field("content-length"), got.field("content-length"));
    assert_eq!(connection.ask("HEAD", "/nothing", &[], b"").status, 404);
    connection.ask("GET", "/misanswers/200", &[], b"").is_ok("answered");
}

#[test]
fn every_method_but_connect_and_trace_reaches_the_component() {
    let host = HOST.host();
    for method in ["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "PROPFIND", "get"] {
        let answer = host.send(method, "/echo", &[], b"");
        assert!(answer.text().starts_with(&format!("{method} /echo\n")), "{}", answer.text());
    }
    for (method, target) in [("TRACE", "/echo"), ("CONNECT", "shop.test:80"), ("CONNECT", "/echo")] {
        let answer = host.send(method, target, &[], b"");
        assert!([400, 501].contains(&answer.status), "{method} {target}: {answer:?}");
        answer.is_any_problem(answer.status);
    }
    host.send("TRACE", "/echo", &[("authorization", "Bearer secret")], b"").is_problem(501, "method-not-implemented");
}

#[test]
fn options_for_the_whole_server_is_a_problem_and_no_crash() {
    let answer = HOST.host().send("OPTIONS", "*", &[], b"");
    answer.is_any_problem(answer.status);
}

#[test]
fn a_field_value_that_is_no_text_does_not_break_anything() {
    let host = HOST.host();
    let mut connection = host.connect();
    connection.send(b"GET /echo HTTP/1.1\r\nhost: shop.test\r\nx-bytes: \xff\xfe\r\n\r\n").unwrap();
    let answer = connection.answer();
    assert_eq!(answer.status, 200);
    assert!(answer.text().contains("\nx-bytes: \u{fffd}\u{fffd}\n"), "{}", answer.text());
}

#[test]
fn http_1_0_is_answered_with_and_without_a_host() {
    let host = HOST.host();
    for field in ["", "host: old.test\r\n"] {
        let mut connection = host.connect();
        connection.send(format!("GET /misanswers/200 HTTP/1.0\r\n{field}\r\n")).unwrap();
        connection.answer().is_ok("answered");
        assert!(connection.rest().is_empty(), "HTTP/1.0 ends the connection unless asked otherwise");
    }
    let mut connection = host.connect();
    for _ in 0..2 {
        connection.send("GET /misanswers/200 HTTP/1.0\r\nconnection: keep-alive\r\n\r\n").unwrap();
        connection.answer().is_ok("answered");
    }
}

#[test]
fn http_2_is_spoken_on_the_same_port() {
    let host = HOST.host();
    let answers = http2::ask(
        host.address,
        vec![
            http2::request("GET", "/misanswers/200", &[], b""),
            http2::request(
                "POST",
                "/echo",
                &[("souk-caller", "root"), ("souk_caller", "root"), ("te", "trailers")],
                b"hello",
            ),
            http2::request("GET", "/nothing", &[], b""),
            http2::request("HEAD", "/misanswers/200", &[], b""),
            http2::request("TRACE", "/echo", &[], b""),
            http2::request("GET", "/misanswers/999", &[], b""),
        ],
    );
    answers[0].is_ok("answered");
    assert!(answers[1].text().starts_with("POST /echo\n"), "{}", answers[1].text());
    assert!(answers[1].text().contains("host: shop.test\n"), "{}", answers[1].text());
    assert!(answers[1].text().ends_with("\n\nhello") && !answers[1].text().contains("root"), "{}", answers[1].text());
    assert!(!answers[1].text().contains("te:"), "{}", answers[1].text());
    answers[2].is_problem(404, "no-route");
    assert_eq!((answers[3].status, answers[3].body.len()), (200, 0));
    answers[4].is_problem(501, "method-not-implemented");
    answers[5].is_problem(502, "component-misanswered");
    let names: HashSet<_> = answers.iter().map(|answer| answer.field("x-request-id").unwrap()).collect();
    assert_eq!(names.len(), answers.len());
    host.get("/misanswers/200").is_ok("answered");
}
