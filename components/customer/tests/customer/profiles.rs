//! What `souk:customer/profiles` answers to other services.

use std::sync::Arc;

use customer::domain::{Name, Refusal, Status};
use customer::profiles::{address, ensure, get, of_account};
use serde_json::json;
use souk_test_services::caller::Who;
use souk_test_services::crowd::at_once;

use crate::shop::{ADDRESSES, CUSTOMERS, ME, Shop};

fn invalid(refusal: Refusal) -> String {
    match refusal {
        Refusal::Invalid(text) => text,
        other => panic!("{other:?} is another refusal"),
    }
}

#[tokio::test]
async fn a_profile_is_found_by_its_account_and_after_the_deletion_by_its_id_only() {
    let shop = Shop::open().await;
    let mina = Who::named("mina");
    let unknown = of_account(&shop.context, mina.account.clone()).await;
    assert!(matches!(unknown, Err(Refusal::UnknownCustomer)), "{unknown:?}");
    let id = shop.customer(&mina, "Mina").await;
    let found = of_account(&shop.context, mina.account.clone()).await.expect("there is one");
    assert_eq!((found.id.as_str(), found.status), (&*id, Status::Active));
    assert_eq!(get(&shop.context, id.clone()).await.expect("there is one").details, found.details);
    assert_eq!(shop.delete(&mina, ME, "*").await.status, 204);
    let gone = of_account(&shop.context, mina.account.clone()).await;
    assert!(matches!(gone, Err(Refusal::UnknownCustomer)), "{gone:?}");
    let left = get(&shop.context, id).await.expect("an order may name it");
    assert_eq!((left.status, left.details.name), (Status::Deleted, None));
    for nobodys in ["", "a b", "01919191-0000-7000-8000-000000000000", &"x".repeat(65)] {
        let unknown = get(&shop.context, nobodys.to_owned()).await;
        assert!(matches!(unknown, Err(Refusal::UnknownCustomer)), "{nobodys:?}");
    }
    for bad in ["", "mina", "|", "a|b\0", &format!("a|{}", "b".repeat(510))] {
        let refused = of_account(&shop.context, bad.to_owned()).await.expect_err("it is no account");
        assert!(invalid(refused).starts_with("account must "), "{bad:?}");
    }
}

#[tokio::test]
async fn a_profile_is_made_where_there_is_none_and_otherwise_left_alone() {
    let shop = Shop::open().await;
    let mina = Who::named("mina");
    let call = |name: Option<&str>, email: Option<&str>| {
        ensure(&shop.context, mina.account.clone(), name.map(str::to_owned), email.map(str::to_owned))
    };
    let made = call(Some("Mina"), Some("mina@shop.example")).await.expect("it is made");
    assert_eq!(made.details.name.as_ref().map(Name::as_str), Some("Mina"));
    assert!(!made.details.marketing_consent && made.marketing_consent_at.is_none());
    for (name, email) in [(None, None), (Some("Other"), Some("other@shop.example"))] {
        let again = call(name, email).await.expect("there is one");
        assert_eq!((&again.id, again.version, &again.details), (&made.id, 1, &made.details));
    }
    assert_eq!(shop.get(&mina, ME).await.text("email"), "mina@shop.example");
    let changes = shop.get(&Who::admin(), &format!("{CUSTOMERS}/{}/changes", made.id.as_str())).await;
    assert_eq!((changes.each("actor"), changes.each("kind")), (vec!["service"], vec!["created"]));
    let told = ("customer.created".to_owned(), json!({"id": made.id, "version": 1}));
    assert_eq!(shop.events(), [told]);
    for (name, email, begins) in
        [(Some(""), None, "name must "), (Some("a\nb"), None, "name must "), (None, Some("mina"), "email must ")]
    {
        let refused = call(name, email).await.expect_err("it is not acceptable");
        assert!(invalid(refused).starts_with(begins));
    }
    let sam = ensure(&shop.context, Who::named("sam").account, None, None).await.expect("it is made");
    assert_eq!(sam.details.name, None);
    assert_eq!(shop.delete(&mina, ME, "*").await.status, 204);
    assert_ne!(call(None, None).await.expect("it is made anew").id, made.id);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_sixteen_calls_at_once_one_makes_the_profile_and_all_have_it() {
    for round in 0..4 {
        let shop = Arc::new(Shop::open().await);
        let account = Who::named(&format!("mina {round}")).account;
        let made = at_once(16, |number| {
            let (shop, account) = (Arc::clone(&shop), account.clone());
            async move { ensure(&shop.context, account, Some(format!("Mina {number}")), None).await }
        });
        let made = made.await;
        let ids: Vec<_> =
            made.into_iter().map(|profile| profile.map(|profile| (profile.id, profile.details.name))).collect();
        assert!(ids.iter().all(|id| id.is_ok() && *id == ids[0]), "{ids:?}");
        assert_eq!((shop.count("customers").await, shop.count("customer_changes").await), (1, 1));
        assert_eq!(shop.events().len(), 1);
    }
}

#[tokio::test]
async fn an_address_is_the_named_one_or_the_default_and_never_anothers() {
    let shop = Shop::open().await;
    let (mina, sam) = (Who::named("mina"), Who::named("sam"));
    let ask = |who: &Who, id: Option<&str>| address(&shop.context, who.account.clone(), id.map(str::to_owned));
    assert!(matches!(ask(&mina, None).await, Err(Refusal::UnknownCustomer)));
    for (who, name) in [(&mina, "Mina"), (&sam, "Sam")] {
        shop.customer(who, name).await;
    }
    assert!(matches!(ask(&mina, None).await, Err(Refusal::NoAddress)));
    let berlin = shop.add(&mina, "Berlin", &json!({"lines": ["a", "b", "c", "d"]})).await;
    let bonn = shop.add(&mina, "Bonn", &json!({"default_invoice": true})).await;
    let city = |address: customer::domain::address::Address| address.details.city.into_string();
    assert_eq!(ask(&mina, None).await.map(city), Ok("Berlin".to_owned()));
    assert_eq!(ask(&mina, Some(&bonn)).await.map(city), Ok("Bonn".to_owned()));
    let lines = ask(&mina, Some(&berlin)).await.expect("it is there").details.lines.into_strings();
    assert_eq!(lines, ["a", "b", "c", "d"]);
    for id in [&*berlin, "", "a b", "01919191-0000-7000-8000-000000000000"] {
        assert!(matches!(ask(&sam, Some(id)).await, Err(Refusal::UnknownAddress)), "{id:?}");
    }
    assert!(matches!(ask(&sam, None).await, Err(Refusal::NoAddress)));
    assert_eq!(shop.delete(&mina, &format!("{ADDRESSES}/{berlin}"), "*").await.status, 204);
    assert!(matches!(ask(&mina, Some(&berlin)).await, Err(Refusal::UnknownAddress)));
    assert_eq!(ask(&mina, None).await.map(city), Ok("Bonn".to_owned()));
    assert_eq!(shop.delete(&mina, ME, "*").await.status, 204);
    assert!(matches!(ask(&mina, Some(&bonn)).await, Err(Refusal::UnknownCustomer)));
}
