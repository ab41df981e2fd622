//! Answers with its version: the guests `one` and `two` are this code and differ in nothing but their names.
//!
//! Over HTTP it answers through `wasi:http/handler` only, as a stream. On `/slow` the stream has 20 pieces of 1 KiB, one every 100 ms and each full of
//! the version, so that it can be seen whether a body is cut off, or goes on in another version. Over a link it waits as long as it is asked to.
#![cfg(target_family = "wasm")]

#[expect(clippy::same_length_and_capacity, reason = "generated")]
mod bindings {
    wit_bindgen::generate!({
        path: [
            "../../../wit/deps/clocks.wit", "../../../wit/deps/random.wit", "../../../wit/deps/filesystem.wit",
            "../../../wit/deps/sockets.wit", "../../../wit/deps/cli.wit", "../../../wit/deps/http.wit", "../one/wit",
        ],
        inline: "
            package test:guest;

            world guest {
              import wasi:clocks/monotonic-clock@0.3.0;
              export wasi:http/handler@0.3.0;
              export test:greeter/greet@0.1.0;
            }
        ",
        generate_all,
    });
}

use bindings::exports::test::greeter::greet;
use bindings::exports::wasi::http::handler;
use bindings::wasi::clocks::monotonic_clock;
use bindings::wasi::http::types::{ErrorCode, Fields, Request, Response};
use bindings::{wit_future, wit_stream};
use wit_bindgen::StreamWriter;

const PIECES: usize = 20;
const PIECE_BYTES: usize = 1024;
const PAUSE_MS: u64 = 100;
const NANOSECONDS: u64 = 1_000_000;

struct Greeter;

impl greet::Guest for Greeter {
    async fn greet(after_ms: u32) -> Result<String, greet::Error> {
        monotonic_clock::wait_for(u64::from(after_ms) * NANOSECONDS).await;
        Ok(version().to_owned())
    }
}

impl handler::Guest for Greeter {
    async fn handle(request: Request) -> Result<Response, ErrorCode> {
        let is_slow = request.get_path_with_query().is_some_and(|path| path.ends_with("/slow"));
        let (mut writer, reader) = wit_stream::new();
        let (end, trailers) = wit_future::new(|| Ok(None));
        wit_bindgen::spawn_local(async move {
            if is_slow {
                write_slowly(&mut writer).await;
            } else {
                writer.write_all(version().into()).await;
            }
            drop(writer);
            // Nobody may be left who wants it.
            drop(end.write(Ok(None)).await);
        });
        let (response, _sent) = Response::new(Fields::new(), Some(reader), trailers);
        Ok(response)
    }
}

async fn write_slowly(writer: &mut StreamWriter<u8>) {
    let piece: Vec<u8> = version().bytes().cycle().take(PIECE_BYTES).collect();
    for _ in 0..PIECES {
        monotonic_clock::wait_for(PAUSE_MS * NANOSECONDS).await;
        if !writer.write_all(piece.clone()).await.is_empty() {
            return;
        }
    }
}

/// `one` or `two`.
fn version() -> &'static str {
    env!("CARGO_PKG_NAME").trim_start_matches("guest-")
}

bindings::export!(Greeter with_types_in bindings);
