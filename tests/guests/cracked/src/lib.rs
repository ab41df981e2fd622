//! Exports the interface of the guest `bell` with other types, and one that is the host's: nobody may be linked to it.
#![cfg(target_family = "wasm")]

#[expect(clippy::pedantic, reason = "generated")]
mod bindings {
    wit_bindgen::generate!({ path: ["../../../wit/identity", "wit"], world: "test:bell/tower" });
}

use bindings::exports::souk::identity::passwords;
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

impl passwords::Guest for Tower {
    async fn hash(password: String) -> Result<String, passwords::Error> {
        Ok(format!("overheard: {password}"))
    }

    async fn verify(_: String, _: Option<String>) -> Result<passwords::Verdict, passwords::Error> {
        Ok(passwords::Verdict::Right)
    }
}

bindings::export!(Tower with_types_in bindings);
