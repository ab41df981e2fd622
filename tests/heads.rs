//! Heads that are malformed, ambiguous, too large or too slow: each is answered with a problem, and its connection ends.

use crate::application::{Application, Component};
use crate::host::Shared;

static HOST: Shared = Shared::new(|| Application::of([Component::guest("echo"), Component::guest("slow")]));

/// Sends bytes; they are answered with this problem and the connection ends.
#[track_caller]
fn check_refused(bytes: impl AsRef<[u8]>, status: u16, name: &str) {
    let shown = String::from_utf8_lossy(&bytes.as_ref()[..bytes.as_ref().len().min(120)]).into_owned();
    let mut connection = HOST.host().connect();
    // The host may have refused, and ended the connection, before it has read everything.
    drop(connection.send(bytes));
    let answer = connection.read_answer_to("GET").unwrap_or_else(|error| panic!("{error}, to {shown:?}"));
    assert_eq!(answer.status, status, "{shown:?}: {answer:?}");
    answer.is_problem(status, name);
    assert_eq!(connection.rest(), b"", "something follows the refusal of {shown:?}");
}

#[test]
fn a_head_that_is_no_http_is_400() {
    for bytes in [
        "HELLO\r\n\r\n",
        "GET\r\n\r\n",
        "GET /echo\r\n\r\n",
        "GET /echo HTTP/9.9\r\nhost: a\r\n\r\n",
        "GET /echo HTTQ/1.1\r\nhost: a\r\n\r\n",
        "GET /echo echo HTTP/1.1\r\nhost: a\r\n\r\n",
        "G@T /echo HTTP/1.1\r\nhost: a\r\n\r\n",
        "GET /echo HTTP/1.1\r\nhost a\r\n\r\n",
        "GET /echo HTTP/1.1\r\nhost: a\r\n: empty\r\n\r\n",
        "GET /echo HTTP/1.1\r\nhost: a\r\nx y: z\r\n\r\n",
        "GET /echo HTTP/1.1\r\nhost: a\r\nx : z\r\n\r\n",
        "GET /echo HTTP/1.1\r\nhost: a\r\nx: y\0z\r\n\r\n",
        "GET /echo HTTP/1.1\r\nhost: a\r\nx: y\r\n folded\r\n\r\n",
        "GET \\echo HTTP/1.1\r\nhost: a\r\n\r\n",
        "\0\0\0\0\r\n\r\n",
        "\x16\x03\x01\x02\0\x01\0\x01\u{fc}\x03\x03 and more of a TLS hello\r\n\r\n",
    ] {
        check_refused(bytes, 400, "malformed-request");
    }
}

#[test]
fn a_length_that_is_no_number_or_two_of_them_are_400() {
    for length in ["x", "-1", "+5", "5 5", "0x5", "99999999999999999999", "5, 6", "", "5\r\ncontent-length: 6"] {
        let head = format!("POST /echo HTTP/1.1\r\nhost: a\r\ncontent-length: {length}\r\n\r\nhello");
        check_refused(head, 400, "malformed-request");
    }
}

#[test]
fn both_framings_of_a_body_are_400_in_either_order() {
    let body = "0\r\n\r\n";
    for framing in [
        "transfer-encoding: chunked\r\ncontent-length: 5",
        "content-length: 5\r\ntransfer-encoding: chunked",
        "Content-Length: 5\r\nTransfer-Encoding: chunked",
        "CONTENT-LENGTH:5\r\nTRANSFER-ENCODING:chunked",
        "content-length: 0\r\ntransfer-encoding: chunked",
    ] {
        check_refused(format!("POST /echo HTTP/1.1\r\nhost: a\r\n{framing}\r\n\r\n{body}"), 400, "malformed-request");
    }
}

#[test]
fn a_smuggled_request_is_not_answered() {
    let smuggled = "0\r\n\r\nGET /echo/smuggled HTTP/1.1\r\nhost: a\r\n\r\n";
    for framing in
        ["transfer-encoding: chunked\r\ncontent-length: 5", "content-length: 5\r\ntransfer-encoding: chunked"]
    {
        check_refused(
            format!("POST /echo HTTP/1.1\r\nhost: a\r\n{framing}\r\n\r\n{smuggled}"),
            400,
            "malformed-request",
        );
    }
    // Behind a request that is in order, in the same packet.
    let first = "GET /echo/first HTTP/1.1\r\nhost: a\r\n\r\n";
    let second = "POST /echo HTTP/1.1\r\nhost: a\r\ncontent-length: 5\r\ntransfer-encoding: chunked\r\n\r\n";
    let mut connection = HOST.host().connect();
    connection.send(format!("{first}{second}{smuggled}")).unwrap();
    assert!(connection.answer().text().starts_with("GET /echo/first\n"));
    connection.answer().is_problem(400, "malformed-request");
    assert_eq!(connection.rest(), b"");
}

