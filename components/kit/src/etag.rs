//! Entity tags and the conditions of RFC 9110 §13 that a service needs: `If-Match` for writes, `If-None-Match` for
//! reads and for creation.
//!
//! Two people who edit the same thing must not overwrite each other unawares, so a write names the version that it saw:
//! without `If-Match` it is refused with 428 (RFC 6585), with an older one with 412. Dates (`If-Modified-Since`) are
//! not looked at: a second is too coarse, and the RFC lets a tag win over them.

use std::fmt::{self, Write as _};

use axum::extract::{FromRequestParts, OptionalFromRequestParts};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use http::header::{ETAG, HeaderName, IF_MATCH, IF_NONE_MATCH};
use http::request::Parts;
use http::{HeaderMap, HeaderValue, StatusCode};

use crate::problem::Problem;

/// A strong entity tag: two representations with the same tag are the same to the byte.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EntityTag {
    quoted: String,
}

impl EntityTag {
    /// Makes a tag from its text, which must be visible ASCII without quotation marks.
    pub fn new(opaque: impl fmt::Display) -> Self {
        let mut quoted = String::with_capacity(64);
        write!(quoted, "\"{opaque}\"").expect("a string takes whatever is written");
        let tag = Self { quoted };
        debug_assert!(tag.opaque().bytes().all(|byte| is_tag_byte(byte) && byte < 0x80));
        tag
    }

    /// The text between the quotation marks.
    pub fn opaque(&self) -> &str {
        &self.quoted[1..self.quoted.len() - 1]
    }

    /// Puts the tag on a response.
    #[must_use]
    pub fn on(self, mut response: Response) -> Response {
        let value = HeaderValue::from_maybe_shared(Bytes::from(self.quoted)).expect("a tag is visible ASCII");
        response.headers_mut().insert(ETAG, value);
        response
    }

    /// The answer to a read whose reader has this representation already.
    fn not_modified(self) -> Response {
        self.on(StatusCode::NOT_MODIFIED.into_response())
    }
}

/// What a condition lists.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Tags {
    /// `*`: any representation that exists.
    Any,
    /// One or more tags.
    Listed(Vec<Listed>),
}

/// One tag of a condition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listed {
    /// Whether it was given as `W/"…"`.
    pub weak: bool,
    /// The text between the quotation marks.
    pub opaque: String,
}

/// `If-Match`, which a write must have. As an extractor it refuses a request without it with 428; take `Option<IfMatch>` where a service
/// itself sees to it that no change is lost.
pub struct IfMatch(pub Tags);

impl IfMatch {
    /// Whether the condition holds for a representation of which `is_current` knows the tags, by strong comparison: a
    /// weak tag never matches.
    pub fn holds(&self, is_current: impl Fn(&str) -> bool) -> bool {
        match &self.0 {
            Tags::Any => true,
            Tags::Listed(tags) => tags.iter().any(|tag| !tag.weak && is_current(&tag.opaque)),
        }
    }

    /// The refusal when it does not hold.
    pub fn failed() -> Problem {
        Problem::of(StatusCode::PRECONDITION_FAILED)
            .detail("it was changed meanwhile, or the tag is of something else; read it again")
    }
}

/// `If-None-Match`, if there is one.
pub struct IfNoneMatch(pub Option<Tags>);

impl IfNoneMatch {
    /// Whether a reader has this representation already, by weak comparison.
    pub fn has(&self, tag: &EntityTag) -> bool {
        match &self.0 {
            None => false,
            Some(Tags::Any) => true,
            Some(Tags::Listed(tags)) => tags.iter().any(|listed| listed.opaque == tag.opaque()),
        }
    }

    /// The answer to a read: the representation with its tag, or 304 for a reader who has it.
    pub fn answer(&self, tag: EntityTag, representation: impl FnOnce() -> Response) -> Response {
        if self.has(&tag) { tag.not_modified() } else { tag.on(representation()) }
    }
}

/// What a `PUT` that may create something has to say.
pub enum PutCondition {
    /// `If-None-Match: *`: create it, if it does not exist.
    Create,
    /// `If-Match`: replace it, if it is the one that was seen.
    Replace(IfMatch),
}

impl<S: Send + Sync> FromRequestParts<S> for IfMatch {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        tags(&parts.headers, &IF_MATCH)?.map(Self).ok_or_else(|| required("If-Match with the ETag that was read"))
    }
}

impl<S: Send + Sync> OptionalFromRequestParts<S> for IfMatch {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Option<Self>, Problem> {
        Ok(tags(&parts.headers, &IF_MATCH)?.map(Self))
    }
}

