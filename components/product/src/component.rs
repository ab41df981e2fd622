//! The service as a component: HTTP by the kit, and the interfaces of `souk:product`, which are translated to and from
//! the domain's types in a file each. Only what is under this module sees bindings.

mod catalog;

mod inventory;

#[expect(clippy::pedantic, reason = "generated; the documentation stands in wit/product")]
mod bindings {
    souk_kit::wit_bindgen::generate!({
        path: "../../wit/product",
        runtime_path: "souk_kit::wit_bindgen::rt",
        default_bindings_module: "crate::component::bindings",
    });
}

souk_kit::serve!(crate::http::router);

bindings::export!(Service);
