//! The version that a signer gives a file: three numbers, compared one after another, so that a host can tell a step back.
//!
//! Left out on purpose: the rest of Semantic Versioning. With pre-releases and build metadata two versions can differ and be equal in
//! order, and each has more than one spelling.

use std::fmt;
use std::str::FromStr;

use crate::fault::SealTextFault;

/// `MAJOR.MINOR.PATCH`, written in one way only: plain decimal numbers without a sign or leading zeros.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SealVersion {
    /// What counts first.
    pub major: u32,
    /// What counts next.
    pub minor: u32,
    /// What counts last.
    pub patch: u32,
}

impl FromStr for SealVersion {
    type Err = SealTextFault;

    fn from_str(text: &str) -> Result<Self, SealTextFault> {
        let numbers = text.split('.').map(number).collect::<Option<Vec<_>>>();
        match numbers.as_deref() {
            Some(&[major, minor, patch]) => Ok(Self { major, minor, patch }),
            _ => Err(SealTextFault::Version),
        }
    }
}

/// One number. `u32` by itself would take `+1` and `01` as well.
fn number(text: &str) -> Option<u32> {
    let number: u32 = text.parse().ok()?;
    (number.to_string() == text).then_some(number)
}

impl fmt::Display for SealVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}.{}", self.major, self.minor, self.patch)
    }
}
