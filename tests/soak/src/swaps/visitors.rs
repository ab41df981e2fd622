//! What visitors of the shop ask for, and how often: they read mostly, change something sometimes, and now and then one signs in or buys.
//!
//! Whoever changes a cart or buys is busy until that is done: what is looked for is what a swap breaks, not two who change the same thing.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use fastrand::Rng;
use http_body_util::Full;
use hyper::Request;
use hyper::header::{AUTHORIZATION, HeaderValue};

/// Checkouts a second: each waits for the disk several times.
const CHECKOUTS_PER_SECOND: u64 = 4;

/// Of a hundred requests that are no checkout and no login.
const MIX: [(Kind, u32); 12] = [
    (Kind::Products, 14),
    (Kind::Product, 22),
    (Kind::Search, 6),
    (Kind::Categories, 8),
    (Kind::Stock, 5),
    (Kind::Profile, 8),
    (Kind::Cart, 9),
    (Kind::CartChange, 8),
    (Kind::Orders, 7),
    (Kind::Me, 5),
    (Kind::Payment, 6),
    (Kind::Payments, 2),
];

/// What a request is about; each service has some.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Kind {
    Products,
    Product,
    Search,
    Categories,
    Stock,
    Profile,
    Cart,
    CartChange,
    Orders,
    Me,
    Payment,
    Payments,
    Login,
    Checkout,
    Purchase,
}

/// One request, and the status of an answer that is right. Made once and copied whenever it is sent: the load leaves the cores to the host.
#[derive(Clone)]
pub(crate) struct Asks {
    pub(crate) kind: Kind,
    pub(crate) request: Request<Full<Bytes>>,
    pub(crate) expected: u16,
}

/// All requests that are ever sent.
#[derive(Default)]
pub(crate) struct Requests {
    /// Whose answer depends on nobody else.
    pub(crate) reads: Vec<Asks>,
    /// By account of the shop, with a token or not: the newest is put in.
    pub(crate) own_accounts: Vec<Asks>,
    /// By account of the shop.
    pub(crate) logins: Vec<Asks>,
    /// By customer: changes of the cart.
    pub(crate) changes: Vec<Vec<Asks>>,
    /// By another customer: something for the cart, and the checkout of what is in it.
    pub(crate) checkouts: Vec<[Asks; 2]>,
    /// By the same: buying without a cart.
    pub(crate) purchases: Vec<Asks>,
}

/// What one visitor does: requests, the next when the last one was answered well.
pub(crate) struct Visit {
    pub(crate) requests: Vec<Asks>,
    /// The account that signs in with the last of them.
    pub(crate) signs_in: Option<usize>,
    /// Whose cart it is, until the visit is over.
    pub(crate) turn: Option<Turn>,
}

/// Everybody who comes.
pub(crate) struct Visitors {
    rng: Rng,
    rate: u64,
    visits: u64,
    reads: BTreeMap<Kind, Vec<Asks>>,
    requests: Requests,
    shoppers: Idle,
    buyers: Idle,
    tokens: Tokens,
}

/// The newest access token of each account of the shop, as the field `authorization`.
#[derive(Clone, Default)]
pub(crate) struct Tokens(Arc<Mutex<Vec<HeaderValue>>>);

/// Who has nothing to do, longest first.
#[derive(Clone)]
struct Idle(Arc<Mutex<VecDeque<usize>>>);

/// Somebody who is busy until this is dropped.
pub(crate) struct Turn {
    who: usize,
    idle: Idle,
}

impl Kind {
    /// Short, for a table.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Products => "products, a page",
            Self::Product => "product",
            Self::Search => "search",
            Self::Categories => "categories",
            Self::Stock => "stock",
            Self::Profile => "profile",
            Self::Cart => "cart",
            Self::CartChange => "cart, a change",
            Self::Orders => "orders",
            Self::Me => "me",
            Self::Payment => "payment",
            Self::Payments => "payments",
            Self::Login => "login",
            Self::Checkout => "checkout",
            Self::Purchase => "purchase",
        }
    }
}

