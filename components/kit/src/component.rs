//! A service as a component: its exports are the server, its imports the outside world.
//!
//! `serve!` exports one router as `souk:http/exchange` (the hot path: plain values in and out, no streams) and as
//! `wasi:http/handler` (for hosts that know only WASI, and for bodies that are large or unfinished). Both go through
//! the same router, made once for each instance.
//!
//! Nothing is traced or timed in here: the host does that outside the sandbox, where it costs less and can't be forged.

use std::sync::OnceLock;

use axum::Router;
use axum::body::Body;
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use http::header::CONTENT_LENGTH;
use http::{HeaderName, HeaderValue, Method, Request, StatusCode, Uri};
use http_body_util::BodyExt;
use tower_service::Service;

use crate::context::Context;
use crate::heap::Heap;
use crate::problem::Problem;

mod body;
pub mod outbound;
pub mod outside;

pub use wasip3;

#[expect(missing_docs, clippy::pedantic, reason = "generated; the documentation stands in wit/")]
pub mod bindings {
    wit_bindgen::generate!({
        // The order is that of the dependencies.
        path: [
            "../../wit/deps/clocks.wit",
            "../../wit/deps/filesystem.wit",
            "../../wit/deps/random.wit",
            "../../wit/deps/sockets.wit",
            "../../wit/deps/cli.wit",
            "../../wit/deps/http.wit",
            "../../wit/events",
            "../../wit/database",
            "../../wit/http",
        ],
        inline: "
            package souk:kit;

            // The proposal has no final version; this is the draft that hosts link.
            package wasi:config@0.2.0-draft-2024-09-27 {
              interface store {
                variant error { upstream(string), io(string) }
                get: func(key: string) -> result<option<string>, error>;
              }
            }

            // `wasi:http/handler` is exported through the crate `wasip3`.
            world service {
              import souk:database/sql@0.1.0;
              import wasi:config/store@0.2.0-draft-2024-09-27;
              export souk:http/exchange@0.1.0;
            }
        ",
        generate_all,
        pub_export_macro: true,
        export_macro_name: "export_exchange",
        // The types of the Rust contract have the same fields and cases, so that rows cross without being copied.
        with: {
            "souk:database/sql@0.1.0/value": souk_database::contract::Value,
            "souk:database/sql@0.1.0/statement": souk_database::contract::Statement,
            "souk:database/sql@0.1.0/rows": souk_database::contract::Rows,
            "souk:database/sql@0.1.0/expectation": souk_database::contract::Expectation,
            "souk:database/sql@0.1.0/step": souk_database::contract::Step,
            "souk:database/sql@0.1.0/effect": souk_database::contract::Effect,
            "souk:database/sql@0.1.0/outcome": souk_database::contract::Outcome,
            "souk:database/sql@0.1.0/error": souk_database::contract::Error,
        },
    });
}

use bindings::exports::souk::http::exchange;

#[global_allocator]
static HEAP: Heap = Heap::new();

/// Exports a router, made by a function `fn(Context) -> Router`, as the component's HTTP service. Once in a component.
#[macro_export]
macro_rules! serve {
    ($router:path) => {
        struct Service;

        impl $crate::component::bindings::exports::souk::http::exchange::Guest for Service {
            async fn handle(
                request: $crate::component::bindings::exports::souk::http::exchange::Request,
            ) -> $crate::component::bindings::exports::souk::http::exchange::Response {
                $crate::component::exchange($crate::component::router($router), request).await
            }
        }

        impl $crate::component::wasip3::exports::http::handler::Guest for Service {
            async fn handle(
                request: $crate::component::wasip3::http::types::Request,
            ) -> Result<
                $crate::component::wasip3::http::types::Response,
                $crate::component::wasip3::http::types::ErrorCode,
            > {
                $crate::component::handle($crate::component::router($router), request).await
            }
        }

        $crate::component::bindings::export_exchange!(
            Service with_types_in $crate::component::bindings
        );
        $crate::component::wasip3::http::service::export!(Service);
    };
}

/// The context of this instance, for exports that are not HTTP.
pub fn context() -> &'static Context {
    static CONTEXT: OnceLock<Context> = OnceLock::new();
    CONTEXT.get_or_init(outside::context)
}

/// The router of this instance, made on the first call.
pub fn router(make: fn(Context) -> Router) -> &'static Router {
    static ROUTER: OnceLock<Router> = OnceLock::new();
    ROUTER.get_or_init(|| make(context().clone()))
}

/// Answers one `souk:http/exchange` request.
pub async fn exchange(router: &Router, request: exchange::Request) -> exchange::Response {
    let response = match read(request) {
        Ok(request) => call(router, request).await,
        Err(problem) => problem.into_response(),
    };
    write(response).await
}

/// Answers one `wasi:http/handler` request.
pub async fn handle(
    router: &Router,
    request: wasip3::http::types::Request,
) -> Result<wasip3::http::types::Response, wasip3::http::types::ErrorCode> {
    let request = wasip3::http_compat::http_from_wasi_request(request)?;
    let response = call(router, request.map(body::incoming)).await;
    wasip3::http_compat::http_into_wasi_response(response.map(body::Outgoing))
}

/// A `Router` is always ready, so it is called without being asked first.
async fn call(router: &Router, request: Request<Body>) -> Response {
    let Ok(response) = router.clone().call(request).await;
    response
}

/// The strings and the body are moved, not copied.
fn read(request: exchange::Request) -> Result<Request<Body>, Problem> {
    let malformed = || Problem::of(StatusCode::BAD_REQUEST);
    let mut read = Request::new(if request.body.is_empty() { Body::empty() } else { Body::from(request.body) });
    *read.method_mut() = method(&request.method).ok_or_else(malformed)?;
    *read.uri_mut() = Uri::from_maybe_shared(Bytes::from(request.path_with_query)).map_err(|_| malformed())?;
    let headers = read.headers_mut();
    headers.reserve(request.headers.len());
    for (name, value) in request.headers {
        let name = HeaderName::from_bytes(name.as_bytes()).map_err(|_| malformed())?;
        let value = HeaderValue::from_maybe_shared(Bytes::from(value)).map_err(|_| malformed())?;
        headers.append(name, value);
    }
    Ok(read)
}

/// The contract leaves it to the host not to send the content of an answer to `HEAD`; so the router answers it as `GET`
/// does, and the host knows the length.
fn method(name: &str) -> Option<Method> {
    match name {
        "HEAD" => Some(Method::GET),
        name => Method::from_bytes(name.as_bytes()).ok(),
    }
}

async fn write(response: Response) -> exchange::Response {
    let (parts, body) = response.into_parts();
    let Ok(body) = body.collect().await else {
        return exchange::Response {
            status: StatusCode::INTERNAL_SERVER_ERROR.as_u16(),
            headers: Vec::new(),
            body: Vec::new(),
        };
    };
    let headers = parts.headers.iter();
    exchange::Response {
        status: parts.status.as_u16(),
        headers: headers
            // The host sets the length from the body.
            .filter(|(name, _)| **name != CONTENT_LENGTH)
            .map(|(name, value)| (name.as_str().to_owned(), text(value)))
            .collect(),
        // Takes the buffer over: nobody else holds it.
        body: body.to_bytes().into(),
    }
}

/// The contract's fields are text.
fn text(value: &HeaderValue) -> String {
    match value.to_str() {
        Ok(ascii) => ascii.to_owned(),
        Err(_) => String::from_utf8_lossy(value.as_bytes()).into_owned(),
    }
}
