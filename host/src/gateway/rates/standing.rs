//! What a client is told of its budgets: `RateLimit-Policy` and `RateLimit` as in draft-ietf-httpapi-ratelimit-headers-10, lists with
//! one member for each policy that the request counted against.

use super::policy::{Policy, Refused};
use crate::problem::whole_seconds;
use http::{HeaderMap, HeaderName, HeaderValue};

const POLICY: HeaderName = HeaderName::from_static("ratelimit-policy");
const LIMIT: HeaderName = HeaderName::from_static("ratelimit");

/// What the policies say to a request. Told in any case; nothing where no rule is about the request.
#[derive(Debug, Default)]
pub(in crate::gateway) struct Standing {
    /// The two fields.
    fields: Option<(HeaderValue, HeaderValue)>,
}

impl Standing {
    /// Adds what one policy says: how many requests are left, or the time until there is one. Nothing is told of what is not known.
    pub(super) fn add(&mut self, policy: &Policy, taken: &Result<u64, Refused>) {
        let limit = match taken {
            Ok(left) => format!("{:?};r={left}", policy.name),
            Err(Refused::Over(wait)) => format!("{:?};r=0;t={}", policy.name, whole_seconds(*wait)),
            Err(Refused::Unknown(_)) => return,
        };
        let limit = HeaderValue::try_from(limit).expect("the name of a policy is plain text");
        self.fields = Some(match self.fields.take() {
            None => (policy.field.clone(), limit),
            Some((policies, limits)) => (listed(&policies, &policy.field), listed(&limits, &limit)),
        });
    }

    /// Tells the client.
    pub(in crate::gateway) fn tell(self, headers: &mut HeaderMap) {
        if let Some((policy, limit)) = self.fields {
            headers.insert(POLICY, policy);
            headers.insert(LIMIT, limit);
        }
    }
}

/// Two members of a list (RFC 9651 §3.1).
fn listed(first: &HeaderValue, second: &HeaderValue) -> HeaderValue {
    let list = [first.as_bytes(), b", ", second.as_bytes()].concat();
    HeaderValue::try_from(list).expect("it is made of two that are valid")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::manifest::{Rate, WithoutStore};
    use std::time::Duration;

    fn policy(name: &str, requests: u32) -> Policy {
        let without_store = WithoutStore::default();
        Policy::new(&Rate { name: name.into(), requests, seconds: 60, burst: 3, without_store })
    }

    fn told(standing: Standing) -> (String, String) {
        let mut headers = HeaderMap::new();
        standing.tell(&mut headers);
        let text = |name| headers[name].to_str().unwrap().to_owned();
        (text(POLICY), text(LIMIT))
    }

    #[test]
    fn what_is_left_is_told_in_structured_fields() {
        let mut standing = Standing::default();
        standing.add(&policy("a", 60), &Ok(2));
        assert_eq!(told(standing), ("\"a\";q=60;w=60".into(), "\"a\";r=2".into()));
        let mut standing = Standing::default();
        standing.add(&policy("a", 60), &Ok(2));
        standing.add(&policy("b", 5), &Err(Refused::Over(Duration::from_micros(1))));
        standing.add(&policy("c", 5), &Err(Refused::Unknown(Duration::from_secs(1))));
        assert_eq!(told(standing), ("\"a\";q=60;w=60, \"b\";q=5;w=60".into(), "\"a\";r=2, \"b\";r=0;t=1".into()));
    }

    #[test]
    fn nothing_is_told_where_nothing_was_counted() {
        let mut headers = HeaderMap::new();
        Standing::default().tell(&mut headers);
        assert!(headers.is_empty());
    }
}
