//! A connection on which a component's statements run: prepared once, sent together, answered together.
//!
//! Whatever a statement does to the session is undone in the round trip that ends the call: `RESET ALL` goes with each query and
//! each commit, and the server itself undoes it when a transaction fails. So no caller finds another's settings.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::BytesMut;
use fallible_iterator::FallibleIterator;
use postgres_protocol::IsNull;
use postgres_protocol::message::backend::{DataRowBody, Message};
use postgres_protocol::message::frontend;

use super::counts::Counts;
use super::fault::{Fault, ServerError};
use super::value;
use super::wire::{Wire, oids, unexpected};
use crate::contract::{Error, Rows, Statement, Value};
use crate::engine::sizes::{Room, at, check_parameter_count};

/// A connection and what is prepared on it.
pub(super) struct Session {
    /// When it was connected.
    pub(super) begun: Instant,
    wire: Wire,
    counts: Arc<Counts>,
    prepared: HashMap<String, Arc<Prepared>>,
    /// The texts in `prepared`, oldest first.
    ages: VecDeque<String>,
    statements_most: usize,
    /// Names that were forgotten and are still known to the server.
    forgotten: Vec<String>,
    serial: u64,
    is_at_rest: bool,
}

/// A statement that the server knows by a name, or learns when it is run.
pub(super) struct Prepared {
    name: String,
    /// For a statement of the host's: its text, which is sent each time.
    host_sql: Option<&'static str>,
    parameters: Vec<u32>,
    columns: Vec<u32>,
}

/// A statement to run, with values that were checked against it.
pub(super) struct Part<'a> {
    pub(super) prepared: Arc<Prepared>,
    pub(super) values: &'a [Value],
}

/// What a statement did.
pub(super) struct Found {
    /// The words with which the server tells it, such as `UPDATE 3`.
    pub(super) tag: String,
    pub(super) rows: Rows,
    pub(super) returned: u64,
}

/// How some statements that were sent together ended.
pub(super) struct Run {
    /// Those that were carried out, in order.
    pub(super) found: Vec<Found>,
    /// Why the one after them was not.
    pub(super) failed: Option<Fault>,
}

impl Session {
    pub(super) fn new(wire: Wire, counts: Arc<Counts>, statements_most: usize) -> Self {
        Self {
            begun: Instant::now(),
            wire,
            counts,
            prepared: HashMap::new(),
            ages: VecDeque::new(),
            statements_most,
            forgotten: Vec::new(),
            serial: 0,
            is_at_rest: true,
        }
    }

    /// Whether it can serve another call.
    pub(super) fn is_at_rest(&self) -> bool {
        self.is_at_rest
    }

    /// Prepares what is not prepared yet, all in one round trip. An error comes with the index of its statement.
    pub(super) async fn prepare(
        &mut self,
        sqls: &[&str],
        within: Duration,
    ) -> Result<Vec<Arc<Prepared>>, (usize, Fault)> {
        // Taken before new ones are kept, which may push these out.
        let known: Vec<_> = sqls.iter().map(|sql| self.prepared.get(*sql).cloned()).collect();
        let mut new: Vec<(usize, &str)> = Vec::new();
        for (index, sql) in sqls.iter().enumerate() {
            if known[index].is_none() && !new.iter().any(|(_, other)| other == sql) {
                new.push((index, sql));
            }
        }
        let mut made = HashMap::new();
        if !new.is_empty() {
            made.extend(self.prepare_new(&new, within).await?);
        }
        let all = sqls.iter().zip(known).map(|(sql, known)| known.or_else(|| made.get(*sql).cloned()));
        let all: Option<Vec<_>> = all.collect();
        for (sql, prepared) in made {
            self.keep(sql, prepared);
        }
        all.ok_or_else(|| (0, Fault::Broken("the server did not answer for each statement".into())))
    }

