//! The service as a component: HTTP by the kit, and the interface of `souk:customer`, which is translated to and from the
//! domain's types in a file of its own. Only what is under this module sees bindings.

mod profiles;

#[expect(clippy::pedantic, reason = "generated; the documentation stands in wit/customer")]
mod bindings {
    souk_kit::wit_bindgen::generate!({
        path: "../../wit/customer",
        runtime_path: "souk_kit::wit_bindgen::rt",
        default_bindings_module: "crate::component::bindings",
    });
}

souk_kit::serve!(crate::http::router);

bindings::export!(Service);
