//! Allocates on `/hoard` until there is no more memory, touching every page; answers every other path.
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

const MIB: usize = 1024 * 1024;

struct Hoards;

impl Guest for Hoards {
    async fn handle(request: Request) -> Response {
        let hoard = request.path_with_query.ends_with("/hoard");
        let mut hoarded: Vec<Vec<u8>> = Vec::new();
        while black_box(hoard) {
            hoarded.push(black_box(vec![1; MIB]));
        }
        Response { status: 200, headers: Vec::new(), body: b"alive".to_vec() }
    }
}

bindings::export!(Hoards with_types_in bindings);
