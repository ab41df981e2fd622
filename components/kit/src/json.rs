//! JSON bodies, strictly read.
//!
//! A body is read in two steps. First it must be JSON: the right content type, UTF-8, not too large, not too deep, no
//! name twice; otherwise 415, 413 or 400. Then a reader takes it apart field by field and parses each into a type that
//! cannot be wrong; whatever is missing, of the wrong type, out of bounds or unknown is collected, and all of it is
//! answered at once with 422.
//!
//! Reading by hand instead of deriving is on purpose: a derived reader stops at the first fault, and a form with five
//! faults would take five attempts. A body is small and written rarely; nothing on the path of reads comes through
//! here.

use std::cell::RefCell;
use std::fmt;

use axum::extract::{FromRequest, OptionalFromRequest, Request};
use axum::response::Response;
use bytes::Bytes;
use http::header::{ACCEPT, CONTENT_LENGTH, CONTENT_TYPE, HeaderName};
use http::{HeaderMap, HeaderValue, StatusCode};
use http_body_util::{BodyExt, LengthLimitError, Limited};
use serde::Serialize;
use serde::de::{Deserialize, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Value};

use crate::problem::{Fault, Place, Problem};

/// The largest body a service reads. The largest product is some 100 KiB; 1 MiB leaves room and keeps an instance
/// small.
pub const BODY_BYTES_MAX: usize = 1024 * 1024;

/// A type that is read from a JSON body.
pub trait Input: Sized {
    /// Reads it. Whatever is not acceptable is reported by the methods of [`Fields`], and then the answer is not used.
    fn read(fields: &mut Fields) -> Option<Self>;
}

/// The body of a request as `application/json`, read into a type.
pub struct Body<T>(pub T);

/// The body of a request as it came, byte for byte: for what a signature is about. Not more than [`BODY_BYTES_MAX`].
pub struct Raw(pub Bytes);

/// The body of a request as `application/merge-patch+json` (RFC 7396): an object that says what to change.
pub struct MergePatch(Map<String, Value>);

impl<S: Send + Sync, T: Input> FromRequest<S> for Body<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, _: &S) -> Result<Self, Problem> {
        let value = receive(request, "application/json", &ACCEPT).await?;
        read(value).map(Self)
    }
}

/// A request without content has no body, whatever its content type: `Option<Body<T>>`.
impl<S: Send + Sync, T: Input> OptionalFromRequest<S> for Body<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, _: &S) -> Result<Option<Self>, Problem> {
        let (parts, body) = request.into_parts();
        let body = collect(&parts.headers, body).await?;
        if body.is_empty() {
            return Ok(None);
        }
        demand_media(&parts.headers, "application/json", &ACCEPT)?;
        read(parse(&body)?).map(Self).map(Some)
    }
}

impl<S: Send + Sync> FromRequest<S> for Raw {
    type Rejection = Problem;

    async fn from_request(request: Request, _: &S) -> Result<Self, Problem> {
        let (parts, body) = request.into_parts();
        collect(&parts.headers, body).await.map(Self)
    }
}

impl<S: Send + Sync> FromRequest<S> for MergePatch {
    type Rejection = Problem;

    async fn from_request(request: Request, _: &S) -> Result<Self, Problem> {
        // RFC 5789 §2.2 wants the field `Accept-Patch` in the refusal.
        let accept_patch = HeaderName::from_static("accept-patch");
        match receive(request, "application/merge-patch+json", &accept_patch).await? {
            Value::Object(changes) => Ok(Self(changes)),
            _ => Err(Problem::invalid_body(&[fault("", "must be an object")])),
        }
    }
}

impl MergePatch {
    /// Applies the patch to what there is and reads the result with the same strictness as a whole body.
    pub fn apply<T: Input>(self, present: &impl Serialize) -> Result<T, Problem> {
        let mut value = serde_json::to_value(present).expect("a service's own records serialise");
        merge(&mut value, Value::Object(self.0));
        read(value)
    }
}

/// An answer with a JSON body.
pub fn response(status: StatusCode, body: &impl Serialize) -> Response {
    // Room for a usual answer: growing from nothing would copy it several times.
    let mut text = Vec::with_capacity(1024);
    serde_json::to_writer(&mut text, body).expect("a service's own records serialise");
    let mut response = Response::new(text.into());
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}

/// Reads a value into a type, or refuses it with all its faults.
pub fn read<T: Input>(value: Value) -> Result<T, Problem> {
    let faults = Faults::default();
    let field = Field { pointer: String::new(), value, faults: &faults };
    let read = field.fields(T::read);
    let faults = faults.0.into_inner();
    match read {
        Some(read) if faults.is_empty() => Ok(read),
        _ => Err(Problem::invalid_body(&faults)),
    }
}

/// RFC 7396 §2: members of the patch replace those of the target, `null` removes, objects are merged.
fn merge(target: &mut Value, patch: Value) {
    let Value::Object(changes) = patch else {
        *target = patch;
        return;
    };
    if !target.is_object() {
        *target = Value::Object(Map::new());
    }
    let members = target.as_object_mut().expect("it was made an object above");
    for (name, change) in changes {
        if change.is_null() {
            members.remove(&name);
        } else {
            merge(members.entry(name).or_insert(Value::Null), change);
        }
    }
}

