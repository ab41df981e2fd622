//! Whose word counts about who somebody is: the issuers that the application trusts and, if it signs its own tokens, its keys.
//!
//! The gateway asks it about every token; the capability `souk:identity` signs, revokes and hashes with it. Keys, also those of other
//! issuers, are read anew while the host runs, so that no rotation needs a restart. Nothing secret leaves this module but signed tokens and hashes.

mod others;

mod passwords;

mod pauses;

mod revoked;

mod source;

pub use passwords::{PasswordFigures, PasswordRefusal};
use source::Source;
pub use source::{Environment, from_environment, key_folder};

use crate::clock::{now_ms, now_s};
use crate::manifest::{self, Application, Fault, Faults};
use others::Others;
use passwords::Passwords;
use revoked::Revoked;
use ring::rand::{SecureRandom, SystemRandom};
use souk_identity::check::{Checker, Issuer};
use souk_identity::fault::{KeysFault, Refused, Unsigned};
use souk_identity::keys::Keys;
use souk_identity::limits::REREAD_S;
use souk_identity::passwords::{Cost, Verdict};
use souk_identity::sign::{Grant, Signer};
use souk_identity::token::Caller;
use std::fmt::Write;
use std::io;
use std::path::Path;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

/// How often the signing keys are looked at: a key that was revoked works no longer than this. Much less than what those who rotate count on.
const LOOK: Duration = Duration::from_secs(2);
const _: () = assert!(LOOK.as_secs() < REREAD_S);

/// Who may say who somebody is.
pub struct Identity {
    /// What the manifest says.
    tokens: manifest::Tokens,
    own: Option<Own>,
    current: RwLock<Arc<Current>>,
}

/// What the application needs to sign by itself.
struct Own {
    issuer: String,
    lifetime_s: u32,
    source: Source,
    revoked: Revoked,
    passwords: Passwords,
}

/// What changes with the keys.
struct Current {
    checker: Checker,
    /// Counts the changes.
    revision: u64,
    own: Option<OwnKeys>,
    others: Others,
}

struct OwnKeys {
    keys: Arc<Keys>,
    signer: Signer,
}

/// A token that was signed.
pub struct Signed {
    /// Its text.
    pub token: String,
    /// How many seconds it is good for.
    pub lifetime_s: u32,
}

impl Identity {
    /// That of an application; none if it takes no tokens. Makes the signing keys if there are none.
    pub fn open(application: &Application, data: &Path, environment: Environment) -> Result<Option<Arc<Self>>, Faults> {
        let Some(tokens) = &application.tokens else { return Ok(None) };
        let others = Others::read(tokens).map_err(|faults| in_file(application, faults))?;
        let fault = |what: String, remedy: &str| Faults::one(&application.file, Fault::new(0, what, remedy));
        let own = tokens.issuer.as_ref().map(|issuer| {
            let source = Source::new(data, environment);
            let keys = source.read_or_generate().map_err(|error| {
                let what = format!("the signing keys can't be used: {error}");
                fault(what, "mend what it says, or name keys in SOUK_SIGNING_KEYS")
            })?;
            let revoked = Revoked::open(&key_folder(data), now_ms()).map_err(|error| {
                fault(format!("the list of revoked sessions: {error}"), "mend what it says, or name another --data")
            })?;
            let limits = &application.limits;
            let passwords = Passwords::start(cost(limits), limits.passwords_waiting_max);
            Ok((Own { issuer: issuer.clone(), lifetime_s: tokens.lifetime_s, source, revoked, passwords }, keys))
        });
        let (own, keys) = own.transpose()?.unzip();
        let own_keys = own.as_ref().zip(keys.map(Arc::new));
        let current = Current::new(&tokens.audience, own_keys, others, 0)
            .map_err(|error| fault(format!("tokens can't be signed: {error}"), "choose another issuer or audience"))?;
        Ok(Some(Arc::new(Self { tokens: tokens.clone(), own, current: RwLock::new(Arc::new(current)) })))
    }

    /// Everything that [`open`](Self::open) would refuse about what is there, without making anything.
    pub fn check(application: &Application, data: &Path, environment: Environment) -> Result<(), Faults> {
        let Some(tokens) = &application.tokens else { return Ok(()) };
        Others::read(tokens).map_err(|faults| in_file(application, faults))?;
        match tokens.issuer.as_ref().map(|_| Source::new(data, environment).read()) {
            None | Some(Ok(_) | Err(KeysFault::Missing(_))) => Ok(()),
            Some(Err(error)) => {
                let what = format!("the signing keys can't be used: {error}");
                Err(Faults::one(&application.file, Fault::new(0, what, "mend what it says")))
            }
        }
    }

    /// Who calls, if a token is good now. What was revoked is another question: [`is_revoked`](Self::is_revoked).
    pub fn identify(&self, token: &str, now_s: u64) -> Result<Caller, Refused> {
        self.current().checker.check(token, now_s)
    }

    /// Changes whenever the keys do: what was found out before may be true no more.
    pub fn revision(&self) -> u64 {
        self.current().revision
    }

    /// Whether the session that a token belongs to has been ended since it was signed.
    pub fn is_revoked(&self, caller: &Caller) -> bool {
        match (&self.own, &caller.family) {
            (Some(own), Some(family)) => own.revoked.has(family, caller.id.as_deref().map_or(0, signed_ms)),
            _ => false,
        }
    }

