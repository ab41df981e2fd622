//! What `souk:customer/profiles` offers to other services, apart from its bindings: arguments as text in, the domain out.
//!
//! What is no id of a customer or an address is the id of none, as everywhere; an account, a name and an e-mail are the caller's to
//! get right, and the refusal names the argument.

use souk_kit::context::Context;
use souk_kit::email::Email;
use souk_kit::text::Invalid;

use crate::domain::address::{Address, AddressId};
use crate::domain::{Account, CustomerId, Details, Key, Name, Profile, Refusal};
use crate::store;

/// The profile that an account has now.
pub async fn of_account(context: &Context, account: String) -> Result<Profile, Refusal> {
    let key = Key::Account(parse("account", account, Account::parse)?);
    store::profile::profile(context, &key).await?.ok_or(Refusal::UnknownCustomer)
}

/// The profile with this id, deleted ones too.
pub async fn get(context: &Context, id: String) -> Result<Profile, Refusal> {
    let id = CustomerId::parse(id).map_err(|_| Refusal::UnknownCustomer)?;
    store::profile::profile(context, &Key::Id(id)).await?.ok_or(Refusal::UnknownCustomer)
}

/// The profile of an account, made if there is none.
pub async fn ensure(
    context: &Context,
    account: String,
    name: Option<String>,
    email: Option<String>,
) -> Result<Profile, Refusal> {
    let account = parse("account", account, Account::parse)?;
    let name = name.map(|name| parse("name", name, Name::parse)).transpose()?;
    let email = email.map(|email| parse("email", email, Email::parse)).transpose()?;
    store::profile::ensure(context, &account, &Details { name, email, ..Details::default() }).await
}

/// One of the account's addresses, or without an id the default for deliveries.
pub async fn address(context: &Context, account: String, id: Option<String>) -> Result<Address, Refusal> {
    let customer = of_account(context, account).await?.id;
    let Some(id) = id else {
        return store::address::default_for_delivery(context, &customer).await?.ok_or(Refusal::NoAddress);
    };
    let id = AddressId::parse(id).map_err(|_| Refusal::UnknownAddress)?;
    store::address::address(context, &customer, &id).await?.ok_or(Refusal::UnknownAddress)
}

fn parse<T>(name: &str, text: String, parse: impl Fn(String) -> Result<T, Invalid>) -> Result<T, Refusal> {
    parse(text).map_err(|reason| Refusal::Invalid(format!("{name} {reason}")))
}
