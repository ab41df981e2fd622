//! Traps on `/trap`; answers every other path, so that a test can see what became of the component.
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

struct Traps;

impl Guest for Traps {
    async fn handle(request: Request) -> Response {
        assert!(!request.path_with_query.ends_with("/trap"), "asked to trap, with a secret in the message");
        Response { status: 200, headers: Vec::new(), body: b"alive".to_vec() }
    }
}

bindings::export!(Traps with_types_in bindings);
