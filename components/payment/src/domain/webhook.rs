//! Events that a provider sends by itself: who signed them, and what they say.
//!
//! The signature is HMAC-SHA256 over `<t>.<body>`, as large gateways make it: the time is a part of what is signed, so that a message that somebody
//! has overheard is good for minutes only.

use hmac::{Hmac, KeyInit, Mac};
use serde::Deserialize;
use sha2::Sha256;
use souk_kit::text::hexadecimal;
use souk_kit::time::Timestamp;

use super::Invalid;
use super::operation::{OperationId, Verdict};
use super::payment::DeclineReason;

/// How far the time of a message may be from ours: what clocks differ by and a message takes, and no more. Gateways recommend it.
pub const TOLERANCE_S: u32 = 300;
/// What HMAC-SHA256 is as strong as; a shorter secret can be guessed sooner.
pub const SECRET_BYTES_MIN: usize = 32;
/// So many signatures are looked at: of the old secret and of the new one, in two versions.
pub const SIGNATURES_MAX: usize = 4;
/// The largest body. The events that are known here have some hundred bytes; providers send whole objects.
pub const BODY_BYTES_MAX: usize = 64 * 1024;
/// Those of large gateways have 30.
pub const EVENT_ID_BYTES_MAX: usize = 128;
/// For so long is an event known by its id: gateways repeat one for some days.
pub const FORGET_S: u32 = 30 * 24 * 60 * 60;
/// So many forgotten ones does each event take away: more than one, so that they become fewer.
pub const SWEPT_MAX: u32 = 10;

/// What a provider signs with.
pub struct Secret(Vec<u8>);

impl Secret {
    /// Takes a setting. One that is too short is refused, also none at all: everybody could sign with it.
    pub fn parse(text: &str) -> Result<Self, Invalid> {
        if text.len() < SECRET_BYTES_MIN {
            return Err(format!("must have at least {SECRET_BYTES_MIN} bytes"));
        }
        Ok(Self(text.as_bytes().to_vec()))
    }

    fn hmac(&self, at_s: i64, body: &[u8]) -> Hmac<Sha256> {
        let mut hmac = Hmac::<Sha256>::new_from_slice(&self.0).expect("a key of any length will do");
        hmac.update(format!("{at_s}.").as_bytes());
        hmac.update(body);
        hmac
    }

    /// The field that a sender writes.
    pub fn sign(&self, at: Timestamp, body: &[u8]) -> String {
        let at_s = at.milliseconds() / 1000;
        format!("t={at_s},v1={}", hexadecimal(&self.hmac(at_s, body).finalize().into_bytes()))
    }

    /// Whether the field says that the body was signed with this secret, not long ago. Compared in constant time.
    pub fn has_signed(&self, field: &str, body: &[u8], now: Timestamp) -> bool {
        let Some(Signatures { at_s, signatures }) = Signatures::parse(field) else {
            return false;
        };
        let is_recent = (now.milliseconds() / 1000).abs_diff(at_s) <= u64::from(TOLERANCE_S);
        is_recent && signatures.iter().any(|signature| self.hmac(at_s, body).verify_slice(signature).is_ok())
    }
}

/// What a field says.
struct Signatures {
    at_s: i64,
    signatures: Vec<[u8; 32]>,
}

impl Signatures {
    /// `t` stands once; what is neither `t` nor `v1` is of another scheme.
    fn parse(field: &str) -> Option<Self> {
        let mut at_s = None;
        let mut signatures = Vec::new();
        for part in field.split(',') {
            match part.trim().split_once('=')? {
                ("t", seconds) if at_s.is_none() => at_s = Some(seconds.parse().ok()?),
                ("t", _) => return None,
                ("v1", _) if signatures.len() == SIGNATURES_MAX => return None,
                ("v1", text) => signatures.push(digest(text)?),
                _ => {}
            }
        }
        Some(Self { at_s: at_s?, signatures })
    }
}

/// 64 hexadecimal digits.
fn digest(text: &str) -> Option<[u8; 32]> {
    let is_hexadecimal = text.len() == 64 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
    let byte = |index: usize| u8::from_str_radix(&text[2 * index..2 * index + 2], 16).ok();
    let mut bytes = [0; 32];
    for (index, place) in bytes.iter_mut().enumerate() {
        *place = if is_hexadecimal { byte(index)? } else { return None };
    }
    Some(bytes)
}

/// What a provider says has happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Notice {
    /// An operation has a verdict.
    Settled {
        /// By what a repetition is known.
        event_id: String,
        /// Which one.
        operation: OperationId,
        /// How it ended.
        verdict: Verdict,
    },
    /// Something that this service has no use for.
    Other,
}

