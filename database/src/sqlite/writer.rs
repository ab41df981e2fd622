//! The writer: one thread that owns the only writing connection, takes what waits and brings it to the disk together.
//!
//! A lone caller never waits for others: the time that transactions take to gather is the time of the commit before.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, RecvTimeoutError};
use tokio::sync::oneshot;

use super::connection::Guarded;
use super::counts::Counts;
use super::group::{self, Job};
use super::limits::Limits;
use super::migrate;
use super::wal::Wal;
use crate::engine::applied::MigrationError;
use crate::migration::Migration;

/// How long the writer waits for something to do before it tidies the WAL.
const IDLE: Duration = Duration::from_secs(1);

/// The longest that a group waits for the callers of the one before. Reached on slow disks only.
const GATHER_MAX: Duration = Duration::from_micros(500);

/// What the writer can be asked for.
pub(super) enum Order {
    /// Carry out a transaction.
    Transact(Job),
    /// Apply the migrations of a new version of the component; answers with the files that were applied.
    Migrate(Vec<Migration>, oneshot::Sender<Result<Vec<String>, MigrationError>>),
    /// Carry out what waits and end.
    Close,
}

/// The state of the writer's thread.
pub(super) struct Writer {
    db: Guarded,
    wal: Wal,
    limits: Arc<Limits>,
    counts: Arc<Counts>,
    orders: Receiver<Order>,
    waiting: VecDeque<Job>,
    /// An order other than a transaction; what was asked before it comes first.
    next: Option<Order>,
    is_closing: bool,
    previous: usize,
    commit: Duration,
}

impl Writer {
    /// Takes over a connection and the queue's end.
    pub(super) fn new(
        db: Guarded,
        wal: Wal,
        limits: Arc<Limits>,
        counts: Arc<Counts>,
        orders: Receiver<Order>,
    ) -> Self {
        let (waiting, commit) = (VecDeque::new(), Duration::ZERO);
        Self { db, wal, limits, counts, orders, waiting, next: None, is_closing: false, previous: 0, commit }
    }

    /// The thread: ends after [`Order::Close`], or when the database was dropped.
    pub(super) fn run(mut self) {
        Wal::watch(&self.db.db);
        while self.wait() {
            self.gather();
            if !self.waiting.is_empty() {
                self.commit_group();
                continue;
            }
            match self.next.take() {
                Some(Order::Migrate(migrations, answer)) => {
                    let _ = answer.send(migrate::apply(&self.db, &migrations, &self.limits));
                }
                Some(Order::Close) => self.is_closing = true,
                Some(Order::Transact(job)) => self.waiting.push_back(job),
                None => {}
            }
        }
        self.wal.close(&self.db);
    }

    /// Waits for an order unless one is at hand; false when there will be none.
    fn wait(&mut self) -> bool {
        if !self.waiting.is_empty() || self.next.is_some() {
            return true;
        }
        let order = if self.is_closing {
            self.orders.try_recv().map_err(|_| RecvTimeoutError::Disconnected)
        } else if self.wal.is_tidy() {
            self.orders.recv().map_err(|_| RecvTimeoutError::Disconnected)
        } else {
            self.orders.recv_timeout(IDLE)
        };
        match order {
            Ok(order) => self.accept(order),
            Err(RecvTimeoutError::Timeout) => self.wal.tidy(&self.db),
            Err(RecvTimeoutError::Disconnected) => return false,
        }
        true
    }

    fn accept(&mut self, order: Order) {
        match order {
            Order::Transact(job) => self.waiting.push_back(job),
            other => self.next = Some(other),
        }
    }

    /// Takes what waits. After a large group, its callers are about to ask again: the first of them would otherwise go to the disk
    /// almost alone and the rest wait for it, and every second commit would be wasted. So the group waits for as many as it
    /// had, for an eighth of a commit at most. A lone caller had a group of one and waits for nobody.
    fn gather(&mut self) {
        let most = self.limits.group_transactions as usize;
        let ends = Instant::now() + (self.commit / 8).min(GATHER_MAX);
        while self.next.is_none() && self.waiting.len() < most {
            let order = if self.waiting.len() < self.previous && !self.waiting.is_empty() {
                self.orders.recv_deadline(ends).ok()
            } else {
                self.orders.try_recv().ok()
            };
            let Some(order) = order else { break };
            self.accept(order);
        }
    }

    fn commit_group(&mut self) {
        let ended = group::carry_out(&self.db, &mut self.waiting, &self.limits, &self.counts);
        self.previous = ended.transactions;
        self.commit = ended.commit;
        if let Some(failed) = ended.failed {
            self.wal.heal(&self.db);
            failed.tell();
        } else {
            self.wal.after_commit(&self.db);
        }
    }
}
