//! The issuers beside our own: who they are stands in the manifest, their public keys in files that may change while the host runs.

use crate::manifest::{self, Fault};
use souk_identity::check::Issuer;
use souk_identity::public::PublicKeys;

/// The texts of the other issuers' keys, in the manifest's order, and what they say.
#[derive(Clone)]
pub(super) struct Others {
    pub(super) texts: Vec<String>,
    pub(super) issuers: Vec<Issuer>,
}

impl Others {
    /// Reads the keys in the files that the manifest names.
    pub(super) fn read(tokens: &manifest::Tokens) -> Result<Self, Vec<Fault>> {
        let (mut others, mut faults) = (Self { texts: Vec::new(), issuers: Vec::new() }, Vec::new());
        for issuer in &tokens.issuers {
            match read_issuer(issuer) {
                Ok((text, issuer)) => {
                    others.texts.push(text);
                    others.issuers.push(issuer);
                }
                Err(why) => {
                    let what =
                        format!("the keys of issuer {:?} can't be used: {}: {why}", issuer.name, issuer.keys.display());
                    faults.push(Fault::new(issuer.line, what, "put what its jwks_uri answers into this file"));
                }
            }
        }
        if faults.is_empty() { Ok(others) } else { Err(faults) }
    }
}

fn read_issuer(issuer: &manifest::Issuer) -> Result<(String, Issuer), String> {
    let text = std::fs::read_to_string(&issuer.keys).map_err(|error| error.to_string())?;
    let keys = PublicKeys::parse(&text, &issuer.algorithms).map_err(|fault| fault.to_string())?;
    let roles: Vec<&str> = issuer.roles.iter().map(String::as_str).collect();
    Ok((text, Issuer::foreign(&issuer.name, &keys, issuer.profile, &roles)))
}
