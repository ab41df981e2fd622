//! Languages as BCP 47 (RFC 5646 §2.1) writes them, of its forms the simple ones: a language, perhaps a script, perhaps a
//! region. Extensions and variants are refused: nobody has a shop in them. The registry is not looked up.

use serde::Serialize;
use souk_kit::text::Invalid;

/// A language tag, in the case of RFC 5646 §2.1.1.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct Language(String);

impl Language {
    /// Parses it, in any case.
    pub fn parse(text: &str) -> Result<Self, Invalid> {
        let reason = || "must be a language tag such as de, de-CH or zh-Hant-TW".to_owned();
        let mut subtags = text.split('-').peekable();
        let language = subtags.next().filter(|subtag| is_alphabetic(subtag, 2..=3)).ok_or_else(reason)?;
        let mut tag = language.to_ascii_lowercase();
        if let Some(script) = subtags.next_if(|subtag| is_alphabetic(subtag, 4..=4)) {
            let (initial, rest) = script.split_at(1);
            tag = format!("{tag}-{}{}", initial.to_ascii_uppercase(), rest.to_ascii_lowercase());
        }
        if let Some(region) = subtags.next_if(|subtag| is_region(subtag)) {
            tag = format!("{tag}-{}", region.to_ascii_uppercase());
        }
        if subtags.next().is_some() { Err(reason()) } else { Ok(Self(tag)) }
    }

    /// Takes it as it was stored.
    pub fn stored(tag: String) -> Self {
        Self(tag)
    }

    /// The tag.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The tag, taken out.
    pub fn into_string(self) -> String {
        self.0
    }
}

fn is_alphabetic(subtag: &str, lengths: std::ops::RangeInclusive<usize>) -> bool {
    lengths.contains(&subtag.len()) && subtag.bytes().all(|byte| byte.is_ascii_alphabetic())
}

/// ISO 3166-1, or a region of the UN such as 419 for Latin America.
fn is_region(subtag: &str) -> bool {
    is_alphabetic(subtag, 2..=2) || subtag.len() == 3 && subtag.bytes().all(|byte| byte.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::Language;

    #[test]
    fn a_tag_is_kept_in_one_case() {
        for (written, kept) in [
            ("de", "de"),
            ("DE-ch", "de-CH"),
            ("gsw", "gsw"),
            ("zh-hant-tw", "zh-Hant-TW"),
            ("sr-LATN", "sr-Latn"),
            ("es-419", "es-419"),
        ] {
            assert_eq!(Language::parse(written).as_ref().map(Language::as_str), Ok(kept), "{written}");
        }
    }

    #[test]
    fn other_forms_are_refused() {
        for bad in
            ["", "d", "deut", "de_CH", "de-", "-de", "de-C", "de-CH-AT", "de-CH-Latn", "de-1996", "x-a", "dé", "*"]
        {
            assert!(Language::parse(bad).is_err(), "{bad:?}");
        }
    }
}
