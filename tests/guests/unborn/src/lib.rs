//! Loops for ever while it is instantiated: it never comes to be asked anything.
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

/// What the linker calls once, while the component is instantiated.
#[unsafe(no_mangle)]
extern "C" fn _initialize() {
    loop {
        std::hint::black_box(());
    }
}

struct Unborn;

impl Guest for Unborn {
    async fn handle(_request: Request) -> Response {
        Response { status: 200, headers: Vec::new(), body: Vec::new() }
    }
}

bindings::export!(Unborn with_types_in bindings);
