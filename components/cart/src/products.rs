//! What the service needs of a product service, as a trait: in a component `souk:product` answers it over a link, in a process of
//! its own whoever starts it, such as by HTTP. The cart itself never trusts what it was told before: it asks for each answer.

use std::pin::Pin;

use crate::domain::offer::Offer;
use crate::domain::{ProductId, Refusal};

/// Why nothing is known of the products.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Error {
    /// They can't be asked about now; the text is for the log.
    Unavailable(String),
    /// The answer can't be right, or the question was refused; the text is for the log. Asking again does not help.
    Misanswered(String),
}

/// A future as [`Products`] returns it.
pub type Answer<'a, T> = Pin<Box<dyn Future<Output = Result<T, Error>> + Send + 'a>>;

/// Tells what is for sale.
pub trait Products: Send + Sync {
    /// The offers of these products, in any order. What is unknown, or known and not for sale, is left out. Ids differ from each other,
    /// and there are 1 to 40 of them. An answer is of this moment: one that was kept would sell what is gone.
    fn offers(&self, ids: Vec<ProductId>) -> Answer<'_, Vec<Offer>>;
}

impl From<Error> for Refusal {
    fn from(error: Error) -> Self {
        match error {
            Error::Unavailable(text) => Self::ProductsUnavailable(text),
            Error::Misanswered(text) => Self::ProductsMisanswered(text),
        }
    }
}
