//! What admins do with everybody's accounts.

use std::sync::Arc;

use http::Request;
use serde_json::{Value, json};

use crate::shop::{Answer, PASSWORD, Shop, Who, at_once};

const USERS: &str = "/api/v1/users";

fn operator() -> Who {
    Who::foreigner(&["admin"])
}

fn names(answer: &Answer) -> Vec<&str> {
    assert_eq!(answer.status, 200, "{answer:?}");
    answer.items().iter().map(|item| item["email"].as_str().expect("it has an e-mail")).collect()
}

async fn patch(shop: &Shop, id: &str, change: &Value) -> Answer {
    shop.patch(&operator(), &format!("{USERS}/{id}"), &shop.tag(id).await, change).await
}

#[tokio::test]
async fn only_admins_come_in() {
    let shop = Shop::open().await;
    let admin = shop.staff("ada@shop.example", &["admin"]).await;
    let merchant = shop.staff("sam@shop.example", &["merchant", "customer"]).await;
    let customer = shop.member("mina@shop.example").await;
    let one = format!("{USERS}/{}", admin.account);
    for (method, path) in [("GET", USERS), ("POST", USERS), ("GET", &one), ("PATCH", &one)] {
        let refused = shop.call(&Who::nobody(), method, path).await;
        assert_eq!(
            (refused.refusal(), refused.field("www-authenticate")),
            ((401, "about:blank"), "Bearer"),
            "{method} {path}"
        );
        for who in [&customer.who, &merchant.who, &Who::foreigner(&["Admin", "administrator"])] {
            assert_eq!(shop.call(who, method, path).await.refusal(), (403, "about:blank"), "{method} {path}");
        }
    }
    for who in [&admin.who, &operator()] {
        assert_eq!(shop.get(who, &one).await.text("email"), "ada@shop.example");
    }
}

#[tokio::test]
async fn an_admin_makes_accounts_with_roles() {
    let shop = Shop::open().await;
    let body =
        json!({"email": "sam@shop.example", "password": PASSWORD, "name": "Sam", "roles": ["merchant", "customer"]});
    let created = shop.post(&operator(), USERS, &body).await;
    let location = format!("{USERS}/{}", created.text("id"));
    assert_eq!((created.status, created.field("location")), (201, &*location));
    assert_eq!(created.body["roles"], json!(["customer", "merchant"]));
    let read = shop.get(&operator(), &location).await;
    assert_eq!((&read.body, read.tag()), (&created.body, created.tag()));
    assert_eq!(shop.post(&operator(), USERS, &body).await.refusal(), (409, "email-taken"));
    let events = shop.events();
    assert_eq!((events.len(), &*events[0].0, &events[0].1["roles"]), (1, "user.registered", &created.body["roles"]));
    let caller = shop.identity.caller(shop.login("sam@shop.example", PASSWORD).await.text("access_token"));
    assert_eq!(caller.roles, ["customer", "merchant"]);
    for (roles, fault) in [
        (json!([]), "/roles"),
        (json!(["root"]), "/roles/0"),
        (json!(["admin", "admin"]), "/roles"),
        (json!(["admin", "admin", "admin", "admin"]), "/roles"),
        (json!("admin"), "/roles"),
        (Value::Null, "/roles"),
    ] {
        let body = json!({"email": "x@shop.example", "password": PASSWORD, "name": "X", "roles": roles});
        let refused = shop.post(&operator(), USERS, &body).await;
        assert_eq!((refused.refusal(), refused.faults()), ((422, "invalid-body"), vec![fault]), "{roles}");
    }
}

