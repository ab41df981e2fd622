//! The service as a component: HTTP by the kit, `souk:payment/processor` and `souk:jobs/periodic`, which are translated to and from the domain's
//! types in a file each. Only what is under this module sees bindings.
//!
//! It exports nothing by itself. Whoever makes a component implements [`Component`] for the type that `souk_kit::serve!` defines, and exports both:
//! what a library exports would be in every component that is made of it.

use std::sync::OnceLock;

use axum::Router;
use souk_kit::component::context;
use souk_kit::context::Context;

use crate::payments::Payments;
use crate::provider::Provider;

mod processor;

mod jobs;

#[expect(missing_docs, clippy::pedantic, reason = "generated; the documentation stands in wit/")]
pub mod bindings {
    souk_kit::wit_bindgen::generate!({
        path: ["../../wit/jobs", "../../wit/payment"],
        inline: "
            package souk:payment-component;

            world component {
              include souk:payment/service@0.1.0;
              export souk:jobs/periodic@0.1.0;
            }
        ",
        generate_all,
        runtime_path: "souk_kit::wit_bindgen::rt",
        pub_export_macro: true,
    });
}

/// What one component of this service has and others have not.
pub trait Component: 'static {
    /// Who moves the money. Called once in an instance.
    fn provider(context: &Context) -> impl Provider + 'static;
}

/// The routes, for `souk_kit::serve!`.
pub fn router<C: Component>(_: Context) -> Router {
    crate::http::router(payments::<C>().clone())
}

/// The use cases of this instance. There is one component in a program, and so one of these.
fn payments<C: Component>() -> &'static Payments {
    static PAYMENTS: OnceLock<Payments> = OnceLock::new();
    PAYMENTS.get_or_init(|| Payments::new(context().clone(), C::provider(context())))
}
