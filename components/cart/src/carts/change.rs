//! What its owner does to a cart.

use souk_kit::database::Failure;

use super::{ATTEMPTS_MAX, Carts, Checked, Seen, Whose, checked, items};
use crate::domain::items::Items;
use crate::domain::offer::Offers;
use crate::domain::token::Token;
use crate::domain::{Owner, ProductId, Quantity, Refusal};
use crate::store::change::{Change, change};
use crate::store::{Cart, Written};

impl Carts {
    /// Adds so many of a product to what is there.
    pub async fn add(
        &self,
        whose: &Whose,
        seen: Seen<'_>,
        product: &ProductId,
        more: Quantity,
    ) -> Result<Checked, Refusal> {
        self.put(whose, seen, product, |items, offers| items.add(product, more, offers.get(product))).await
    }

    /// Makes it exactly so many of a product.
    pub async fn set(
        &self,
        whose: &Whose,
        seen: Seen<'_>,
        product: &ProductId,
        quantity: Quantity,
    ) -> Result<Checked, Refusal> {
        self.put(whose, seen, product, |items, offers| items.set(product, quantity, offers.get(product))).await
    }

    /// Takes the prices of now, and out what can't be had. A cart that there is not is fine as it is.
    pub async fn accept(&self, whose: &Whose, seen: Seen<'_>) -> Result<Checked, Refusal> {
        let mut offers = Offers::default();
        for _ in 0..ATTEMPTS_MAX {
            let present = self.seen(whose, seen).await?;
            let before = items(present.as_ref());
            self.ask(&mut offers, before.products()).await?;
            let accepted = before.accept(&offers)?;
            if let Written::Done(answer) = self.write(whose, present, &accepted, &offers).await? {
                return Ok(answer);
            }
        }
        Err(Failure::Stale.into())
    }

    /// Takes a product out, whether or not it is for sale.
    pub async fn remove(&self, whose: &Whose, seen: Seen<'_>, product: &ProductId) -> Result<(), Refusal> {
        self.take_away(whose, seen, |items| items.remove(product)).await
    }

    /// Takes everything out.
    pub async fn empty(&self, whose: &Whose, seen: Seen<'_>) -> Result<(), Refusal> {
        self.take_away(whose, seen, |_| Ok(Items::default())).await
    }

    async fn put(
        &self,
        whose: &Whose,
        seen: Seen<'_>,
        product: &ProductId,
        decide: impl Fn(&Items, &Offers) -> Result<Items, Refusal>,
    ) -> Result<Checked, Refusal> {
        let mut offers = Offers::default();
        for _ in 0..ATTEMPTS_MAX {
            let present = self.seen(whose, seen).await?;
            let before = items(present.as_ref());
            before.have_room_for(product)?;
            let mut products = before.products();
            if before.get(product).is_none() {
                products.push(product.clone());
            }
            self.ask(&mut offers, products).await?;
            let after = decide(&before, &offers)?;
            if let Written::Done(answer) = self.write(whose, present, &after, &offers).await? {
                return Ok(answer);
            }
        }
        Err(Failure::Stale.into())
    }

    /// Without a question about products: what somebody does not want can be taken out at any time.
    async fn take_away(
        &self,
        whose: &Whose,
        seen: Seen<'_>,
        decide: impl Fn(&Items) -> Result<Items, Refusal>,
    ) -> Result<(), Refusal> {
        for _ in 0..ATTEMPTS_MAX {
            let present = self.seen(whose, seen).await?;
            let after = decide(&items(present.as_ref()))?;
            if let Written::Done(_) = self.write(whose, present, &after, &Offers::default()).await? {
                return Ok(());
            }
        }
        Err(Failure::Stale.into())
    }

    /// The cart that is to be changed, if it is the one that the client has seen.
    async fn seen(&self, whose: &Whose, seen: Seen<'_>) -> Result<Option<Cart>, Refusal> {
        let present = self.present(whose).await?;
        if seen(present.as_ref()) { Ok(present) } else { Err(Refusal::Stale) }
    }

    /// A change of nothing is none. A newcomer gets a token with the first thing.
    async fn write(
        &self,
        whose: &Whose,
        present: Option<Cart>,
        after: &Items,
        offers: &Offers,
    ) -> Result<Written<Checked>, Refusal> {
        if items(present.as_ref()) == *after {
            return Ok(Written::Done(checked(present, offers)));
        }
        let (owner, token) = match whose {
            Whose::Account(account) => (Owner::Account(account.clone()), None),
            Whose::Holder(token) => (Owner::Guest(token.hash()), None),
            Whose::Newcomer => {
                let token = Token::of(self.context.secret());
                (Owner::Guest(token.hash()), Some(token))
            }
        };
        let wanted = Change { owner: &owner, present: present.as_ref(), items: after, lives_s: self.lives_s(&owner) };
        match change(&self.context, wanted).await? {
            Written::Done(cart) => Ok(Written::Done(Checked { token, ..checked(Some(cart), offers) })),
            Written::Overtaken => Ok(Written::Overtaken),
        }
    }
}
