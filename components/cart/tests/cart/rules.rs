//! What holds of the items of a cart whatever is done to them.

use std::collections::BTreeSet;

use cart::domain::items::{Bought, Items};
use cart::domain::offer::{Offer, Offers};
use cart::domain::{AMOUNT_MAX, Currency, Money, PRODUCTS_MAX, ProductId, QUANTITY_MAX, Quantity, difference};
use proptest::prelude::{Just, ProptestConfig, Strategy, any, prop_oneof};
use proptest::{collection, proptest};

/// One thing that somebody does, to one of so many products.
#[derive(Clone, Debug)]
enum Step {
    Add(usize, u32),
    Set(usize, u32),
    Remove(usize),
    Accept,
    Buy(usize, u32),
}

fn product(number: usize) -> ProductId {
    ProductId::parse(format!("p{number}")).expect("it is an id")
}

fn offer(number: usize, (amount, is_foreign, available): (i64, bool, u64)) -> Offer {
    let currency = Currency::parse(if is_foreign { "JPY" } else { "EUR" }.to_owned()).expect("it is one");
    let price = Money::parse(amount, currency).expect("it is within the limit");
    let name = format!("Tea {number}");
    Offer { product_id: product(number), sku: name.clone(), name, image_url: None, price, available }
}

/// A market: what products cost and how many there are.
fn market() -> impl Strategy<Value = Vec<Offer>> {
    let amount = prop_oneof![Just(0), 1..5_000_i64, Just(AMOUNT_MAX), AMOUNT_MAX / 500..AMOUNT_MAX / 2];
    let one = (amount, proptest::bool::weighted(0.1), 0..3_000_u64);
    collection::vec(one, 60).prop_map(|all| all.into_iter().enumerate().map(|(n, one)| offer(n, one)).collect())
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let (which, many) = (0..60_usize, 1..=QUANTITY_MAX);
    let step = prop_oneof![
        6 => (which.clone(), many.clone()).prop_map(|(n, q)| Step::Add(n, q)),
        6 => (which.clone(), 1..20_u32).prop_map(|(n, q)| Step::Add(n, q)),
        2 => (which.clone(), many).prop_map(|(n, q)| Step::Set(n, q)),
        1 => which.clone().prop_map(Step::Remove),
        1 => Just(Step::Accept),
        1 => (which, any::<u32>()).prop_map(|(n, q)| Step::Buy(n, q)),
    ];
    collection::vec(step, 0..150)
}

fn offers(market: &[Offer]) -> Offers {
    Offers::of((0..60).map(product).collect(), market.to_vec())
}

fn done(items: Items, step: &Step, offers: &Offers) -> Items {
    let quantity = |number: u32| Quantity::parse(number.into()).expect("it is within the limit");
    let done = match step {
        Step::Add(n, q) => items.add(&product(*n), quantity(*q), offers.get(&product(*n))),
        Step::Set(n, q) => items.set(&product(*n), quantity(*q), offers.get(&product(*n))),
        Step::Remove(n) => items.remove(&product(*n)),
        Step::Accept => items.accept(offers),
        Step::Buy(n, q) => Ok(items.without(&[Bought { product_id: product(*n), quantity: *q }])),
    };
    done.unwrap_or(items)
}

/// One currency, within all limits, each product once, in the order of places.
fn is_sound(items: &Items) -> bool {
    let all = items.as_slice();
    let total = all.iter().map(|item| item.unit_price.amount() * i64::from(item.quantity.number())).sum::<i64>();
    let is_one_currency = all.iter().all(|item| Some(item.unit_price.currency()) == items.currency());
    let is_ordered = all.windows(2).all(|two| two[0].place < two[1].place);
    let is_once = items.products().iter().collect::<BTreeSet<_>>().len() == all.len();
    all.len() <= PRODUCTS_MAX && total <= AMOUNT_MAX && is_one_currency && is_ordered && is_once
}

fn count(items: &Items, number: usize) -> u32 {
    items.get(&product(number)).map_or(0, |item| item.quantity.number())
}

/// `SOUK_LONG=1` asks for thirty times as many. A case that fails is made small and shown.
fn config() -> ProptestConfig {
    let cases = if std::env::var_os("SOUK_LONG").is_some() { 30 * 300 } else { 300 };
    ProptestConfig { cases, failure_persistence: None, ..ProptestConfig::default() }
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn whatever_is_done_a_cart_is_sound(before in market(), after in market(), steps in steps()) {
        let (before, after) = (offers(&before), offers(&after));
        let mut items = Items::default();
        for step in &steps {
            items = done(items, step, &before);
            assert!(is_sound(&items), "{step:?}: {items:?}");
        }
        if let Ok(accepted) = items.accept(&after) {
            assert!(is_sound(&accepted), "{accepted:?}");
            assert_eq!(difference::between(&accepted, &after), []);
            assert_eq!(accepted.accept(&after), Ok(accepted));
        }
    }

    #[test]
    fn nothing_is_lost_or_made_by_a_merge(
        own in market(), guests in market(), own_steps in steps(), guests_steps in steps()
    ) {
        let fill = |market: &[Offer], steps: &[Step]| {
            let offers = offers(market);
            steps.iter().fold(Items::default(), |items, step| done(items, step, &offers))
        };
        let (account, guest) = (fill(&own, &own_steps), fill(&guests, &guests_steps));
        let (merged, left_out) = account.merge(&guest);
        assert!(is_sound(&merged), "{merged:?}");
        for number in 0..60 {
            let id = format!("p{number}");
            let out: u32 = left_out.iter().filter(|one| one.product_id == id).map(|one| one.quantity).sum();
            assert_eq!(count(&merged, number) + out, count(&account, number) + count(&guest, number), "{id}");
            let price = |items: &Items| items.get(&product(number)).map(|item| item.unit_price.clone());
            assert!(price(&account).is_none() || price(&account) == price(&merged));
        }
    }
}
