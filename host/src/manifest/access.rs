//! Whose tokens are taken, and who may ask what of a component.

use super::Component;
use super::fault::{Fault, Faults, meant};
use super::rate::Which;
use super::section::Section;
use super::template::{self, Variables};
use souk_identity::check::Profile;
use souk_identity::limits::{LIFETIME_S_DEFAULT, LIFETIME_S_MAX, NAME_BYTES_MAX};
use souk_identity::public::Algorithm;
use souk_identity::token::is_word;
use std::path::{Path, PathBuf};

/// `[application.tool.souk.tokens]`. Without it nobody is asked who they are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tokens {
    /// Whom tokens must be made for (`aud`).
    pub audience: String,
    /// The application's own name (`iss`), if its tokens are signed here.
    pub issuer: Option<String>,
    /// Seconds that a token lives that is signed here.
    pub lifetime_s: u32,
    /// The others, each with another name.
    pub issuers: Vec<Issuer>,
}

/// `[[application.tool.souk.tokens.issuers]]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Issuer {
    /// Its name, exactly as its tokens have it (`iss`).
    pub name: String,
    /// A file with its public keys, a JWK Set (RFC 7517).
    pub keys: PathBuf,
    /// How it signs.
    pub algorithms: Vec<Algorithm>,
    /// What it puts into `typ`.
    pub profile: Profile,
    /// The roles that it may give.
    pub roles: Vec<String>,
    /// Where in the file.
    pub line: usize,
}

/// One entry of `access` of a component. The first that fits a request decides.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccessRule {
    /// Which requests.
    pub which: Which,
    /// Who.
    pub who: Who,
    /// Where in the file.
    pub line: usize,
}

/// Who may ask.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Who {
    /// Everybody, signed in or not.
    Anyone,
    /// Nobody.
    Nobody,
    /// Whoever is signed in and has what is asked for.
    SignedIn {
        /// One of these roles; any role or none if there is none.
        roles: Vec<String>,
        /// All of these scopes.
        scopes: Vec<String>,
    },
}

const ALGORITHMS: [Algorithm; 3] = [Algorithm::Es256, Algorithm::EdDsa, Algorithm::Rs256];

/// Reads `tokens`; `folder` is the manifest's.
pub(super) fn tokens(
    mut section: Section<'_>,
    folder: &Path,
    variables: &Variables,
    faults: &mut Faults,
) -> Option<Tokens> {
    if !section.is_there() {
        return None;
    }
    let own = name(&mut section, "issuer", variables, faults);
    let audience = name(&mut section, "audience", variables, faults).or_else(|| own.clone());
    let lifetime_s = section.number("lifetime_s", 1..=LIFETIME_S_MAX, faults).unwrap_or(LIFETIME_S_DEFAULT);
    let sections = section.section_list("issuers", faults);
    if sections.is_empty() && !section.has("issuer") {
        let remedy = "name this application's own as issuer, or add [[application.tool.souk.tokens.issuers]]";
        faults.push(Fault::new(section.line(), "tokens has no issuers", remedy));
    }
    if !section.has("audience") && !section.has("issuer") {
        let what = format!("{} is missing", section.name("audience"));
        let remedy = "name whom tokens are made for, such as \"https://shop.example\"";
        faults.push(Fault::new(section.line(), what, remedy));
    }
    let mut issuers: Vec<Issuer> = Vec::new();
    for section in sections {
        let Some(issuer) = issuer(section, folder, faults) else { continue };
        if issuers.iter().map(|other| &other.name).chain(&own).any(|other| *other == issuer.name) {
            let what = format!("issuer {:?} is there twice", issuer.name);
            faults.push(Fault::new(issuer.line, what, "put the keys of one issuer into one file"));
        }
        issuers.push(issuer);
    }
    section.finish(faults);
    Some(Tokens { audience: audience?, issuer: own, lifetime_s, issuers })
}

/// A name that stands in tokens.
fn name(section: &mut Section<'_>, key: &'static str, variables: &Variables, faults: &mut Faults) -> Option<String> {
    let (text, line) = section.text(key, faults)?;
    let name = template::fill(text, line, variables, faults)?;
    if !is_word(&name, NAME_BYTES_MAX) {
        let what = format!("{} can't be {name:?}", section.name(key));
        let remedy = format!("use 1 to {NAME_BYTES_MAX} printable characters of ASCII, without spaces");
        faults.push(Fault::new(line, what, remedy));
    }
    Some(name)
}

