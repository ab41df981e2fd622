//! What a token is to souk: the keys that sign, the access tokens that they sign, and the check that the gateway makes of one. What is
//! kept of a password. And what a seal is: who vouches for a component's file (`seal.rs`), with keys of their own.
//!
//! Knows nothing of HTTP, components or the host. The time, ids and randomness are arguments. What signs stays here and in the process
//! that uses it; a component asks for a signature through `souk:identity` and never sees a key.
//!
//! Standards: JWS (RFC 7515), JWK (7517, 7638), JWT (7519) with its best practices (8725), access tokens (9068); of seals Ed25519
//! (8032, 8410). The algorithms are `ring`'s; what stands here is what is demanded of a text before and after a signature is checked.

pub mod limits;

pub mod token;
pub mod sign;
pub mod check;

pub mod keys;
pub mod key_file;
pub mod public;
pub mod fault;

pub mod passwords;

pub mod seal;

mod json;
mod hex;
