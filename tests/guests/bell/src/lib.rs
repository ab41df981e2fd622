//! Serves an interface that the host has never seen, over a link: answers, traps, computes for ever, waits.
#![cfg(target_family = "wasm")]

#[expect(clippy::pedantic, reason = "generated")]
mod bindings {
    wit_bindgen::generate!({ path: "wit", world: "tower" });
}

use bindings::exports::test::bell::bells::{Bell, Error, Guest};

struct Tower;

impl Guest for Tower {
    async fn ring(mut bell: Bell) -> Result<Bell, Error> {
        if bell.name.is_empty() {
            return Err(Error::Refused("it has no name".to_owned()));
        }
        bell.tones.push(440);
        Ok(bell)
    }

    async fn toll(how: String, ms: u32) -> Result<String, Error> {
        Ok(sound(&how, ms).await)
    }

    async fn knell(how: String, ms: u32) -> String {
        sound(&how, ms).await
    }
}

async fn sound(how: &str, ms: u32) -> String {
    match how {
        "trap" => panic!("as asked"),
        "still" => "dong".to_owned(),
        "spin" => loop {
            std::hint::black_box(ms);
        },
        _ => {
            wasip3::clocks::monotonic_clock::wait_for(u64::from(ms) * 1_000_000).await;
            "dong".to_owned()
        }
    }
}

bindings::export!(Tower with_types_in bindings);
