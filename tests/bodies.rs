//! Bodies of requests: received within bounds of size and silence, whichever way they are framed.

use crate::application::{Application, Component};
use crate::host::{Host, Shared};
use crate::http2;

const BODY_BYTES_MAX: usize = 100_000;

static HOST: Shared = Shared::new(|| {
    Application::of([
        Component::guest("echo").limit("body_bytes_max", BODY_BYTES_MAX as u64),
        Component::guest("streams").limit("body_bytes_max", BODY_BYTES_MAX as u64),
        Component::guest("counts").limit("body_bytes_max", 0),
    ])
    .limit("body_idle_ms_max", 400)
});

/// The body as chunks of this many bytes.
fn chunked(body: &[u8], bytes: usize) -> Vec<u8> {
    let mut framed = Vec::new();
    for piece in body.chunks(bytes) {
        framed.extend_from_slice(format!("{:x}\r\n", piece.len()).as_bytes());
        framed.extend_from_slice(piece);
        framed.extend_from_slice(b"\r\n");
    }
    framed.extend_from_slice(b"0\r\n\r\n");
    framed
}

fn head(target: &str, framing: &str) -> String {
    format!("POST {target} HTTP/1.1\r\nhost: a\r\n{framing}\r\n\r\n")
}

const CHUNKED: &str = "transfer-encoding: chunked";

#[test]
fn a_body_of_the_largest_size_arrives_whole() {
    let host = HOST.host();
    let body = vec![b'b'; BODY_BYTES_MAX];
    let sized = host.send("POST", "/echo", &[], &body);
    assert!(sized.status == 200 && sized.body.ends_with(&body));
    let mut connection = host.connect();
    connection.send(head("/echo", CHUNKED)).unwrap();
    connection.send(chunked(&body, 1_000)).unwrap();
    let answer = connection.answer();
    assert!(answer.status == 200 && answer.body.ends_with(&body));
}

#[test]
fn a_body_that_is_declared_too_large_is_413_before_it_is_sent() {
    for target in ["/echo", "/streams"] {
        for expect in ["", "\r\nexpect: 100-continue"] {
            let mut connection = HOST.host().connect();
            connection.send(head(target, &format!("content-length: {}{expect}", BODY_BYTES_MAX + 1))).unwrap();
            connection.answer().is_problem(413, "body-too-large");
        }
    }
}

#[test]
fn a_refusal_reaches_a_client_that_sends_its_large_body_anyway() {
    let body = vec![b'b'; 11 * 1024 * 1024];
    HOST.host().send("POST", "/echo", &[], &body).is_problem(413, "body-too-large");
}

#[test]
fn a_chunked_body_is_413_as_soon_as_it_is_too_large() {
    let mut connection = HOST.host().connect();
    connection.send(head("/echo", CHUNKED)).unwrap();
    let piece = chunked(&[b'b'; 10_000], 10_000);
    let piece = &piece[..piece.len() - b"0\r\n\r\n".len()];
    for _ in 0..=BODY_BYTES_MAX / 10_000 {
        connection.send(piece).unwrap();
    }
    // Its end was never sent.
    connection.answer().is_problem(413, "body-too-large");
}

#[test]
fn a_streamed_body_ends_for_the_component_where_it_is_too_large() {
    let host = HOST.host();
    let mut connection = host.connect();
    connection.send(head("/streams", CHUNKED)).unwrap();
    drop(connection.send(chunked(&vec![b'b'; BODY_BYTES_MAX * 3], 10_000)));
    if let Ok(answer) = connection.read_answer_to("GET") {
        assert!(answer.status == 413 || answer.body.len() <= BODY_BYTES_MAX, "{} bytes", answer.body.len());
    }
    host.send("POST", "/streams", &[], b"next").is_ok("next");
}

#[test]
fn a_component_that_takes_no_body_is_reached_without_one() {
    let host = HOST.host();
    host.send("POST", "/counts", &[], b"x").is_problem(413, "body-too-large");
    assert_eq!(host.send("POST", "/counts", &[], b"").status, 200);
    assert_eq!(host.get("/counts").status, 200);
}

#[test]
fn a_client_that_asks_first_is_told_to_go_on() {
    let mut connection = HOST.host().connect();
    connection.send(head("/echo", "content-length: 5\r\nexpect: 100-continue")).unwrap();
    assert_eq!(connection.read_head().unwrap().0, 100);
    connection.send("hello").unwrap();
    assert!(connection.answer().text().ends_with("\n\nhello"));
}

