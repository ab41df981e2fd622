//! The identity of a process of its own: real signatures and real hashes, without a host.

use std::sync::{Arc, Mutex};

use ring::rand::SystemRandom;
use souk_identity::fault::Unhashed;
use souk_identity::limits::LIFETIME_S_DEFAULT;
use souk_identity::passwords::{self, Cost, Hasher};
use souk_identity::sign::{self, Signer};
use souk_kit::context::Context;
use user::identity::{AccessToken, Answer, Grant, Identity, PasswordError, TokenError, Verdict};

/// Signs and hashes on the calling thread. Nobody takes its tokens here, so there is nothing to revoke.
#[derive(Clone)]
pub(crate) struct Local(Arc<Parts>);

struct Parts {
    signer: Signer,
    hasher: Mutex<Hasher>,
    context: Context,
    random: SystemRandom,
}

impl Local {
    /// Signs with this, lets a password cost so much, and asks this context for the time and for ids.
    pub(crate) fn new(signer: Signer, cost: Cost, context: Context) -> Self {
        let hasher = Mutex::new(Hasher::new(cost));
        Self(Arc::new(Parts { signer, hasher, context, random: SystemRandom::new() }))
    }

    fn token(&self, grant: &Grant) -> Result<AccessToken, TokenError> {
        let Parts { signer, context, random, .. } = &*self.0;
        let roles: Vec<&str> = grant.roles.iter().map(String::as_str).collect();
        let grant = sign::Grant {
            subject: &grant.subject,
            client: &grant.client,
            roles: &roles,
            scopes: &[],
            family: &grant.family,
            id: &context.id(),
        };
        let now_s = context.now().milliseconds().unsigned_abs() / 1000;
        let text = signer.sign(&grant, now_s, LIFETIME_S_DEFAULT, random);
        let text = text.map_err(|unsigned| TokenError::Invalid(unsigned.to_string()))?;
        Ok(AccessToken { text, expires_in: LIFETIME_S_DEFAULT })
    }

    fn work<T>(
        &self,
        with: impl FnOnce(&mut Hasher, &SystemRandom) -> Result<T, Unhashed>,
    ) -> Result<T, PasswordError> {
        let mut hasher = self.0.hasher.lock().expect("nobody panics with it");
        with(&mut hasher, &self.0.random).map_err(|unhashed| PasswordError::Invalid(unhashed.to_string()))
    }
}

impl Identity for Local {
    fn sign(&self, grant: Grant) -> Answer<'_, AccessToken, TokenError> {
        Box::pin(async move { self.token(&grant) })
    }

    fn revoke(&self, _: Vec<String>) -> Answer<'_, (), TokenError> {
        Box::pin(async { Ok(()) })
    }

    fn hash(&self, password: String) -> Answer<'_, String, PasswordError> {
        Box::pin(async move { self.work(|hasher, random| hasher.hash(&password, random)) })
    }

    fn verify(&self, password: String, hash: Option<String>) -> Answer<'_, Verdict, PasswordError> {
        Box::pin(async move {
            Ok(match self.work(|hasher, _| hasher.verify(&password, hash.as_deref()))? {
                passwords::Verdict::Wrong => Verdict::Wrong,
                passwords::Verdict::Right => Verdict::Right,
                passwords::Verdict::Dated => Verdict::Dated,
            })
        })
    }
}
