//! What is between an order and the other services: calls are counted, and any of them can fail, before its effect or after it; or the process
//! ends there, so that no later call and no statement of it arrives; or a service is away.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};

use order::domain::OrderId;
use order::others::{
    Answer, Authorization, Authorized, Captured, Cart, Committed, Found, NoAnswer, Others, Product, Refunded, Reserved,
    Voided,
};
use souk_test_services::database::{Break, Fresh};
use tokio::sync::Notify;

use crate::services::Services;

const UNPOISONED: &str = "no test panics with it";

/// What goes wrong at a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// This call has no answer; the next one has.
    Once(Break),
    /// The process ends here.
    Death(Break),
}

impl Fault {
    pub(crate) const ALL: [Self; 4] =
        [Self::Once(Break::Before), Self::Once(Break::After), Self::Death(Break::Before), Self::Death(Break::After)];
}

/// What there was, and what is to go wrong.
pub(crate) struct Faults {
    /// The names of the calls, oldest first.
    calls: Mutex<Vec<&'static str>>,
    plan: Mutex<Option<Plan>>,
    away: Mutex<BTreeSet<&'static str>>,
    gate: Mutex<Option<(&'static str, Arc<Gate>)>>,
    /// Of the service `order`.
    database: Arc<Fresh>,
}

struct Plan {
    calls_left: u32,
    fault: Fault,
    /// Of the call that it struck.
    struck: Option<&'static str>,
}

/// Where a call waits before it arrives.
#[derive(Default)]
pub(crate) struct Gate {
    reached: Notify,
    open: Notify,
}

impl Gate {
    /// Waits until the call is there.
    pub(crate) async fn is_reached(&self) {
        self.reached.notified().await;
    }

    /// Lets it go on.
    pub(crate) fn open(&self) {
        self.open.notify_one();
    }
}

impl Faults {
    pub(crate) fn new(database: Arc<Fresh>) -> Self {
        let (calls, plan, away, gate) = (Mutex::default(), Mutex::default(), Mutex::default(), Mutex::default());
        Self { calls, plan, away, gate, database }
    }

    /// The next call with this name is on its way until the gate is opened; those that come after it are faster.
    pub(crate) fn hold(&self, call: &'static str) -> Arc<Gate> {
        let gate = Arc::<Gate>::default();
        *self.gate.lock().expect(UNPOISONED) = Some((call, Arc::clone(&gate)));
        gate
    }

    async fn wait(&self, name: &'static str) {
        let gate = self.gate.lock().expect(UNPOISONED).take_if(|(held, _)| *held == name);
        if let Some((_, gate)) = gate {
            gate.reached.notify_one();
            gate.open.notified().await;
        }
    }

    /// The call with this number from now on, from 0, is to fail.
    pub(crate) fn strike(&self, call: u32, fault: Fault) {
        *self.plan.lock().expect(UNPOISONED) = Some(Plan { calls_left: call, fault, struck: None });
    }

    /// All is well again, and a new process begins. Which call was struck, if one was.
    pub(crate) fn mend(&self) -> Option<&'static str> {
        self.database.mend();
        self.plan.lock().expect(UNPOISONED).take().and_then(|plan| plan.struck)
    }

    /// From now on no call with this name arrives.
    pub(crate) fn leave(&self, call: &'static str) {
        self.away.lock().expect(UNPOISONED).insert(call);
    }

    /// All of them arrive again.
    pub(crate) fn come_back(&self) {
        self.away.lock().expect(UNPOISONED).clear();
    }

    /// The calls since the last question.
    pub(crate) fn calls(&self) -> Vec<&'static str> {
        std::mem::take(&mut self.calls.lock().expect(UNPOISONED))
    }

    fn next(&self, name: &'static str) -> Option<Break> {
        self.calls.lock().expect(UNPOISONED).push(name);
        if self.away.lock().expect(UNPOISONED).contains(name) {
            return Some(Break::Before);
        }
        let mut plan = self.plan.lock().expect(UNPOISONED);
        let plan = plan.as_mut()?;
        if plan.calls_left > 0 {
            plan.calls_left -= 1;
            return None;
        }
        let is_first = plan.struck.is_none();
        plan.struck = plan.struck.or(Some(name));
        match plan.fault {
            Fault::Once(how) => is_first.then_some(how),
            Fault::Death(how) if is_first => {
                self.database.break_at(0, Break::Before);
                Some(how)
            }
            Fault::Death(_) => Some(Break::Before),
        }
    }

    async fn call<T>(&self, name: &'static str, call: Answer<'_, T>) -> Result<T, NoAnswer> {
        self.wait(name).await;
        match self.next(name) {
            None => call.await,
            Some(Break::Before) => Err(NoAnswer(format!("the test says so, before {name}"))),
            Some(Break::After) => {
                call.await?;
                Err(NoAnswer(format!("the test says so, after {name}")))
            }
        }
    }
}

/// The services with what is between.
#[derive(Clone)]
pub(crate) struct Watched {
    pub(crate) services: Services,
    pub(crate) faults: Arc<Faults>,
}

/// One function of the contract: watched, and then the real one.
macro_rules! watched {
    ($self:ident . $name:ident ( $($argument:expr),* )) => {
        Box::pin($self.faults.call(stringify!($name), $self.services.$name($($argument),*)))
    };
}

impl Others for Watched {
    fn cart<'a>(&'a self, account: &'a str) -> Answer<'a, Option<Cart>> {
        watched!(self.cart(account))
    }

    fn take_out<'a>(&'a self, account: &'a str, order: &'a OrderId, quantities: Vec<(String, i64)>) -> Answer<'a, ()> {
        watched!(self.take_out(account, order, quantities))
    }

    fn products(&self, ids: Vec<String>) -> Answer<'_, Vec<Product>> {
        watched!(self.products(ids))
    }

    fn customer<'a>(&'a self, account: &'a str) -> Answer<'a, Option<String>> {
        watched!(self.customer(account))
    }

    fn address<'a>(&'a self, account: &'a str, id: Option<String>) -> Answer<'a, Found> {
        watched!(self.address(account, id))
    }

    fn reserve<'a>(&'a self, id: &'a str, quantities: Vec<(String, i64)>, seconds: u32) -> Answer<'a, Reserved> {
        watched!(self.reserve(id, quantities, seconds))
    }

    fn commit<'a>(&'a self, id: &'a str) -> Answer<'a, Committed> {
        watched!(self.commit(id))
    }

    fn release<'a>(&'a self, id: &'a str) -> Answer<'a, ()> {
        watched!(self.release(id))
    }

    fn authorize<'a>(&'a self, key: String, wanted: Authorization<'a>) -> Answer<'a, Authorized> {
        watched!(self.authorize(key, wanted))
    }

    fn find<'a>(&'a self, order: &'a OrderId) -> Answer<'a, Option<String>> {
        watched!(self.find(order))
    }

    fn capture<'a>(&'a self, key: String, payment_id: &'a str) -> Answer<'a, Captured> {
        watched!(self.capture(key, payment_id))
    }

    fn void<'a>(&'a self, key: String, payment_id: &'a str) -> Answer<'a, Voided> {
        watched!(self.void(key, payment_id))
    }

    fn refund<'a>(&'a self, key: String, payment_id: &'a str) -> Answer<'a, Refunded> {
        watched!(self.refund(key, payment_id))
    }
}