fn issuer(mut section: Section<'_>, folder: &Path, faults: &mut Faults) -> Option<Issuer> {
    let line = section.line();
    let name = section.required_text("issuer", "name it as its tokens do, in \"iss\"", faults);
    let keys = section.required_text("keys", "name a file with its public keys, a JWK Set", faults);
    let mut algorithms = Vec::new();
    for (text, line) in section.texts("algorithms", faults) {
        match ALGORITHMS.into_iter().find(|algorithm| algorithm.name() == text) {
            Some(algorithm) => algorithms.push(algorithm),
            None => faults.push(Fault::new(
                line,
                format!("algorithm {text:?} is not taken"),
                "choose from ES256, EdDSA and RS256",
            )),
        }
    }
    if algorithms.is_empty() {
        algorithms = ALGORITHMS.to_vec();
    }
    let profile = match section.text("profile", faults) {
        None | Some(("access-token", _)) => Profile::AccessToken,
        Some(("any-jwt", _)) => Profile::AnyJwt,
        Some((text, line)) => {
            let remedy = "choose access-token (RFC 9068), or any-jwt if the issuer knows no other";
            faults.push(Fault::new(line, format!("profile {text:?} is unknown"), remedy));
            Profile::AccessToken
        }
    };
    let roles = section.texts("roles", faults).into_iter().map(|(role, _)| role.to_owned()).collect();
    section.finish(faults);
    let (name, keys) = (name?.0.to_owned(), folder.join(keys?.0));
    Some(Issuer { name, keys, algorithms, profile, roles, line })
}

/// Reads `access` of a component.
pub(super) fn rules(sections: Vec<Section<'_>>, faults: &mut Faults) -> Vec<AccessRule> {
    sections.into_iter().filter_map(|section| rule(section, faults)).collect()
}

fn rule(mut section: Section<'_>, faults: &mut Faults) -> Option<AccessRule> {
    const KINDS: [&str; 3] = ["anyone", "signed-in", "nobody"];
    let line = section.line();
    let which = Which::read(&mut section, faults);
    let mut names = |key| section.texts(key, faults).into_iter().map(|(name, _)| name.to_owned()).collect::<Vec<_>>();
    let (roles, scopes) = (names("roles"), names("scopes"));
    let is_bare = roles.is_empty() && scopes.is_empty();
    let allow = section.text("allow", faults);
    section.finish(faults);
    let who = match allow {
        Some(("anyone", _)) if is_bare => Who::Anyone,
        Some(("nobody", _)) if is_bare => Who::Nobody,
        Some(("signed-in", _)) => Who::SignedIn { roles, scopes },
        None if !is_bare => Who::SignedIn { roles, scopes },
        None => {
            faults.push(Fault::new(line, "access says nobody", "write allow = \"signed-in\", or name roles or scopes"));
            return None;
        }
        Some((text, line)) if KINDS.contains(&text) => {
            let what = format!("access allows {text:?} and asks for roles or scopes");
            faults.push(Fault::new(line, what, "remove one of the two"));
            return None;
        }
        Some((text, line)) => {
            let remedy = meant(text, KINDS).map_or("choose from anyone, signed-in and nobody".to_owned(), |meant| {
                format!("did you mean {meant}?")
            });
            faults.push(Fault::new(line, format!("access allows {text:?}, which is unknown"), remedy));
            return None;
        }
    };
    Some(AccessRule { which, who, line })
}

/// Tells rules that nobody could ever meet, since no token is taken, and a component that would sign in nobody's name.
pub(super) fn check(component: &Component, tokens: Option<&Tokens>, faults: &mut Faults) {
    if let (Some(rule), None) = (component.access.first(), tokens) {
        let remedy = "add [application.tool.souk.tokens]";
        faults.push(Fault::new(rule.line, "access is asked for and no tokens are taken", remedy));
    }
    let wanted = component.grants.iter().find(|grant| grant.starts_with("souk:identity/"));
    if let (Some(grant), None) = (wanted, tokens.and_then(|tokens| tokens.issuer.as_ref())) {
        let what = format!("component {}: is granted {grant}, and no tokens are signed here", component.id);
        let remedy = "name this application in [application.tool.souk.tokens], as issuer";
        faults.push(Fault::new(component.line, what, remedy));
    }
}
