//! Sends the body of the request back as it comes, piece by piece, through `wasi:http/handler` and nothing else.
//!
//! On `/endless` it answers with a body that never ends; on `/trap` it traps in the middle of the body.
#![cfg(target_family = "wasm")]

#[expect(clippy::same_length_and_capacity, reason = "generated")]
mod bindings {
    wit_bindgen::generate!({
        path: [
            "../../../wit/deps/clocks.wit", "../../../wit/deps/random.wit", "../../../wit/deps/filesystem.wit",
            "../../../wit/deps/sockets.wit", "../../../wit/deps/cli.wit", "../../../wit/deps/http.wit",
        ],
        inline: "package test:guest; world guest { export wasi:http/handler@0.3.0; }",
        generate_all,
    });
}

use bindings::exports::wasi::http::handler::Guest;
use bindings::wasi::http::types::{ErrorCode, Fields, Request, Response};
use bindings::{wit_future, wit_stream};
use wit_bindgen::{StreamReader, StreamResult, StreamWriter};

const PIECE_BYTES: usize = 16 * 1024;

struct Streams;

impl Guest for Streams {
    async fn handle(request: Request) -> Result<Response, ErrorCode> {
        let path = request.get_path_with_query().unwrap_or_default();
        let (_, received) = wit_future::new(|| Ok(()));
        let (body, _trailers) = Request::consume_body(request, received);
        let (mut writer, reader) = wit_stream::new();
        let (end, trailers) = wit_future::new(|| Ok(None));
        wit_bindgen::spawn_local(async move {
            match path.rsplit('/').next().unwrap_or_default() {
                "endless" => while writer.write_all(vec![b'.'; PIECE_BYTES]).await.is_empty() {},
                "trap" => {
                    writer.write_all(vec![b'.'; PIECE_BYTES]).await;
                    panic!("asked to trap");
                }
                _ => echo(body, &mut writer).await,
            }
            drop(writer);
            // Nobody may be left who wants it.
            drop(end.write(Ok(None)).await);
        });
        let (response, _sent) = Response::new(Fields::new(), Some(reader), trailers);
        Ok(response)
    }
}

async fn echo(mut body: StreamReader<u8>, writer: &mut StreamWriter<u8>) {
    loop {
        let (result, piece) = body.read(Vec::with_capacity(PIECE_BYTES)).await;
        let left = writer.write_all(piece).await;
        if !left.is_empty() || !matches!(result, StreamResult::Complete(_)) {
            return;
        }
    }
}

bindings::export!(Streams with_types_in bindings);
