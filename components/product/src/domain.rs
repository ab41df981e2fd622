//! What a shop sells, in types that cannot be wrong: whoever holds a [`Name`] holds a good name.
//!
//! Everything that comes from outside is parsed here and checked nowhere else; the constants are the limits, with their
//! reasons. No database, no HTTP, no clock.

use std::fmt;

use serde::Serialize;
use serde_json::value::RawValue;
use souk_kit::database::Failure;
use souk_kit::text;
use souk_kit::text::Invalid;

pub mod reservation;

/// One line on a page and in a list.
pub const NAME_CHARS_MAX: usize = 200;
/// Some five printed pages; more is a document and belongs elsewhere.
pub const DESCRIPTION_CHARS_MAX: usize = 10_000;
/// A bar code has 14 characters; merchants' own schemes are longer.
pub const SKU_CHARS_MAX: usize = 64;
/// What a person fills in. All of it is answered with each product of a list.
pub const ATTRIBUTES_MAX: usize = 50;
/// A label.
pub const ATTRIBUTE_NAME_CHARS_MAX: usize = 50;
/// A short answer to the label.
pub const ATTRIBUTE_VALUE_CHARS_MAX: usize = 200;
/// What browsers and proxies agree to carry.
pub const IMAGE_URL_CHARS_MAX: usize = 2_000;
/// Ten thousand million in a currency with cents. A thousand of them, ten thousand times, still fits 64 bits.
pub const PRICE_AMOUNT_MAX: i64 = 1_000_000_000_000;
/// Above any real shelf, below where sums could overflow.
pub const STOCK_MAX: i64 = 1_000_000_000;
/// At this stock or below it, `stock.low` tells the merchant to reorder. One number for all products until somebody
/// needs another.
pub const STOCK_LOW: i64 = 5;
/// One line in a log of changes.
pub const REASON_CHARS_MAX: usize = 200;

text!(
    /// The id of a product. The service makes UUIDs; what it did not make names nothing.
    ProductId,
    text::id
);

text!(
    /// The name of a product or category: one line.
    Name,
    |text| text::line(text, NAME_CHARS_MAX)
);

text!(
    /// Plain text that may have several lines, or be empty.
    Description,
    |text| {
        let printable = text.replace(['\n', '\r', '\t'], " ");
        text::within(&printable, 0, DESCRIPTION_CHARS_MAX)
    }
);

impl Description {
    /// Of what nobody has described.
    pub fn empty() -> Self {
        Self(String::new())
    }
}

text!(
    /// The merchant's number of a product.
    Sku,
    |text| word(text, SKU_CHARS_MAX, "letters, digits and . _ - /", |byte| {
        byte.is_ascii_alphanumeric() || b"._-/".contains(&byte)
    })
);

text!(
    /// The name of a category in URLs.
    Slug,
    |text| {
        word(text, text::ID_CHARS_MAX, "lower-case letters, digits and -", |byte| {
            byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-'
        })?;
        if text.starts_with('-') || text.ends_with('-') {
            return Err("must not begin or end with -".to_owned());
        }
        Ok(())
    }
);

text!(
    /// An ISO 4217 code. Whether such a currency exists is not looked up: the list changes, and a shop knows its own.
    Currency,
    text::currency
);

text!(
    /// Where the picture is.
    ImageUrl,
    |text| {
        let elsewhere = text.strip_prefix("https://").is_some_and(|rest| !rest.is_empty() && !rest.starts_with('/'));
        // `//host/…` would be another site.
        let here = text.starts_with('/') && !text.starts_with("//");
        if !elsewhere && !here {
            return Err("must begin with https:// or be a path of this site, which begins with one /".to_owned());
        }
        word(text, IMAGE_URL_CHARS_MAX, "characters that a URL can hold", |byte| {
            byte.is_ascii_graphic() && !b"\"'<>\\^`{|}".contains(&byte)
        })
    }
);

