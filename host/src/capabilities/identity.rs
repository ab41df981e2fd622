//! `souk:identity`: tokens and passwords, for the component that keeps the accounts.
//!
//! The promises stand in `wit/identity/identity.wit`. Here is only the translation; keys, threads and the list of what was revoked are
//! the host's (`crate::identity`).

use super::Sandbox;
use crate::identity::{Identity, PasswordRefusal};
use souk_identity::fault::Unsigned;
use souk_identity::passwords::Verdict;
use souk_identity::sign::Grant;
use std::sync::Arc;
use wasmtime::component::{Accessor, HasData, Linker};

mod bindings {
    wasmtime::component::bindgen!({
        path: "../wit/identity",
        world: "souk:identity/imports",
        imports: { default: async | store | trappable },
    });
}

use bindings::souk::identity::{passwords, tokens};

/// The names that grant it.
pub(super) const INTERFACES: [&str; 2] = ["souk:identity/tokens", "souk:identity/passwords"];

/// Families that are revoked by one call: more than one account has.
const FAMILIES_MAX: usize = 1_000;

struct Capability;

/// What a call reaches.
struct View<'a>(&'a Option<Arc<Identity>>);

impl HasData for Capability {
    type Data<'a> = View<'a>;
}

/// Links the contract.
pub(super) fn link(linker: &mut Linker<Sandbox>) -> wasmtime::Result<()> {
    tokens::add_to_linker::<_, Capability>(linker, |sandbox| View(&sandbox.identity))?;
    passwords::add_to_linker::<_, Capability>(linker, |sandbox| View(&sandbox.identity))
}

impl tokens::Host for View<'_> {}
impl passwords::Host for View<'_> {}

/// A trap, not an error: a component without the grant was refused before it could call, as was an application without keys.
fn identity<T: 'static>(store: &Accessor<T, Capability>) -> wasmtime::Result<Arc<Identity>> {
    let identity = store.with(|mut access| access.get().0.clone());
    identity.ok_or_else(|| wasmtime::format_err!("the component was not granted souk:identity"))
}

impl<T: 'static> tokens::HostWithStore<T> for Capability {
    async fn sign(
        store: &Accessor<T, Self>,
        grant: tokens::Grant,
    ) -> wasmtime::Result<Result<tokens::AccessToken, tokens::Error>> {
        let identity = identity(store)?;
        let (roles, scopes): (Vec<&str>, Vec<&str>) =
            (grant.roles.iter().map(String::as_str).collect(), grant.scopes.iter().map(String::as_str).collect());
        let grant = Grant {
            subject: &grant.subject,
            client: &grant.client,
            roles: &roles,
            scopes: &scopes,
            family: &grant.family,
            id: "",
        };
        let signed = identity.sign(&grant);
        Ok(signed
            .map(|signed| tokens::AccessToken { text: signed.token, expires_in: signed.lifetime_s })
            .map_err(Into::into))
    }

    async fn revoke(store: &Accessor<T, Self>, families: Vec<String>) -> wasmtime::Result<Result<(), tokens::Error>> {
        let identity = identity(store)?;
        if families.len() > FAMILIES_MAX {
            return Ok(Err(tokens::Error::Invalid(format!("more than {FAMILIES_MAX} families"))));
        }
        Ok(identity.revoke(families).await.map_err(|error| {
            tracing::error!(%error, "sessions could not be revoked");
            tokens::Error::Unavailable(error.to_string())
        }))
    }
}

impl<T: 'static> passwords::HostWithStore<T> for Capability {
    async fn hash(store: &Accessor<T, Self>, password: String) -> wasmtime::Result<Result<String, passwords::Error>> {
        Ok(identity(store)?.hash(password).await.map_err(Into::into))
    }

    async fn verify(
        store: &Accessor<T, Self>,
        password: String,
        hash: Option<String>,
    ) -> wasmtime::Result<Result<passwords::Verdict, passwords::Error>> {
        let verdict = identity(store)?.verify(password, hash).await;
        Ok(verdict.map(Into::into).map_err(Into::into))
    }
}

impl From<Unsigned> for tokens::Error {
    fn from(unsigned: Unsigned) -> Self {
        match unsigned {
            Unsigned::Unfit(_) => Self::Invalid(unsigned.to_string()),
            Unsigned::NoRandomness => Self::Unavailable(unsigned.to_string()),
        }
    }
}

impl From<Verdict> for passwords::Verdict {
    fn from(verdict: Verdict) -> Self {
        match verdict {
            Verdict::Wrong => Self::Wrong,
            Verdict::Right => Self::Right,
            Verdict::Dated => Self::Dated,
        }
    }
}

impl From<PasswordRefusal> for passwords::Error {
    fn from(refusal: PasswordRefusal) -> Self {
        match refusal {
            PasswordRefusal::Busy => Self::Busy,
            PasswordRefusal::Unhashed(unhashed) => Self::Invalid(unhashed.to_string()),
        }
    }
}
