//! Payments with a gateway that is asked over HTTP: the service of crate `payment`, as another component. `README.md` beside has the settings, and
//! what the gateway must do.
//!
//! There is nothing to run natively: for that, the library has an example.
#![cfg(target_family = "wasm")]

use payment::component::Component;
use payment::provider::Provider;
use payment::provider::http::Gateway;
use souk_kit::component::outbound::HostOutbound;
use souk_kit::context::Context;

souk_kit::serve!(payment::component::router::<Service>);

payment::component::bindings::export!(Service with_types_in payment::component::bindings);

impl Component for Service {
    fn provider(context: &Context) -> impl Provider + 'static {
        Gateway::new(context.clone(), HostOutbound)
    }
}