text!(
    /// Why somebody changed a stock.
    Reason,
    |text| text::line(text, REASON_CHARS_MAX)
);

text!(
    /// What makes a repeated adjustment known as a repetition.
    IdempotencyKey,
    text::id
);

/// Free labels and their values, kept as the JSON object that is stored and answered: products are read much more often
/// than somebody looks into this.
#[derive(Clone, Debug, Serialize)]
#[serde(transparent)]
pub struct Attributes(Box<RawValue>);

impl Attributes {
    /// Puts pairs together whose names differ.
    pub fn of(pairs: &[(AttributeName, AttributeValue)]) -> Self {
        let object: serde_json::Map<_, _> =
            pairs.iter().map(|(name, value)| (name.0.clone(), value.0.clone().into())).collect();
        let json = serde_json::Value::Object(object).to_string();
        Self(RawValue::from_string(json).expect("it was just made as JSON"))
    }

    /// Takes them as they were stored.
    pub fn stored(json: String) -> Result<Self, Invalid> {
        RawValue::from_string(json).map(Self).map_err(|error| error.to_string())
    }

    /// The JSON object.
    pub fn json(&self) -> &str {
        self.0.get()
    }

    /// Names and values in the order of the names.
    pub fn pairs(&self) -> Result<Vec<(String, String)>, Invalid> {
        let pairs: std::collections::BTreeMap<String, String> =
            serde_json::from_str(self.json()).map_err(|error| error.to_string())?;
        Ok(pairs.into_iter().collect())
    }
}

text!(
    /// The name of an attribute.
    AttributeName,
    |text| text::line(text, ATTRIBUTE_NAME_CHARS_MAX)
);

text!(
    /// The value of an attribute.
    AttributeValue,
    |text| text::line(text, ATTRIBUTE_VALUE_CHARS_MAX)
);

/// An amount of money, not negative.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Money {
    /// In minor units.
    pub amount: i64,
    /// Of which currency.
    pub currency: Currency,
}

/// Checks the amount of a price.
pub fn amount(amount: i64) -> Result<i64, Invalid> {
    bounded(amount, 0, PRICE_AMOUNT_MAX)
}

/// Checks a stock.
pub fn stock(stock: i64) -> Result<i64, Invalid> {
    bounded(stock, 0, STOCK_MAX)
}

/// Checks a change of stock.
pub fn change(change: i64) -> Result<i64, Invalid> {
    match bounded(change, -STOCK_MAX, STOCK_MAX)? {
        0 => Err("must not be 0".to_owned()),
        change => Ok(change),
    }
}

/// Whether a product may be shown and sold.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Status {
    /// Being written.
    Draft,
    /// On sale.
    Published,
}

impl Status {
    /// Parses the word.
    pub fn parse(text: &str) -> Result<Self, Invalid> {
        match text {
            "draft" => Ok(Self::Draft),
            "published" => Ok(Self::Published),
            _ => Err("must be draft or published".to_owned()),
        }
    }

    /// The word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Draft => "draft",
            Self::Published => "published",
        }
    }
}

/// What a merchant writes about a product: the whole body of a `PUT`.
#[derive(Clone, Debug, Serialize)]
#[expect(missing_docs, reason = "the fields are those of `souk:product/types.product`")]
pub struct Details {
    pub sku: Sku,
    pub name: Name,
    pub description: Description,
    pub price: Money,
    pub category: Slug,
    pub attributes: Attributes,
    pub image_url: Option<ImageUrl>,
    pub status: Status,
}

/// A product as it stands in a list: all but the description, which may be a hundred times as long as the rest.
#[derive(Clone, Debug, Serialize)]
#[expect(missing_docs, reason = "the fields are those of `souk:product/types.product`")]
pub struct Summary {
    pub id: ProductId,
    pub sku: Sku,
    pub name: Name,
    pub price: Money,
    pub category: Slug,
    pub attributes: Attributes,
    pub image_url: Option<ImageUrl>,
    pub status: Status,
    /// On the shelf, with what is held.
    pub stock: i64,
    /// On the shelf and held by nobody.
    pub available: i64,
    pub version: i64,
    /// Of `stock` and `available`. Not answered by itself: it is a part of the tag.
    #[serde(skip)]
    pub stock_version: i64,
    pub created_at: String,
    pub updated_at: String,
}

