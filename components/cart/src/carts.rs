//! The use cases: read a cart and what is different, decide, write; again if somebody else was first.
//!
//! What is decided stands in the domain, what is written in the store. The products are asked about before anything is written, once, so that a
//! request either has its effect and tells the cart as it is then, or has none.

use std::sync::Arc;

use souk_kit::context::Context;

use crate::domain::difference::{self, Difference};
use crate::domain::items::Items;
use crate::domain::offer::Offers;
use crate::domain::token::Token;
use crate::domain::{ACCOUNT_DAYS, Account, DAY_S, DAYS_MAX, GUEST_DAYS, Owner, ProductId, Refusal};
use crate::products::Products;
use crate::store::{self, Cart};

pub mod change;

pub mod merge;

pub mod of_account;

pub mod expire;

/// How often an operation starts again because somebody else was first: 32 times. Each time another request had its effect, so that only
/// more than 31 others at once on one cart could make it give up.
const ATTEMPTS_MAX: u32 = 32;

/// The world of the service: its database, clock, ids and settings, and who knows the products. Cloning it is cheap.
#[derive(Clone)]
pub struct Carts {
    context: Context,
    products: Arc<dyn Products>,
    lives: Lives,
}

/// How long carts live after their last change, in seconds.
#[derive(Clone, Copy, Debug)]
struct Lives {
    guest_s: u32,
    account_s: u32,
}

/// Who comes, and so with which cart.
#[derive(Clone, Debug)]
pub enum Whose {
    /// Somebody who signed in: theirs, whatever token they send.
    Account(Account),
    /// A guest with a token: the cart of the token, or none at all.
    Holder(Token),
    /// A guest without one: a new cart, once there is something to put in.
    Newcomer,
}

/// A cart as it is told: with what is different now.
#[derive(Clone, Debug)]
pub struct Checked {
    /// None if there is none.
    pub cart: Option<Cart>,
    /// In the order of the items.
    pub differences: Vec<Difference>,
    /// What a newcomer is known by from now on. It is told this once.
    pub token: Option<Token>,
}

/// What a client has seen, if it says so: whether a cart, or none, is still that.
pub type Seen<'a> = &'a (dyn Fn(Option<&Cart>) -> bool + Send + Sync);

impl Carts {
    /// Puts them together. `cart_guest_days` and `cart_account_days` are settings, 1 to [`DAYS_MAX`].
    pub fn new(context: Context, products: impl Products + 'static) -> Self {
        let lives = Lives {
            guest_s: context.number_setting("cart_guest_days", 1..=DAYS_MAX, GUEST_DAYS) * DAY_S,
            account_s: context.number_setting("cart_account_days", 1..=DAYS_MAX, ACCOUNT_DAYS) * DAY_S,
        };
        Self { context, products: Arc::new(products), lives }
    }

    /// The cart as it is now.
    pub async fn read(&self, whose: &Whose) -> Result<Checked, Refusal> {
        let cart = self.present(whose).await?;
        let mut offers = Offers::default();
        if let Some(cart) = &cart {
            self.ask(&mut offers, cart.items.products()).await?;
        }
        Ok(checked(cart, &offers))
    }

    /// The cart that there is. A token that is nobody's is refused: its holder must not believe that the cart is empty.
    async fn present(&self, whose: &Whose) -> Result<Option<Cart>, Refusal> {
        match whose {
            Whose::Account(account) => Ok(store::cart(&self.context, &Owner::Account(account.clone())).await?),
            Whose::Holder(token) => {
                let cart = store::cart(&self.context, &Owner::Guest(token.hash())).await?;
                Ok(Some(cart.ok_or(Refusal::UnknownCart)?))
            }
            Whose::Newcomer => Ok(None),
        }
    }

    /// Asks about products, unless the answer is there already: an operation that starts again has it.
    async fn ask(&self, offers: &mut Offers, products: Vec<ProductId>) -> Result<(), Refusal> {
        if !offers.covers(&products) {
            let answered = self.products.offers(products.clone()).await?;
            *offers = Offers::of(products, answered);
        }
        Ok(())
    }

    fn lives_s(&self, owner: &Owner) -> u32 {
        match owner {
            Owner::Account(_) => self.lives.account_s,
            Owner::Guest(_) => self.lives.guest_s,
        }
    }
}

/// A cart with what is different. The offers tell about all that is in it.
fn checked(cart: Option<Cart>, offers: &Offers) -> Checked {
    let differences = cart.as_ref().map(|cart| difference::between(&cart.items, offers));
    Checked { cart, differences: differences.unwrap_or_default(), token: None }
}

/// What is in a cart, or in none.
fn items(cart: Option<&Cart>) -> Items {
    cart.map(|cart| cart.items.clone()).unwrap_or_default()
}
