//! One instance: a sandbox with the component's code in it, and the ways to call it.
//!
//! An instance serves one request at a time and many in a row. A trap, a deadline or a client that went away in the
//! middle of a call costs the instance: what it was doing can't be undone otherwise.

use crate::capabilities::{Provision, Sandbox};
use crate::config::ms;
use crate::trace::Errand;
use std::sync::Arc;
use wasmtime::component::{Accessor, ComponentExportIndex, InstancePre, Val};
use wasmtime::{Engine, Store, Trap};
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

/// The contract `souk:jobs/periodic` as a host calls it.
pub(super) mod periodic {
    wasmtime::component::bindgen!({
        path: "../wit/jobs",
        inline: "package souk:host; world caller { export souk:jobs/periodic@0.1.0; }",
        exports: { default: async | store },
    });
    pub(crate) use exports::souk::jobs::periodic::{Error, GuestIndices, Outcome};
}

/// A call of a function that is known by its place among the exports.
pub(super) struct Invocation {
    pub(super) export: ComponentExportIndex,
    pub(super) parameters: Vec<Val>,
    /// How many values come back.
    pub(super) results: usize,
    pub(super) errand: Errand,
}

/// What instances are made of.
pub(super) struct Mould {
    pre: InstancePre<Sandbox>,
    exchange: Option<contract::GuestIndices>,
    handler: Option<ServiceIndices>,
    periodic: Option<Arc<periodic::GuestIndices>>,
    provision: Provision,
}

impl Mould {
    /// Finds the exports. The component was linked, so all its imports are there.
    pub(super) fn new(pre: InstancePre<Sandbox>, provision: Provision) -> Self {
        let exchange = contract::GuestIndices::new(&pre).ok();
        let handler = ServiceIndices::new(&pre).ok();
        let periodic = periodic::GuestIndices::new(&pre).ok().map(Arc::new);
        Self { pre, exchange, handler, periodic, provision }
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

    /// Starts one instance and throws it away; the error is a sentence.
    pub(super) async fn try_start(&self) -> Result<(), String> {
        match tokio::time::timeout(ms(self.provision.limits.time_ms_max), self.instance()).await {
            Ok(Ok(_)) => Ok(()),
            Ok(Err(error)) => {
                let component = &*self.provision.component;
                tracing::warn!(component, error = format!("{error:#}"), "an instance could not be started");
                Err(in_a_line(&error))
            }
            Err(_) => Err("not within time_ms_max".to_owned()),
        }
    }

    /// A new instance. Takes tens of microseconds, plus what the component does when it starts.
    pub(super) async fn instance(&self) -> wasmtime::Result<Instance> {
        let engine: &Engine = self.pre.engine();
        let mut store = Sandbox::store(engine, &self.provision);
        let instance = self.pre.instantiate_async(&mut store).await?;
        let exchange = self.exchange.as_ref().map(|indices| indices.load(&mut store, &instance)).transpose()?;
        let handler = self.handler.as_ref().map(|indices| indices.load(&mut store, &instance)).transpose()?;
        let (handler, periodic) = (handler.map(Arc::new), self.periodic.clone());
        Ok(Instance { store, exports: instance, exchange, handler, periodic, served: 0 })
    }
}

/// What went wrong, without the guest's stack.
pub(super) fn in_a_line(error: &wasmtime::Error) -> String {
    match error.downcast_ref::<Trap>() {
        Some(trap) => trap.to_string(),
        None => format!("{error:#}").lines().next().unwrap_or_default().to_owned(),
    }
}

/// One instance.
pub(super) struct Instance {
    store: Store<Sandbox>,
    exports: wasmtime::component::Instance,
    exchange: Option<contract::Guest>,
    handler: Option<Arc<Service>>,
    /// Loaded when it is called, which is rare.
    periodic: Option<Arc<periodic::GuestIndices>>,
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

    /// One call of any function, with values of any type.
    pub(super) async fn invoke(&mut self, invocation: Invocation) -> wasmtime::Result<Vec<Val>> {
        let Invocation { export, parameters, results, errand } = invocation;
        self.begin(errand);
        let function = self.exports.get_func(&mut self.store, export);
        let function = function.ok_or_else(|| wasmtime::format_err!("the function is gone"))?;
        let mut values = vec![Val::Bool(false); results];
        let calls = self.store.data().calls().clone();
        let turning = self
            .store
            .run_concurrent(async |accessor| function.call_concurrent(accessor, &parameters, &mut values).await);
        calls.beside(turning).await??;
        Ok(values)
    }

    /// One request through `souk:http/exchange`.
    pub(super) async fn exchange(
        &mut self,
        request: contract::Request,
        errand: Errand,
    ) -> wasmtime::Result<contract::Response> {
        self.begin(errand);
        let guest = self.exchange.as_ref().expect("the gateway asked whether the component exports it");
        let calls = self.store.data().calls().clone();
        let turning = self.store.run_concurrent(async |accessor| guest.call_handle(accessor, request).await);
        calls.beside(turning).await?
    }

    /// A piece of the job of this name.
    pub(super) async fn run_job(
        &mut self,
        name: String,
        errand: Errand,
    ) -> wasmtime::Result<Result<periodic::Outcome, periodic::Error>> {
        self.begin(errand);
        let indices = self.periodic.as_ref().expect("a component with a job was found to export it");
        let guest = indices.load(&mut self.store, &self.exports)?;
        let calls = self.store.data().calls().clone();
        let turning = self.store.run_concurrent(async |accessor| guest.call_run(accessor, name).await);
        calls.beside(turning).await?
    }

    /// Runs a conversation over `wasi:http/handler`, and then whatever the guest still has to do.
    pub(super) async fn converse<R>(
        &mut self,
        errand: Errand,
        conversation: impl AsyncFnOnce(&Accessor<Sandbox>, &Service) -> wasmtime::Result<R>,
    ) -> wasmtime::Result<R> {
        self.begin(errand);
        let service = Arc::clone(self.handler.as_ref().expect("the gateway asked whether the component exports it"));
        let calls = self.store.data().calls().clone();
        let turning = self.store.run_concurrent(async |accessor| {
            let result = conversation(accessor, &service).await;
            std::future::poll_fn(|cx| accessor.poll_no_interesting_tasks(cx)).await;
            result
        });
        calls.beside(turning).await?
    }

    /// What the guest asks others for has no more time than the errand, and belongs to its trace.
    fn begin(&mut self, errand: Errand) {
        self.served += 1;
        self.store.data_mut().begin(errand);
        // The clock went on while the instance was idle: without this it would yield at once.
        self.store.set_epoch_deadline(1);
    }
}
