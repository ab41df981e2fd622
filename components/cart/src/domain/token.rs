//! The secret by which a guest's cart is known. Whoever holds it holds the cart; the service keeps its SHA-256 only.

use std::fmt;

use sha2::{Digest, Sha256};
use souk_kit::text::hexadecimal;

/// By what secret scanners know one.
pub const PREFIX: &str = "souk_ct_";

/// Bytes of the secret.
const SECRET_BYTES: usize = 32;

/// A guest's token: [`PREFIX`] and 64 lower-case hexadecimal digits, so that it has one form.
#[derive(Clone, PartialEq, Eq)]
pub struct Token(String);

impl Token {
    /// Makes one of random bytes.
    pub fn of(secret: [u8; SECRET_BYTES]) -> Self {
        Self(format!("{PREFIX}{}", hexadecimal(&secret)))
    }

    /// Reads one that a client sent.
    pub fn parse(text: &str) -> Option<Self> {
        let digits = text.strip_prefix(PREFIX)?;
        let is_digit = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
        (digits.len() == 2 * SECRET_BYTES && digits.bytes().all(is_digit)).then(|| Self(text.to_owned()))
    }

    /// For the guest alone.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// What is kept of it. A fast hash is enough: 32 random bytes can't be guessed.
    pub fn hash(&self) -> TokenHash {
        TokenHash(hexadecimal(&Sha256::digest(&self.0)))
    }
}

/// Without the secret.
impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token")
    }
}

/// The SHA-256 of a token, in hexadecimal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TokenHash(String);

impl TokenHash {
    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::{PREFIX, Token};

    #[test]
    fn a_token_has_one_form_and_does_not_show_itself() {
        let token = Token::of([0xab; 32]);
        assert_eq!(Token::parse(token.as_str()), Some(token.clone()));
        assert_eq!(format!("{token:?}"), "Token");
        let digits = "ab".repeat(32);
        for bad in ["", PREFIX, &digits, &format!("{PREFIX}{digits}0"), &format!("{PREFIX}{}", digits.to_uppercase())] {
            assert_eq!(Token::parse(bad), None, "{bad}");
        }
    }
}
