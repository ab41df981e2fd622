//! Route patterns as Spin writes them: `/exact`, `/by/:id`, `/below/...`.

use std::fmt;

/// A pattern that was found valid.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RoutePattern {
    text: String,
    /// From the left.
    pub segments: Vec<Segment>,
    /// Whether it takes everything below as well.
    pub below: bool,
}

/// One part of a path, between two slashes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Segment {
    /// This text.
    Literal(String),
    /// Any text but none.
    Parameter,
}

impl RoutePattern {
    /// Reads a pattern. The error says what is wrong with it.
    pub fn parse(text: &str) -> Result<Self, &'static str> {
        let rest = text.strip_prefix('/').ok_or("does not start with /")?;
        let mut pattern = Self { text: text.to_owned(), segments: Vec::new(), below: false };
        let mut parts = rest.split('/').peekable();
        while let Some(part) = parts.next() {
            let last = parts.peek().is_none();
            match part.strip_prefix(':') {
                _ if part == "..." && last => pattern.below = true,
                _ if part == "..." => return Err("has ... before its end"),
                Some(name) if is_name(name) => pattern.segments.push(Segment::Parameter),
                Some(_) => return Err("has a : without a name"),
                // `/` itself has no segment.
                None if part.is_empty() && last && pattern.segments.is_empty() => {}
                None if part.is_empty() => return Err("has an empty segment"),
                None if part.bytes().all(is_literal) => pattern.segments.push(Segment::Literal(part.to_owned())),
                None => return Err("has a character that must be percent-encoded"),
            }
        }
        Ok(pattern)
    }
}

impl RoutePattern {
    /// Whether it takes this path, by itself: which of several is taken is decided where all of them are known.
    pub fn takes(&self, path: &str) -> bool {
        let mut parts =
            path.strip_prefix('/').filter(|rest| !rest.is_empty()).into_iter().flat_map(|rest| rest.split('/'));
        let fits = self.segments.iter().all(|segment| {
            parts.next().is_some_and(|part| match segment {
                Segment::Literal(text) => part == text,
                Segment::Parameter => !part.is_empty(),
            })
        });
        fits && (self.below || parts.next().is_none())
    }
}

impl fmt::Display for RoutePattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

fn is_name(name: &str) -> bool {
    !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'-')
}

/// The characters of a path segment (RFC 3986 §3.3), without those that mean something in a pattern.
fn is_literal(b: u8) -> bool {
    b.is_ascii_alphanumeric() || b"-._~%!$&'()+,;=@".contains(&b)
}
