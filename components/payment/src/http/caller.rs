//! Who sees which payment.

use souk_kit::caller::Caller;

use crate::domain::payment::Payment;

/// A payment as somebody may see it: their own, and admins each.
pub(super) fn visible(caller: &Caller, payment: Payment) -> Option<Payment> {
    if caller.is_admin() {
        return Some(payment);
    }
    (caller.sub == payment.customer.as_str()).then(|| payment.for_customer())
}
