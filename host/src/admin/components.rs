//! `/components` and `/history` of the operator's listener: who serves, and changes of it.
//!
//! | | |
//! |---|---|
//! | `GET /components`, `GET /components/{name}` | who serves, and what was counted of it |
//! | `PUT /components/{name}?canary=5&probation_seconds=60` | the body, a `.wasm` file, takes the component's place; answers when it serves |
//! | `POST /components/{name}/rollback`, `/stop`, `/start` | serves what served before; serves nobody; serves again |
//! | `GET /history`, `GET /components/{name}/history`, `?limit=100` | the audit log, newest first |

use crate::audit::Record;
use crate::body::{self, Body, Bounded, Cut};
use crate::components::{Components, FILE_BYTES_MAX, Order};
use crate::config::size;
use crate::problem::Problem;
use http::header::{CACHE_CONTROL, CONTENT_TYPE, HeaderValue};
use http::request::Parts;
use http::{Method, Request, Response};
use http_body::Body as _;
use http_body_util::BodyExt;
use hyper::body::Incoming;
use serde::Serialize;
use serde_json::json;
use std::ops::RangeInclusive;
use std::sync::Arc;
use std::time::Duration;

/// The field with the seal of a file: the document in one line.
pub(crate) const SEAL: &str = "souk-signature";

/// Records of the history that one answer tells without a word about how many.
const LIMIT: u64 = 100;

/// And at most.
const LIMITS: RangeInclusive<u64> = 1..=1_000;

/// Time without a byte of a file that is sent.
const BODY_IDLE_MAX: Duration = Duration::from_secs(30);

/// A whole hundred of a hundred would be no trial.
const CANARY_PERCENTS: RangeInclusive<u64> = 1..=99;

/// None to a week.
const PROBATION_SECONDS: RangeInclusive<u64> = 0..=604_800;

/// Answers one request of an operator of this name.
pub(super) async fn answer(
    components: &Arc<Components>,
    who: &str,
    request: Request<Incoming>,
) -> Result<Response<Body>, Problem> {
    let (parts, body) = request.into_parts();
    let path: Vec<&str> = parts.uri.path().split('/').skip(1).collect();
    match (path.as_slice(), &parts.method) {
        (["components"], &Method::GET) => Ok(told(&json!({ "components": components.status() }))),
        (["history"], &Method::GET) => history(components, None, &parts).await,
        (["components", name], &Method::GET) => Ok(told(&components.status_of(name)?)),
        (["components", name], &Method::PUT) => {
            let query = Query::read(&parts, &["canary", "probation_seconds"])?;
            let canary_percent = query.number("canary", CANARY_PERCENTS)?;
            let probation = query.number("probation_seconds", PROBATION_SECONDS)?.map(Duration::from_secs);
            // Before the body is read, which may be large.
            components.status_of(name)?;
            let seal = parts.headers.get(SEAL).map(|seal| seal.as_bytes().to_vec());
            let file = receive(body).await?;
            let order = Order { file, seal, who: who.to_owned(), canary_percent, probation, in_haste: false };
            changed(components.swap(name, order).await)
        }
        (["components", name, "history"], &Method::GET) => history(components, Some(name), &parts).await,
        (["components", name, "rollback"], &Method::POST) => changed(components.roll_back(name, who).await),
        (["components", name, "stop"], &Method::POST) => changed(components.stop(name, who).await),
        (["components", name, "start"], &Method::POST) => changed(components.start(name, who).await),
        (["components" | "history"] | ["components", _, "history"], _) => Err(Problem::MethodNotAllowed("GET")),
        (["components", _], _) => Err(Problem::MethodNotAllowed("GET, PUT")),
        (["components", _, "rollback" | "stop" | "start"], _) => Err(Problem::MethodNotAllowed("POST")),
        _ => Err(Problem::NoRoute),
    }
}

async fn receive(body: Incoming) -> Result<Vec<u8>, Problem> {
    // A file that says its length is refused before it was sent.
    if body.size_hint().exact().is_some_and(|bytes| bytes > FILE_BYTES_MAX) {
        return Err(Problem::BodyTooLarge(FILE_BYTES_MAX));
    }
    let body = Bounded::new(body, FILE_BYTES_MAX, BODY_IDLE_MAX).collect().await.map_err(|cut| match cut {
        Cut::TooLarge => Problem::BodyTooLarge(FILE_BYTES_MAX),
        Cut::Stalled => Problem::BodyTimeout,
        Cut::Unreadable => Problem::BodyUnreadable,
    })?;
    Ok(body.to_bytes().into())
}

async fn history(components: &Arc<Components>, name: Option<&str>, parts: &Parts) -> Result<Response<Body>, Problem> {
    let limit = Query::read(parts, &["limit"])?.number("limit", LIMITS)?.unwrap_or(LIMIT);
    Ok(told(&json!({ "history": components.history(name, size(limit)).await? })))
}

fn changed(record: Result<Record, Problem>) -> Result<Response<Body>, Problem> {
    record.map(|record| told(&record))
}

fn told(document: &impl Serialize) -> Response<Body> {
    let mut text = serde_json::to_vec(document).expect("texts and numbers can be written");
    text.push(b'\n');
    let mut response = Response::new(body::whole(text));
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

/// Numbers of a query, which need no decoding.
struct Query<'a>(Vec<(&'a str, &'a str)>);

impl<'a> Query<'a> {
    /// Refuses what nobody would obey.
    fn read(parts: &'a Parts, known: &[&str]) -> Result<Self, Problem> {
        let fields = parts.uri.query().unwrap_or_default().split('&').filter(|field| !field.is_empty());
        let fields: Vec<_> = fields.map(|field| field.split_once('=').unwrap_or((field, ""))).collect();
        for (place, (name, _)) in fields.iter().enumerate() {
            if !known.contains(name) {
                return Err(Problem::InvalidQuery(format!("{name} is unknown; known here: {}", known.join(", "))));
            }
            if fields[..place].iter().any(|(other, _)| other == name) {
                return Err(Problem::InvalidQuery(format!("{name} is there twice")));
            }
        }
        Ok(Self(fields))
    }

    fn number(&self, name: &str, range: RangeInclusive<u64>) -> Result<Option<u64>, Problem> {
        let Some((_, text)) = self.0.iter().find(|(field, _)| *field == name) else { return Ok(None) };
        let number = text.parse().ok().filter(|number| range.contains(number));
        let why = || Problem::InvalidQuery(format!("{name} is a number from {} to {}", range.start(), range.end()));
        number.map(Some).ok_or_else(why)
    }
}
