//! What the last step of a booking is for: entries that do not sum to zero are never written.

use std::path::PathBuf;

use souk_database::contract::Transaction;
use souk_kit::context::Context;
use souk_kit::database::{Attempt, attempt};
use souk_kit::native::{CountedIds, SetClock, database};

use super::{balance, insert, sums};
use crate::domain::ledger::{Account, Entry};
use crate::domain::operation::{Ask, Authorization, Operation, Origin, Wanted};
use crate::domain::payment::Payment;
use crate::domain::{Amount, Currency, Customer, Key, MethodToken, Money, OrderId};
use crate::payments::Payments;
use crate::provider::simulator::Simulator;
use crate::store;

/// A database of its own, gone at the end.
struct Folder(PathBuf);

impl Drop for Folder {
    fn drop(&mut self) {
        drop(std::fs::remove_dir_all(&self.0));
    }
}

fn open() -> (Context, Folder) {
    let folder = std::env::temp_dir().join(format!("souk-payment-ledger-{}", std::process::id()));
    std::fs::create_dir_all(&folder).expect("the temporary folder can be written");
    let database = database(&folder.join("payment.db"), crate::MIGRATIONS).expect("it takes the migrations");
    (Context::new(database, SetClock::default(), CountedIds::default()), Folder(folder))
}

/// Something to book for.
async fn authorized(context: &Context) -> (Operation, Payment) {
    let key = Key::stored("a".to_owned());
    let ask = Ask::Authorize(Authorization {
        order_id: OrderId::stored("order-1".to_owned()),
        customer: Customer::stored("mina".to_owned()),
        money: Money {
            amount: Amount::parse(100).expect("it is above zero"),
            currency: Currency::stored("EUR".to_owned()),
        },
        method: MethodToken::parse("tok_visa".to_owned()).expect("it is printable"),
    });
    let wanted = Wanted::new(Origin::Component, &key, ask);
    let payments = Payments::new(context.clone(), Simulator::new(context.clone()));
    let payment = payments.operate(&wanted).await.expect("it has an outcome").payment;
    let operation = store::operation::operation(context, &wanted.id).await.expect("it can be read");
    (operation.expect("it was begun"), payment)
}

#[tokio::test]
async fn entries_that_do_not_sum_to_zero_are_never_written() {
    let (context, _folder) = open();
    let (operation, payment) = authorized(&context).await;
    let entry = |account, units| Entry { account, units };
    for (entries, expected) in [
        (vec![entry(Account::ProviderClearing, 100), entry(Account::Revenue, -99)], false),
        (vec![entry(Account::ProviderClearing, 100)], false),
        (vec![entry(Account::ProviderClearing, 100), entry(Account::Revenue, -100)], true),
    ] {
        let count = entries.len() as u64;
        let written = insert(&operation, &payment, &entries, context.now()).exactly(count);
        let transaction = Transaction { steps: vec![written, balance(&operation)], events: vec![] };
        let attempt = attempt(context.database(), transaction).await.expect("the database is there");
        assert_eq!(matches!(attempt, Attempt::Committed(_)), expected, "{entries:?}");
        assert_eq!(sums(&context).await.expect("it can be read").is_empty(), !expected, "{entries:?}");
    }
}