impl Notice {
    /// Reads a body whose signature was good. Members that are not known are ignored, as new types are: the sender is newer.
    pub fn parse(body: &[u8]) -> Result<Self, Invalid> {
        let event: Event = serde_json::from_slice(body).map_err(|error| error.to_string())?;
        if !["operation.succeeded", "operation.declined", "operation.failed"].contains(&event.r#type.as_str()) {
            return Ok(Self::Other);
        }
        if !(1..=EVENT_ID_BYTES_MAX).contains(&event.id.len()) || event.id.contains('\0') {
            return Err(format!("id must have 1 to {EVENT_ID_BYTES_MAX} bytes"));
        }
        let Data { key, reason } = serde_json::from_value(event.data).map_err(|error| format!("data: {error}"))?;
        let verdict = match event.r#type.as_str() {
            "operation.succeeded" => Verdict::Done,
            "operation.declined" => {
                let reason = DeclineReason::parse(&reason.unwrap_or_default());
                Verdict::Declined(reason.map_err(|fault| format!("data: reason {fault}"))?)
            }
            _ => Verdict::Failed,
        };
        // No operation has such a name, and no engine such a text.
        if key.contains('\0') {
            return Ok(Self::Other);
        }
        Ok(Self::Settled { event_id: event.id, operation: OperationId::stored(key), verdict })
    }
}

#[derive(Deserialize)]
struct Event {
    id: String,
    r#type: String,
    #[serde(default)]
    data: serde_json::Value,
}

#[derive(Deserialize)]
struct Data {
    key: String,
    #[serde(default)]
    reason: Option<String>,
}

#[cfg(test)]
mod tests {
    use super::{Secret, TOLERANCE_S};
    use souk_kit::time::Timestamp;

    fn now() -> Timestamp {
        Timestamp::from_milliseconds(1_795_168_800_000)
    }

    fn secret(byte: char) -> Secret {
        Secret::parse(&byte.to_string().repeat(32)).expect("it is long enough")
    }

    /// Made with `printf '1795168800.{}' | openssl dgst -sha256 -hmac aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa`.
    const KNOWN: &str = "t=1795168800,v1=4130464789cd450a4ef7ee0a02bbb93ba2933afd03813cf501727e5a35f8365d";

    #[test]
    fn a_signature_is_what_other_programs_make() {
        assert_eq!(secret('a').sign(now(), b"{}"), KNOWN);
        assert!(secret('a').has_signed(KNOWN, b"{}", now()));
    }

    #[test]
    fn a_signature_is_of_one_secret_one_body_and_one_time() {
        let field = secret('a').sign(now(), b"{}");
        assert!(!secret('b').has_signed(&field, b"{}", now()));
        assert!(!secret('a').has_signed(&field, b"{ }", now()));
        assert!(!secret('a').has_signed(&field.replace("t=1795168800", "t=1795168801"), b"{}", now()));
        let late = |seconds: i64| Timestamp::from_milliseconds(now().milliseconds() + seconds * 1000);
        let tolerance = i64::from(TOLERANCE_S);
        for (seconds, is_good) in
            [(tolerance, true), (tolerance + 1, false), (-tolerance, true), (-tolerance - 1, false)]
        {
            assert_eq!(secret('a').has_signed(&field, b"{}", late(seconds)), is_good, "{seconds}");
        }
    }

    #[test]
    fn of_several_signatures_one_must_fit() {
        let (old, new) = (secret('a').sign(now(), b"{}"), secret('b').sign(now(), b"{}"));
        let of_new = new.split_once(',').expect("it has two parts").1;
        let both = format!("{old}, {of_new},v0=unknown");
        assert!(secret('a').has_signed(&both, b"{}", now()));
        assert!(secret('b').has_signed(&both, b"{}", now()));
        assert!(!secret('c').has_signed(&both, b"{}", now()));
    }

    #[test]
    fn a_field_that_is_none_is_no_signature() {
        let good = secret('a').sign(now(), b"{}");
        let (time, signature) = good.split_once(',').expect("it has two parts");
        let many = format!("{time},{}", [signature; 5].join(","));
        for field in
            ["", ",", "t=,v1=", time, signature, &format!("{time},{time},{signature}"), &format!("{time},v1="), &many]
        {
            assert!(!secret('a').has_signed(field, b"{}", now()), "{field}");
        }
        for bad in [
            &good[..good.len() - 1],
            &format!("{good}0"),
            &good.replace("v1=", "v1=+"),
            &format!("{time},v1={}", "é".repeat(32)),
        ] {
            assert!(!secret('a').has_signed(bad, b"{}", now()), "{bad}");
        }
    }

    #[test]
    fn a_secret_is_long() {
        for short in ["", " ", &"x".repeat(31)] {
            assert!(Secret::parse(short).is_err());
        }
    }
}