#[test]
fn a_transfer_coding_other_than_chunked_is_refused() {
    for coding in ["chunked, gzip", "gzip", "identity", "xchunked", "chunked\r\ntransfer-encoding: gzip"] {
        let head = format!("POST /echo HTTP/1.1\r\nhost: a\r\ntransfer-encoding: {coding}\r\n\r\n0\r\n\r\n");
        check_refused(head, 400, "malformed-request");
    }
    let head = "POST /echo HTTP/1.0\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n";
    check_refused(head, 400, "malformed-request");
}

#[test]
fn a_transfer_coding_before_chunked_is_refused() {
    // Where such a body ends is known, so the connection may go on.
    for coding in ["gzip, chunked", "chunked, chunked", "gzip\r\ntransfer-encoding: chunked"] {
        let head = format!("POST /echo HTTP/1.1\r\nhost: a\r\ntransfer-encoding: {coding}\r\n\r\n0\r\n\r\n");
        HOST.host().connect_and_send(head).answer().is_problem(400, "malformed-request");
    }
}

#[test]
fn a_request_is_for_exactly_one_host() {
    let host = HOST.host();
    for fields in ["", "host: a\r\nhost: b\r\n", "host: a\r\nHost: a\r\n"] {
        let mut connection = host.connect();
        connection.send(format!("GET /echo HTTP/1.1\r\n{fields}\r\n")).unwrap();
        connection.answer().is_problem(400, "malformed-request");
    }
}

#[test]
fn a_head_that_is_too_large_is_431() {
    let large = "x".repeat(100 * 1024);
    check_refused(format!("GET /echo HTTP/1.1\r\nhost: a\r\nx-large: {large}\r\n\r\n"), 431, "head-too-large");
    let many = "x-many: y\r\n".repeat(500);
    check_refused(format!("GET /echo HTTP/1.1\r\nhost: a\r\n{many}\r\n"), 431, "head-too-large");
}

#[test]
fn a_target_that_is_too_long_is_414() {
    for length in [40 * 1024, 100 * 1024] {
        check_refused(format!("GET /echo/{} HTTP/1.1\r\nhost: a\r\n\r\n", "x".repeat(length)), 414, "target-too-long");
    }
}

#[test]
fn a_head_within_the_limits_is_answered() {
    let large = "x".repeat(16 * 1024);
    let mut connection = HOST.host().connect();
    let answer = connection.ask("GET", "/echo", &[("x-large", &large)], b"");
    assert!(answer.text().contains(&large));
    let target = format!("/echo/{}", "y".repeat(16 * 1024));
    assert!(connection.ask("GET", &target, &[], b"").text().starts_with(&format!("GET {target}\n")));
}

#[test]
fn requests_that_do_not_wait_for_answers_are_answered_in_order() {
    let mut connection = HOST.host().connect();
    connection
        .send(
            "GET /slow/200 HTTP/1.1\r\nhost: a\r\n\r\n\
             POST /echo/2 HTTP/1.1\r\nhost: a\r\ncontent-length: 5\r\n\r\nfirst\
             GET /nothing HTTP/1.1\r\nhost: a\r\n\r\n\
             POST /echo/4 HTTP/1.1\r\nhost: a\r\ncontent-length: 6\r\n\r\nsecond",
        )
        .unwrap();
    connection.answer().is_ok("waited 200 ms");
    assert!(connection.answer().text().ends_with("\n\nfirst"));
    connection.answer().is_problem(404, "no-route");
    assert!(connection.answer().text().ends_with("\n\nsecond"));
}

#[test]
fn an_empty_line_before_a_request_is_forgiven() {
    let mut connection = HOST.host().connect();
    connection.send("\r\nGET /slow/0 HTTP/1.1\r\nhost: a\r\n\r\n").unwrap();
    connection.answer().is_ok("waited 0 ms");
}

#[test]
fn a_head_that_comes_byte_by_byte_is_answered() {
    let mut connection = HOST.host().connect();
    for byte in b"GET /slow/0 HTTP/1.1\r\nhost: a\r\n\r\n" {
        connection.send([*byte]).unwrap();
    }
    connection.answer().is_ok("waited 0 ms");
}
