//! The service as a component: HTTP by the kit, `souk:cart/carts` and `souk:jobs/periodic` as exports, and `souk:product` of the linked service
//! behind the service's own trait. Only what is under this module sees bindings.

use std::sync::OnceLock;

use axum::Router;
use souk_kit::component::context;
use souk_kit::context::Context;

use crate::carts::Carts;

use products::LinkedProducts;

mod products;

mod carts;

mod jobs;

#[expect(clippy::pedantic, reason = "generated; the documentation stands in wit/")]
mod bindings {
    souk_kit::wit_bindgen::generate!({
        // The order is that of the dependencies.
        path: ["../../wit/product", "../../wit/cart", "../../wit/jobs"],
        inline: "
            package souk:cart-component;

            // What a cart service is, and what this one does besides.
            world service {
              include souk:cart/service@0.1.0;
              export souk:jobs/periodic@0.1.0;
            }
        ",
        runtime_path: "souk_kit::wit_bindgen::rt",
        default_bindings_module: "crate::component::bindings",
        generate_all,
    });
}

souk_kit::serve!(router);

bindings::export!(Service);

fn router(_: Context) -> Router {
    crate::http::router(of_instance().clone())
}

/// The use cases of this instance.
fn of_instance() -> &'static Carts {
    static CARTS: OnceLock<Carts> = OnceLock::new();
    CARTS.get_or_init(|| Carts::new(context().clone(), LinkedProducts))
}
