//! One instance: a sandbox with the component's code in it, and the ways to call it.
//!
//! An instance serves one request at a time and many in a row. A trap, a deadline or a client that went away in the
//! middle of a call costs the instance: what it was doing can't be undone otherwise.

use crate::capabilities::{Provision, Sandbox};
use std::sync::Arc;
use wasmtime::component::{Accessor, InstancePre};
use wasmtime::{Engine, Store};
use wasmtime_wasi_http::p3::bindings::{Service, ServiceIndices};

/// The contract `souk:http/exchange` as a host calls it.
pub(super) mod contract {
    wasmtime::component::bindgen!({
        path: [
            "../wit/deps/clocks.wit",
            "../wit/deps/random.wit",
            "../wit/deps/filesystem.wit",
            "../wit/deps/sockets.wit",
            "../wit/deps/cli.wit",
            "../wit/deps/http.wit",
            "../wit/http",
        ],
        inline: "package souk:host; world caller { export souk:http/exchange@0.1.0; }",
        exports: { default: async | store },
    });
    pub(crate) use exports::souk::http::exchange::{Guest, GuestIndices, Request, Response};
}

/// What instances are made of.
pub(super) struct Mould {
    pre: InstancePre<Sandbox>,
    exchange: Option<contract::GuestIndices>,
    handler: Option<ServiceIndices>,
    provision: Provision,
}

impl Mould {
    /// Finds the exports. The component was linked, so all its imports are there.
    pub(super) fn new(pre: InstancePre<Sandbox>, provision: Provision) -> Self {
        let exchange = contract::GuestIndices::new(&pre).ok();
        let handler = ServiceIndices::new(&pre).ok();
        Self { pre, exchange, handler, provision }
    }

    /// Whether instances export `souk:http/exchange`.
    pub(super) fn has_exchange(&self) -> bool {
        self.exchange.is_some()
    }

    /// Whether instances export `wasi:http/handler`.
    pub(super) fn has_handler(&self) -> bool {
        self.handler.is_some()
    }

    /// What instances have in common.
    pub(super) fn provision(&self) -> &Provision {
        &self.provision
    }

    /// A new instance. Takes tens of microseconds, plus what the component does when it starts.
    pub(super) async fn instance(&self) -> wasmtime::Result<Instance> {
        let engine: &Engine = self.pre.engine();
        let mut store = Sandbox::store(engine, &self.provision);
        let instance = self.pre.instantiate_async(&mut store).await?;
        let exchange = self.exchange.as_ref().map(|indices| indices.load(&mut store, &instance)).transpose()?;
        let handler = self.handler.as_ref().map(|indices| indices.load(&mut store, &instance)).transpose()?;
        Ok(Instance { store, exchange, handler: handler.map(Arc::new), served: 0 })
    }
}

/// One instance.
pub(super) struct Instance {
    store: Store<Sandbox>,
    exchange: Option<contract::Guest>,
    handler: Option<Arc<Service>>,
    served: u64,
}

impl Instance {
    /// Requests that it was given so far.
    pub(super) fn served(&self) -> u64 {
        self.served
    }

    /// The name of a limit of memory that it has run into.
    pub(super) fn reached_limit(&self) -> Option<&'static str> {
        self.store.data().reached_limit()
    }

    /// One request through `souk:http/exchange`.
    pub(super) async fn exchange(&mut self, request: contract::Request) -> wasmtime::Result<contract::Response> {
        self.begin();
        let guest = self.exchange.as_ref().expect("the gateway asked whether the component exports it");
        self.store.run_concurrent(async |accessor| guest.call_handle(accessor, request).await).await?
    }

    /// Runs a conversation over `wasi:http/handler`, and then whatever the guest still has to do.
    pub(super) async fn converse<R>(
        &mut self,
        conversation: impl AsyncFnOnce(&Accessor<Sandbox>, &Service) -> wasmtime::Result<R>,
    ) -> wasmtime::Result<R> {
        self.begin();
        let service = Arc::clone(self.handler.as_ref().expect("the gateway asked whether the component exports it"));
        self.store
            .run_concurrent(async |accessor| {
                let result = conversation(accessor, &service).await;
                std::future::poll_fn(|cx| accessor.poll_no_interesting_tasks(cx)).await;
                result
            })
            .await?
    }

    fn begin(&mut self) {
        self.served += 1;
        // The clock went on while the instance was idle: without this it would yield at once.
        self.store.set_epoch_deadline(1);
    }
}
