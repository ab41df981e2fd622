//! Bodies that are streamed through a component, in both directions at the same time.

use crate::application::{Application, Component};
use crate::host::{Host, Shared};
use crate::http2;
use std::thread;
use std::time::Duration;

static HOST: Shared = Shared::new(|| Application::of([Component::guest("streams"), Component::guest("echo")]));

#[test]
fn a_piece_comes_back_before_the_next_is_sent() {
    let host = HOST.host();
    let mut connection = host.connect();
    connection.send("POST /streams HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n").unwrap();
    let (status, fields) = connection.read_head().unwrap();
    assert_eq!(status, 200);
    assert!(fields.contains(&("transfer-encoding".to_owned(), "chunked".to_owned())), "{fields:?}");
    for piece in ["one", "two", "three"] {
        connection.send(format!("{:x}\r\n{piece}\r\n", piece.len())).unwrap();
        let mut body = Vec::new();
        while body.len() < piece.len() {
            assert!(connection.read_chunk(&mut body).unwrap(), "the answer ended too early");
        }
        assert_eq!(body, piece.as_bytes());
    }
    connection.send("0\r\n\r\n").unwrap();
    assert!(!connection.read_chunk(&mut Vec::new()).unwrap());
    connection.ask("POST", "/streams", &[], b"next").is_ok("next");
}

#[test]
fn bodies_of_every_size_come_back_as_they_were() {
    let host = HOST.host();
    let mut connection = host.connect();
    for length in [0, 1, 100, 16 * 1024, 65_535, 65_536, 1_000_000] {
        let body: Vec<u8> = (0..length).map(|number: usize| u8::try_from(number % 251).unwrap()).collect();
        let answer = connection.ask("POST", "/streams", &[], &body);
        assert!(answer.status == 200 && answer.body == body, "{length}: {} bytes", answer.body.len());
    }
    connection.ask("GET", "/streams", &[], b"").is_ok("");
    let head = connection.ask("HEAD", "/streams", &[], b"");
    assert_eq!((head.status, head.body.len()), (200, 0));
}

#[test]
fn a_stream_goes_over_http_2_as_well() {
    let host = HOST.host();
    let body = vec![b'b'; 300_000];
    let requests = (0..5).map(|_| http2::request("POST", "/streams", &[], &body)).collect();
    for answer in http2::ask(host.address, requests) {
        assert!(answer.status == 200 && answer.body == body, "{} bytes", answer.body.len());
    }
}

#[test]
fn an_answer_without_end_breaks_off_where_it_is_too_large() {
    let streams = Component::guest("streams").limit("response_bytes_max", 200_000).limit("instances_max", 1);
    let host = Host::up(&Application::of([streams]));
    let mut connection = host.connect();
    connection.send("GET /streams/endless HTTP/1.1\r\nhost: a\r\n\r\n").unwrap();
    assert_eq!(connection.read_head().unwrap().0, 200);
    let mut body = Vec::new();
    let broken = loop {
        match connection.read_chunk(&mut body) {
            Ok(true) => assert!(body.len() <= 200_000, "{} bytes", body.len()),
            Ok(false) => break false,
            Err(_) => break true,
        }
    };
    assert!(broken, "an answer that was cut off looks complete");
    host.send("POST", "/streams", &[], b"next").is_ok("next");
}

#[test]
fn a_trap_in_the_middle_of_an_answer_breaks_it_off() {
    let host = HOST.host();
    for _ in 0..3 {
        let mut connection = host.connect();
        connection.send("GET /streams/trap HTTP/1.1\r\nhost: a\r\n\r\n").unwrap();
        let answer = connection.read_answer_to("GET");
        assert!(answer.is_err(), "an answer that was cut off looks complete: {answer:?}");
        host.send("POST", "/streams", &[], b"next").is_ok("next");
    }
    host.log_line(&["ERROR", "a call failed", "component=\"streams\""]);
}

#[test]
fn clients_that_leave_in_the_middle_leave_nothing_behind() {
    let host = Host::up(&Application::of([Component::guest("streams").limit("instances_max", 2)]));
    for target in ["/streams", "/streams/endless"] {
        for _ in 0..6 {
            let mut connection = host.connect();
            connection.send(format!("POST {target} HTTP/1.1\r\nhost: a\r\ncontent-length: 100\r\n\r\nsome")).unwrap();
            assert_eq!(connection.read_head().unwrap().0, 200);
        }
        host.send("POST", "/streams", &[], b"next").is_ok("next");
    }
    assert!(!host.log().contains("panicked"), "{}", host.log());
}

#[test]
fn an_instance_that_a_client_left_before_the_answer_is_given_back() {
    let streams = Component::guest("streams").limit("instances_max", 1).limit("waiting_max", 0);
    let host = Host::up(&Application::of([streams]));
    for _ in 0..20 {
        let mut connection = host.connect();
        connection.send("POST /streams HTTP/1.1\r\nhost: a\r\ncontent-length: 5\r\n\r\n").unwrap();
    }
    for _ in 0..100 {
        if host.send("POST", "/streams", &[], b"next").status == 200 {
            return;
        }
        thread::sleep(Duration::from_millis(100));
    }
    panic!("the only instance is never free again");
}
