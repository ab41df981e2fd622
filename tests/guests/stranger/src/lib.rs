//! Calls an interface that no host has ever heard of.
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

            interface abyss { shout: func() -> string; }

            world guest {
              import abyss;
              export souk:http/exchange@0.1.0;
            }
        ",
    });
}

use bindings::exports::souk::http::exchange::{Guest, Request, Response};
use bindings::test::guest::abyss;

struct Stranger;

impl Guest for Stranger {
    async fn handle(_request: Request) -> Response {
        Response { status: 200, headers: Vec::new(), body: abyss::shout().into_bytes() }
    }
}

bindings::export!(Stranger with_types_in bindings);
