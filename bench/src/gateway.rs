//! What the gateway's own steps cost: counting rates, rules, and a token, kept or new, before a component that does next to nothing.
//!
//! CPU is the host's, of all its threads, over the requests that it answered. Beside it what the signature alone costs, on one thread.

use crate::Effort;
use crate::clock::now_s;
use crate::load::{CONNECTIONS, Load, Turn};
use crate::median::median;
use crate::process::{Server, folder};
use crate::report::Report;
use anyhow::{Context, Result, anyhow};
use ring::rand::SystemRandom;
use souk_identity::check::{Checker, Issuer, Profile};
use souk_identity::keys::Keys;
use souk_identity::public::{Algorithm, PublicKeys};
use souk_identity::sign::{Grant, Signer};
use std::fmt::Write;
use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

/// Requests a second for which there are tokens that nobody has sent before.
const NEW_TOKENS_PER_SECOND: u64 = 15_000;

/// Seconds of a turn with new tokens: they are made beforehand.
const NEW_SECONDS_MAX: u64 = 2;

/// Checks that are timed by themselves.
const CHECKS: u32 = 2_000;

const ISSUER: &str = "https://id.example/";
const AUDIENCE: &str = "https://shop.example";

const MANIFEST: &str = r#"
spin_manifest_version = 2
[application]
name = "gateway"
[application.tool.souk]
rates.peer = { requests = 4_000_000, seconds = 1 }
rates.caller = { requests = 4_000_000, seconds = 1 }
[application.tool.souk.tokens]
audience = "https://shop.example"
[[application.tool.souk.tokens.issuers]]
issuer = "https://id.example/"
keys = "keys.json"
roles = ["merchant"]
[[trigger.http]]
route = "/open/..."
component = "open"
[[trigger.http]]
route = "/guarded/..."
component = "guarded"
[component.open]
source = "guest_echo.wasm"
[component.guarded]
source = "guest_echo.wasm"
[[component.guarded.tool.souk.rates]]
policy = "peer"
methods = ["POST"]
[[component.guarded.tool.souk.rates]]
policy = "peer"
[[component.guarded.tool.souk.rates]]
policy = "caller"
per = "caller"
[[component.guarded.tool.souk.access]]
path = "/guarded/closed"
allow = "nobody"
[[component.guarded.tool.souk.access]]
methods = ["GET"]
roles = ["admin", "merchant"]
"#;

/// Measures.
pub(crate) fn run(effort: Effort) -> Result<Report> {
    let data = folder("gateway")?;
    std::fs::copy("target/wasm32-wasip2/component/guest_echo.wasm", data.join("guest_echo.wasm"))
        .context("the guests are built by cargo xtask bench")?;
    let issuer = Signers::new()?;
    std::fs::write(data.join("keys.json"), issuer.keys.public_set(now_s()))?;
    std::fs::write(data.join("spin.toml"), MANIFEST)?;
    let new_effort = Effort { seconds: effort.seconds.min(NEW_SECONDS_MAX), ..effort };
    let (one, many) = (data.join("one"), data.join("many"));
    issuer.write(&one, 1)?;
    issuer.write(&many, new_effort.seconds * effort.turns as u64 * NEW_TOKENS_PER_SECOND)?;

    let server = Server::host_of(&data.join("spin.toml"), &data)?;
    let cases: [(&str, &str, Option<&Path>, Effort); 3] = [
        ("nothing asked", "/open/x", None, effort),
        ("rates, rules, token", "/guarded/x", Some(&one), effort),
        ("with a new token", "/guarded/x", Some(&many), new_effort),
    ];
    let mut turns = [const { Vec::new() }; 3];
    eprintln!("gateway: {} turns of {} s for each", effort.turns, effort.seconds);
    for turn in 0..effort.turns {
        for ((_, path, tokens, effort), turns) in cases.iter().zip(&mut turns) {
            turns.push(measure(&server, path, *tokens, turn, *effort)?);
        }
    }
    let mut report = Report::default();
    for ((case, ..), turns) in cases.iter().zip(&turns) {
        report.add_turn("gateway", case, Turn::median(&turns.iter().map(|(turn, _)| *turn).collect::<Vec<_>>()));
        report.add("gateway", case, "cpu/request", median(turns.iter().map(|(_, cpu_us)| *cpu_us).collect()), "µs");
    }
    issuer.time(&mut report)?;
    Ok(report)
}

