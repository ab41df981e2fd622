//! `wasi:config/store`: the component's own `variables`, and nobody else's.
//!
//! The proposal has no final version. Spin links the draft of 2024-09-27, other hosts the release candidate; their functions
//! are the same, so both names are linked to one implementation.

use super::Sandbox;
use wasmtime::StoreContextMut;
use wasmtime::component::{ComponentType, Linker, Lower};

const VERSIONS: [&str; 2] = ["wasi:config/store@0.2.0-draft-2024-09-27", "wasi:config/store@0.2.0-rc.1"];

/// `error` of the contract. Settings are in memory, so none of the cases occurs.
#[derive(ComponentType, Lower)]
#[component(variant)]
#[expect(dead_code, reason = "the type must have the cases of the contract")]
enum ConfigError {
    #[component(name = "upstream")]
    Upstream(String),
    #[component(name = "io")]
    Io(String),
}

/// Links `get` and `get-all`.
pub(super) fn link(linker: &mut Linker<Sandbox>) -> wasmtime::Result<()> {
    for version in VERSIONS {
        let mut store = linker.instance(version)?;
        store.func_wrap("get", |sandbox: StoreContextMut<'_, Sandbox>, (key,): (String,)| {
            Ok((Ok::<_, ConfigError>(sandbox.data().settings.get(&key).cloned()),))
        })?;
        store.func_wrap("get-all", |sandbox: StoreContextMut<'_, Sandbox>, (): ()| {
            let all = sandbox.data().settings.iter().map(|(key, value)| (key.clone(), value.clone()));
            Ok((Ok::<_, ConfigError>(all.collect::<Vec<_>>()),))
        })?;
    }
    Ok(())
}
