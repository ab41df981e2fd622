//! Asks `test:greeter/greet` over a link and answers with what it says: at once, or after as many milliseconds as the last segment of the path says.
#![cfg(target_family = "wasm")]

#[expect(clippy::same_length_and_capacity, reason = "generated")]
mod bindings {
    wit_bindgen::generate!({
        path: [
            "../../../wit/deps/clocks.wit", "../../../wit/deps/random.wit", "../../../wit/deps/filesystem.wit",
            "../../../wit/deps/sockets.wit", "../../../wit/deps/cli.wit", "../../../wit/deps/http.wit", "../../../wit/http",
            "../one/wit",
        ],
        inline: "
            package test:guest;

            world guest {
              import test:greeter/greet@0.1.0;
              export souk:http/exchange@0.1.0;
            }
        ",
        generate_all,
    });
}

use bindings::exports::souk::http::exchange::{Guest, Request, Response};
use bindings::test::greeter::greet;

struct Visits;

impl Guest for Visits {
    async fn handle(request: Request) -> Response {
        let after_ms = request.path_with_query.rsplit('/').next().and_then(|last| last.parse().ok()).unwrap_or(0);
        let (status, body) = match greet::greet(after_ms).await {
            Ok(version) => (200, version),
            Err(greet::Error::Unavailable(why)) => (502, why),
        };
        Response { status, headers: Vec::new(), body: body.into_bytes() }
    }
}

bindings::export!(Visits with_types_in bindings);