impl<S: Send + Sync> FromRequestParts<S> for IfNoneMatch {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        Ok(Self(tags(&parts.headers, &IF_NONE_MATCH)?))
    }
}

impl<S: Send + Sync> FromRequestParts<S> for PutCondition {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        let seen = tags(&parts.headers, &IF_MATCH)?;
        let unseen = tags(&parts.headers, &IF_NONE_MATCH)?;
        match (seen, unseen) {
            (Some(tags), None) => Ok(Self::Replace(IfMatch(tags))),
            (None, Some(Tags::Any)) => Ok(Self::Create),
            (None, None) => {
                Err(required("If-None-Match: * to create it, or If-Match with the ETag that was read to replace it"))
            }
            (_, Some(_)) => {
                Err(Problem::of(StatusCode::BAD_REQUEST).detail("give either If-Match or If-None-Match: *"))
            }
        }
    }
}

fn required(field: &str) -> Problem {
    Problem::of(StatusCode::PRECONDITION_REQUIRED).detail(format!("this request needs the field {field}"))
}

/// Reads a condition, which may be spread over several field lines.
fn tags(headers: &HeaderMap, name: &HeaderName) -> Result<Option<Tags>, Problem> {
    if !headers.contains_key(name) {
        return Ok(None);
    }
    let lines: Vec<&[u8]> = headers.get_all(name).iter().map(HeaderValue::as_bytes).collect();
    match parse(&lines.join(&b',')) {
        Some(tags) => Ok(Some(tags)),
        None => Err(Problem::of(StatusCode::BAD_REQUEST)
            .detail(format!("{name} is neither * nor a list of entity tags such as \"a\", \"b\""))),
    }
}

/// RFC 9110 §8.8.3 and §13.1: `*`, or a list that may have empty elements (§5.6.1).
fn parse(value: &[u8]) -> Option<Tags> {
    let mut rest = value.trim_ascii();
    if rest == b"*" {
        return Some(Tags::Any);
    }
    let mut listed = Vec::new();
    loop {
        while let Some(after) = rest.strip_prefix(b",") {
            rest = after.trim_ascii_start();
        }
        if rest.is_empty() {
            break;
        }
        let (tag, after) = parse_tag(rest)?;
        listed.push(tag);
        rest = after.trim_ascii_start();
        if !rest.is_empty() && !rest.starts_with(b",") {
            return None;
        }
    }
    (!listed.is_empty()).then_some(Tags::Listed(listed))
}

fn parse_tag(text: &[u8]) -> Option<(Listed, &[u8])> {
    let (weak, text) = match text.strip_prefix(b"W/") {
        Some(text) => (true, text),
        None => (false, text),
    };
    let text = text.strip_prefix(b"\"")?;
    let end = text.iter().position(|byte| !is_tag_byte(*byte))?;
    let after = text[end..].strip_prefix(b"\"")?;
    // Bytes above ASCII are allowed in a tag, but no service makes such a tag: it only must not match.
    let opaque = String::from_utf8_lossy(&text[..end]).into_owned();
    Some((Listed { weak, opaque }, after))
}

fn is_tag_byte(byte: u8) -> bool {
    byte == 0x21 || (0x23..=0x7e).contains(&byte) || byte >= 0x80
}

#[cfg(test)]
mod tests {
    use super::{EntityTag, IfMatch, IfNoneMatch, Listed, Tags, parse};

    fn listed(tags: &[(bool, &str)]) -> Tags {
        let tags = tags.iter().map(|(weak, opaque)| Listed { weak: *weak, opaque: (*opaque).to_owned() });
        Tags::Listed(tags.collect())
    }

    #[test]
    fn a_list_is_read_as_the_rfc_writes_it() {
        assert_eq!(parse(b"*"), Some(Tags::Any));
        assert_eq!(parse(br#""a""#), Some(listed(&[(false, "a")])));
        assert_eq!(parse(br#" "a,b" ,, W/"c" , """#), Some(listed(&[(false, "a,b"), (true, "c"), (false, "")])));
    }

    #[test]
    fn what_is_no_list_is_refused() {
        for broken in ["", ",", "a", "\"a", "\"a\" \"b\"", "*, \"a\"", "w/\"a\"", "\"a b\""] {
            assert_eq!(parse(broken.as_bytes()), None, "{broken}");
        }
    }

    #[test]
    fn a_write_compares_strongly_and_a_read_weakly() {
        let weak = Tags::Listed(vec![Listed { weak: true, opaque: "a".to_owned() }]);
        assert!(!IfMatch(weak.clone()).holds(|tag| tag == "a"));
        assert!(IfNoneMatch(Some(weak)).has(&EntityTag::new("a")));
    }
}
