//! The service as a component: HTTP by the kit, the other services over links, `souk:order/orders` and the jobs. Only what is under this module sees
//! bindings.

use std::sync::OnceLock;

use axum::Router;
use souk_kit::component::context;
use souk_kit::context::Context;

use crate::orders::Orders;

mod linked;

mod exported;

mod jobs;

#[expect(clippy::pedantic, reason = "generated; the documentation stands in wit/")]
mod bindings {
    souk_kit::wit_bindgen::generate!({
        // The order is that of the dependencies.
        path: [
            "../../wit/jobs",
            "../../wit/product",
            "../../wit/customer",
            "../../wit/cart",
            "../../wit/payment",
            "../../wit/order",
        ],
        world: "souk:order/service",
        runtime_path: "souk_kit::wit_bindgen::rt",
        default_bindings_module: "crate::component::bindings",
        generate_all,
    });
}

souk_kit::serve!(router);

bindings::export!(Service);

fn router(_: Context) -> Router {
    crate::http::router(orders().clone())
}

/// The use cases of this instance.
fn orders() -> &'static Orders {
    static ORDERS: OnceLock<Orders> = OnceLock::new();
    ORDERS.get_or_init(|| Orders::new(context().clone(), linked::Linked))
}
