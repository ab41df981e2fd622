//! Where the gateway is and how it knows us: the settings, and requests that are made of them.

use http::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE};
use http::{HeaderName, HeaderValue, Method, Uri};
use serde_json::Value;
use souk_kit::outbound::{Bounds, Request};

use crate::domain::Invalid;
use crate::domain::operation::OperationId;

/// The setting with the address that the paths are put behind.
const URL: &str = "payment_gateway_url";
/// The setting with the key of the account.
pub(super) const KEY: &str = "payment_gateway_key";
/// The setting with the time for one answer.
const TIMEOUT_MS: &str = "payment_gateway_timeout_ms";

/// Those of large gateways have 100 or so.
const KEY_BYTES_MAX: usize = 255;
/// Banks take some seconds; a customer waits for the answer.
const TIMEOUT_MS_DEFAULT: u32 = 10_000;
/// A repetition may ask for the state of two operations, with two requests each, before a host ends it after 60 seconds.
const TIMEOUT_MS_MAX: u32 = 15_000;
/// A connection across the world takes a part of it.
const TIMEOUT_MS_MIN: u32 = 50;
/// An answer is some hundred bytes; gateways add to it.
const ANSWER_BYTES_MAX: usize = 64 * 1024;

/// What the settings come to.
pub(super) struct Access {
    url: String,
    authorization: HeaderValue,
    /// Of each request.
    pub(super) bounds: Bounds,
}

impl Access {
    /// Reads the settings; all faults at once, each with the name of its setting and never with its value.
    pub(super) fn parse(setting: impl Fn(&str) -> Option<String>) -> Result<Self, Vec<String>> {
        let read = |name: &str| setting(name).unwrap_or_default();
        match (url(read(URL)), authorization(&read(KEY)), timeout_ms(setting(TIMEOUT_MS))) {
            (Ok(url), Ok(authorization), Ok(time_ms)) => {
                Ok(Self { url, authorization, bounds: Bounds { time_ms, answer_bytes_max: ANSWER_BYTES_MAX } })
            }
            (url, key, timeout) => {
                let faults = [(URL, url.err()), (KEY, key.err()), (TIMEOUT_MS, timeout.err())];
                let told = |(name, fault): (&str, Option<Invalid>)| Some(format!("setting {name} {}", fault?));
                Err(faults.into_iter().filter_map(told).collect())
            }
        }
    }

    /// A request to a path, which is written as paths are.
    pub(super) fn request(
        &self,
        method: Method,
        path: &str,
        id: Option<&OperationId>,
        body: Option<&Value>,
    ) -> Request {
        let mut request = Request::new(body.map(Value::to_string).unwrap_or_default().into());
        *request.method_mut() = method;
        *request.uri_mut() = format!("{}{path}", self.url).parse().expect("a URL and a path are a URL");
        let headers = request.headers_mut();
        headers.insert(AUTHORIZATION, self.authorization.clone());
        headers.insert(ACCEPT, HeaderValue::from_static("application/json"));
        if body.is_some() {
            headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        }
        if let Some(id) = id {
            headers.insert(HeaderName::from_static("idempotency-key"), quoted(id));
        }
        request
    }
}

/// As the draft of the field wants it, a string of RFC 8941. Without the quotes a key that ends with a space would arrive as another one.
fn quoted(id: &OperationId) -> HeaderValue {
    let text = id.as_str().replace('\\', "\\\\").replace('"', "\\\"");
    HeaderValue::try_from(format!("\"{text}\"")).expect("a key is printable")
}

fn url(text: String) -> Result<String, Invalid> {
    let text = text.strip_suffix('/').map(str::to_owned).unwrap_or(text);
    let uri: Option<Uri> = text.parse().ok();
    let is_good = uri.is_some_and(|uri| {
        let scheme = uri.scheme_str().unwrap_or_default();
        ["http", "https"].contains(&scheme) && uri.host().is_some_and(|host| !host.is_empty())
    });
    if is_good && !text.contains(['?', '#', '@']) {
        return Ok(text);
    }
    Err("must be a URL such as https://gateway.example, without a user, a query and a fragment".to_owned())
}

