//! Answers with the number of requests that this instance was given, this one included.
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
use std::sync::atomic::{AtomicU64, Ordering};

static REQUESTS: AtomicU64 = AtomicU64::new(0);

struct Counts;

impl Guest for Counts {
    async fn handle(_request: Request) -> Response {
        let count = REQUESTS.fetch_add(1, Ordering::Relaxed) + 1;
        Response { status: 200, headers: Vec::new(), body: count.to_string().into_bytes() }
    }
}

bindings::export!(Counts with_types_in bindings);
