//! Phone numbers: read as people write them, kept as ITU-T E.164 does. Whether somebody answers is only known by calling.

use serde::Serialize;
use souk_kit::text::Invalid;

/// The limit of E.164 §6, with the country's code.
pub const DIGITS_MAX: usize = 15;
/// No subscriber anywhere is reached by fewer.
pub const DIGITS_MIN: usize = 5;
/// The longest number with a separator after each digit.
pub const WRITTEN_CHARS_MAX: usize = 2 * DIGITS_MAX + 2;

/// `+` and digits, the first of them not 0.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct Phone(String);

impl Phone {
    /// Parses it. Spaces, hyphens, dots, slashes and brackets are passed over. `(0)` is refused: whether the digit is dialled
    /// depends on the country, and a guess reaches somebody else.
    pub fn parse(text: &str) -> Result<Self, Invalid> {
        if text.chars().count() > WRITTEN_CHARS_MAX {
            return Err(format!("must have at most {WRITTEN_CHARS_MAX} characters"));
        }
        let number = text.replace([' ', '\u{a0}', '-', '.', '/'], "");
        if number.contains("(0)") {
            return Err("must be written as it is dialled from abroad, without (0)".to_owned());
        }
        let number = number.replace(['(', ')'], "");
        let digits = number.strip_prefix('+').unwrap_or_default();
        let is_good = (DIGITS_MIN..=DIGITS_MAX).contains(&digits.len())
            && digits.bytes().all(|byte| byte.is_ascii_digit())
            && !digits.starts_with('0');
        if is_good {
            return Ok(Self(number));
        }
        Err(format!(
            "must be + and {DIGITS_MIN} to {DIGITS_MAX} digits with the country's first, such as +49 30 123456"
        ))
    }

    /// Takes it as it was stored.
    pub fn stored(number: String) -> Self {
        Self(number)
    }

    /// The number.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The number, taken out.
    pub fn into_string(self) -> String {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::Phone;

    #[test]
    fn a_number_is_read_as_people_write_it() {
        for (written, kept) in [
            ("+4930123456", "+4930123456"),
            ("+49 30 123456", "+4930123456"),
            (" +1 (212) 555-01.00 ", "+12125550100"),
            ("+49\u{a0}30/12 34 56", "+4930123456"),
            ("+1 2 3 4 5 6 7 8 9 0 1 2 3 4 5", "+123456789012345"),
            ("+12345", "+12345"),
        ] {
            assert_eq!(Phone::parse(written).as_ref().map(Phone::as_str), Ok(kept), "{written}");
        }
    }

    #[test]
    fn what_can_not_be_dialled_from_everywhere_is_refused() {
        for bad in [
            "",
            "+",
            "030123456",
            "0049 30 123456",
            "+49 (0)30 123456",
            "+0301234567",
            "+1234",
            "+1234567890123456",
            "++4930123456",
            "+4930x23456",
            "+4930123456 ext 7",
            "+٤٩٣٠١٢٣٤٥٦",
            "+49\n30123456",
            "+49 30\u{0}123456",
            &format!("+4930123456{}", " ".repeat(30)),
        ] {
            assert!(Phone::parse(bad).is_err(), "{bad:?}");
        }
    }
}
