//! A guest signs in, and what they had put in is theirs as an account.

use souk_kit::database::Failure;

use super::{ATTEMPTS_MAX, Carts, Checked, Seen, Whose, checked, items};
use crate::domain::items::LeftOut;
use crate::domain::offer::Offers;
use crate::domain::token::Token;
use crate::domain::{Account, Owner, Refusal};
use crate::store;
use crate::store::Written;
use crate::store::change::Change;
use crate::store::merge::{Merge, merge, merged};

/// An account's cart after a guest's was put into it.
#[derive(Clone, Debug)]
pub struct Merged {
    /// As it is now, perhaps changed since.
    pub checked: Checked,
    /// What of the guest's cart found no room.
    pub left_out: Vec<LeftOut>,
}

impl Carts {
    /// Puts the cart of a token into an account's. When this account has done so before, nothing happens but the answer.
    pub async fn merge(&self, account: &Account, token: &Token, seen: Seen<'_>) -> Result<Merged, Refusal> {
        let token = token.hash();
        let (owner, guest_owner) = (Owner::Account(account.clone()), Owner::Guest(token.clone()));
        let mut offers = Offers::default();
        for _ in 0..ATTEMPTS_MAX {
            let Some(guest) = store::cart(&self.context, &guest_owner).await? else {
                let left_out = merged(&self.context, &token, account).await?.ok_or(Refusal::UnknownCart)?;
                let checked = self.read(&Whose::Account(account.clone())).await?;
                return Ok(Merged { checked, left_out });
            };
            let present = store::cart(&self.context, &owner).await?;
            if !seen(present.as_ref()) {
                return Err(Refusal::Stale);
            }
            let before = items(present.as_ref());
            let (after, left_out) = before.merge(&guest.items);
            self.ask(&mut offers, after.products()).await?;
            let change =
                Change { owner: &owner, present: present.as_ref(), items: &after, lives_s: self.lives_s(&owner) };
            let change = (after != before).then_some(change);
            let wanted = Merge { account, token: &token, guest: &guest, change, left_out: &left_out };
            if let Written::Done(cart) = merge(&self.context, &wanted).await? {
                return Ok(Merged { checked: checked(cart.or(present), &offers), left_out });
            }
        }
        Err(Failure::Stale.into())
    }
}
