//! The service as a component: HTTP by the kit, and `souk:payment/processor`, which is translated to and from the domain's types. Only what is under
//! this module sees bindings.

use std::sync::OnceLock;

use axum::Router;
use souk_kit::component::context;
use souk_kit::context::Context;

use crate::payments::Payments;
use crate::provider::simulator::Simulator;

mod processor;

#[expect(clippy::pedantic, reason = "generated; the documentation stands in wit/payment")]
mod bindings {
    souk_kit::wit_bindgen::generate!({
        path: "../../wit/payment",
        runtime_path: "souk_kit::wit_bindgen::rt",
        default_bindings_module: "crate::component::bindings",
    });
}

souk_kit::serve!(router);

bindings::export!(Service);

fn router(_: Context) -> Router {
    crate::http::router(payments().clone())
}

/// The use cases of this instance.
fn payments() -> &'static Payments {
    static PAYMENTS: OnceLock<Payments> = OnceLock::new();
    PAYMENTS.get_or_init(|| Payments::new(context().clone(), Simulator::new(context().clone())))
}
