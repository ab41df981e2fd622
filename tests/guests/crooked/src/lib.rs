//! Exports `souk:jobs/periodic` with a function that answers something else.
#![cfg(target_family = "wasm")]

#[expect(clippy::pedantic, reason = "generated")]
mod bindings {
    wit_bindgen::generate!({ path: "wit", world: "crooked" });
}

use bindings::exports::souk::jobs::periodic::Guest;

struct Crooked;

impl Guest for Crooked {
    async fn run(name: String) -> Result<bool, String> {
        Ok(name.is_empty())
    }
}

bindings::export!(Crooked with_types_in bindings);
