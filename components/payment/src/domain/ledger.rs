//! Double entry: which accounts a movement of money touches.
//!
//! Authorizing and voiding move nothing. A capture is a sale, paid at once: the customer owes the revenue, and the provider, who has taken the money,
//! owes what the customer owed. A refund is the same backwards, against an account of its own, so that revenue stays what was sold. So
//! `customer-receivable` comes to zero after each transaction, and `provider-clearing` is what providers have to pay out.

use serde::Serialize;

use super::{Amount, Currency, Invalid};

/// Where money is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Account {
    /// What customers owe.
    CustomerReceivable,
    /// What providers hold for the shop.
    ProviderClearing,
    /// What was sold.
    Revenue,
    /// What was given back.
    Refunds,
}

impl Account {
    /// Parses the word.
    pub fn parse(text: &str) -> Result<Self, Invalid> {
        match text {
            "customer-receivable" => Ok(Self::CustomerReceivable),
            "provider-clearing" => Ok(Self::ProviderClearing),
            "revenue" => Ok(Self::Revenue),
            "refunds" => Ok(Self::Refunds),
            _ => Err("must be an account".to_owned()),
        }
    }

    /// The word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::CustomerReceivable => "customer-receivable",
            Self::ProviderClearing => "provider-clearing",
            Self::Revenue => "revenue",
            Self::Refunds => "refunds",
        }
    }
}

/// One line of a transaction: a debit is positive, a credit negative.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Of which account.
    pub account: Account,
    /// In minor units.
    pub units: i64,
}

/// What all entries of an account in a currency come to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Sum {
    /// Of which account.
    pub account: Account,
    /// In which currency.
    pub currency: Currency,
    /// In minor units.
    pub amount: i64,
}

/// The entries of a capture.
pub fn captured(amount: Amount) -> Vec<Entry> {
    transfers(
        &[(Account::CustomerReceivable, Account::Revenue), (Account::ProviderClearing, Account::CustomerReceivable)],
        amount,
    )
}

/// The entries of a refund.
pub fn refunded(amount: Amount) -> Vec<Entry> {
    transfers(
        &[(Account::Refunds, Account::CustomerReceivable), (Account::CustomerReceivable, Account::ProviderClearing)],
        amount,
    )
}

/// Each pair is debit and credit of the same amount, so that whatever is made here sums to zero.
fn transfers(pairs: &[(Account, Account)], amount: Amount) -> Vec<Entry> {
    let entries = |(debit, credit): &(Account, Account)| {
        [Entry { account: *debit, units: amount.units() }, Entry { account: *credit, units: -amount.units() }]
    };
    pairs.iter().flat_map(entries).collect()
}

/// Whether the books are right: in each currency all accounts together come to zero, and customers owe nothing.
pub fn is_balanced(sums: &[Sum]) -> bool {
    let total = |currency: &Currency| -> i64 {
        sums.iter().filter(|sum| sum.currency == *currency).map(|sum| sum.amount).sum()
    };
    sums.iter().all(|sum| total(&sum.currency) == 0 && (sum.account != Account::CustomerReceivable || sum.amount == 0))
}

#[cfg(test)]
mod tests {
    use super::{Account, Entry, Sum, captured, is_balanced, refunded};
    use crate::domain::{Amount, Currency};

    fn sums(entries: &[Entry], currency: &str) -> Vec<Sum> {
        let currency = Currency::stored(currency.to_owned());
        entries
            .iter()
            .map(|entry| Sum { account: entry.account, currency: currency.clone(), amount: entry.units })
            .collect()
    }

    #[test]
    fn movements_sum_to_zero_and_name_the_accounts() {
        let amount = Amount::parse(250).expect("it is above zero");
        for (entries, of_provider, other) in
            [(captured(amount), 250, Account::Revenue), (refunded(amount), -250, Account::Refunds)]
        {
            let sum = |account: Account| -> i64 {
                entries.iter().filter(|entry| entry.account == account).map(|entry| entry.units).sum()
            };
            assert_eq!(entries.iter().map(|entry| entry.units).sum::<i64>(), 0);
            assert_eq!(sum(Account::CustomerReceivable), 0);
            assert_eq!((sum(Account::ProviderClearing), sum(other)), (of_provider, -of_provider));
        }
    }

    #[test]
    fn books_balance_in_each_currency_by_itself() {
        let sum = |account, currency: &str, units| sums(&[Entry { account, units }], currency).remove(0);
        let clearing = |currency| sum(Account::ProviderClearing, currency, 5);
        assert!(is_balanced(&[]));
        assert!(is_balanced(&[clearing("EUR"), sum(Account::Revenue, "EUR", -5)]));
        assert!(!is_balanced(&[clearing("EUR"), sum(Account::Revenue, "USD", -5)]));
        assert!(!is_balanced(&[clearing("EUR"), sum(Account::Revenue, "EUR", -4)]));
        assert!(!is_balanced(&[clearing("EUR"), sum(Account::CustomerReceivable, "EUR", -5)]));
    }
}