impl Summary {
    /// How many `reserve` would give: none of a draft.
    pub fn for_sale(&self) -> i64 {
        match self.status {
            Status::Published => self.available,
            Status::Draft => 0,
        }
    }
}

/// A product.
#[derive(Clone, Debug, Serialize)]
pub struct Product {
    /// All but the description.
    #[serde(flatten)]
    pub summary: Summary,
    /// Perhaps empty.
    pub description: Description,
}

impl Product {
    /// What a merchant can change.
    pub fn into_details(self) -> Details {
        let summary = self.summary;
        Details {
            sku: summary.sku,
            name: summary.name,
            description: self.description,
            price: summary.price,
            category: summary.category,
            attributes: summary.attributes,
            image_url: summary.image_url,
            status: summary.status,
        }
    }
}

/// Which representation of a product somebody saw: `<id>.<version>.<stock-version>.<available>`.
///
/// The whole names one representation, to the byte. `available` is a part of it because it grows by itself when a
/// reservation expires, with nobody writing. A write compares the id and the one version that it is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Revision {
    id: String,
    version: i64,
    stock_version: i64,
    available: i64,
}

impl Revision {
    /// Of what there is now.
    pub fn of(product: &Summary) -> Self {
        Self {
            id: product.id.as_str().to_owned(),
            version: product.version,
            stock_version: product.stock_version,
            available: product.available,
        }
    }

    /// Reads the text back. The id comes first and may hold dots, so it is read from the end.
    pub fn parse(text: &str) -> Option<Self> {
        let mut parts = text.rsplitn(4, '.');
        let available = parts.next()?.parse().ok()?;
        let stock_version = parts.next()?.parse().ok()?;
        let version = parts.next()?.parse().ok()?;
        let id = parts.next()?.to_owned();
        Some(Self { id, version, stock_version, available })
    }

    /// Whether the description and the like are still those.
    pub fn is_current(&self, product: &Summary) -> bool {
        self.id == product.id.as_str() && self.version == product.version
    }

    /// Whether the stock is still that.
    pub fn is_current_stock(&self, product: &Summary) -> bool {
        self.id == product.id.as_str() && self.stock_version == product.stock_version
    }
}

impl fmt::Display for Revision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}.{}.{}", self.id, self.version, self.stock_version, self.available)
    }
}

/// A group of products.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Category {
    /// Its id.
    pub slug: Slug,
    /// What people read.
    pub name: Name,
    /// Perhaps empty.
    pub description: Description,
    /// Grows with each change.
    pub version: i64,
    /// When it was created.
    pub created_at: String,
    /// When `version` last grew.
    pub updated_at: String,
}

/// Why a change to a product, its stock or a category was not made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// There is no such product.
    UnknownProduct,
    /// There is no such category: the one that is to be changed.
    UnknownCategory,
    /// The product is to be put into a category that does not exist.
    NoSuchCategory,
    /// It was changed meanwhile.
    Stale,
    /// Another product has this SKU.
    SkuTaken,
    /// Another category has this slug.
    SlugTaken,
    /// Products are in the category.
    CategoryInUse,
    /// Somebody has reserved some of it, so it can't be deleted.
    Reserved,
    /// The stock would go below what is held, and so perhaps below zero.
    SoldOut {
        /// What can be taken away at most.
        available: i64,
    },
    /// The stock would go above [`STOCK_MAX`].
    TooMuchStock,
    /// The key was used for another adjustment.
    KeyReused,
    /// It could not be done.
    Failed(Failure),
}

