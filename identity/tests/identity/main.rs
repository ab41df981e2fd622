//! Keys, tokens and seals at the boundary: what is signed is taken, and nothing else is.

#![expect(clippy::unwrap_used, reason = "a test stops at what it did not expect, also in its helpers")]

mod forge;

mod vectors;
mod keys;
mod rotation;
mod key_file;
mod processes;

mod sign;
mod texts;
mod headers;
mod claims;
mod signatures;
mod foreign;
mod properties;
mod passwords;

mod seals;
mod seal_texts;
mod seal_keys;
mod seal_properties;
