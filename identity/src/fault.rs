//! What can go wrong, as cases that somebody acts on. No text repeats a token, a part of one, or a secret.

use std::fmt;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use crate::limits::{
    COMPONENT_BYTES_MAX, FORMER_KEYS_MAX, KEY_SET_BYTES_MAX, LIFETIME_S_MAX, LOCK_WAIT_MS, PASSWORD_BYTES_MAX,
    SEAL_BYTES_MAX,
};

/// Why a token is not taken. For the client all are the same `invalid_token` (RFC 6750 §3.1); what differs is what the host does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refused {
    /// It is not written as a token is here; says what is wrong. Somebody tries something, or a client is broken: count it.
    Malformed(&'static str),
    /// Nobody who is trusted here has that name.
    UnknownIssuer,
    /// This issuer has no such key, or no longer. If it is another's, its keys may have changed: read them again, but not for each such
    /// token, because anybody can invent ids.
    UnknownKey(Arc<str>),
    /// The signature was not made by that key for that text.
    BadSignature,
    /// It was good until a while ago. The client refreshes it.
    Expired,
    /// It is good only later. If that is frequent, a clock is wrong.
    NotYetValid,
    /// It was made for somebody else.
    WrongAudience,
}

/// Why a token was not signed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unsigned {
    /// What it should say goes beyond a limit or has characters that it may not have; names the member.
    Unfit(&'static str),
    /// No random numbers. Nothing can be signed until the system has some.
    NoRandomness,
}

/// What is wrong with a set of public keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeySetFault {
    /// More bytes or keys than the limits allow.
    TooLarge,
    /// Not a JWK Set.
    NotASet,
    /// It has a private key in it: whoever can read it can sign. Its owner must replace the key.
    Private,
    /// Two keys have the same id.
    SameId,
    /// No key in it is of a kind and for an algorithm that is allowed.
    NoneUsable,
}

/// What is wrong with the signing keys.
#[derive(Debug)]
pub enum KeysFault {
    /// Others can read or replace them. They may be known already: make new ones with `Former::Revoked`.
    Exposed {
        /// The file or folder.
        path: PathBuf,
        /// Its rights.
        mode: u32,
    },
    /// They are not written as this program writes them; says what is wrong, not what stands there.
    Faulty(&'static str),
    /// There are none yet.
    Missing(PathBuf),
    /// Too many rotations in too short a time.
    TooMany,
    /// Another process has been changing them for longer than it should take.
    Busy(PathBuf),
    /// No random numbers.
    NoRandomness,
    /// The file system.
    Unavailable {
        /// The file or folder.
        path: PathBuf,
        /// What it said.
        error: io::Error,
    },
}

/// Why there is no hash or verdict.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unhashed {
    /// The password has more than `PASSWORD_BYTES_MAX` bytes. Found out before any work.
    TooLong,
    /// The hash is none of ours, or asks for more than the limits allow.
    Faulty,
    /// No random numbers for a salt.
    NoRandomness,
    /// No memory for the work.
    NoMemory,
}

/// Why nobody vouches for a component's file. Each text is for an operator, and says what to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SealFault {
    /// There is no seal.
    Missing {
        /// The component whose file it is.
        component: String,
    },
    /// It is by a key that the manifest does not name. What else it says was not looked at.
    UnknownSigner {
        /// The component whose file it is.
        component: String,
        /// The key that the seal names.
        key: String,
    },
    /// It names the key of this signer, who did not sign what it says.
    BadSignature {
        /// The component whose file it is.
        component: String,
        /// The signer's name in the manifest.
        signer: String,
    },
    /// It is the signer's, for another component.
    OtherComponent {
        /// The component whose file it is.
        component: String,
        /// The one that the seal names.
        sealed: String,
        /// The signer's name in the manifest.
        signer: String,
    },
    /// It is the signer's, for another file: this one was altered, or it is not the one that belongs to the seal.
    OtherFile {
        /// The component whose file it is.
        component: String,
        /// The signer's name in the manifest.
        signer: String,
        /// SHA-256 of the file that was sealed, 64 digits.
        sealed: String,
        /// SHA-256 of the file that came, 64 digits.
        found: String,
    },
    /// It is the signer's and for this file, but a newer version has run.
    Older {
        /// The component whose file it is.
        component: String,
        /// The version that the seal names.
        sealed: String,
        /// The one that ran last.
        ran: String,
    },
}

