//! What `souk:cart/carts` offers to other services, apart from its bindings: arguments as text in, the domain out. The refusal names an argument that
//! is outside its limits.

use souk_kit::database::Failure;
use souk_kit::text::Invalid;

use super::{ATTEMPTS_MAX, Carts, Whose};
use crate::domain::difference::Difference;
use crate::domain::items::{Bought, Purchase};
use crate::domain::{Account, OrderId, Owner, PRODUCTS_MAX, ProductId, Refusal};
use crate::store::change::Change;
use crate::store::taken_out::take_out;
use crate::store::{self, Cart, Written};

impl Carts {
    /// The account's cart, with what is different now.
    pub async fn of_account(&self, account: String) -> Result<(Cart, Vec<Difference>), Refusal> {
        let account = parse("account", account, Account::parse)?;
        let checked = self.read(&Whose::Account(account)).await?;
        Ok((checked.cart.ok_or(Refusal::NoCart)?, checked.differences))
    }

    /// Takes what an order bought out of the account's cart, once for each order. Of an account without a cart it is remembered, too: a cart
    /// that comes later is not about this order.
    pub async fn take_out(&self, account: String, order: String, items: Vec<(String, u32)>) -> Result<(), Refusal> {
        let owner = Owner::Account(parse("account", account, Account::parse)?);
        let purchase = purchase(order, items).map_err(Refusal::Invalid)?;
        for _ in 0..ATTEMPTS_MAX {
            let present = store::cart(&self.context, &owner).await?;
            let before = super::items(present.as_ref());
            let after = before.without(&purchase.items);
            let change =
                Change { owner: &owner, present: present.as_ref(), items: &after, lives_s: self.lives_s(&owner) };
            let change = (after != before).then_some(change);
            if let Written::Done(()) = take_out(&self.context, &purchase.order_id, change).await? {
                return Ok(());
            }
        }
        Err(Failure::Stale.into())
    }
}

fn purchase(order: String, items: Vec<(String, u32)>) -> Result<Purchase, Invalid> {
    let order_id = OrderId::parse(order).map_err(|reason| format!("order-id {reason}"))?;
    if items.len() > PRODUCTS_MAX {
        return Err(format!("items must be at most {PRODUCTS_MAX}"));
    }
    let bought = items.into_iter().map(|(product_id, quantity)| {
        let product_id = ProductId::parse(product_id).map_err(|reason| format!("product-id {reason}"))?;
        if quantity == 0 {
            return Err("quantity must be at least 1".to_owned());
        }
        Ok(Bought { product_id, quantity })
    });
    Ok(Purchase { order_id, items: bought.collect::<Result<_, _>>()? })
}

fn parse<T>(name: &str, text: String, parse: impl Fn(String) -> Result<T, Invalid>) -> Result<T, Refusal> {
    parse(text).map_err(|reason| Refusal::Invalid(format!("{name} {reason}")))
}
