//! Events that a service publishes with a transaction (`souk:events`, which follows `CloudEvents` 1.0).
//!
//! The host adds the source; the receiver's side is not here yet, because no service of this repository subscribes.

use serde::Serialize;
use souk_database::contract::Event;

use crate::context::Context;

/// Says that something has happened to the thing with this key. The subject is the key: what services publish is about
/// the aggregate that changed. `data` must be known to serialise, as records of the service itself are.
pub fn occurred(context: &Context, r#type: &str, key: &str, data: &impl Serialize) -> Event {
    Event {
        id: context.id(),
        r#type: r#type.to_owned(),
        subject: Some(key.to_owned()),
        key: key.to_owned(),
        time: context.now().to_string(),
        data: serde_json::to_string(data).expect("a service's own records serialise"),
    }
}
