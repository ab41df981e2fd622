//! The connection to the store: one for all requests, made again in the background when it broke.
//!
//! A request waits for an answer up to a limit, and never for a connection. After a failure of any kind there is none for a while, so a
//! store that is gone or hangs costs the limit once, and not each request.

use redis::aio::MultiplexedConnection;
use redis::{AsyncConnectionConfig, Client, FromRedisValue, RedisResult, ScriptInvocation};
use std::fmt::Display;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;
use tokio::sync::watch;
use tokio::time::{sleep, timeout};

/// Time to connect and sign in, TLS included. Only the start of the host waits for it.
const CONNECT_MAX: Duration = Duration::from_secs(2);

/// So many times the time between two tries to connect, a connection is tried that nobody may have used: one that broke is found before a
/// request finds it, and what stands between does not forget one that is idle. With the default each half minute.
const CHECK_RETRIES: u32 = 30;

/// Questions that wait for the socket; one more waits for room among them. As many as there are requests with the default limit.
const WAITING_MAX: usize = 2_000;

pub(super) struct Link {
    client: Client,
    live: watch::Sender<Option<Live>>,
    answer_max: Duration,
    retry: Duration,
    /// How many connections there were.
    count: AtomicU64,
    /// Whether the log says that it is down.
    is_told: AtomicBool,
}

/// A connection that was good a moment ago.
#[derive(Clone)]
struct Live {
    connection: MultiplexedConnection,
    number: u64,
}

impl Link {
    /// Tries to connect, and goes on to do so for as long as the runtime runs.
    pub(super) async fn open(client: Client, answer_max: Duration, retry: Duration) -> Arc<Self> {
        let (live, count, is_told) = (watch::Sender::new(None), AtomicU64::new(0), AtomicBool::new(false));
        let link = Arc::new(Self { client, live, answer_max, retry, count, is_told });
        link.connect().await;
        tokio::spawn({
            let link = Arc::clone(&link);
            async move { link.keep().await }
        });
        link
    }

    pub(super) fn is_down(&self) -> bool {
        self.live.borrow().is_none()
    }

    /// The answer to a call; none if the store is down, or is from now on.
    pub(super) async fn ask<T: FromRedisValue>(&self, call: &ScriptInvocation<'_>) -> Option<T> {
        let Live { mut connection, number } = self.live.borrow().clone()?;
        let answer = timeout(self.answer_max, call.invoke_async(&mut connection)).await;
        self.settle(number, answer.unwrap_or_else(|_| Err(late())))
    }

    async fn keep(&self) {
        let mut live = self.live.subscribe();
        loop {
            let is_down = timeout(self.retry * CHECK_RETRIES, live.wait_for(Option::is_none)).await.is_ok();
            if is_down {
                sleep(self.retry).await;
                self.connect().await;
            } else {
                self.check().await;
            }
        }
    }

    async fn connect(&self) {
        match timeout(CONNECT_MAX, connection(&self.client)).await.unwrap_or_else(|_| Err(late())) {
            Ok(connection) => {
                if self.is_told.swap(false, Ordering::Relaxed) {
                    tracing::info!("the store of rates is back");
                }
                let number = self.count.fetch_add(1, Ordering::Relaxed);
                self.live.send_replace(Some(Live { connection, number }));
            }
            Err(error) => self.tell(&error),
        }
    }

    async fn check(&self) {
        let Some(Live { mut connection, number }) = self.live.borrow().clone() else { return };
        let ping = redis::cmd("PING");
        let answer = timeout(self.answer_max, ping.query_async::<()>(&mut connection)).await;
        self.settle(number, answer.unwrap_or_else(|_| Err(late())));
    }

    /// After a failure the connection is nobody's any more, unless it is another one by now.
    fn settle<T>(&self, number: u64, answer: RedisResult<T>) -> Option<T> {
        let is_this = |live: &mut Option<Live>| live.take_if(|live| live.number == number).is_some();
        answer
            .map_err(|error| {
                if self.live.send_if_modified(is_this) {
                    self.tell(&error);
                }
            })
            .ok()
    }

    /// Once for each time that it goes down.
    fn tell(&self, error: &dyn Display) {
        if !self.is_told.swap(true, Ordering::Relaxed) {
            let store = self.client.get_connection_info().addr();
            tracing::warn!(%store, %error, "the store of rates is down: this host counts by itself");
        }
    }
}

/// A connection that answers.
async fn connection(client: &Client) -> RedisResult<MultiplexedConnection> {
    // Time is limited by who waits.
    let config = AsyncConnectionConfig::new()
        .set_connection_timeout(None)
        .set_response_timeout(None)
        .set_pipeline_buffer_size(WAITING_MAX);
    let mut connection = client.get_multiplexed_async_connection_with_config(&config).await?;
    redis::cmd("PING").query_async::<()>(&mut connection).await?;
    Ok(connection)
}

fn late() -> redis::RedisError {
    std::io::Error::new(std::io::ErrorKind::TimedOut, "it did not answer in time").into()
}
