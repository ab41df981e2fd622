//! Exports the interface that it imports, and passes everything on: a link of a chain, or of a circle.
#![cfg(target_family = "wasm")]

#[expect(clippy::pedantic, reason = "generated")]
mod bindings {
    wit_bindgen::generate!({
        path: "../bell/wit",
        inline: "
            package test:relay;

            world relay {
              import test:bell/bells@0.1.0;
              export test:bell/bells@0.1.0;
            }
        ",
        generate_all,
    });
}

use bindings::exports::test::bell::bells as here;
use bindings::test::bell::bells as there;

struct Relay;

impl here::Guest for Relay {
    async fn ring(mut bell: here::Bell) -> Result<here::Bell, here::Error> {
        let passed = there::Bell {
            name: bell.name.clone(),
            tones: bell.tones.clone(),
            weight: bell.weight,
            place: bell.place,
            material: there::Material::Bronze,
            marks: there::Marks::empty(),
            owner: there::Owner::Nobody,
        };
        let rung = there::ring(passed).await.map_err(error)?;
        bell.tones = rung.tones;
        bell.name = format!("{} by relay", rung.name);
        Ok(bell)
    }

    async fn toll(how: String, ms: u32) -> Result<String, here::Error> {
        there::toll(how, ms).await.map_err(error)
    }

    async fn knell(how: String, ms: u32) -> String {
        there::knell(how, ms).await
    }
}

fn error(error: there::Error) -> here::Error {
    match error {
        there::Error::Unavailable(text) => here::Error::Unavailable(format!("relay: {text}")),
        there::Error::Refused(text) => here::Error::Refused(text),
    }
}

bindings::export!(Relay with_types_in bindings);
