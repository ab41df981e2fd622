//! Answers with what no HTTP response may have: the last segment of the path says which.
#![cfg(target_family = "wasm")]

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

struct Misanswers;

impl Guest for Misanswers {
    async fn handle(request: Request) -> Response {
        match request.path_with_query.rsplit('/').next().unwrap_or_default() {
            "field-name" => answer(200, "not a name", "value"),
            "field-value" => answer(200, "x-split", "one\r\nset-cookie: forged=1"),
            "hop-by-hop" => answer(200, "transfer-encoding", "gzip"),
            "content-length" => answer(200, "content-length", "1000"),
            "reserved" => answer(200, "souk-caller", "root"),
            status => answer(status.parse().unwrap_or(200), "x-fine", "yes"),
        }
    }
}

fn answer(status: u16, name: &str, value: &str) -> Response {
    Response { status, headers: vec![(name.to_owned(), value.to_owned())], body: b"answered".to_vec() }
}

bindings::export!(Misanswers with_types_in bindings);
