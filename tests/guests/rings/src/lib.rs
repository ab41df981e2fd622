//! Calls the guest `bell` over a link, once or many times, and tells what came back.
#![cfg(target_family = "wasm")]

use axum::Router;
use axum::extract::Path;
use axum::routing::get;
use souk_kit::component::outside::on_this_thread;
use souk_kit::context::Context;

#[expect(clippy::pedantic, reason = "generated")]
mod bindings {
    souk_kit::wit_bindgen::generate!({
        path: "../bell/wit",
        world: "ringer",
        runtime_path: "souk_kit::wit_bindgen::rt",
    });
}

use bindings::test::bell::bells::{self, Bell, Marks, Material, Owner};

souk_kit::serve!(router);

fn router(_: Context) -> Router {
    Router::new()
        .route("/rings/ring/{name}", get(ring))
        .route("/rings/times/{times}", get(times))
        .route("/rings/words/{times}", get(words))
        .route("/rings/alone/{times}", get(alone))
        .route("/rings/toll/{how}/{ms}", get(toll))
        .route("/rings/knell/{how}/{ms}", get(knell))
}

fn bell(name: &str) -> Bell {
    Bell {
        name: name.to_owned(),
        tones: vec![220, 330],
        weight: Some(1.5),
        place: (-3, 7),
        material: Material::Iron,
        marks: Marks::BLESSED,
        owner: Owner::Town(vec!["A".to_owned(), "Ü".to_owned()]),
    }
}

async fn ring(Path(name): Path<String>) -> String {
    let name = if name == "nobody" { String::new() } else { name };
    format!("{:?}", on_this_thread(bells::ring(bell(&name))).await)
}

async fn times(Path(times): Path<u32>) -> String {
    let mut tones = 0;
    for _ in 0..times {
        tones += on_this_thread(bells::ring(bell("many"))).await.map_or(0, |bell| bell.tones.len());
    }
    tones.to_string()
}

/// Calls with a word there and one back.
async fn words(Path(times): Path<u32>) -> String {
    let mut bytes = 0;
    for _ in 0..times {
        bytes += on_this_thread(bells::toll("still".to_owned(), 0)).await.map_or(0, |word| word.len());
    }
    bytes.to_string()
}

/// The bells without a call: what both sides do is done here.
async fn alone(Path(times): Path<u32>) -> String {
    let mut tones = 0;
    for _ in 0..times {
        let mut bell = std::hint::black_box(bell("many"));
        bell.tones.push(440);
        tones += std::hint::black_box(bell).tones.len();
    }
    tones.to_string()
}

async fn toll(Path((how, ms)): Path<(String, u32)>) -> String {
    format!("{:?}", on_this_thread(bells::toll(how, ms)).await)
}

async fn knell(Path((how, ms)): Path<(String, u32)>) -> String {
    on_this_thread(bells::knell(how, ms)).await
}