    /// Signs a token for somebody, good from now on; the grant's id is not asked for.
    pub fn sign(&self, grant: &Grant<'_>) -> Result<Signed, Unsigned> {
        let current = self.current();
        let (Some(own), Some(OwnKeys { signer, .. })) = (&self.own, &current.own) else {
            return Err(Unsigned::Unfit("issuer"));
        };
        let random = SystemRandom::new();
        // A session whose tokens were revoked may go on: its next token is younger than the revocation, also in the same millisecond.
        let ms = own.revoked.until_ms(grant.family).map_or(now_ms(), |until_ms| now_ms().max(until_ms + 1));
        let token = signer.sign(&Grant { id: &id(ms, &random)?, ..*grant }, now_s(), own.lifetime_s, &random)?;
        Ok(Signed { token, lifetime_s: own.lifetime_s })
    }

    /// Ends all tokens that were signed for these sessions until now. On disk when it returns.
    pub async fn revoke(self: &Arc<Self>, families: Vec<String>) -> io::Result<()> {
        let this = Arc::clone(self);
        let revoke = move || match &this.own {
            Some(own) => own.revoked.add(&families, now_ms()),
            None => Ok(()),
        };
        tokio::task::spawn_blocking(revoke).await.expect("writing a list does not panic")
    }

    /// The public keys as a JWK Set; none if nothing is signed here.
    pub fn public_keys(&self) -> Option<String> {
        self.current().own.as_ref().map(|own| own.keys.public_set(now_s()))
    }

    /// Hashes a password.
    pub async fn hash(&self, password: String) -> Result<String, PasswordRefusal> {
        self.passwords()?.hash(password).await
    }

    /// Compares a password with a hash, or with nothing for the same time.
    pub async fn verify(&self, password: String, kept: Option<String>) -> Result<Verdict, PasswordRefusal> {
        self.passwords()?.verify(password, kept).await
    }

    /// What an operator watches of the passwords.
    pub fn password_figures(&self) -> Option<PasswordFigures> {
        self.own.as_ref().map(|own| own.passwords.figures())
    }

    /// Follows changes of the keys, for ever: our own and those of other issuers.
    pub async fn follow(self: Arc<Self>) {
        let mut last_error = None;
        loop {
            tokio::time::sleep(LOOK).await;
            let this = Arc::clone(&self);
            let looked = tokio::task::spawn_blocking(move || this.look_again()).await.expect("looking does not panic");
            let error = looked.err();
            if let Some(error) = error.as_ref().filter(|_| error != last_error) {
                tracing::error!(error, "keys can't be read again; those from before are used");
            }
            last_error = error;
        }
    }

    /// The error is for the log.
    fn look_again(&self) -> Result<(), String> {
        let current = self.current();
        let others = Others::read(&self.tokens).map_err(|faults| {
            let whats: Vec<String> = faults.into_iter().map(|fault| fault.what).collect();
            whats.join("; ")
        })?;
        let read = self.own.as_ref().map(|own| own.source.read()).transpose().map_err(|error| error.to_string())?;
        let kept = current.own.as_ref().map(|own| &own.keys);
        let same = kept.zip(read.as_ref()).is_none_or(|(kept, read)| kept.secret_set() == read.secret_set());
        if same && others.texts == current.others.texts {
            return Ok(());
        }
        let signs = read.as_ref().map(|keys| keys.current_id().to_owned());
        let own = self.own.as_ref().zip(read.map(Arc::new));
        let changed = Current::new(&self.tokens.audience, own, others, current.revision + 1)
            .map_err(|error| format!("nothing can be signed with the new keys: {error}"))?;
        *self.current.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(changed);
        tracing::info!(signs, "keys have changed");
        Ok(())
    }

    fn current(&self) -> Arc<Current> {
        Arc::clone(&self.current.read().unwrap_or_else(PoisonError::into_inner))
    }

    fn passwords(&self) -> Result<&Passwords, PasswordRefusal> {
        self.own.as_ref().map(|own| &own.passwords).ok_or(PasswordRefusal::Busy)
    }
}

impl Current {
    fn new(audience: &str, own: Option<(&Own, Arc<Keys>)>, others: Others, revision: u64) -> Result<Self, Unsigned> {
        // Our own first: no other can take its name.
        let issuer = own.as_ref().map(|(own, keys)| Issuer::own(&own.issuer, keys));
        let checker = Checker::new(audience, issuer.into_iter().chain(others.issuers.iter().cloned()).collect());
        let own = own.map(|(own, keys)| {
            Signer::new(&own.issuer, audience, Arc::clone(&keys)).map(|signer| OwnKeys { keys, signer })
        });
        Ok(Self { checker, revision, own: own.transpose()?, others })
    }
}

fn in_file(application: &Application, found: Vec<Fault>) -> Faults {
    let mut faults = Faults::new(&application.file);
    for fault in found {
        faults.push(fault);
    }
    faults
}

fn cost(limits: &crate::config::HostLimits) -> Cost {
    let number = |limit: u64| u32::try_from(limit).unwrap_or(u32::MAX);
    Cost { memory_kib: number(limits.password_memory_kib), passes: number(limits.password_passes) }
}

/// The id of a token: when it was signed, in 48 bits, and 80 random ones.
fn id(ms: u64, random: &dyn SecureRandom) -> Result<String, Unsigned> {
    let mut bytes = [0; 10];
    random.fill(&mut bytes).map_err(|_| Unsigned::NoRandomness)?;
    Ok(bytes.iter().fold(format!("{ms:0MS_DIGITS$x}"), |mut text, byte| {
        write!(text, "{byte:02x}").expect("a text takes any text");
        text
    }))
}

const MS_DIGITS: usize = 12;

/// When a token with this id was signed; long ago if the id is none of ours.
fn signed_ms(id: &str) -> u64 {
    id.get(..MS_DIGITS).and_then(|digits| u64::from_str_radix(digits, 16).ok()).unwrap_or(0)
}