#[test]
fn a_body_that_stalls_is_408() {
    for target in ["/echo", "/streams"] {
        for (framing, part) in
            [("content-length: 10", "hello"), ("content-length: 10", ""), (CHUNKED, "5\r\nhello\r\n")]
        {
            let mut connection = HOST.host().connect();
            connection.send(head(target, framing)).unwrap();
            connection.send(part).unwrap();
            if target == "/echo" {
                connection.answer().is_problem(408, "body-timeout");
            }
            // The stream has answered already: its answer ends, or breaks off.
            connection.rest();
        }
    }
    HOST.host().send("POST", "/streams", &[], b"next").is_ok("next");
}

#[test]
fn a_body_that_comes_slowly_but_steadily_is_received() {
    let mut connection = HOST.host().connect();
    connection.send(head("/echo", "content-length: 8")).unwrap();
    for _ in 0..8 {
        std::thread::sleep(std::time::Duration::from_millis(100));
        connection.send("b").unwrap();
    }
    assert!(connection.answer().text().ends_with("\n\nbbbbbbbb"));
}

#[test]
fn a_chunked_body_that_is_malformed_is_400() {
    for body in [
        "zz\r\nhello\r\n0\r\n\r\n",
        "-5\r\nhello\r\n0\r\n\r\n",
        "5\r\nhelloX\r\n0\r\n\r\n",
        "fffffffffffffffff\r\nx",
        "\r\n\r\n",
    ] {
        let mut connection = HOST.host().connect();
        connection.send(head("/echo", CHUNKED)).unwrap();
        connection.send(body).unwrap();
        connection.answer().is_problem(400, "body-unreadable");
        connection.rest();
    }
}

#[test]
fn a_client_that_leaves_in_the_middle_of_its_body_harms_nobody() {
    let host = HOST.host();
    for target in ["/echo", "/streams"] {
        for framing in ["content-length: 10", CHUNKED] {
            let mut connection = host.connect();
            connection.send(head(target, framing)).unwrap();
            connection.send("5\r\nhel").unwrap();
        }
    }
    assert_eq!(host.send("POST", "/echo", &[], b"next").status, 200);
    host.send("POST", "/streams", &[], b"next").is_ok("next");
}

#[test]
fn a_connection_goes_on_after_a_body_that_nobody_wanted() {
    let mut connection = HOST.host().connect();
    connection.ask("POST", "/nothing", &[], b"small").is_problem(404, "no-route");
    assert_eq!(connection.ask("GET", "/counts", &[], b"").status, 200);
}

#[test]
fn extensions_and_trailers_of_chunks_are_left_out() {
    let mut connection = HOST.host().connect();
    connection.send(head("/echo", CHUNKED)).unwrap();
    connection.send("5;name=\"value\"\r\nhello\r\n0\r\nsouk-caller: root\r\nx-sum: 1\r\n\r\n").unwrap();
    let answer = connection.answer();
    assert!(answer.text().ends_with("\n\nhello"), "{}", answer.text());
    assert!(!answer.text().contains("root") && !answer.text().contains("x-sum"), "{}", answer.text());
    assert_eq!(connection.ask("GET", "/counts", &[], b"").status, 200);
}

#[test]
fn bodies_are_bounded_over_http_2_as_well() {
    let host = HOST.host();
    let large = vec![b'b'; BODY_BYTES_MAX + 1];
    let answers = http2::ask(
        host.address,
        vec![
            http2::request("POST", "/echo", &[], &large),
            http2::request("POST", "/echo", &[], &large[1..]),
            http2::request("GET", "/counts", &[], b""),
        ],
    );
    answers[0].is_problem(413, "body-too-large");
    assert!(answers[1].status == 200 && answers[1].body.ends_with(&large[1..]));
    assert_eq!(answers[2].status, 200);
}

#[test]
fn without_a_limit_in_the_manifest_a_body_of_11_mib_is_413() {
    let host = Host::up(&Application::of([Component::guest("echo")]));
    let body = vec![b'b'; 11 * 1024 * 1024];
    host.send("POST", "/echo", &[], &body).is_problem(413, "body-too-large");
    let answer = host.send("POST", "/echo", &[], &body[..9 * 1024 * 1024]);
    assert!(answer.status == 200 && answer.body.ends_with(&body[..9 * 1024 * 1024]));
}