impl Visitors {
    /// So many requests a second; in which order decides the generator.
    pub(crate) fn new(mut requests: Requests, tokens: Tokens, rate: u64, rng: Rng) -> Self {
        let mut reads: BTreeMap<Kind, Vec<Asks>> = BTreeMap::new();
        for asks in std::mem::take(&mut requests.reads) {
            reads.entry(asks.kind).or_default().push(asks);
        }
        let (shoppers, buyers) = (Idle::of(requests.changes.len()), Idle::of(requests.checkouts.len()));
        Self { rng, rate, visits: 0, reads, requests, shoppers, buyers, tokens }
    }

    /// The next one. If all who could do it are busy, what nobody did.
    pub(crate) fn next(&mut self) -> Result<Visit, Kind> {
        self.visits += 1;
        let is_each = |per_second: u64| self.visits % (self.rate / per_second) == per_second;
        if is_each(1) {
            return Ok(self.sign_in());
        }
        if is_each(CHECKOUTS_PER_SECOND) {
            return self.buy();
        }
        match self.kind() {
            Kind::CartChange => self.change(),
            Kind::Me => Ok(self.me()),
            kind => Ok(self.read(kind)),
        }
    }

    /// Each as often as [`MIX`] has it.
    fn kind(&mut self) -> Kind {
        let mut point = self.rng.u32(0..MIX.iter().map(|(_, share)| share).sum());
        let mut left = MIX.iter();
        loop {
            let (kind, share) = left.next().expect("the point lies within the sum");
            match point.checked_sub(*share) {
                Some(behind) => point = behind,
                None => return *kind,
            }
        }
    }

    fn read(&mut self, kind: Kind) -> Visit {
        let reads = &self.reads[&kind];
        Visit::of(reads[self.rng.usize(0..reads.len())].clone())
    }

    fn sign_in(&mut self) -> Visit {
        let account = self.rng.usize(0..self.requests.logins.len());
        Visit { signs_in: Some(account), ..Visit::of(self.requests.logins[account].clone()) }
    }

    fn me(&mut self) -> Visit {
        let account = self.rng.usize(0..self.requests.own_accounts.len());
        let mut asks = self.requests.own_accounts[account].clone();
        asks.request.headers_mut().insert(AUTHORIZATION, self.tokens.of(account));
        Visit::of(asks)
    }

    fn change(&mut self) -> Result<Visit, Kind> {
        let turn = self.shoppers.take().ok_or(Kind::CartChange)?;
        let changes = &self.requests.changes[turn.who];
        let asks = changes[self.rng.usize(0..changes.len())].clone();
        Ok(Visit { turn: Some(turn), ..Visit::of(asks) })
    }

    /// With a cart and without one in turn, each under a key of its own.
    fn buy(&mut self) -> Result<Visit, Kind> {
        let turn = self.buyers.take().ok_or(Kind::Checkout)?;
        let mut requests = if self.rng.bool() {
            self.requests.checkouts[turn.who].to_vec()
        } else {
            vec![self.requests.purchases[turn.who].clone()]
        };
        if let Some(last) = requests.last_mut() {
            last.request.headers_mut().insert("idempotency-key", HeaderValue::from(self.visits));
        }
        Ok(Visit { requests, signs_in: None, turn: Some(turn) })
    }
}

impl Visit {
    fn of(asks: Asks) -> Self {
        Self { requests: vec![asks], signs_in: None, turn: None }
    }
}

impl Tokens {
    /// Keeps the newest one of an account.
    pub(crate) fn keep(&self, account: usize, token: HeaderValue) {
        let mut tokens = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if account == tokens.len() {
            tokens.push(token);
        } else {
            tokens[account] = token;
        }
    }

    fn of(&self, account: usize) -> HeaderValue {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)[account].clone()
    }
}

impl Idle {
    fn of(count: usize) -> Self {
        Self(Arc::new(Mutex::new((0..count).collect())))
    }

    fn take(&self) -> Option<Turn> {
        let who = self.all().pop_front()?;
        Some(Turn { who, idle: self.clone() })
    }

    fn all(&self) -> MutexGuard<'_, VecDeque<usize>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        self.idle.all().push_back(self.who);
    }
}
