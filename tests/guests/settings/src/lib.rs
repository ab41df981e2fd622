//! Answers with its settings (`/all`), one of them (`/one/NAME`) or its environment (`/environment`), a line each.
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

            package wasi:config@0.2.0-draft-2024-09-27 {
              interface store {
                variant error { upstream(string), io(string) }
                get: func(key: string) -> result<option<string>, error>;
                get-all: func() -> result<list<tuple<string, string>>, error>;
              }
            }

            world guest {
              import wasi:config/store@0.2.0-draft-2024-09-27;
              export souk:http/exchange@0.1.0;
            }
        ",
        generate_all,
    });
}

use bindings::exports::souk::http::exchange::{Guest, Request, Response};
use bindings::wasi::config::store;

struct Settings;

impl Guest for Settings {
    async fn handle(request: Request) -> Response {
        let body = match request.path_with_query.rsplit('/').next().unwrap_or_default() {
            "all" => lines(store::get_all().expect("settings are in memory")),
            "environment" => lines(std::env::vars().collect()),
            name => format!("{:?}", store::get(name).expect("settings are in memory")),
        };
        Response { status: 200, headers: Vec::new(), body: body.into_bytes() }
    }
}

fn lines(mut pairs: Vec<(String, String)>) -> String {
    pairs.sort();
    let lines: Vec<_> = pairs.iter().map(|(name, value)| format!("{name}={value}")).collect();
    lines.join("\n")
}

bindings::export!(Settings with_types_in bindings);
