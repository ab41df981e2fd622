//! The load: customers who each buy one thing after another, the next when the last one is paid.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Result, bail, ensure};
use bytes::Bytes;
use http::{HeaderName, HeaderValue, StatusCode};
use http_body_util::Full;
use serde::Deserialize;
use tokio::task::JoinSet;

use super::client::Doors;
use super::contender::Contender;
use crate::load::Turn;

/// What some seconds of one contender came to.
pub(super) struct Round {
    /// A request is a checkout: the throughput is that of both its requests together, the latency that of the order.
    pub(super) turn: Turn,
    /// What all processes of the contender computed for one.
    pub(super) cpu_ms: f64,
}

/// When customers stop. What was begun is carried through.
#[derive(Clone)]
pub(super) enum Until {
    Moment(Instant),
    /// So many checkouts are left to begin.
    Checkouts(Arc<AtomicU64>),
}

/// A checkout that is done.
pub(super) struct Bought {
    at: Instant,
    /// What the order took.
    order: Duration,
}

/// Measures for some seconds.
pub(super) async fn round(contender: &Contender, customers: usize, seconds: u64) -> Result<Round> {
    let cpu_before_s = contender.cpu_seconds()?;
    let end = Instant::now() + Duration::from_secs(seconds);
    let bought = buy(contender, customers, Until::Moment(end)).await?;
    let cpu_s = contender.cpu_seconds()? - cpu_before_s;
    let mut orders_us: Vec<f64> =
        bought.iter().filter(|bought| bought.at <= end).map(|bought| bought.order.as_secs_f64() * 1e6).collect();
    ensure!(!orders_us.is_empty(), "nobody bought anything within {seconds} s");
    orders_us.sort_by(f64::total_cmp);
    #[expect(clippy::cast_precision_loss, reason = "seconds and checkouts are few")]
    let (in_time, all, seconds) = (orders_us.len() as f64, bought.len() as f64, seconds as f64);
    let percentile = |percent: usize| orders_us[(orders_us.len() - 1) * percent / 100];
    let turn = Turn { requests_per_second: in_time / seconds, p50_us: percentile(50), p99_us: percentile(99) };
    Ok(Round { turn, cpu_ms: cpu_s * 1e3 / all })
}

/// So many customers buy at once.
pub(super) async fn buy(contender: &Contender, customers: usize, until: Until) -> Result<Vec<Bought>> {
    let mut tasks = JoinSet::new();
    for number in 1..=customers {
        let customer = Customer {
            number,
            identity: contender.customer(number),
            doors: Arc::clone(&contender.doors),
            products: Arc::clone(&contender.products),
            paid: contender.paid,
        };
        tasks.spawn(customer.buy_until(until.clone()));
    }
    let mut all = Vec::new();
    while let Some(bought) = tasks.join_next().await {
        all.extend(bought??);
    }
    Ok(all)
}

/// Somebody who buys.
struct Customer {
    number: usize,
    identity: (HeaderName, HeaderValue),
    doors: Arc<Doors>,
    products: Arc<[String]>,
    paid: &'static str,
}

/// No key twice, whoever asks.
static KEYS: AtomicU64 = AtomicU64::new(0);

/// How far customers stand apart on the shelf, who go along it at about the same pace.
const APART: usize = 37;

#[derive(Deserialize)]
struct Order {
    status: String,
}

impl Customer {
    async fn buy_until(self, until: Until) -> Result<Vec<Bought>> {
        let mut all = Vec::new();
        for turn in 0.. {
            if until.is_over() {
                break;
            }
            let product = &self.products[(self.number * APART + turn) % self.products.len()];
            self.put_into_cart(product).await?;
            let begun = Instant::now();
            self.order().await?;
            let at = Instant::now();
            all.push(Bought { at, order: at - begun });
        }
        Ok(all)
    }

    async fn put_into_cart(&self, product: &str) -> Result<()> {
        let (name, value) = &self.identity;
        let body = format!(r#"{{"product_id":"{product}","quantity":1}}"#);
        let request = self.doors.cart.post("/api/v1/cart/items").header(name, value);
        let answer = self.doors.cart.send(request.body(Full::new(Bytes::from(body)))?).await?;
        if answer.status() != StatusCode::OK {
            bail!("a cart answered {} {}", answer.status(), String::from_utf8_lossy(answer.body()));
        }
        Ok(())
    }

    async fn order(&self) -> Result<()> {
        let (name, value) = &self.identity;
        let key = KEYS.fetch_add(1, Ordering::Relaxed);
        let request = self.doors.order.post("/api/v1/orders").header(name, value).header("idempotency-key", key);
        let body = Full::new(Bytes::from_static(br#"{"payment_token":"tok_visa"}"#));
        let answer = self.doors.order.send(request.body(body)?).await?;
        let is_paid = |order: Order| order.status == self.paid;
        if answer.status() != StatusCode::CREATED || !serde_json::from_slice(answer.body()).is_ok_and(is_paid) {
            bail!("an order was answered {} {}", answer.status(), String::from_utf8_lossy(answer.body()));
        }
        Ok(())
    }
}

impl Until {
    pub(super) fn checkouts(count: u64) -> Self {
        Self::Checkouts(Arc::new(AtomicU64::new(count)))
    }

    fn is_over(&self) -> bool {
        match self {
            Self::Moment(end) => Instant::now() >= *end,
            Self::Checkouts(left) => {
                let less = |left: u64| left.checked_sub(1);
                left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, less).is_err()
            }
        }
    }
}
