//! What a handler is given besides the request: a database, a clock, a source of ids and secrets, and settings.
//!
//! They are arguments and not globals, so that the same code runs in a component, in a process of its own, and in a
//! test that sets the time.

use std::ops::RangeInclusive;
use std::sync::Arc;

use souk_database::contract::Database;

use crate::log;
use crate::time::{Clock, Timestamp};

/// The outside world of a service. Cloning it is cheap.
#[derive(Clone)]
pub struct Context {
    parts: Arc<Parts>,
}

struct Parts {
    database: Box<dyn Database>,
    clock: Box<dyn Clock>,
    ids: Box<dyn Ids>,
    settings: Box<dyn Settings>,
}

impl Context {
    /// Puts the three together, without any settings.
    pub fn new(database: impl Database + 'static, clock: impl Clock + 'static, ids: impl Ids + 'static) -> Self {
        Self::with_settings(database, clock, ids, NoSettings)
    }

    /// Puts the three together with settings, for services that read some.
    pub fn with_settings(
        database: impl Database + 'static,
        clock: impl Clock + 'static,
        ids: impl Ids + 'static,
        settings: impl Settings + 'static,
    ) -> Self {
        let parts = Parts {
            database: Box::new(database),
            clock: Box::new(clock),
            ids: Box::new(ids),
            settings: Box::new(settings),
        };
        Self { parts: Arc::new(parts) }
    }

    /// The component's own database.
    pub fn database(&self) -> &dyn Database {
        &*self.parts.database
    }

    /// The present moment.
    pub fn now(&self) -> Timestamp {
        self.parts.clock.now()
    }

    /// A new id, as UUID text of 36 characters.
    pub fn id(&self) -> String {
        let random = self.parts.ids.random();
        uuid_v7(self.now(), random)
    }

    /// 32 bytes that nobody can guess, for whoever holds them to be known by. An id is none: it tells its time, and it
    /// is written where secrets are not.
    pub fn secret(&self) -> [u8; 32] {
        self.parts.ids.secret()
    }

    /// What the operator has set under this name, if anything.
    pub fn setting(&self, name: &str) -> Option<String> {
        self.parts.settings.get(name)
    }

    /// The same for a whole number. One that is none, or out of its bounds, is told in the log, and the default holds: a shop with the usual
    /// number is better than none.
    pub fn number_setting(&self, name: &str, bounds: RangeInclusive<u32>, default: u32) -> u32 {
        let Some(text) = self.setting(name) else { return default };
        match text.parse() {
            Ok(number) if bounds.contains(&number) => number,
            _ => {
                let (least, most) = (bounds.start(), bounds.end());
                log::error(&format!("setting {name}: must be from {least} to {most}; {default} is taken"));
                default
            }
        }
    }
}

/// A source of what makes ids unique and secrets secret.
pub trait Ids: Send + Sync {
    /// Ten bytes that nobody can guess; a test may count instead.
    fn random(&self) -> [u8; 10];

    /// 32 bytes that nobody can guess, from a generator that is made for keys; a test may count instead.
    fn secret(&self) -> [u8; 32];
}

/// What the operator decides: the variables of the component in the manifest, or arguments of a process of its own.
pub trait Settings: Send + Sync {
    /// The value under a name; the same for as long as the instance lives.
    fn get(&self, name: &str) -> Option<String>;
}

struct NoSettings;

impl Settings for NoSettings {
    fn get(&self, _: &str) -> Option<String> {
        None
    }
}

/// RFC 9562 §5.7: the time first, so that ids sort in the order of creation and an index grows at its end.
fn uuid_v7(now: Timestamp, random: [u8; 10]) -> String {
    let milliseconds = u64::try_from(now.milliseconds()).expect("a timestamp is not before 1970");
    uuid::Builder::from_unix_timestamp_millis(milliseconds, &random).into_uuid().hyphenated().to_string()
}

#[cfg(test)]
mod tests {
    use super::uuid_v7;
    use crate::time::Timestamp;

    #[test]
    fn an_id_begins_with_its_time() {
        let id = uuid_v7(Timestamp::from_milliseconds(0x0123_4567_89ab), [0xff; 10]);
        assert_eq!(id, "01234567-89ab-7fff-bfff-ffffffffffff");
    }
}
