//! Passwords: argon2id (RFC 9106), with the parameters in the hash (PHC string format), so that they can be raised later.
//!
//! Knows nothing of threads: one takes tens of milliseconds, and whoever calls sees to it that not too many run at a time. What a hash
//! may ask for is bounded, since it comes from a component. Left out on purpose: other functions (bcrypt, scrypt), peppers.

use std::fmt;

use argon2::password_hash::phc::{Output, ParamsString, PasswordHash, Salt};
use argon2::{Algorithm, Argon2, Block, Params, Version};
use ring::rand::SecureRandom;

use crate::fault::Unhashed;
use crate::limits::{
    PASSWORD_BYTES_MAX, PASSWORD_HASH_BYTES_MAX, PASSWORD_LANES_MAX, PASSWORD_MEMORY_KIB_MAX, PASSWORD_PASSES_MAX,
};

/// How much work a password costs whoever checks it, and whoever guesses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cost {
    /// Memory in KiB.
    pub memory_kib: u32,
    /// Passes over it.
    pub passes: u32,
}

/// The first of the choices of OWASP's Password Storage Cheat Sheet that fits a server: 19 MiB, two passes.
impl Default for Cost {
    fn default() -> Self {
        Self { memory_kib: 19 * 1024, passes: 2 }
    }
}

/// What became of a password.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It is another one, or there was nothing to compare it with.
    Wrong,
    /// It is the one.
    Right,
    /// It is the one, and was hashed with less work than today's.
    Dated,
}

/// Hashes and compares, one password at a time. It keeps its memory, which costs a tenth of the time to get anew.
pub struct Hasher {
    cost: Cost,
    memory: Vec<Block>,
}

const SALT_BYTES: usize = 16;
const OUTPUT_BYTES: usize = 32;

impl Hasher {
    /// One that hashes with this cost.
    pub fn new(cost: Cost) -> Self {
        Self { cost, memory: Vec::new() }
    }

    /// A hash to keep.
    pub fn hash(&mut self, password: &str, random: &dyn SecureRandom) -> Result<String, Unhashed> {
        demand_length(password)?;
        let mut salt = [0; SALT_BYTES];
        random.fill(&mut salt).map_err(|_| Unhashed::NoRandomness)?;
        let params = self.cost.params()?;
        let output = self.work(password, &salt, &params)?;
        let kept = PasswordHash {
            algorithm: Algorithm::Argon2id.ident(),
            version: Some(Version::V0x13.into()),
            params: ParamsString::try_from(&params).map_err(|_| Unhashed::Faulty)?,
            salt: Some(Salt::new(&salt).map_err(|_| Unhashed::Faulty)?),
            hash: Some(output),
        };
        Ok(kept.to_string())
    }

    /// Compares a password with a kept hash; with none it does the same work and finds it wrong.
    pub fn verify(&mut self, password: &str, kept: Option<&str>) -> Result<Verdict, Unhashed> {
        demand_length(password)?;
        let Some(text) = kept else {
            let params = self.cost.params()?;
            return self.work(password, &[0; SALT_BYTES], &params).map(|_| Verdict::Wrong);
        };
        let Kept { salt, output, params } = Kept::parse(text).ok_or(Unhashed::Faulty)?;
        let is_right = self.work(password, salt.as_ref(), &params)? == output;
        let is_dated = params.m_cost() < self.cost.memory_kib || params.t_cost() < self.cost.passes;
        Ok(match (is_right, is_dated) {
            (false, _) => Verdict::Wrong,
            (true, false) => Verdict::Right,
            (true, true) => Verdict::Dated,
        })
    }

    /// The output compares in constant time.
    fn work(&mut self, password: &str, salt: &[u8], params: &Params) -> Result<Output, Unhashed> {
        let blocks = params.block_count();
        if self.memory.len() < blocks {
            self.memory.try_reserve_exact(blocks - self.memory.len()).map_err(|_| Unhashed::NoMemory)?;
            self.memory.resize(blocks, Block::default());
        }
        let mut output = [0; OUTPUT_BYTES];
        Argon2::new(Algorithm::Argon2id, Version::V0x13, params.clone())
            .hash_password_into_with_memory(password.as_bytes(), salt, &mut output, &mut self.memory[..blocks])
            .map_err(|_| Unhashed::Faulty)?;
        Output::new(&output).map_err(|_| Unhashed::Faulty)
    }
}

impl Cost {
    fn params(self) -> Result<Params, Unhashed> {
        Params::new(self.memory_kib, self.passes, 1, Some(OUTPUT_BYTES)).map_err(|_| Unhashed::Faulty)
    }
}

/// A hash of ours, taken apart.
struct Kept {
    salt: Salt,
    output: Output,
    params: Params,
}

impl Kept {
    fn parse(text: &str) -> Option<Self> {
        if text.len() > PASSWORD_HASH_BYTES_MAX {
            return None;
        }
        let hash = PasswordHash::new(text).ok()?;
        let is_ours = hash.algorithm == Algorithm::Argon2id.ident() && hash.version == Some(Version::V0x13.into());
        let params = Params::try_from(&hash).ok()?;
        let is_within = params.m_cost() <= PASSWORD_MEMORY_KIB_MAX
            && params.t_cost() <= PASSWORD_PASSES_MAX
            && params.p_cost() <= PASSWORD_LANES_MAX;
        let (salt, output) = (hash.salt?, hash.hash?);
        (is_ours && is_within && output.len() == OUTPUT_BYTES).then_some(Self { salt, output, params })
    }
}

fn demand_length(password: &str) -> Result<(), Unhashed> {
    if password.len() <= PASSWORD_BYTES_MAX { Ok(()) } else { Err(Unhashed::TooLong) }
}

/// What it did last is not in it.
impl fmt::Debug for Hasher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Hasher").field("cost", &self.cost).finish_non_exhaustive()
    }
}
