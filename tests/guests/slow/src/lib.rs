//! Waits as many milliseconds as the last segment of the path says, then answers.
#![cfg(target_family = "wasm")]

#[expect(clippy::same_length_and_capacity, reason = "generated")]
mod bindings {
    wit_bindgen::generate!({
        path: [
            "../../../wit/deps/clocks.wit", "../../../wit/deps/random.wit", "../../../wit/deps/filesystem.wit",
            "../../../wit/deps/sockets.wit", "../../../wit/deps/cli.wit", "../../../wit/deps/http.wit", "../../../wit/http",
        ],
        inline: "
            package test:guest;

            world guest {
              import wasi:clocks/monotonic-clock@0.3.0;
              export souk:http/exchange@0.1.0;
            }
        ",
        generate_all,
    });
}

use bindings::exports::souk::http::exchange::{Guest, Request, Response};
use bindings::wasi::clocks::monotonic_clock;

const NANOSECONDS: u64 = 1_000_000;

struct Slow;

impl Guest for Slow {
    async fn handle(request: Request) -> Response {
        let wait_ms: u64 = request.path_with_query.rsplit('/').next().and_then(|last| last.parse().ok()).unwrap_or(0);
        monotonic_clock::wait_for(wait_ms * NANOSECONDS).await;
        Response { status: 200, headers: Vec::new(), body: format!("waited {wait_ms} ms").into_bytes() }
    }
}

bindings::export!(Slow with_types_in bindings);
