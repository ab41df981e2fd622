//! Loops for ever on `/spin`, without calling anything; answers every other path.
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
use std::hint::black_box;

struct Spins;

impl Guest for Spins {
    async fn handle(request: Request) -> Response {
        let spin = request.path_with_query.ends_with("/spin");
        let mut turns = 0_u64;
        while black_box(spin) {
            turns = black_box(turns.wrapping_add(1));
        }
        Response { status: 200, headers: Vec::new(), body: b"alive".to_vec() }
    }
}

bindings::export!(Spins with_types_in bindings);
