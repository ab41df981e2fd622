//! What SQL may do, decided while a statement is compiled: the engine asks about each table, function and command in it.
//!
//! Everything that is not on a list here is denied, so a new command of a later SQLite is denied too. The check also sees what
//! triggers and views do, since they are compiled into the statement that uses them. Size and time are bounded elsewhere.

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};

use rusqlite::Connection;
use rusqlite::hooks::{AuthAction, AuthContext, Authorization};

/// The start of the names of the host's own tables. Neither a component nor its migrations may touch or create one.
pub(super) const HOST_PREFIX: &str = "souk_";

/// Functions that a component may not call. The first load code or write to the host's log. The others compare each byte with each
/// (`json_patch`, `unhex`), and the engine cannot be stopped inside a function; the rest of that kind is replaced in `functions.rs`.
const FUNCTIONS_DENIED: [&str; 6] =
    ["load_extension", "fts3_tokenizer", "sqlite_log", "json_patch", "jsonb_patch", "unhex"];

/// Modules whose virtual tables a migration may create: search and ranges. They keep all they have in the database itself.
const MODULES: [&str; 4] = ["fts5", "fts5vocab", "rtree", "rtree_i32"];

/// Who speaks on a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(super) enum Speaker {
    /// The component: reads and changes rows of its own tables.
    Guest,
    /// The component's migrations: may also change the schema.
    Migration,
    /// The host: anything.
    Host,
}

/// The switch that says who speaks. It belongs to one connection, which one thread uses at a time.
#[derive(Clone)]
pub(super) struct Floor(Arc<AtomicU8>);

impl Floor {
    /// Installs the authorizer on a connection; the host has the floor first.
    pub(super) fn install(db: &Connection) -> rusqlite::Result<Self> {
        let floor = Self(Arc::new(AtomicU8::new(Speaker::Host as u8)));
        let asked = floor.clone();
        db.authorizer(Some(move |context: AuthContext<'_>| match asked.speaker() {
            Speaker::Host => Authorization::Allow,
            Speaker::Guest if guest_may(&context) => Authorization::Allow,
            Speaker::Migration if guest_may(&context) || migration_may(&context) => Authorization::Allow,
            Speaker::Guest | Speaker::Migration => Authorization::Deny,
        }))?;
        Ok(floor)
    }

    /// Gives the floor to somebody.
    pub(super) fn give(&self, speaker: Speaker) {
        self.0.store(speaker as u8, Ordering::Relaxed);
    }

    fn speaker(&self) -> Speaker {
        match self.0.load(Ordering::Relaxed) {
            2 => Speaker::Host,
            1 => Speaker::Migration,
            _ => Speaker::Guest,
        }
    }
}

/// What a component's statement may do.
fn guest_may(context: &AuthContext<'_>) -> bool {
    match context.action {
        AuthAction::Select | AuthAction::Recursive => true,
        AuthAction::Read { table_name, .. } => is_readable(table_name),
        AuthAction::Insert { table_name }
        | AuthAction::Delete { table_name }
        | AuthAction::Update { table_name, .. } => is_own(table_name),
        AuthAction::Function { function_name } => !is_one_of(&FUNCTIONS_DENIED, function_name),
        // FTS5 asks for it inside a query, to notice that another connection changed the index.
        AuthAction::Pragma { pragma_name, pragma_value: None } => pragma_name.eq_ignore_ascii_case("data_version"),
        _ => false,
    }
}

/// What a migration may do beyond that: change the schema, but nothing temporary (it would live on one connection only), no
/// other file, no settings, no transaction of its own.
fn migration_may(context: &AuthContext<'_>) -> bool {
    match context.action {
        AuthAction::Analyze { .. } => true,
        // `ANALYZE` makes its tables of statistics; nobody else can make one of that name.
        AuthAction::CreateTable { table_name } => is_own(table_name) || starts_with(table_name, "sqlite_stat"),
        AuthAction::DropTable { table_name } | AuthAction::AlterTable { table_name, .. } => is_own(table_name),
        AuthAction::CreateIndex { index_name: name, table_name }
        | AuthAction::DropIndex { index_name: name, table_name }
        | AuthAction::CreateTrigger { trigger_name: name, table_name }
        | AuthAction::DropTrigger { trigger_name: name, table_name } => is_own_or_automatic(name) && is_own(table_name),
        AuthAction::CreateView { view_name: name } | AuthAction::DropView { view_name: name } => is_own(name),
        AuthAction::Reindex { index_name } => is_own_or_automatic(index_name),
        AuthAction::CreateVtable { table_name, module_name } | AuthAction::DropVtable { table_name, module_name } => {
            is_own(table_name) && is_one_of(&MODULES, module_name)
        }
        // Commands on the schema write these tables themselves; a statement that does is refused by the engine (`DEFENSIVE`).
        AuthAction::Read { table_name, .. }
        | AuthAction::Insert { table_name }
        | AuthAction::Delete { table_name }
        | AuthAction::Update { table_name, .. } => is_schema_table(table_name),
        // `ALTER TABLE … ADD COLUMN` with a constraint checks the rows through the first, R-trees choose their nodes by the second.
        AuthAction::Pragma { pragma_name, .. } if pragma_name.eq_ignore_ascii_case("quick_check") => true,
        AuthAction::Pragma { pragma_name, pragma_value: None } => pragma_name.eq_ignore_ascii_case("page_size"),
        _ => false,
    }
}

fn is_own(table: &str) -> bool {
    !starts_with(table, HOST_PREFIX) && !starts_with(table, "sqlite_") && !table.eq_ignore_ascii_case("dbstat")
}

/// Statistics are read when the engine loads the schema, in the middle of whatever statement comes first.
fn is_readable(table: &str) -> bool {
    is_own(table) || starts_with(table, "sqlite_stat")
}

/// The engine names the indexes that it makes for `UNIQUE` and `PRIMARY KEY` itself.
fn is_own_or_automatic(index: &str) -> bool {
    is_own(index) || starts_with(index, "sqlite_autoindex_")
}

/// The tables that commands on the schema read and write; the temporary ones when something is renamed.
fn is_schema_table(table: &str) -> bool {
    const TABLES: [&str; 7] = [
        "sqlite_master",
        "sqlite_schema",
        "sqlite_temp_master",
        "sqlite_temp_schema",
        "sqlite_sequence",
        "sqlite_stat1",
        "sqlite_stat4",
    ];
    is_one_of(&TABLES, table)
}

fn is_one_of(names: &[&str], name: &str) -> bool {
    names.iter().any(|known| known.eq_ignore_ascii_case(name))
}

fn starts_with(name: &str, prefix: &str) -> bool {
    name.get(..prefix.len()).is_some_and(|start| start.eq_ignore_ascii_case(prefix))
}
