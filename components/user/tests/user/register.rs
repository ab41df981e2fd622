//! Making an account.

use serde_json::{Value, json};

use crate::shop::{PASSWORD, Shop, Who, json_request};

fn mina() -> Value {
    json!({"email": "Mina@Shop.Example", "password": PASSWORD, "name": "Mina"})
}

#[tokio::test]
async fn whoever_registers_is_a_customer() {
    let shop = Shop::open().await;
    let answer = shop.post(&Who::nobody(), "/api/v1/register", &mina()).await;
    assert_eq!((answer.status, answer.field("location")), (201, "/api/v1/me"));
    let id = answer.text("id").to_owned();
    let account = json!({
        "id": id, "email": "Mina@Shop.Example", "name": "Mina", "roles": ["customer"], "status": "active", "version": 1,
        "created_at": "2026-11-20T10:00:00.000Z", "updated_at": "2026-11-20T10:00:00.000Z",
    });
    assert_eq!((&answer.body, answer.tag()), (&account, &*format!("\"{id}.1\"")));
    let registered = json!({"id": id, "email": "Mina@Shop.Example", "name": "Mina", "roles": ["customer"]});
    assert_eq!(shop.events(), [("user.registered".to_owned(), registered)]);
    let session = shop.sign_in("mina@shop.example").await;
    assert_eq!(shop.get(&session.who, "/api/v1/me").await.body, account);
}

#[tokio::test]
async fn an_email_is_taken_once_in_any_case() {
    let shop = Shop::open().await;
    shop.register("Mina@Shop.Example").await;
    let other = json!({"email": "MINA@shop.example", "password": PASSWORD, "name": "Other"});
    let refused = shop.post(&Who::nobody(), "/api/v1/register", &other).await;
    assert_eq!(refused.refusal(), (409, "email-taken"));
    assert!(!String::from_utf8_lossy(&refused.bytes).to_lowercase().contains("mina"));
    assert_eq!(shop.events().len(), 1);
}

#[tokio::test]
async fn of_those_who_register_one_email_at_once_one_gets_it() {
    let shop = Shop::open().await;
    let body = mina();
    let nobody = Who::nobody();
    let register = || shop.post(&nobody, "/api/v1/register", &body);
    let answers = tokio::join!(register(), register(), register(), register());
    let mut statuses = [answers.0.status, answers.1.status, answers.2.status, answers.3.status];
    statuses.sort_unstable();
    assert_eq!(statuses, [201, 409, 409, 409]);
    assert_eq!(shop.count("accounts").await, 1);
}

#[tokio::test]
async fn all_faults_of_a_registration_are_told_at_once() {
    let shop = Shop::open().await;
    let body = json!({"email": "a@b", "password": "short", "name": "", "roles": ["admin"], "id": "x", "colour": 1});
    let refused = shop.post(&Who::nobody(), "/api/v1/register", &body).await;
    assert_eq!(refused.refusal(), (422, "invalid-body"));
    let mut faults = refused.faults();
    faults.sort_unstable();
    assert_eq!(faults, ["/colour", "/email", "/id", "/name", "/password", "/roles"]);
    let refused = shop.post(&Who::nobody(), "/api/v1/register", &json!({})).await;
    assert_eq!(refused.faults(), ["/email", "/name", "/password"]);
}

#[tokio::test]
async fn a_password_that_is_tried_first_is_refused() {
    let shop = Shop::open().await;
    for password in
        ["1234567", "Password123", "mina@shop.example", "MINA.HARKER", &"x".repeat(257), &"x".repeat(900_000)]
    {
        let body = json!({"email": "mina@shop.example", "password": password, "name": "Mina.Harker"});
        let refused = shop.post(&Who::nobody(), "/api/v1/register", &body).await;
        assert_eq!((refused.refusal(), refused.faults()), ((422, "invalid-body"), vec!["/password"]), "{password:.20}");
        assert!(refused.bytes.len() < 1_000, "the password is not sent back");
    }
    let megabyte = json!({"email": "mina@shop.example", "password": "x".repeat(1 << 20), "name": "Mina"}).to_string();
    let refused = shop.send(&Who::nobody(), json_request("POST", "/api/v1/register"), megabyte).await;
    assert_eq!(refused.refusal(), (413, "about:blank"));
    assert_eq!(shop.count("accounts").await, 0);
}

#[tokio::test]
async fn when_too_many_passwords_wait_the_client_is_asked_for_patience() {
    let shop = Shop::open().await;
    shop.identity.set_busy(true);
    let refused = shop.post(&Who::nobody(), "/api/v1/register", &mina()).await;
    assert_eq!((refused.refusal(), refused.field("retry-after")), ((503, "about:blank"), "2"));
    assert_eq!(shop.count("accounts").await, 0);
}
