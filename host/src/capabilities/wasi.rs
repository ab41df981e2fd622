//! WASI 0.3, and 0.2 beside it: Rust's standard library on `wasm32-wasip2` imports 0.2 whatever the guest itself uses.
//!
//! No folder is preopened, every socket address is refused (the builder's defaults), the environment holds only what the
//! manifest gives, standard output and error become log lines.

use super::{Provision, Sandbox, Traced, log_lines};
use wasmtime::component::Linker;
use wasmtime_wasi::{WasiCtx, WasiCtxBuilder, WasiCtxView, WasiView};

/// Bytes that a guest gets by one call for random bytes. wasmtime's own default is 64 MiB, which one call computes without a pause.
const RANDOM_BYTES_MAX: u64 = 64 * 1024;

/// The context of one instance.
pub(super) fn context(provision: &Provision, traced: &Traced) -> WasiCtx {
    let mut builder = WasiCtxBuilder::new();
    for (name, value) in provision.environment.iter() {
        builder.env(name, value);
    }
    builder
        .max_random_size(RANDOM_BYTES_MAX)
        .stdout(log_lines(provision, "stdout", traced))
        .stderr(log_lines(provision, "stderr", traced))
        .build()
}

/// Links both versions.
pub(super) fn link(linker: &mut Linker<Sandbox>) -> wasmtime::Result<()> {
    wasmtime_wasi::p2::add_to_linker_async(linker)?;
    wasmtime_wasi::p3::add_to_linker(linker)?;
    wasmtime_wasi_http::p3::add_to_linker(linker)
}

impl WasiView for Sandbox {
    fn ctx(&mut self) -> WasiCtxView<'_> {
        WasiCtxView { ctx: &mut self.wasi, table: &mut self.table }
    }
}
