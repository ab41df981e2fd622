//! Payments with the simulator: the service of crate `payment`, as the component that the shop of this repository uses.
//!
//! There is nothing to run natively: for that, the library has an example.
#![cfg(target_family = "wasm")]

use payment::component::Component;
use payment::provider::Provider;
use payment::provider::simulator::Simulator;
use souk_kit::context::Context;

souk_kit::serve!(payment::component::router::<Service>);

payment::component::bindings::export!(Service with_types_in payment::component::bindings);

impl Component for Service {
    fn provider(context: &Context) -> impl Provider + 'static {
        Simulator::new(context.clone())
    }
}
