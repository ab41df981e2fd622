//! Who may vouch for a component's file: `signers` of a component.

use super::fault::{Fault, Faults};
use super::section::Section;
use souk_identity::seal::Signer;
use souk_identity::seal::key::PublicKey;

/// Reads `signers = { acme = "ed25519:…" }`. Without one, a component's file needs no seal.
pub(super) fn read(section: Section<'_>, faults: &mut Faults) -> Vec<Signer> {
    let mut signers: Vec<Signer> = Vec::new();
    for (name, value, line) in section.entries() {
        let mut fault = |what: String, remedy: &str| faults.push(Fault::new(line, what, remedy));
        let Some(text) = value.get_ref().as_str() else {
            fault(
                format!("signer {name:?} is not a text"),
                "write it like acme = \"ed25519:…\", as `souk sign` prints it",
            );
            continue;
        };
        if !is_name(name) {
            fault(format!("signer {name:?} is not valid"), "use 1 to 64 of a-z, 0-9 and -");
            continue;
        }
        match PublicKey::parse(text) {
            Ok(key) if signers.iter().any(|other| other.key == key) => {
                fault(format!("signer {name:?} has the key of another"), "remove one of the two");
            }
            Ok(key) => signers.push(Signer { name: name.to_owned(), key }),
            Err(why) => fault(format!("signer {name:?}: {why}"), "copy the key that `souk sign` prints"),
        }
    }
    signers
}

fn is_name(text: &str) -> bool {
    (1..=64).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
}