fn authorization(key: &str) -> Result<HeaderValue, Invalid> {
    let is_good = (1..=KEY_BYTES_MAX).contains(&key.len()) && key.bytes().all(|byte| byte.is_ascii_graphic());
    if !is_good {
        return Err(format!("must be 1 to {KEY_BYTES_MAX} printable ASCII characters without spaces"));
    }
    let mut value = HeaderValue::try_from(format!("Bearer {key}")).expect("it is printable");
    // Whoever prints a request does not print it.
    value.set_sensitive(true);
    Ok(value)
}

/// An empty one is none, as a manifest writes it that passes a variable on which nobody has set.
fn timeout_ms(text: Option<String>) -> Result<u32, Invalid> {
    let Some(text) = text.filter(|text| !text.is_empty()) else {
        return Ok(TIMEOUT_MS_DEFAULT);
    };
    let ms = text.parse().ok().filter(|ms| (TIMEOUT_MS_MIN..=TIMEOUT_MS_MAX).contains(ms));
    ms.ok_or_else(|| format!("must be a number from {TIMEOUT_MS_MIN} to {TIMEOUT_MS_MAX}"))
}

#[cfg(test)]
mod tests {
    use http::Method;

    use super::{Access, KEY, TIMEOUT_MS, TIMEOUT_MS_DEFAULT, URL};
    use crate::domain::operation::OperationId;

    fn access(url: &str, key: &str, timeout_ms: &str) -> Result<Access, Vec<String>> {
        let settings = [(URL, url), (KEY, key), (TIMEOUT_MS, timeout_ms)];
        Access::parse(|name| settings.iter().find(|(other, _)| *other == name).map(|(_, value)| (*value).to_owned()))
    }

    #[test]
    fn an_address_is_a_url_that_paths_can_stand_behind() {
        for good in ["https://gateway.example", "http://127.0.0.1:9000/", "https://gateway.example/eu/live/"] {
            assert!(access(good, "k", "").is_ok(), "{good}");
        }
        for bad in [
            "",
            "gateway.example",
            "//gateway.example",
            "ftp://gateway.example",
            "https://",
            "https://a b",
            "https://gateway.example/?a=b",
            "https://gateway.example/#a",
            "https://user:secret@gateway.example",
        ] {
            let faults = access(bad, "k", "").err().expect(bad);
            assert!(faults.len() == 1 && faults[0].starts_with("setting payment_gateway_url must be"), "{faults:?}");
            assert!(!faults[0].contains("secret"), "{faults:?}");
        }
    }

    #[test]
    fn all_faults_are_told_with_the_names_of_their_settings() {
        for (key, timeout_ms) in [("", "49"), ("a b", "15001"), ("a\n", "-1"), ("é", "1s"), (&*"x".repeat(256), " ")] {
            let faults = access("", key, timeout_ms).err().expect(key);
            let names: Vec<_> = faults.iter().filter_map(|fault| fault.split(' ').nth(1)).collect();
            assert_eq!(names, [URL, KEY, TIMEOUT_MS]);
        }
        let nothing = Access::parse(|_| None).err().expect("two are missing");
        assert_eq!(nothing.len(), 2);
    }

    #[test]
    fn a_time_may_be_set() {
        for (text, ms) in [("", TIMEOUT_MS_DEFAULT), ("50", 50), ("15000", 15_000)] {
            assert_eq!(access("http://a", "k", text).map(|access| access.bounds.time_ms), Ok(ms));
        }
    }

    #[test]
    fn a_request_says_who_asks_and_does_not_show_it() {
        let access = access("https://gateway.example/eu/", "hush", "").unwrap_or_else(|faults| panic!("{faults:?}"));
        let id = OperationId::stored("capture:a\"b\\c ".to_owned());
        let request = access.request(Method::POST, "/v1/x", Some(&id), None);
        assert_eq!(request.uri(), "https://gateway.example/eu/v1/x");
        assert_eq!(request.headers()["authorization"], "Bearer hush");
        assert_eq!(request.headers()["idempotency-key"], "\"capture:a\\\"b\\\\c \"");
        assert!(!format!("{request:?}").contains("hush"));
    }
}
