//! What came back over HTTP, and what tests ask of it.

use http::HeaderMap;
use serde_json::Value;

/// An answer, received whole.
#[derive(Debug)]
pub struct Answer {
    /// The status.
    pub status: u16,
    /// The fields.
    pub headers: HeaderMap,
    /// The content; null if there is none.
    pub body: Value,
    /// The content as it came.
    pub bytes: Vec<u8>,
}

impl Answer {
    /// A member of the body that is text.
    pub fn text(&self, member: &str) -> &str {
        self.body[member].as_str().unwrap_or_else(|| panic!("{self:?} has no {member}"))
    }

    /// A field; empty if there is none.
    pub fn field(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().expect("it is ASCII"))
    }

    /// The tag of the representation.
    pub fn tag(&self) -> &str {
        self.headers["etag"].to_str().expect("a tag is ASCII")
    }

    /// The status and the name of the problem.
    pub fn refusal(&self) -> (u16, &str) {
        assert!(self.status >= 400, "{self:?}");
        assert_eq!(self.body["status"], self.status);
        let name = self.body["type"].as_str().unwrap_or("about:blank");
        (self.status, name.trim_start_matches("urn:souk:problem:"))
    }

    /// Where the faults of a body or query stand.
    pub fn faults(&self) -> Vec<&str> {
        let errors = self.body["errors"].as_array().unwrap_or_else(|| panic!("{self:?} lists no faults"));
        errors.iter().filter_map(|error| error.get("pointer").or(error.get("parameter"))?.as_str()).collect()
    }

    /// The items of a list.
    pub fn items(&self) -> &[Value] {
        self.body["items"].as_array().unwrap_or_else(|| panic!("{self:?} is no list"))
    }

    /// One text member of each item of a list.
    pub fn each(&self, member: &str) -> Vec<&str> {
        self.items().iter().map(|item| item[member].as_str().unwrap_or_default()).collect()
    }
}
