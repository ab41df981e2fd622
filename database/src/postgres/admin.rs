//! A connection of the host as the server's administrator. Never one on which a component's SQL runs.

use std::time::Duration;

use bytes::BytesMut;
use fallible_iterator::FallibleIterator;
use postgres_protocol::message::backend::Message;
use postgres_protocol::message::frontend;

use super::address::Address;
use super::fault::{Fault, ServerError};
use super::limits::Limits;
use super::wire::Wire;
use crate::contract::Error;

/// Bytes of a message to the host; its own tables hold short texts only.
const MESSAGE_BYTES: u64 = 1 << 20;

/// A row as text.
pub(super) type Row = Vec<Option<String>>;

/// A connection for the host's own statements.
pub(super) struct Admin {
    wire: Wire,
    within: Duration,
}

impl Admin {
    /// Connects for statements that may together wait and work as long as a migration.
    pub(super) async fn connect(address: &Address, limits: &Limits) -> Result<Self, Fault> {
        Self::connect_with(address, limits, &[("search_path", "pg_catalog")]).await
    }

    /// Connects for statements that only read.
    pub(super) async fn connect_to_look(address: &Address, limits: &Limits) -> Result<Self, Fault> {
        let settings = [("search_path", "pg_catalog"), ("default_transaction_read_only", "on")];
        Self::connect_with(address, limits, &settings).await
    }

    pub(super) async fn connect_with(
        address: &Address,
        limits: &Limits,
        settings: &[(&str, &str)],
    ) -> Result<Self, Fault> {
        let wire = Wire::connect(address, settings, MESSAGE_BYTES, limits.patience(0)).await?;
        Ok(Self { wire, within: limits.patience(limits.migration_ms) })
    }

    /// Runs some statements, in one transaction unless one of them cannot be in any; answers with the rows of all.
    pub(super) async fn run(&mut self, sql: &str) -> Result<Vec<Row>, Fault> {
        let mut sent = BytesMut::new();
        frontend::query(sql, &mut sent)?;
        self.exchange(&sent).await
    }

    /// Runs one statement; the server refuses a text with more than one.
    pub(super) async fn run_one(&mut self, sql: &str) -> Result<(), Fault> {
        let mut sent = BytesMut::new();
        frontend::parse("", sql, [], &mut sent)?;
        frontend::bind("", "", [], [], |(), _| Ok(postgres_protocol::IsNull::Yes), [], &mut sent)
            .map_err(|_| Fault::Refused(Error::Other("a message without values is too large".into())))?;
        frontend::execute("", 1, &mut sent)?;
        frontend::sync(&mut sent);
        self.exchange(&sent).await.map(drop)
    }

    async fn exchange(&mut self, sent: &[u8]) -> Result<Vec<Row>, Fault> {
        let (mut rows, mut error) = (Vec::new(), None);
        let exchange = self.wire.exchange(sent, |message| {
            match message {
                Message::DataRow(row) => {
                    let text = |range| String::from_utf8_lossy(&row.buffer()[range]).into_owned();
                    rows.push(row.ranges().map(|range| Ok(range.map(text))).collect()?);
                }
                Message::ErrorResponse(body) => error = Some(ServerError::of(&body)),
                _ => {}
            }
            Ok(())
        });
        tokio::time::timeout(self.within, exchange).await.unwrap_or(Err(Fault::Silent))?;
        error.map_or(Ok(rows), |error| Err(error.into()))
    }
}

/// The first cell of the first row.
pub(super) fn first(rows: &[Row]) -> Option<&str> {
    rows.first()?.first()?.as_deref()
}

/// A number that cannot be negative, whatever a clock that was set back makes of it.
pub(super) fn natural(text: &str) -> u64 {
    text.parse().unwrap_or(0)
}

/// A text in quotes, for statements that take no parameters.
pub(super) fn literal(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}
