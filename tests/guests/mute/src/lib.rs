//! A component that answers no HTTP: it exports a function that nobody calls.
#![cfg(target_family = "wasm")]

mod bindings {
    wit_bindgen::generate!({ inline: "package test:guest; world guest { export nothing: func(); }" });
}

struct Mute;

impl bindings::Guest for Mute {
    fn nothing() {}
}

bindings::export!(Mute with_types_in bindings);