/// What is not written as a seal, or what is said in one, is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SealTextFault {
    /// More bytes than `SEAL_BYTES_MAX`. Found out before any work.
    TooLarge,
    /// Not one JSON object whose values are texts.
    NotADocument,
    /// A member that seals do not have. A later form may give it a meaning, so it is not passed over.
    UnknownMember,
    /// This member stands there more than once.
    Twice(&'static str),
    /// This member is not there.
    Absent(&'static str),
    /// The name of a component.
    Component,
    /// A version.
    Version,
    /// A digest.
    Digest,
    /// A public key.
    Key,
    /// A public key for which anybody can write down signatures.
    WeakKey,
    /// A signature.
    Signature,
}

/// What is wrong with a key that is to seal.
#[derive(Debug)]
pub enum SealKeyFault {
    /// Others can read or replace it. It may be known already: make a new one, and name that in the manifests.
    Exposed {
        /// The file.
        path: PathBuf,
        /// Its rights.
        mode: u32,
    },
    /// There is something in the place of a new key.
    Exists(PathBuf),
    /// There is no such file.
    Missing(PathBuf),
    /// It is not a key of this kind; says what is wrong, not what stands there.
    Faulty(&'static str),
    /// No random numbers.
    NoRandomness,
    /// The file system.
    Unavailable {
        /// The file.
        path: PathBuf,
        /// What it said.
        error: io::Error,
    },
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Malformed(what) => write!(f, "the token is malformed: {what}"),
            Self::UnknownIssuer => f.write_str("the token's issuer is not trusted"),
            Self::UnknownKey(issuer) => write!(f, "the token names a key that `{issuer}` does not have"),
            Self::BadSignature => f.write_str("the token's signature is wrong"),
            Self::Expired => f.write_str("the token has expired"),
            Self::NotYetValid => f.write_str("the token is not valid yet"),
            Self::WrongAudience => f.write_str("the token is for another audience"),
        }
    }
}

impl fmt::Display for Unsigned {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unfit("lifetime") => write!(f, "lifetime is not between 1 and {LIFETIME_S_MAX} seconds"),
            Self::Unfit(member) => {
                write!(f, "{member} is empty, too long, or has characters that a token may not have")
            }
            Self::NoRandomness => f.write_str("the system has no random numbers"),
        }
    }
}

impl fmt::Display for KeySetFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooLarge => write!(f, "the key set has more than {KEY_SET_BYTES_MAX} bytes or too many keys"),
            Self::NotASet => f.write_str("the key set is not a JWK Set (RFC 7517)"),
            Self::Private => {
                f.write_str("the key set has a private key in it, which must be replaced: everybody can sign")
            }
            Self::SameId => f.write_str("the key set has two keys with the same id"),
            Self::NoneUsable => f.write_str("the key set has no key for one of the allowed algorithms"),
        }
    }
}

impl fmt::Display for Unhashed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooLong => write!(f, "the password has more than {PASSWORD_BYTES_MAX} bytes"),
            Self::Faulty => f.write_str("the hash of a password is none that is taken here"),
            Self::NoRandomness => f.write_str("the system has no random numbers"),
            Self::NoMemory => f.write_str("there is no memory to hash a password"),
        }
    }
}

impl fmt::Display for KeysFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Exposed { path, mode } => {
                let path = path.display();
                write!(f, "`{path}` (mode {mode:03o}) can be used by others than this user: take their rights away")?;
                f.write_str(", and make new keys, because they may have been read or replaced")
            }
            Self::Faulty(what) => write!(f, "the signing keys can't be read: {what}"),
            Self::Missing(path) => write!(f, "`{}` does not exist: there are no signing keys yet", path.display()),
            Self::TooMany => {
                write!(f, "{FORMER_KEYS_MAX} former keys are published still: rotate later, or revoke them")
            }
            Self::Busy(path) => {
                write!(f, "`{}` was locked by another process for {LOCK_WAIT_MS} ms: try again", path.display())
            }
            Self::NoRandomness => f.write_str("the system has no random numbers"),
            Self::Unavailable { path, error } => write!(f, "`{}` can't be used: {error}", path.display()),
        }
    }
}

