//! Exports the interface of the guest `bell` with other types: nobody may be linked to it.
#![cfg(target_family = "wasm")]

#[expect(clippy::pedantic, reason = "generated")]
mod bindings {
    wit_bindgen::generate!({ path: "wit", world: "tower" });
}

use bindings::exports::test::bell::bells::{Bell, Error, Guest};

struct Tower;

impl Guest for Tower {
    async fn ring(bell: Bell) -> Result<Bell, Error> {
        Ok(bell)
    }

    async fn toll(how: String, _: u32) -> Result<String, Error> {
        Err(Error::Refused(how))
    }
}

bindings::export!(Tower with_types_in bindings);
