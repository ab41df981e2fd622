//! Would answer well, and says each time that it is not ready.
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

struct Unready;

impl readiness::Guest for Unready {
    async fn ready() -> Result<(), String> {
        Err("the moon is not full".to_owned())
    }
}

impl exchange::Guest for Unready {
    async fn handle(_request: Request) -> Response {
        Response { status: 200, headers: Vec::new(), body: b"alive".to_vec() }
    }
}

bindings::export!(Unready with_types_in bindings);