#[tokio::test]
async fn accounts_are_listed_in_the_order_of_their_creation() {
    let shop = Shop::open().await;
    for (email, name, roles) in [
        ("Zoe@shop.example", "Åsa Öberg", json!(["customer"])),
        ("mina@shop.example", "zoe_%", json!(["merchant"])),
        ("ada@other.example", "Ada", json!(["customer", "admin"])),
        ("tia@shop.example", "Zo", json!(["customer", "merchant"])),
    ] {
        shop.clock.advance_seconds(1);
        let body = json!({"email": email, "password": PASSWORD, "name": name, "roles": roles});
        assert_eq!(shop.post(&operator(), USERS, &body).await.status, 201);
    }
    let disabled = shop.get(&operator(), &format!("{USERS}?q=ti")).await.items()[0]["id"].clone();
    assert_eq!(patch(&shop, disabled.as_str().expect("text"), &json!({"status": "disabled"})).await.status, 200);
    let (zoe, mina, ada, tia) = ("Zoe@shop.example", "mina@shop.example", "ada@other.example", "tia@shop.example");
    for (query, expected) in [
        ("", vec![zoe, mina, ada, tia]),
        ("?q=", vec![zoe, mina, ada, tia]),
        ("?q=ZO", vec![zoe, mina, tia]),
        ("?q=ZOE", vec![zoe, mina]),
        ("?q=zoe_%25", vec![mina]),
        ("?q=_", vec![]),
        ("?q=%25", vec![]),
        ("?q=%C3%A5sa", vec![zoe]),
        ("?q=%C3%85SA+%C3%96", vec![zoe]),
        ("?q=shop", vec![]),
        ("?q=mi", vec![mina]),
        ("?role=customer", vec![zoe, ada, tia]),
        ("?role=merchant", vec![mina, tia]),
        ("?role=admin", vec![ada]),
        ("?status=disabled", vec![tia]),
        ("?status=active&role=merchant", vec![mina]),
        ("?status=active&role=merchant&q=ti", vec![]),
    ] {
        let list = shop.get(&operator(), &format!("{USERS}{query}")).await;
        assert_eq!((names(&list), &list.body["total"]), (expected.clone(), &json!(expected.len())), "{query}");
    }
    let second = shop.get(&operator(), &format!("{USERS}?size=3&page=2&status=active")).await;
    assert_eq!((names(&second), &second.body["total"]), (vec![], &json!(3)));
    let second = shop.get(&operator(), &format!("{USERS}?size=3&page=2")).await;
    assert_eq!(second.field("cache-control"), "private, no-cache");
    assert_eq!((names(&second), second.field("link").contains("rel=\"prev\"")), (vec![tia], true));
    for (query, fault) in [
        ("role=root", "role"),
        ("status=gone", "status"),
        ("page=0", "page"),
        ("size=101", "size"),
        ("sort=name", "sort"),
        ("email=x", "email"),
        (&*format!("q={}", "x".repeat(101)), "q"),
        ("q=a%00b", "q"),
    ] {
        let refused = shop.get(&operator(), &format!("{USERS}?{query}")).await;
        assert_eq!((refused.refusal(), refused.faults()), ((400, "invalid-query"), vec![fault]), "{query}");
    }
}

#[tokio::test]
async fn a_search_reads_longest_texts_of_any_script() {
    let shop = Shop::open().await;
    let name = "茶".repeat(100);
    let body = json!({"email": "tea@shop.example", "password": PASSWORD, "name": name, "roles": ["customer"]});
    assert_eq!(shop.post(&operator(), USERS, &body).await.status, 201);
    let encoded = "%E8%8C%B6".repeat(100);
    assert_eq!(names(&shop.get(&operator(), &format!("{USERS}?q={encoded}")).await), ["tea@shop.example"]);
}

#[tokio::test]
async fn new_roles_are_in_the_next_token_and_the_others_are_revoked() {
    let shop = Shop::open().await;
    let mina = shop.member("mina@shop.example").await;
    shop.events();
    let changed = patch(&shop, &mina.account, &json!({"roles": ["merchant"]})).await;
    assert_eq!(
        (changed.status, &changed.body["roles"], &changed.body["version"]),
        (200, &json!(["merchant"]), &json!(2))
    );
    assert_eq!(shop.identity.revoked(), [mina.id.as_str()]);
    let answer = shop.refresh(&mina.refresh_token).await;
    assert_eq!(shop.identity.caller(answer.text("access_token")).roles, ["merchant"]);
    let events = shop.events();
    assert_eq!((events.len(), &*events[0].0, &events[0].1["roles"]), (1, "user.changed", &json!(["merchant"])));
    // A name is in no token.
    assert_eq!(patch(&shop, &mina.account, &json!({"name": "Other"})).await.text("name"), "Other");
    assert_eq!(shop.identity.revoked(), Vec::<String>::new());
}

#[tokio::test]
async fn a_disabled_account_has_no_sessions_until_it_is_enabled() {
    let shop = Shop::open().await;
    let mina = shop.member("mina@shop.example").await;
    let second = shop.sign_in("mina@shop.example").await;
    shop.events();
    assert_eq!(patch(&shop, &mina.account, &json!({"status": "disabled"})).await.text("status"), "disabled");
    let mut revoked = shop.identity.revoked();
    revoked.sort_unstable();
    assert_eq!(revoked, [mina.id.as_str(), second.id.as_str()]);
    for session in [&mina, &second] {
        assert_eq!(shop.refresh(&session.refresh_token).await.refusal(), (401, "invalid-refresh-token"));
        assert_eq!(shop.get(&session.who, "/api/v1/me").await.refusal(), (401, "session-over"));
    }
    assert_eq!(shop.login("mina@shop.example", PASSWORD).await.refusal(), (403, "account-disabled"));
    assert_eq!(patch(&shop, &mina.account, &json!({"status": "active"})).await.status, 200);
    let types: Vec<String> = shop.events().into_iter().map(|(name, _)| name).collect();
    assert_eq!(types, ["user.changed", "user.disabled", "user.changed", "user.enabled"]);
    assert_eq!(shop.refresh(&mina.refresh_token).await.status, 401);
    shop.sign_in("mina@shop.example").await;
}

