//! Addresses: where something is sent to, or an invoice is made out to.
//!
//! What an address must have differs from country to country, so little is required, and nothing is checked against a map.

use serde::Serialize;
use souk_kit::text;
use souk_kit::text::Invalid;

/// Home, work, and those who get presents. All of a customer's are deleted in one transaction.
pub const ADDRESSES_MAX: u32 = 20;
/// What a customer calls an address, in a list of them.
pub const LABEL_CHARS_MAX: usize = 50;
/// A line on an envelope; carriers print fewer.
pub const LINE_CHARS_MAX: usize = 100;
/// Street, building, floor, care of whom.
pub const LINES_MAX: usize = 4;
/// The longest in use have 10; some write the country's code before it.
pub const POSTAL_CODE_CHARS_MAX: usize = 20;

text!(
    /// The id of an address. The service makes UUIDs; what it did not make names nothing.
    AddressId,
    text::id
);

text!(
    /// What a customer calls an address.
    Label,
    |text| text::line(text, LABEL_CHARS_MAX)
);

text!(
    /// One line of an address, in any script.
    Line,
    |text| text::line(text, LINE_CHARS_MAX)
);

text!(
    /// A postal code, as the country writes it.
    PostalCode,
    |text| text::line(text, POSTAL_CODE_CHARS_MAX)
);

text!(
    /// An ISO 3166-1 code. Whether such a country exists is not looked up: the list changes, and a shop knows where it sends to.
    Country,
    |text| match text.as_bytes() {
        [_, _] if text.bytes().all(|byte| byte.is_ascii_uppercase()) => Ok(()),
        _ => Err("must be two upper-case letters, such as DE".to_owned()),
    }
);

/// The lines of an address between the recipient and the city: at least one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct Lines(Vec<Line>);

impl Lines {
    /// Puts lines together; that there are not too many was seen while they were read.
    pub fn of(lines: Vec<Line>) -> Result<Self, Invalid> {
        if lines.is_empty() { Err("must have at least one line".to_owned()) } else { Ok(Self(lines)) }
    }

    /// Takes them as they were stored: no line holds a line break.
    pub fn stored(text: &str) -> Self {
        Self(text.split('\n').map(|line| Line::stored(line.to_owned())).collect())
    }

    /// One text, as it is stored.
    pub fn text(&self) -> String {
        self.0.iter().map(Line::as_str).collect::<Vec<_>>().join("\n")
    }

    /// The lines.
    pub fn into_strings(self) -> Vec<String> {
        self.0.into_iter().map(Line::into_string).collect()
    }
}

/// An address, as its customer and admins see it.
#[derive(Clone, Debug, Serialize)]
pub struct Address {
    /// For ever the same.
    pub id: AddressId,
    /// What is written on it.
    #[serde(flatten)]
    pub details: Details,
    /// Whether deliveries go there unless another is named.
    pub default_delivery: bool,
    /// Whether invoices are made out to it unless another is named.
    pub default_invoice: bool,
    /// Grows with each change of the details.
    pub version: i64,
    /// When it was added.
    pub created_at: String,
    /// When `version` last grew.
    pub updated_at: String,
}

/// What people write into an address.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Details {
    /// What the customer calls it.
    pub label: Option<Label>,
    /// Whom it names.
    pub recipient: Line,
    /// Where in the city.
    pub lines: Lines,
    /// The code, where there are codes.
    pub postal_code: Option<PostalCode>,
    /// The city.
    pub city: Line,
    /// The part of the country, where that is written.
    pub region: Option<Line>,
    /// The country.
    pub country: Country,
}

/// What becomes a default by a change; nothing stops being one by itself.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Claims {
    /// The default for deliveries.
    pub delivery: bool,
    /// The default for invoices.
    pub invoice: bool,
}

#[cfg(test)]
mod tests {
    use super::{Country, Lines, PostalCode};

    #[test]
    fn lines_are_kept_as_one_text_and_come_back() {
        let line = |text: &str| text.parse().expect("it is a line");
        let lines = Lines::of(vec![line("茶 1"), line("2. Stock")]).expect("there are some");
        assert_eq!(Lines::stored(&lines.text()), lines);
        assert!(Lines::of(vec![]).is_err());
    }

    #[test]
    fn a_country_is_two_letters_and_a_postal_code_one_line() {
        assert!("DE".parse::<Country>().is_ok());
        for bad in ["", "D", "de", "DEU", "D1", "Ü"] {
            assert!(bad.parse::<Country>().is_err(), "{bad:?}");
        }
        assert!("SW1A 1AA".parse::<PostalCode>().is_ok() && "1\n2".parse::<PostalCode>().is_err());
    }
}