impl fmt::Display for SealFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Missing { component } => {
                write!(f, "`{component}` has signers in the manifest, but the file came without a seal: ")?;
                f.write_str("let one of them sign it (`souk sign`) and send its `.sig` along")
            }
            Self::UnknownSigner { component, key } => {
                write!(f, "the seal is by {key}, which is no signer of `{component}` in the manifest: ")?;
                f.write_str("let one of its signers sign the file, or name this key there if you know whose it is")
            }
            Self::BadSignature { component, signer } => {
                write!(f, "the seal names `{signer}`, a signer of `{component}`, whose signature it does not bear: ")?;
                f.write_str(
                    "it was altered or forged, so fetch it again from its source, or let the file be signed anew",
                )
            }
            Self::OtherComponent { component, sealed, signer } => {
                write!(f, "`{signer}` sealed this as component `{sealed}`, and not as `{component}`: ")?;
                write!(f, "send it to `{sealed}`, or let it be signed for `{component}`")
            }
            Self::OtherFile { component, signer, sealed, found } => {
                write!(
                    f,
                    "`{signer}` sealed another file of `{component}` (SHA-256 {sealed}) than this one ({found}): "
                )?;
                f.write_str("it was altered or exchanged, so fetch file and seal again together from their source")
            }
            Self::Older { component, sealed, ran } => {
                write!(f, "`{component}` {sealed} is older than {ran}, which ran already: ")?;
                write!(f, "let the file be signed as {ran} or later if it is really to run")
            }
        }
    }
}

impl fmt::Display for SealTextFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooLarge => {
                write!(f, "the seal has more than {SEAL_BYTES_MAX} bytes: it is none, or of another program")
            }
            Self::NotADocument => f.write_str("the seal is not one JSON object whose values are texts"),
            Self::UnknownMember => {
                f.write_str("the seal has a member that seals do not have: was it made for a later souk?")
            }
            Self::Twice(member) => write!(f, "the seal's `{member}` stands there twice"),
            Self::Absent(member) => write!(f, "the seal has no `{member}`"),
            Self::Component => {
                write!(f, "the name of the component is not 1 to {COMPONENT_BYTES_MAX} characters of a-z, 0-9 and -")
            }
            Self::Version => {
                write!(
                    f,
                    "the version is not MAJOR.MINOR.PATCH, three numbers without leading zeros up to {}",
                    u32::MAX
                )
            }
            Self::Digest => f.write_str("the digest (`sha256`) is not 64 lower-case hexadecimal digits"),
            Self::Key => f.write_str("the public key is not `ed25519:` and 64 lower-case hexadecimal digits"),
            Self::WeakKey => {
                f.write_str("the public key is one for which anybody can sign: name the one that `souk sign` prints")
            }
            Self::Signature => f.write_str("the signature is not 128 lower-case hexadecimal digits"),
        }
    }
}

impl fmt::Display for SealKeyFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Exposed { path, mode } => {
                let path = path.display();
                write!(f, "`{path}` (mode {mode:03o}) can be used by others than this user: make a new key, because ")?;
                f.write_str("it may have been read or replaced, and name the new one in the manifests")
            }
            Self::Exists(path) => {
                write!(f, "`{}` exists, and a key is never written over: choose another name", path.display())
            }
            Self::Missing(path) => write!(f, "`{}` does not exist: there is no key yet", path.display()),
            Self::Faulty(what) => write!(f, "the key can't be read: {what}"),
            Self::NoRandomness => f.write_str("the system has no random numbers"),
            Self::Unavailable { path, error } => write!(f, "`{}` can't be used: {error}", path.display()),
        }
    }
}

impl std::error::Error for Refused {}

impl std::error::Error for Unsigned {}

impl std::error::Error for KeySetFault {}

impl std::error::Error for KeysFault {}

impl std::error::Error for Unhashed {}

impl std::error::Error for SealFault {}

impl std::error::Error for SealTextFault {}

impl std::error::Error for SealKeyFault {}