async fn receive(request: Request, media: &str, accept: &HeaderName) -> Result<Value, Problem> {
    let (parts, body) = request.into_parts();
    demand_media(&parts.headers, media, accept)?;
    parse(&collect(&parts.headers, body).await?)
}

fn demand_media(headers: &HeaderMap, media: &str, accept: &HeaderName) -> Result<(), Problem> {
    if is_media(headers, media) {
        return Ok(());
    }
    let media_value = HeaderValue::from_str(media).expect("media types are ASCII");
    Err(Problem::of(StatusCode::UNSUPPORTED_MEDIA_TYPE)
        .detail(format!("send the body as {media}, in UTF-8"))
        .header(accept.clone(), media_value))
}

async fn collect(headers: &HeaderMap, body: axum::body::Body) -> Result<Bytes, Problem> {
    if announced_bytes(headers).is_some_and(|bytes| bytes > BODY_BYTES_MAX as u64) {
        return Err(too_large());
    }
    match Limited::new(body, BODY_BYTES_MAX).collect().await {
        Ok(body) => Ok(body.to_bytes()),
        Err(error) if error.is::<LengthLimitError>() => Err(too_large()),
        Err(_) => Err(malformed("the body ended before it was complete")),
    }
}

/// The media type with no parameter but `charset=utf-8`.
fn is_media(headers: &HeaderMap, media: &str) -> bool {
    let Some(value) = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()) else {
        return false;
    };
    let mut parts = value.split(';').map(str::trim);
    parts.next().is_some_and(|essence| essence.eq_ignore_ascii_case(media))
        && parts.all(|parameter| {
            ["", "charset=utf-8", "charset=\"utf-8\""].iter().any(|accepted| parameter.eq_ignore_ascii_case(accepted))
        })
}

fn announced_bytes(headers: &HeaderMap) -> Option<u64> {
    headers.get(CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}

fn parse(body: &[u8]) -> Result<Value, Problem> {
    if body.is_empty() {
        return Err(malformed("the body is empty"));
    }
    let text = std::str::from_utf8(body).map_err(|_| malformed("the body is not UTF-8"))?;
    // serde_json refuses more than 128 levels, so that no body can exhaust the stack.
    serde_json::from_str::<Strict>(text).map(|strict| strict.0).map_err(|error| malformed(&error.to_string()))
}

fn malformed(detail: &str) -> Problem {
    Problem::named(StatusCode::BAD_REQUEST, "malformed-body", "The body is not well-formed").detail(detail)
}

fn too_large() -> Problem {
    Problem::of(StatusCode::PAYLOAD_TOO_LARGE).detail(format!("a body has at most {BODY_BYTES_MAX} bytes"))
}

fn fault(pointer: &str, detail: &str) -> Fault {
    Fault { place: Place::Pointer(pointer.to_owned()), detail: detail.to_owned() }
}

/// What was found wrong so far.
#[derive(Default)]
struct Faults(RefCell<Vec<Fault>>);

impl Faults {
    fn report<T>(&self, pointer: &str, detail: &str) -> Option<T> {
        self.0.borrow_mut().push(fault(pointer, detail));
        None
    }
}

/// An object that is being taken apart.
pub struct Fields<'faults> {
    pointer: String,
    members: Map<String, Value>,
    faults: &'faults Faults,
}

/// One value and where it stands.
pub struct Field<'faults> {
    pointer: String,
    value: Value,
    faults: &'faults Faults,
}

impl<'faults> Fields<'faults> {
    /// Reads a field that must be there. Absent and `null` are the same.
    pub fn required<T>(&mut self, name: &str, read: impl FnOnce(Field<'faults>) -> Option<T>) -> Option<T> {
        match self.take(name) {
            Some(field) => read(field),
            None => self.faults.report(&self.pointer_to(name), "is required"),
        }
    }

    /// Reads a field that may be absent or `null`.
    pub fn optional<T>(&mut self, name: &str, read: impl FnOnce(Field<'faults>) -> Option<T>) -> Option<T> {
        self.take(name).and_then(read)
    }

    /// Refuses a field, if it is there, and says why: for names that a client may well try, such as what only the
    /// service can set.
    pub fn refused(&mut self, name: &str, reason: &str) {
        if self.members.remove(name).is_some() {
            self.faults.report::<()>(&self.pointer_to(name), reason);
        }
    }

    fn take(&mut self, name: &str) -> Option<Field<'faults>> {
        let value = self.members.remove(name).filter(|value| !value.is_null())?;
        Some(Field { pointer: self.pointer_to(name), value, faults: self.faults })
    }

    /// RFC 6901 §3 escapes `~` and `/`.
    fn pointer_to(&self, name: &str) -> String {
        let name = name.replace('~', "~0").replace('/', "~1");
        format!("{}/{name}", self.pointer)
    }

    fn finish(self) {
        for name in self.members.keys() {
            self.faults.report::<()>(&self.pointer_to(name), "is not a field of this");
        }
    }
}

impl<'faults> Field<'faults> {
    /// Reads a string.
    pub fn text<T, R: fmt::Display>(self, parse: impl FnOnce(String) -> Result<T, R>) -> Option<T> {
        match self.value {
            Value::String(text) => match parse(text) {
                Ok(value) => Some(value),
                Err(reason) => self.faults.report(&self.pointer, &reason.to_string()),
            },
            _ => self.faults.report(&self.pointer, "must be a string"),
        }
    }

