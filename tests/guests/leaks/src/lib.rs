//! Answers well, and keeps 4 MiB with each request, until the limit of its memory is reached and it traps. The instance that follows does the same.
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
use std::sync::{Mutex, PoisonError};

const LEAK_BYTES: usize = 4 * 1024 * 1024;

static KEPT: Mutex<Vec<Vec<u8>>> = Mutex::new(Vec::new());

struct Leaks;

impl Guest for Leaks {
    async fn handle(_request: Request) -> Response {
        KEPT.lock().unwrap_or_else(PoisonError::into_inner).push(vec![1; LEAK_BYTES]);
        Response { status: 200, headers: Vec::new(), body: b"alive".to_vec() }
    }
}

bindings::export!(Leaks with_types_in bindings);
