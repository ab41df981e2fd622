//! Answers with what it was sent, as text: method and target, each header line, an empty line, the body.
#![cfg(target_family = "wasm")]

#[expect(clippy::same_length_and_capacity, reason = "generated")]
mod bindings {
    wit_bindgen::generate!({
        path: [
            "../../../wit/deps/clocks.wit", "../../../wit/deps/random.wit", "../../../wit/deps/filesystem.wit",
            "../../../wit/deps/sockets.wit", "../../../wit/deps/cli.wit", "../../../wit/deps/http.wit", "../../../wit/http",
        ],
        inline: "package test:guest; world guest { export souk:http/exchange@0.1.0; }",
        async: true,
    });
}

use bindings::exports::souk::http::exchange::{Guest, Request, Response};
use std::fmt::Write as _;

struct Echo;

impl Guest for Echo {
    async fn handle(request: Request) -> Response {
        let mut body = format!("{} {}\n", request.method, request.path_with_query);
        for (name, value) in &request.headers {
            writeln!(body, "{name}: {value}").expect("a string takes all text");
        }
        let mut body = body.into_bytes();
        body.push(b'\n');
        body.extend_from_slice(&request.body);
        Response { status: 200, headers: vec![("content-type".to_owned(), "text/plain".to_owned())], body }
    }
}

bindings::export!(Echo with_types_in bindings);
