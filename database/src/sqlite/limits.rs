//! Every limit of the embedded engine: name, default, reason.
//!
//! Limits protect neighbours, not the caller from itself: a component that reaches one gets an error that names it. The
//! ones fixed by the contract (lengths of an event's fields) stand in `engine/events.rs`.

use serde::{Deserialize, Serialize};

use crate::engine::bounds;
use crate::engine::sizes::Sizes;

/// The limits of one database. An error that comes from one names the field and its value.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct Limits {
    /// Rows that one statement may return: 10,000. More is a missing `LIMIT`; a page of a list is a hundred.
    pub rows: u64,
    /// Bytes that one call may return, each cell counted as 16 plus its text: 4 MiB. It is copied into the guest's memory.
    pub result_bytes: u64,
    /// Bytes of one value or one row: 1 MiB. Larger things belong into files. Also bounds what a function such as
    /// `randomblob` can allocate and how long one that looks at each byte can run: the engine cannot be stopped inside a function.
    pub value_bytes: u32,
    /// Bytes of one statement's text: 64 KiB. Lists of values are parameters (`json_each($1)`), not text.
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
    /// Depth of an expression: 200. The engine's parser and its functions recurse on the caller's stack.
    pub expression_depth: u32,
    /// Terms of a `UNION` and the like: 100. Planning time grows faster than their number.
    pub compound_terms: u32,
    /// Columns of a table, a result or an index: 256.
    pub columns: u32,
    /// Bytes of the pattern of `LIKE` and `GLOB`: 256. Matching takes pattern times text.
    pub like_pattern_bytes: u32,

    /// Milliseconds that a `query` may run: 5,000. Longer than a person waits for a page.
    pub query_ms: u64,
    /// Milliseconds that all steps of a `transact` together may run: 1,000. All other writers wait for it.
    pub transaction_ms: u64,
    /// Milliseconds that a call may wait for its turn: 5,000. Answering later than callers wait is work for nobody.
    pub wait_ms: u64,
    /// Milliseconds that one migration may run: 600,000. It runs while the service starts or is swapped.
    pub migration_ms: u64,

    /// Engine steps that a `query` may take on the calling thread before it moves to a reader thread: 10,000, about 150 µs.
    /// A hop costs about 20 µs: cheap for a long query, dear for a point read.
    pub inline_steps: u32,
    /// Microseconds for the same, where steps are slow because pages come from disk: 200. The caller's thread serves others.
    pub inline_us: u64,
    /// Connections for queries on calling threads: 4, opened when first needed. More threads than cores gain nothing.
    pub inline_readers: u32,
    /// Reader threads, for the queries that outgrow the calling thread: 2. So one long query leaves a lane free.
    pub readers: u32,
    /// How far reader threads step back from the others, 0 to 19 as `nice` counts: 10, a ninth of the share of a core that the others get while
    /// there are not enough cores for all. Those others answer short requests.
    pub reader_nice: u32,
    /// Queries waiting for a reader thread: 256. With more, `wait_ms` would cut them off anyway.
    pub read_queue: u32,
    /// Transactions waiting for the writer: 4,096. At 10,000 a second that is under half a second.
    pub write_queue: u32,
    /// Transactions brought to the disk in one commit: 256. Beyond it the fsync is spread thin enough.
    pub group_transactions: u32,
    /// Milliseconds after which a group takes no further transaction: 20. Bounds what the first in it waits for the last.
    pub group_ms: u64,

    /// Prepared statements kept per connection: 128. A service has a few dozen.
    pub statements: u32,
    /// KiB of page cache per connection: 2,048. The operating system caches the file once more.
    pub cache_kib: u32,
    /// Bytes that the database file may grow to: 16 GiB. One component must not fill the disk of all.
    pub database_bytes: u64,
    /// Pages in the WAL at which it is copied into the database: 4,000, about 16 MiB. That is one block of the WAL's index: reads
    /// stay fast, and pages written again and again are copied once.
    pub checkpoint_pages: u32,
    /// Bytes of the WAL file that are kept for reuse: 32 MiB. Writing over allocated blocks syncs faster than growing.
    pub wal_keep_bytes: u64,
    /// Bytes of the WAL at which a warning is logged: 256 MiB. A reader then keeps it from being reused.
    pub wal_warn_bytes: u64,
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
            expression_depth: 200,
            compound_terms: 100,
            columns: 256,
            like_pattern_bytes: 256,
            query_ms: 5_000,
            transaction_ms: 1_000,
            wait_ms: 5_000,
            migration_ms: 600_000,
            inline_steps: 10_000,
            inline_us: 200,
            inline_readers: 4,
            readers: 2,
            reader_nice: 10,
            read_queue: 256,
            write_queue: 4_096,
            group_transactions: 256,
            group_ms: 20,
            statements: 128,
            cache_kib: 2_048,
            database_bytes: 16 << 30,
            checkpoint_pages: 4_000,
            wal_keep_bytes: 32 << 20,
            wal_warn_bytes: 256 << 20,
        }
    }
}

impl Limits {
    /// What is wrong with these limits: those with which nothing would work or the engine would fall back to its own.
    pub fn faults(&self) -> Vec<String> {
        let least = [
            ("expression-depth", self.expression_depth.into(), 10),
            ("compound-terms", self.compound_terms.into(), 2),
            ("columns", self.columns.into(), 8),
            ("like-pattern-bytes", self.like_pattern_bytes.into(), 1),
            ("query-ms", self.query_ms, 1),
            ("transaction-ms", self.transaction_ms, 1),
            ("wait-ms", self.wait_ms, 1),
            ("migration-ms", self.migration_ms, 1),
            ("readers", self.readers.into(), 1),
            ("read-queue", self.read_queue.into(), 1),
            ("write-queue", self.write_queue.into(), 1),
            ("group-transactions", self.group_transactions.into(), 1),
            ("statements", self.statements.into(), 1),
            ("cache-kib", self.cache_kib.into(), 64),
            ("database-bytes", self.database_bytes, 64 << 10),
            ("checkpoint-pages", self.checkpoint_pages.into(), 1),
        ];
        let most = [
            ("value-bytes", self.value_bytes.into(), 1_000_000_000),
            ("parameters", self.parameters.into(), 32_766),
            ("reader-nice", self.reader_nice.into(), 19),
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
}
