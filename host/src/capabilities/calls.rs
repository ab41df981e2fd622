//! Calls that leave an instance for another one.
//!
//! One store's event loop cannot turn inside another's. So a call is only handed over inside, and carried out beside the loop, on the same
//! task: no other thread is woken for it, and a request that is given up takes its calls with it.

use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};

/// A call that tells its outcome by itself.
type Call = Pin<Box<dyn Future<Output = ()> + Send>>;

/// The calls that one instance has handed over. A copy is the same one.
#[derive(Clone, Default)]
pub struct Calls(Arc<Mutex<Vec<Call>>>);

impl Calls {
    /// Hands a call over.
    pub fn add(&self, call: impl Future<Output = ()> + Send + 'static) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(Box::pin(call));
    }

    /// Turns an instance's event loop, and carries out the calls that leave it.
    pub async fn beside<T>(&self, turning: impl Future<Output = T>) -> T {
        let mut turning = pin!(turning);
        let mut under_way = Vec::new();
        poll_fn(|cx| {
            loop {
                if let Poll::Ready(ended) = turning.as_mut().poll(cx) {
                    return Poll::Ready(ended);
                }
                if !self.go_on(&mut under_way, cx) {
                    return Poll::Pending;
                }
            }
        })
        .await
    }

    /// Whether a call has ended, which the instance that made it has to see.
    fn go_on(&self, under_way: &mut Vec<Call>, cx: &mut Context<'_>) -> bool {
        under_way.append(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner));
        let before = under_way.len();
        under_way.retain_mut(|call| call.as_mut().poll(cx).is_pending());
        under_way.len() < before
    }
}
