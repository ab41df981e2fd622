//! The outside world of a component: the database of its host, WASI's clock, WASI's randomness, and the host's settings.

use std::sync::OnceLock;

use send_wrapper::SendWrapper;
use souk_database::contract::{Answer, Database, Event, Outcome, Rows, Statement, Transaction};

use super::bindings::souk::database::sql;
use super::bindings::souk::events::types;
use super::bindings::wasi::config::store;
use crate::context::{Context, Ids, Settings};
use crate::log;
use crate::time::{Clock, Timestamp};

/// Everything real.
pub fn context() -> Context {
    Context::with_settings(HostDatabase, WasiClock, WasiIds, WasiSettings)
}

/// The database that the host gives this component.
struct HostDatabase;

impl Database for HostDatabase {
    fn dialect(&self) -> &str {
        static DIALECT: OnceLock<String> = OnceLock::new();
        DIALECT.get_or_init(sql::dialect)
    }

    // A call to the host is not `Send`, while axum and the trait want it. A component has one thread: it never moves,
    // and `SendWrapper` would say so if that changed.
    fn query(&self, statement: Statement) -> Answer<'_, Rows> {
        Box::pin(SendWrapper::new(sql::query(statement)))
    }

    fn transact(&self, transaction: Transaction) -> Answer<'_, Outcome> {
        let events = transaction.events.into_iter().map(event).collect();
        Box::pin(SendWrapper::new(sql::transact(transaction.steps, events)))
    }
}

fn event(event: Event) -> types::Event {
    types::Event {
        id: event.id,
        type_: event.r#type,
        subject: event.subject,
        key: event.key,
        time: event.time,
        data: event.data,
    }
}

/// A call to the host as a future that axum takes: for capabilities that one service has and others do not, and which it
/// binds itself.
pub fn on_this_thread<T>(call: impl Future<Output = T>) -> impl Future<Output = T> + Send {
    SendWrapper::new(call)
}

struct WasiClock;

impl Clock for WasiClock {
    fn now(&self) -> Timestamp {
        let now = wasip3::clocks::system_clock::now();
        Timestamp::from_milliseconds(now.seconds * 1000 + i64::from(now.nanoseconds / 1_000_000))
    }
}

struct WasiIds;

impl Ids for WasiIds {
    fn random(&self) -> [u8; 10] {
        let low = wasip3::random::random::get_random_u64().to_le_bytes();
        let high = wasip3::random::random::get_random_u64().to_le_bytes();
        let mut bytes = [0; 10];
        bytes[..8].copy_from_slice(&low);
        bytes[8..].copy_from_slice(&high[..2]);
        bytes
    }

    /// The contract of `wasi:random` asks for a cryptographically secure generator, and lets it give less than it was
    /// asked for.
    fn secret(&self) -> [u8; 32] {
        let mut bytes = Vec::with_capacity(32);
        while bytes.len() < 32 {
            bytes.extend(wasip3::random::random::get_random_bytes(32 - bytes.len() as u64));
        }
        bytes.try_into().expect("no call gives more than it was asked for")
    }
}

struct WasiSettings;

impl Settings for WasiSettings {
    /// A host that keeps settings elsewhere may fail to read one; a service that needs it refuses, as without it.
    fn get(&self, name: &str) -> Option<String> {
        store::get(name).unwrap_or_else(|error| {
            log::error(&format!("setting {name}: {error}"));
            None
        })
    }
}
