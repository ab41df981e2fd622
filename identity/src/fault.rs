//! What can go wrong, as cases that somebody acts on. No text repeats a token, a part of one, or a key.

use std::fmt;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use crate::limits::{FORMER_KEYS_MAX, KEY_SET_BYTES_MAX, LIFETIME_S_MAX, LOCK_WAIT_MS, PASSWORD_BYTES_MAX};

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

impl std::error::Error for Refused {}

impl std::error::Error for Unsigned {}

impl std::error::Error for KeySetFault {}

impl std::error::Error for KeysFault {}

impl std::error::Error for Unhashed {}