    async fn prepare_new(
        &mut self,
        new: &[(usize, &str)],
        within: Duration,
    ) -> Result<Vec<(String, Arc<Prepared>)>, (usize, Fault)> {
        let failed = |fault: Fault| (0, fault);
        let mut sent = BytesMut::new();
        for name in self.forgotten.drain(..) {
            frontend::close(b'S', &name, &mut sent).map_err(|error| failed(error.into()))?;
        }
        let first = self.serial;
        for (_, sql) in new {
            let name = format!("s{}", self.serial);
            self.serial += 1;
            frontend::parse(&name, sql, [], &mut sent).map_err(|error| failed(error.into()))?;
            frontend::describe(b'S', &name, &mut sent).map_err(|error| failed(error.into()))?;
        }
        frontend::sync(&mut sent);
        let (mut made, mut parameters, mut error) = (Vec::new(), Vec::new(), None);
        let exchanged = self
            .exchange(&sent, within, |message| {
                let columns = match &message {
                    Message::ParseComplete | Message::CloseComplete => return Ok(()),
                    Message::ParameterDescription(_) => {
                        parameters = oids(&message)?;
                        return Ok(());
                    }
                    Message::ErrorResponse(body) => {
                        error = Some(ServerError::of(body));
                        return Ok(());
                    }
                    Message::NoData => Vec::new(),
                    _ => oids(&message)?,
                };
                let name = format!("s{}", first + made.len() as u64);
                let parameters = std::mem::take(&mut parameters);
                made.push(Arc::new(Prepared { name, host_sql: None, parameters, columns }));
                Ok(())
            })
            .await;
        exchanged.map_err(failed)?;
        match error {
            Some(error) => {
                // Those before it are known to the server, but to nobody here.
                self.forgotten.extend(made.iter().map(|prepared| prepared.name.clone()));
                Err((new.get(made.len()).map_or(0, |(index, _)| *index), error.into()))
            }
            None => Ok(new.iter().map(|(_, sql)| (*sql).to_owned()).zip(made).collect()),
        }
    }

    fn keep(&mut self, sql: String, prepared: Arc<Prepared>) {
        self.ages.push_back(sql.clone());
        self.prepared.insert(sql, prepared);
        // The server forgets them with the next statement that is prepared, so that this call can still use them.
        while self.ages.len() > self.statements_most
            && let Some(oldest) = self.ages.pop_front()
            && let Some(prepared) = self.prepared.remove(&oldest)
        {
            self.forgotten.push(prepared.name.clone());
        }
    }

