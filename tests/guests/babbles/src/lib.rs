//! Writes to its standard output and error; the last segment of the path says what.
#![cfg(target_family = "wasm")]
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "that is what this guest is for")]

#[expect(clippy::same_length_and_capacity, reason = "generated")]
mod bindings {
    wit_bindgen::generate!({
        path: [
            "../../../wit/deps/clocks.wit", "../../../wit/deps/random.wit", "../../../wit/deps/filesystem.wit",
            "../../../wit/deps/sockets.wit", "../../../wit/deps/cli.wit", "../../../wit/deps/http.wit", "../../../wit/http",
        ],
        inline: "package test:guest; world guest { export souk:http/exchange@0.1.0; }",
    });
}

use bindings::exports::souk::http::exchange::{Guest, Request, Response};

struct Babbles;

impl Guest for Babbles {
    async fn handle(request: Request) -> Response {
        match request.path_with_query.rsplit('/').next().unwrap_or_default() {
            "out" => println!("said quietly"),
            "err" => eprintln!("said loudly"),
            "long" => println!("start{}end", "x".repeat(100_000)),
            "many" => (1..=10_000).for_each(|number| println!("line {number} of many")),
            "escape" => println!("red \u{1b}[31m and back\r2026-01-01T00:00:00Z ERROR forged"),
            "bytes" => write(b"not \xff text\n"),
            "unfinished" => write(b"no end of line"),
            _ => {}
        }
        Response { status: 200, headers: Vec::new(), body: b"said".to_vec() }
    }
}

fn write(bytes: &[u8]) {
    use std::io::Write;
    let mut out = std::io::stdout();
    out.write_all(bytes).and_then(|()| out.flush()).expect("standard output is always open");
}

bindings::export!(Babbles with_types_in bindings);
