//! Answers well a hundred times, and with 500 from then on. Each instance counts by itself, so a test that wants to know when
//! it begins sets `instances_max = 1`.
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

const GOOD_ANSWERS: u64 = 100;

static REQUESTS: AtomicU64 = AtomicU64::new(0);

struct Tires;

impl Guest for Tires {
    async fn handle(_request: Request) -> Response {
        let (status, body) = match REQUESTS.fetch_add(1, Ordering::Relaxed) {
            ..GOOD_ANSWERS => (200, "alive"),
            _ => (500, "tired"),
        };
        Response { status, headers: Vec::new(), body: body.into() }
    }
}

bindings::export!(Tires with_types_in bindings);