#[tokio::test]
async fn a_change_that_could_not_be_revoked_is_repeated() {
    let shop = Shop::open().await;
    for (email, change) in
        [("a@shop.example", json!({"roles": ["merchant"]})), ("b@shop.example", json!({"status": "disabled"}))]
    {
        let session = shop.member(email).await;
        shop.identity.set_away(true);
        assert_eq!(patch(&shop, &session.account, &change).await.refusal(), (503, "about:blank"));
        shop.identity.set_away(false);
        assert_eq!(patch(&shop, &session.account, &change).await.status, 200);
        assert_eq!(shop.identity.revoked(), [session.id.as_str()]);
    }
}

#[tokio::test]
async fn a_change_names_the_version_that_was_seen_and_only_what_can_be_changed() {
    let shop = Shop::open().await;
    let id = shop.register("mina@shop.example").await;
    let path = format!("{USERS}/{id}");
    let tag = shop.tag(&id).await;
    let bare = Request::patch(&path).header("content-type", "application/merge-patch+json");
    assert_eq!(shop.send(&operator(), bare, "{}").await.refusal(), (428, "about:blank"));
    assert_eq!(shop.patch(&operator(), &path, "\"other.1\"", &json!({"name": "X"})).await.status, 412);
    for (change, fault) in [
        (json!({"email": "x@shop.example"}), "/email"),
        (json!({"password": PASSWORD}), "/password"),
        (json!({"id": "x"}), "/id"),
        (json!({"version": 9}), "/version"),
        (json!({"roles": null}), "/roles"),
        (json!({"roles": []}), "/roles"),
        (json!({"status": "gone"}), "/status"),
        (json!({"colour": "blue"}), "/colour"),
    ] {
        let refused = shop.patch(&operator(), &path, &tag, &change).await;
        assert_eq!((refused.refusal(), refused.faults()), ((422, "invalid-body"), vec![fault]), "{change}");
    }
    assert_eq!(shop.tag(&id).await, tag);
    let unknown = format!("{USERS}/01919191-0000-7000-8000-000000000000");
    assert_eq!(shop.get(&operator(), &unknown).await.refusal(), (404, "about:blank"));
    assert_eq!(shop.patch(&operator(), &unknown, "*", &json!({})).await.refusal(), (404, "about:blank"));
    assert_eq!(shop.get(&operator(), &format!("{USERS}/a%20b")).await.refusal(), (404, "about:blank"));
}

#[tokio::test]
async fn somebody_stays_who_can_keep_the_shop() {
    let shop = Shop::open().await;
    let ada = shop.staff("ada@shop.example", &["admin"]).await;
    for change in [json!({"status": "disabled"}), json!({"roles": ["customer"]})] {
        assert_eq!(patch(&shop, &ada.account, &change).await.refusal(), (409, "last-admin"));
    }
    assert_eq!(patch(&shop, &ada.account, &json!({"name": "Ada", "roles": ["admin", "customer"]})).await.status, 200);
    shop.identity.revoked();
    assert_eq!(shop.refresh(&ada.refresh_token).await.status, 200);
    // One who is disabled keeps nothing.
    let bea = shop.staff("bea@shop.example", &["admin"]).await;
    assert_eq!(patch(&shop, &bea.account, &json!({"status": "disabled"})).await.status, 200);
    assert_eq!(patch(&shop, &ada.account, &json!({"status": "disabled"})).await.refusal(), (409, "last-admin"));
    // And loses the role without anybody missing it.
    assert_eq!(patch(&shop, &bea.account, &json!({"roles": ["customer"]})).await.status, 200);
    assert_eq!(patch(&shop, &bea.account, &json!({"roles": ["admin"], "status": "active"})).await.status, 200);
    assert_eq!(patch(&shop, &ada.account, &json!({"roles": ["customer"]})).await.status, 200);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_two_admins_who_are_demoted_at_once_one_stays() {
    let shop = Arc::new(Shop::open().await);
    let ada = shop.staff("ada@shop.example", &["admin"]).await;
    let bea = shop.staff("bea@shop.example", &["admin"]).await;
    for change in [json!({"roles": ["customer"]}), json!({"status": "disabled"})] {
        let [one, two] = [ada.account.clone(), bea.account.clone()];
        let answers = at_once(2, |number| {
            let (shop, id, change) = (Arc::clone(&shop), [one.clone(), two.clone()][number].clone(), change.clone());
            async move { patch(&shop, &id, &change).await }
        });
        let answers = answers.await;
        let lost: Vec<_> = answers.iter().filter(|answer| answer.status != 200).map(Answer::refusal).collect();
        assert_eq!(lost, [(409, "last-admin")], "{answers:?}");
        for id in [&one, &two] {
            assert_eq!(patch(&shop, id, &json!({"roles": ["admin"], "status": "active"})).await.status, 200);
        }
    }
}
