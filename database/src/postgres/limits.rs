//! Every limit of the engine on a server: name, default, reason. Names that the embedded engine has mean the same here.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::engine::bounds;
use crate::engine::sizes::Sizes;

/// The limits of one database. An error that comes from one names the field and its value.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct Limits {
    /// Rows that one statement may return: 10,000. More is a missing `LIMIT`; the server is asked for no more.
    pub rows: u64,
    /// Bytes that one call may return, each cell counted as 16 plus its text: 4 MiB. A longer row is not read from the socket.
    pub result_bytes: u64,
    /// Bytes of one parameter: 1 MiB. Larger things belong into files.
    pub value_bytes: u32,
    /// Bytes of one statement's text: 64 KiB. Lists of values are parameters (`json_array_elements($1)`), not text.
    pub sql_bytes: u32,
    /// Parameters of one statement: 1,000. Enough for a hundred rows of ten columns in one `INSERT`.
    pub parameters: u32,
    /// Bytes of all parameters of one call, each counted as 16 plus its text: 4 MiB, like `result_bytes`.
    pub parameter_bytes: u64,
    /// Steps of one transaction: 256. A transaction is one use case; a bulk load is many transactions.
    pub steps: u32,
    /// Events of one transaction: 100, for the same reason.
    pub events: u32,
    /// Bytes of all events of one transaction: 1 MiB. They are kept until delivered, even while a subscriber is down.
    pub event_bytes: u64,

    /// Milliseconds that a `query` may run: 5,000. Longer than a person waits for a page.
    pub query_ms: u64,
    /// Milliseconds that all steps of a `transact` together may run: 1,000. Others wait for the rows it holds.
    pub transaction_ms: u64,
    /// Milliseconds that a step may wait for rows that another transaction holds: 500. After it, it is tried again.
    pub lock_ms: u64,
    /// Milliseconds that a call may wait for a connection, and within which a transaction is tried again: 5,000. Answering
    /// later than callers wait is work for nobody.
    pub wait_ms: u64,
    /// Milliseconds that one migration may run: 600,000. It runs while the service starts or is swapped.
    pub migration_ms: u64,
    /// Milliseconds for connecting, and for an answer beyond the time that the work itself may take: 2,000. A server that is
    /// silent for longer counts as gone.
    pub network_ms: u64,
    /// How often a transaction is carried out before it is `stale`: 10.
    pub attempts: u32,
    /// Milliseconds before it is tried a second time: 2. Doubles with each try up to 64, times chance.
    pub backoff_ms: u64,

    /// KiB of temporary files that one call may make on the server, such as for a sort: 1,048,576, which is 1 GiB. One component
    /// must not fill the disk of all.
    pub temp_kib: u32,
    /// Connections for queries: 4. Each is a process of the server.
    pub readers: u32,
    /// Connections for transactions: 4, for the same reason.
    pub writers: u32,
    /// Queries waiting for a connection: 256. With more, `wait_ms` would cut them off anyway.
    pub read_queue: u32,
    /// Transactions waiting for a connection: 256, for the same reason.
    pub write_queue: u32,
    /// Milliseconds that a connection may be idle: 180,000. Balancers and firewalls forget one that is silent, the strictest after four
    /// minutes, and the next call would wait for an answer that never comes.
    pub idle_ms: u64,
    /// Milliseconds after which a connection is replaced, however busy it is: 1,800,000, which is half an hour. Connections move to
    /// the servers that were added behind a balancer or came back, and what sessions pile up on the server is freed.
    pub lifetime_ms: u64,
    /// Prepared statements kept per connection: 128. A service has a few dozen.
    pub statements: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            rows: 10_000,
            result_bytes: 4 << 20,
            value_bytes: 1 << 20,
            sql_bytes: 64 << 10,
            parameters: 1_000,
            parameter_bytes: 4 << 20,
            steps: 256,
            events: 100,
            event_bytes: 1 << 20,
            query_ms: 5_000,
            transaction_ms: 1_000,
            lock_ms: 500,
            wait_ms: 5_000,
            migration_ms: 600_000,
            network_ms: 2_000,
            attempts: 10,
            backoff_ms: 2,
            temp_kib: 1 << 20,
            readers: 4,
            writers: 4,
            read_queue: 256,
            write_queue: 256,
            idle_ms: 180_000,
            lifetime_ms: 1_800_000,
            statements: 128,
        }
    }
}

impl Limits {
    /// What is wrong with these limits: those with which nothing would work, or the server would have none (0 means that to it).
    pub fn faults(&self) -> Vec<String> {
        let least = [
            ("query-ms", self.query_ms, 1),
            ("transaction-ms", self.transaction_ms, 1),
            ("lock-ms", self.lock_ms, 1),
            ("wait-ms", self.wait_ms, 1),
            ("migration-ms", self.migration_ms, 1),
            ("network-ms", self.network_ms, 1),
            ("attempts", self.attempts.into(), 1),
            ("temp-kib", self.temp_kib.into(), 64),
            ("readers", self.readers.into(), 1),
            ("writers", self.writers.into(), 1),
            ("idle-ms", self.idle_ms, 1),
            ("lifetime-ms", self.lifetime_ms, 1),
            ("statements", self.statements.into(), 1),
        ];
        let most = [
            ("rows", self.rows, i32::MAX as u64 - 1),
            ("temp-kib", self.temp_kib.into(), i32::MAX as u64),
            ("parameters", self.parameters.into(), 32_767),
            ("query-ms", self.query_ms, i32::MAX as u64),
            ("transaction-ms", self.transaction_ms, i32::MAX as u64),
            ("lock-ms", self.lock_ms, i32::MAX as u64),
            ("migration-ms", self.migration_ms, i32::MAX as u64),
            ("idle-ms", self.idle_ms.saturating_add(self.network_ms), i32::MAX as u64),
        ];
        bounds::faults(&self.sizes(), &least, &most)
    }

    /// Those that every engine has.
    pub(super) fn sizes(&self) -> Sizes {
        Sizes {
            rows: self.rows,
            result_bytes: self.result_bytes,
            value_bytes: self.value_bytes,
            sql_bytes: self.sql_bytes,
            parameters: self.parameters,
            parameter_bytes: self.parameter_bytes,
            steps: self.steps,
            events: self.events,
            event_bytes: self.event_bytes,
        }
    }

    /// How long to wait for an answer to work that may itself take so long.
    pub(super) fn patience(&self, work_ms: u64) -> Duration {
        Duration::from_millis(work_ms.saturating_add(self.network_ms))
    }
}