    /// Reads a whole number. `1.0` and `1e3` are none: a fraction in an amount of money is a mistake that must not be
    /// rounded away.
    pub fn integer<T, R: fmt::Display>(self, parse: impl FnOnce(i64) -> Result<T, R>) -> Option<T> {
        match self.value.as_i64().map(parse) {
            Some(Ok(value)) => Some(value),
            Some(Err(reason)) => self.faults.report(&self.pointer, &reason.to_string()),
            None => self.faults.report(&self.pointer, "must be a whole number of 64 bits"),
        }
    }

    /// Reads `true` or `false`, and nothing else that a language may take for them.
    pub fn boolean(self) -> Option<bool> {
        match self.value {
            Value::Bool(value) => Some(value),
            _ => self.faults.report(&self.pointer, "must be true or false"),
        }
    }

    /// Reads an object. A member that `read` does not ask for is a fault.
    pub fn fields<T>(self, read: impl FnOnce(&mut Fields<'faults>) -> Option<T>) -> Option<T> {
        let Value::Object(members) = self.value else {
            return self.faults.report(&self.pointer, "must be an object");
        };
        let mut fields = Fields { pointer: self.pointer, members, faults: self.faults };
        let value = read(&mut fields);
        fields.finish();
        value
    }

    /// Reads an object whose names are data, such as attributes, in the order of the names.
    pub fn entries<T>(
        self,
        entries_max: usize,
        mut read: impl FnMut(String, Field<'faults>) -> Option<T>,
    ) -> Option<Vec<T>> {
        self.fields(|fields| {
            if fields.members.len() > entries_max {
                let detail = format!("must have at most {entries_max} entries");
                fields.members.clear();
                return fields.faults.report(&fields.pointer, &detail);
            }
            let names: Vec<String> = fields.members.keys().cloned().collect();
            // All are read before the answer is given, so that the faults of all are found.
            let values: Vec<Option<T>> =
                names.into_iter().map(|name| fields.required(&name.clone(), |field| read(name, field))).collect();
            values.into_iter().collect()
        })
    }

    /// Reads an array.
    pub fn items<T>(self, items_max: usize, mut read: impl FnMut(Field<'faults>) -> Option<T>) -> Option<Vec<T>> {
        let Value::Array(values) = self.value else {
            return self.faults.report(&self.pointer, "must be an array");
        };
        if values.len() > items_max {
            let detail = format!("must have at most {items_max} items");
            return self.faults.report(&self.pointer, &detail);
        }
        let items: Vec<Option<T>> = values
            .into_iter()
            .enumerate()
            .map(|(index, value)| {
                read(Field { pointer: format!("{}/{index}", self.pointer), value, faults: self.faults })
            })
            .collect();
        items.into_iter().collect()
    }

    /// Reads an array and then parses it as a whole: for what must hold between the items.
    pub fn parsed_items<I, T, R: fmt::Display>(
        self,
        items_max: usize,
        read: impl FnMut(Field<'faults>) -> Option<I>,
        parse: impl FnOnce(Vec<I>) -> Result<T, R>,
    ) -> Option<T> {
        let (pointer, faults) = (self.pointer.clone(), self.faults);
        match parse(self.items(items_max, read)?) {
            Ok(value) => Some(value),
            Err(reason) => faults.report(&pointer, &reason.to_string()),
        }
    }

    /// Reports that the value, though of the right type, is not acceptable.
    pub fn refused<T>(self, reason: &str) -> Option<T> {
        self.faults.report(&self.pointer, reason)
    }
}

/// A JSON value without a name that stands twice in one object. RFC 8259 §4 leaves open what such a text means, so two
/// programs may read two meanings.
struct Strict(Value);

impl<'de> Deserialize<'de> for Strict {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(StrictVisitor).map(Self)
    }
}

struct StrictVisitor;

impl<'de> Visitor<'de> for StrictVisitor {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "a JSON value")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let mut values = Vec::new();
        while let Some(Strict(value)) = items.next_element()? {
            values.push(value);
        }
        Ok(Value::Array(values))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Value, A::Error> {
        let mut members = Map::new();
        while let Some((name, Strict(value))) = entries.next_entry::<String, Strict>()? {
            if members.contains_key(&name) {
                return Err(A::Error::custom("a name stands twice in one object"));
            }
            members.insert(name, value);
        }
        Ok(Value::Object(members))
    }
}

#[cfg(test)]
mod tests;