    /// Runs some statements in one round trip. After one that fails the server skips the rest.
    pub(super) async fn run(&mut self, parts: &[Part<'_>], room: &mut Room, within: Duration) -> Result<Run, Fault> {
        // One more than allowed is asked for, so that the server tells by stopping there that there are more.
        let rows_most = i32::try_from(room.sizes.rows + 1).unwrap_or(i32::MAX);
        let mut sent = BytesMut::new();
        for part in parts {
            bind(part, &mut sent)?;
            frontend::execute("", rows_most, &mut sent)?;
        }
        frontend::sync(&mut sent);
        let mut run = Run { found: Vec::new(), failed: None };
        let mut rows = Rows::default();
        let exchanged = self.exchange(&sent, within, |message| take(message, parts, &mut run, &mut rows, room)).await;
        match exchanged {
            Ok(()) => {}
            Err(fault @ (Fault::Refused(_) | Fault::Overlong)) => run.failed = Some(fault),
            Err(fault) => return Err(fault),
        }
        Ok(run)
    }

    async fn exchange(
        &mut self,
        sent: &[u8],
        within: Duration,
        each: impl FnMut(Message) -> Result<(), Fault>,
    ) -> Result<(), Fault> {
        const IDLE: u8 = b'I';
        self.is_at_rest = false;
        self.counts.round_trip();
        let exchanged = tokio::time::timeout(within, self.wire.exchange(sent, each)).await;
        self.is_at_rest = exchanged.unwrap_or(Err(Fault::Silent))? == IDLE;
        Ok(())
    }
}

/// A statement of the host's own, whose parameters are texts and which returns nothing.
///
/// Never prepared under a name: a function of the component's can `DEALLOCATE` a name and `PREPARE` something else under it, and
/// would be given what the host gives its own statement.
pub(super) fn host_part<'a>(sql: &'static str, values: &'a [Value]) -> Part<'a> {
    let columns = if values.is_empty() { Vec::new() } else { vec![value::VOID] };
    let prepared =
        Prepared { name: String::new(), host_sql: Some(sql), parameters: vec![value::TEXT; values.len()], columns };
    Part { prepared: Arc::new(prepared), values }
}

/// Checks the values of a statement against what the server says of it.
pub(super) fn part(prepared: Arc<Prepared>, statement: &Statement) -> Result<Part<'_>, Error> {
    check_parameter_count(statement.parameters.len(), prepared.parameters.len())?;
    for (index, (value, r#type)) in statement.parameters.iter().zip(&prepared.parameters).enumerate() {
        value::check(index + 1, value, *r#type)?;
    }
    Ok(Part { prepared, values: &statement.parameters })
}

fn bind(part: &Part<'_>, sent: &mut BytesMut) -> Result<(), Fault> {
    let Prepared { name, host_sql, parameters, columns } = &*part.prepared;
    if let Some(sql) = host_sql {
        frontend::parse(name, sql, parameters.iter().copied(), sent)?;
    }
    let bound = frontend::bind(
        "",
        name,
        parameters.iter().copied().map(value::format),
        part.values,
        |value, out| Ok(if value::write(value, out) { IsNull::Yes } else { IsNull::No }),
        columns.iter().copied().map(value::format),
        sent,
    );
    bound.map_err(|_| Fault::Refused(Error::TooLarge("the parameters are too large for one message".into())))
}

/// Takes one message of the answer to some statements.
fn take(message: Message, parts: &[Part<'_>], run: &mut Run, rows: &mut Rows, room: &mut Room) -> Result<(), Fault> {
    let part = parts.get(run.found.len());
    let columns = part.map_or(&[][..], |part| &part.prepared.columns);
    match message {
        // The rest of what follows a failure says nothing any more.
        _ if run.failed.is_some() => {}
        Message::ParseComplete | Message::BindComplete => {}
        Message::DataRow(row) => take_row(&row, columns, rows, room)?,
        Message::CommandComplete(body) => {
            let mut rows = std::mem::take(rows);
            rows.columns = u32::try_from(columns.len()).expect("the server allows at most 1664 columns");
            let returned = rows.cells.len().checked_div(columns.len()).unwrap_or(0) as u64;
            run.found.push(Found { tag: body.tag()?.to_owned(), rows, returned });
        }
        Message::PortalSuspended => run.failed = Some(room.too_many_rows().into()),
        Message::ErrorResponse(body) => run.failed = Some(ServerError::of(&body).into()),
        _ => return Err(unexpected()),
    }
    Ok(())
}

fn take_row(row: &DataRowBody, columns: &[u32], rows: &mut Rows, room: &mut Room) -> Result<(), Fault> {
    let mut ranges = row.ranges();
    let mut columns = columns.iter();
    while let Some(range) = ranges.next()? {
        let r#type = columns.next().ok_or_else(unexpected)?;
        let value = value::read(range.map(|range| &row.buffer()[range]), *r#type)?;
        room.take(&value)?;
        rows.cells.push(value);
    }
    Ok(())
}

impl Found {
    /// The rows changed; none for a statement that only reads.
    pub(super) fn changed(&self) -> Option<u64> {
        let (command, count) = self.tag.split_once(' ')?;
        // `INSERT` has another number, always 0, between.
        let count = count.rsplit(' ').next()?.parse().ok()?;
        (command != "SELECT").then_some(count)
    }
}

/// Says where a fault belongs, if it is told to the caller as it is.
pub(super) fn fault_at(place: impl std::fmt::Display, fault: Fault) -> Fault {
    match fault {
        Fault::Refused(error) => Fault::Refused(at(place, error)),
        Fault::Server(mut error) if !error.is_conflict() && !error.is_outdated_plan() => {
            error.text = format!("{place}: {}", error.text);
            Fault::Server(error)
        }
        other => other,
    }
}