/// A turn, and the µs of CPU that the host took for each of its requests.
fn measure(server: &Server, path: &str, tokens: Option<&Path>, turn: usize, effort: Effort) -> Result<(Turn, f64)> {
    let load = Load { path, method: "GET", connections: CONNECTIONS };
    let before_s = server.cpu_seconds()?;
    let measured = match tokens {
        Some(tokens) => load.run_with_tokens(server.address, effort.seconds, tokens, turn, effort.turns)?,
        None => load.run(server.address, effort.seconds)?,
    };
    #[expect(clippy::cast_precision_loss, reason = "seconds are few")]
    let requests = measured.requests_per_second * effort.seconds as f64;
    Ok((measured, (server.cpu_seconds()? - before_s) * 1e6 / requests))
}

/// An issuer whose keys the host reads from a file.
struct Signers {
    keys: Arc<Keys>,
    signer: Signer,
}

impl Signers {
    fn new() -> Result<Self> {
        let keys = Arc::new(Keys::generate(&SystemRandom::new())?);
        let signer = Signer::new(ISSUER, AUDIENCE, Arc::clone(&keys))?;
        Ok(Self { keys, signer })
    }

    fn token(&self, number: u64) -> Result<String> {
        let id = format!("{number:032}");
        let grant = Grant {
            subject: "0192f0c1-2f8e-7c7b-a5a4-0d5c3a9e9b11",
            client: "shop",
            roles: &["customer", "merchant"],
            scopes: &[],
            family: "0192f0c1-2f8e-7c7b-a5a4-0d5c3a9e9b12",
            id: &id,
        };
        Ok(self.signer.sign(&grant, now_s(), 3_600, &SystemRandom::new())?)
    }

    /// A token a line.
    fn write(&self, path: &Path, count: u64) -> Result<()> {
        let mut lines = String::new();
        for number in 0..count {
            writeln!(lines, "{}", self.token(number)?)?;
        }
        Ok(std::fs::write(path, lines)?)
    }

    /// The whole check of a token, and of it the signature.
    fn time(&self, report: &mut Report) -> Result<()> {
        let set = PublicKeys::parse(&self.keys.public_set(now_s()), &[Algorithm::Es256])?;
        let checker = Checker::new(AUDIENCE, vec![Issuer::foreign(ISSUER, &set, Profile::AccessToken, &["merchant"])]);
        let pair = Pair::new()?;
        for (contender, check) in [
            ("signature", Box::new(|| pair.verify()) as Box<dyn Fn() -> bool>),
            ("whole check", {
                let (token, now_s) = (self.token(0)?, now_s());
                Box::new(move || checker.check(&token, now_s).is_ok())
            }),
        ] {
            let begun = Instant::now();
            let good = (0..CHECKS).filter(|_| check()).count();
            anyhow::ensure!(good == CHECKS as usize, "a signature was not found good");
            report.add(
                "one ES256 token",
                contender,
                "time",
                begun.elapsed().as_secs_f64() * 1e6 / f64::from(CHECKS),
                "µs",
            );
        }
        Ok(())
    }
}

/// A signature, and what checks it.
struct Pair {
    public: Vec<u8>,
    signature: Vec<u8>,
}

/// As long as what is signed of a token.
const MESSAGE: [u8; 500] = [b'x'; 500];

impl Pair {
    fn new() -> Result<Self> {
        use ring::signature::{ECDSA_P256_SHA256_FIXED_SIGNING as ES256, EcdsaKeyPair, KeyPair};
        let random = SystemRandom::new();
        let document = EcdsaKeyPair::generate_pkcs8(&ES256, &random).map_err(|_| anyhow!("no random numbers"))?;
        let pair = EcdsaKeyPair::from_pkcs8(&ES256, document.as_ref(), &random).map_err(|error| anyhow!("{error}"))?;
        let signature = pair.sign(&random, &MESSAGE).map_err(|_| anyhow!("no random numbers"))?.as_ref().to_vec();
        Ok(Self { public: pair.public_key().as_ref().to_vec(), signature })
    }

    fn verify(&self) -> bool {
        let key = ring::signature::UnparsedPublicKey::new(&ring::signature::ECDSA_P256_SHA256_FIXED, &self.public);
        key.verify(&MESSAGE, &self.signature).is_ok()
    }
}