impl<F: Into<Failure>> From<F> for Refusal {
    fn from(failure: F) -> Self {
        Self::Failed(failure.into())
    }
}

fn bounded(number: i64, min: i64, max: i64) -> Result<i64, Invalid> {
    if (min..=max).contains(&number) {
        return Ok(number);
    }
    Err(format!("must be from {min} to {max}"))
}

fn word(text: &str, max: usize, alphabet: &str, allowed: impl Fn(u8) -> bool) -> Result<(), Invalid> {
    if text.is_empty() || text.len() > max || !text.bytes().all(allowed) {
        return Err(format!("must be 1 to {max} {alphabet}"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::{Attributes, Currency, Description, ImageUrl, Name, Revision, Sku, Slug, amount, change};

    #[test]
    fn a_name_is_one_line_of_bounded_length() {
        for good in ["Teapot", "Ünïcödé", "茶", &"ü".repeat(200)] {
            assert!(good.parse::<Name>().is_ok(), "{good}");
        }
        for bad in ["", " a", "a ", "a\nb", "a\0b", "\u{1b}[2J", &"ü".repeat(201)] {
            assert!(bad.parse::<Name>().is_err(), "{bad:?}");
        }
    }

    #[test]
    fn a_description_may_have_lines_and_be_empty() {
        assert!("".parse::<Description>().is_ok());
        assert!("one\n\ttwo\r\n".parse::<Description>().is_ok());
        assert!("nul\0".parse::<Description>().is_err());
        assert!("x".repeat(10_001).parse::<Description>().is_err());
    }

    #[test]
    fn an_image_is_here_or_on_a_site_with_https() {
        for good in ["/img/a.webp", "https://cdn.example/a.webp?w=2"] {
            assert!(good.parse::<ImageUrl>().is_ok(), "{good}");
        }
        for bad in [
            "http://a/b",
            "//a/b",
            "javascript:alert(1)",
            "data:,",
            "a.webp",
            "https://",
            "https:///a",
            "/a b",
            "/\"onerror=",
            "/ä",
        ] {
            assert!(bad.parse::<ImageUrl>().is_err(), "{bad}");
        }
    }

    #[test]
    fn words_have_their_alphabets() {
        assert!(
            "AB-1/2_x.9".parse::<Sku>().is_ok()
                && "tea-pots-2".parse::<Slug>().is_ok()
                && "EUR".parse::<Currency>().is_ok()
        );
        assert!("a b".parse::<Sku>().is_err() && "".parse::<Sku>().is_err());
        assert!("Tea".parse::<Slug>().is_err() && "-a".parse::<Slug>().is_err() && "a-".parse::<Slug>().is_err());
        assert!(
            "eur".parse::<Currency>().is_err()
                && "EURO".parse::<Currency>().is_err()
                && "€".parse::<Currency>().is_err()
        );
    }

    #[test]
    fn numbers_have_bounds() {
        assert!(amount(0).is_ok() && amount(-1).is_err() && amount(i64::MAX).is_err());
        assert!(change(-5).is_ok() && change(0).is_err() && change(i64::MIN).is_err());
    }

    #[test]
    fn a_version_reads_back_also_with_dots_in_the_id() {
        let text = "a.b.3.4.5";
        assert_eq!(Revision::parse(text).map(|revision| revision.to_string()).as_deref(), Some(text));
        assert_eq!(Revision::parse("a.3.4"), None);
        assert_eq!(Revision::parse("a.b.c.d"), None);
    }

    #[test]
    fn attributes_are_kept_as_canonical_json() {
        let pair = |name: &str, value: &str| (name.parse().expect("good"), value.parse().expect("good"));
        let attributes = Attributes::of(&[pair("size", "5\""), pair("colour", "blue")]);
        assert_eq!(attributes.json(), r#"{"colour":"blue","size":"5\""}"#);
        let pairs = attributes.pairs().expect("it is an object of text");
        assert_eq!(pairs[0], ("colour".to_owned(), "blue".to_owned()));
    }
}
