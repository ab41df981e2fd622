//! Tries to get out, to the URL in its query, and tells what became of it: a request for `http://host:port/path`, a plain socket for
//! `tcp://host:port`, a file for `file:///path`.
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
              import wasi:http/client@0.3.0;
              export souk:http/exchange@0.1.0;
            }
        ",
        generate_all,
    });
}

use bindings::exports::souk::http::exchange::{Guest, Request, Response};
use bindings::wasi::http::types::{ErrorCode, Fields, Scheme};
use bindings::wasi::http::{client, types};
use bindings::wit_future;
use std::fmt::Debug;
use std::net::TcpStream;

struct Escapes;

impl Guest for Escapes {
    async fn handle(request: Request) -> Response {
        let url = request.path_with_query.split_once('?').map_or("", |(_, url)| url);
        let body = match url.split_once("://") {
            Some(("tcp", address)) => told(TcpStream::connect(address)),
            Some(("file", path)) => told(std::fs::read(path)),
            _ => told(send(url).await),
        };
        Response { status: 200, headers: Vec::new(), body: body.into_bytes() }
    }
}

fn told<T, E: Debug>(outcome: Result<T, E>) -> String {
    match outcome {
        Ok(_) => "got out".to_owned(),
        Err(error) => format!("refused: {error:?}"),
    }
}

async fn send(url: &str) -> Result<u16, ErrorCode> {
    let (scheme, rest) = url.split_once("://").ok_or(ErrorCode::HttpRequestUriInvalid)?;
    let slash = rest.find('/').unwrap_or(rest.len());
    let (authority, path) = rest.split_at(slash);
    let (_, no_trailers) = wit_future::new(|| Ok(None));
    let (request, _sent) = types::Request::new(Fields::new(), None, no_trailers, None);
    let scheme = if scheme == "http" { Scheme::Http } else { Scheme::Https };
    let invalid = |()| ErrorCode::HttpRequestUriInvalid;
    request.set_scheme(Some(&scheme)).map_err(invalid)?;
    request.set_authority(Some(authority)).map_err(invalid)?;
    request.set_path_with_query(Some(path)).map_err(invalid)?;
    Ok(client::send(request).await?.get_status_code())
}

bindings::export!(Escapes with_types_in bindings);
