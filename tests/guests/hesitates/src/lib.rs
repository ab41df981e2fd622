//! Is ready when it is asked for the third time, and answers how often it was asked. An instance counts by itself: a test sets `instances_max = 1`.
#![cfg(target_family = "wasm")]

#[expect(clippy::same_length_and_capacity, reason = "generated")]
mod bindings {
    wit_bindgen::generate!({
        path: [
            "../../../wit/deps/clocks.wit", "../../../wit/deps/random.wit", "../../../wit/deps/filesystem.wit",
            "../../../wit/deps/sockets.wit", "../../../wit/deps/cli.wit", "../../../wit/deps/http.wit", "../../../wit/http",
            "../../../wit/health",
        ],
        inline: "package test:guest; world guest { export souk:http/exchange@0.1.0; export souk:health/readiness@0.1.0; }",
    });
}

use bindings::exports::souk::health::readiness;
use bindings::exports::souk::http::exchange::{self, Request, Response};
use std::sync::atomic::{AtomicU32, Ordering};

const READY_AT: u32 = 3;

static ASKED: AtomicU32 = AtomicU32::new(0);

struct Hesitates;

impl readiness::Guest for Hesitates {
    async fn ready() -> Result<(), String> {
        match ASKED.fetch_add(1, Ordering::Relaxed) + 1 {
            asked @ ..READY_AT => Err(format!("asked {asked} times")),
            _ => Ok(()),
        }
    }
}

impl exchange::Guest for Hesitates {
    async fn handle(_request: Request) -> Response {
        let asked = ASKED.load(Ordering::Relaxed);
        Response { status: 200, headers: Vec::new(), body: asked.to_string().into_bytes() }
    }
}

bindings::export!(Hesitates with_types_in bindings);
