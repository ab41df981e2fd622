//! The identity of the tests: what `souk-identity` does, watched, and made to fail where a test asks for it.

use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Mutex};

use ring::rand::SystemRandom;
use souk_identity::check::{Checker, Issuer};
use souk_identity::keys::Keys;
use souk_identity::passwords::Cost;
use souk_identity::sign::Signer;
use souk_identity::token::Caller;
use souk_kit::context::Context;
use user::identity::{AccessToken, Answer, Grant, Identity, PasswordError, TokenError, Verdict};

use crate::local::Local;

/// With a `|`, which an issuer's name may hold.
const ISSUER: &str = "https://shop.example/|tenant";

/// As little work as the function knows.
const LITTLE: Cost = Cost { memory_kib: 8, passes: 1 };
const MORE: Cost = Cost { memory_kib: 16, passes: 1 };

/// What the service is given; the tests keep a copy.
#[derive(Clone)]
pub(crate) struct Watched(Arc<Parts>);

struct Parts {
    local: Mutex<Local>,
    signer: Signer,
    checker: Checker,
    context: Context,
    revoked: Mutex<Vec<String>>,
    verified: AtomicU32,
    is_busy: AtomicBool,
    is_busy_hashing: AtomicBool,
    is_away: AtomicBool,
    before_signing: Mutex<Option<Meanwhile>>,
}

/// What somebody else does while a token is being signed.
type Meanwhile = std::pin::Pin<Box<dyn Future<Output = ()> + Send>>;

impl Watched {
    pub(crate) fn new(context: Context) -> Self {
        let keys = Arc::new(Keys::generate(&SystemRandom::new()).expect("there is randomness"));
        let checker = Checker::new(ISSUER, vec![Issuer::own(ISSUER, &keys)]);
        let signer = Signer::new(ISSUER, ISSUER, keys).expect("the issuer is a word");
        Self(Arc::new(Parts {
            local: Mutex::new(Local::new(signer.clone(), LITTLE, context.clone())),
            signer,
            checker,
            context,
            revoked: Mutex::default(),
            verified: AtomicU32::new(0),
            is_busy: AtomicBool::new(false),
            is_busy_hashing: AtomicBool::new(false),
            is_away: AtomicBool::new(false),
            before_signing: Mutex::default(),
        }))
    }

    /// Who a token says is calling, as the gateway finds it; it must be good.
    pub(crate) fn caller(&self, token: &str) -> Caller {
        let now_s = self.0.context.now().milliseconds().unsigned_abs() / 1000;
        self.0.checker.check(token, now_s).expect("the token is good")
    }

    /// The sessions whose tokens were revoked, oldest first. Forgets them.
    pub(crate) fn revoked(&self) -> Vec<String> {
        std::mem::take(&mut *self.0.revoked.lock().expect("no test panics with it"))
    }

    /// How many passwords were looked at since the last question.
    pub(crate) fn verified(&self) -> u32 {
        self.0.verified.swap(0, Ordering::Relaxed)
    }

    /// From now on hashes cost more.
    pub(crate) fn raise_cost(&self) {
        let Parts { signer, context, .. } = &*self.0;
        *self.0.local.lock().expect("no test panics with it") = Local::new(signer.clone(), MORE, context.clone());
    }

    /// Whether too many passwords wait.
    pub(crate) fn set_busy(&self, is_busy: bool) {
        self.0.is_busy.store(is_busy, Ordering::Relaxed);
    }

    /// Whether too many wait to be hashed, while those that are compared get through.
    pub(crate) fn set_busy_hashing(&self, is_busy: bool) {
        self.0.is_busy_hashing.store(is_busy, Ordering::Relaxed);
    }

    /// Whether nothing can be signed or revoked.
    pub(crate) fn set_away(&self, is_away: bool) {
        self.0.is_away.store(is_away, Ordering::Relaxed);
    }

    /// Does this once before the next token is signed.
    pub(crate) fn before_signing(&self, meanwhile: impl Future<Output = ()> + Send + 'static) {
        *self.0.before_signing.lock().expect("no test panics with it") = Some(Box::pin(meanwhile));
    }

    fn local(&self) -> Local {
        self.0.local.lock().expect("no test panics with it").clone()
    }

    fn demand_there(&self) -> Result<(), TokenError> {
        let is_away = self.0.is_away.load(Ordering::Relaxed);
        if is_away { Err(TokenError::Unavailable("no disk".to_owned())) } else { Ok(()) }
    }

    fn demand_idle(&self) -> Result<(), PasswordError> {
        if self.0.is_busy.load(Ordering::Relaxed) { Err(PasswordError::Busy) } else { Ok(()) }
    }
}

impl Identity for Watched {
    fn sign(&self, grant: Grant) -> Answer<'_, AccessToken, TokenError> {
        Box::pin(async move {
            self.demand_there()?;
            let meanwhile = self.0.before_signing.lock().expect("no test panics with it").take();
            if let Some(meanwhile) = meanwhile {
                meanwhile.await;
            }
            self.local().sign(grant).await
        })
    }

    fn revoke(&self, families: Vec<String>) -> Answer<'_, (), TokenError> {
        Box::pin(async move {
            self.demand_there()?;
            assert!((1..=1_000).contains(&families.len()), "the contract takes no more at once");
            self.0.revoked.lock().expect("no test panics with it").extend(families);
            Ok(())
        })
    }

    fn hash(&self, password: String) -> Answer<'_, String, PasswordError> {
        Box::pin(async move {
            self.demand_idle()?;
            if self.0.is_busy_hashing.load(Ordering::Relaxed) {
                return Err(PasswordError::Busy);
            }
            self.local().hash(password).await
        })
    }

    fn verify(&self, password: String, hash: Option<String>) -> Answer<'_, Verdict, PasswordError> {
        Box::pin(async move {
            self.demand_idle()?;
            self.0.verified.fetch_add(1, Ordering::Relaxed);
            // Another request gets its turn, as with a host that hashes elsewhere.
            tokio::task::yield_now().await;
            self.local().verify(password, hash).await
        })
    }
}
