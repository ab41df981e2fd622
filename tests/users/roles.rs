//! Who may do what: customers, merchants, admins, nobody.

use super::{Client, HOST, PASSWORD, Tokens, admin, made};
use crate::http::Answer;
use serde_json::{Value, json};

fn product(client: &Client, tokens: &Tokens, sku: &str) -> Answer {
    let body = json!({"sku": sku, "name": "Pot", "price": {"amount": 999, "currency": "EUR"}, "category": "pots",
        "status": "published"});
    client.with(&tokens.access, "POST", "/api/v1/products", Some(&body))
}

#[test]
fn anyone_reads_products_and_merchants_and_admins_write_them() {
    let host = HOST.host();
    let (merchant, merchants) = made(&host.place, &host, &["--role", "merchant"]);
    let (boss, admins) = admin();
    let (customer, customers) = Client::signed_up();
    let category = json!({"slug": "pots", "name": "Pots"});
    let made = merchant.with(&merchants.access, "POST", "/api/v1/categories", Some(&category));
    assert_eq!(made.status, 201, "{}", made.text());
    assert_eq!(product(&merchant, &merchants, "pot-1").status, 201);
    assert_eq!(product(&boss, &admins, "pot-2").status, 201);
    product(&customer, &customers, "pot-3").is_problem(403, "not-allowed");
    let nobody = customer.post("/api/v1/products", &category);
    nobody.is_problem(401, "not-signed-in");
    assert!(nobody.field("www-authenticate").unwrap().starts_with("Bearer"));
    assert_eq!(customer.send("GET", "/api/v1/products", &[], None).json()["total"], 2);
    assert_eq!(customer.with(&customers.access, "GET", "/api/v1/products", None).status, 200);
    for (method, path) in [
        ("PUT", "/api/v1/products/x"),
        ("PATCH", "/api/v1/products/x"),
        ("DELETE", "/api/v1/products/x"),
        ("PUT", "/api/v1/products/x/stock"),
        ("PUT", "/api/v1/reservations/x"),
        ("GET", "/api/v1/reservations/x"),
        ("POST", "/api/v1/reservations/x/commit"),
        ("PUT", "/api/v1//products/x"),
        ("PUT", "/api/v1/%70roducts/x"),
    ] {
        let answer = customer.with(&customers.access, method, path, Some(&json!({})));
        assert!(matches!(answer.status, 403 | 404), "{method} {path}: {}", answer.status);
        let answer = customer.send(method, path, &[], Some(&json!({})));
        assert!(matches!(answer.status, 401 | 404), "{method} {path}: {}", answer.status);
    }
    let budget = product(&merchant, &merchants, "pot-1");
    assert_eq!((budget.status, budget.field("ratelimit-policy")), (409, Some("\"change\";q=600;w=60")));
}

#[test]
fn accounts_are_kept_by_admins_and_by_nobody_else() {
    let (boss, admins) = admin();
    let (customer, customers) = Client::signed_up();
    let path = format!("/api/v1/users/{}", customer.id(&customers));
    let body = json!({"roles": ["admin"]});
    for (method, path, body) in [
        ("GET", "/api/v1/users", None),
        ("POST", "/api/v1/users", Some(&body)),
        ("GET", &*path, None),
        ("PATCH", &*path, Some(&body)),
    ] {
        customer.with(&customers.access, method, path, body).is_problem(403, "not-allowed");
        customer.send(method, path, &[], body).is_problem(401, "not-signed-in");
    }
    let found = boss.with(&admins.access, "GET", &format!("/api/v1/users?q={}", customer.email), None).json();
    assert_eq!((&found["total"], &found["items"][0]["email"]), (&json!(1), &json!(customer.email)), "{found}");
    boss.with(&admins.access, "GET", "/api/v1/users/unknown", None).is_any_problem(404);
}

fn change(boss: &Client, admins: &Tokens, path: &str, change: &Value) -> Answer {
    let tag = boss.with(&admins.access, "GET", path, None).field("etag").unwrap().to_owned();
    let bearer = format!("Bearer {}", admins.access);
    let fields = [("authorization", &*bearer), ("if-match", &*tag), ("content-type", "application/merge-patch+json")];
    let body = change.to_string();
    boss.host.send("PATCH", path, &fields, body.as_bytes())
}

#[test]
fn a_role_that_is_given_or_taken_counts_at_once() {
    let (boss, admins) = admin();
    let (client, first) = Client::signed_up();
    let path = format!("/api/v1/users/{}", client.id(&first));
    assert_eq!(product(&client, &first, "").status, 403);
    let given = change(&boss, &admins, &path, &json!({"roles": ["customer", "merchant"]}));
    assert_eq!(given.status, 200, "{}", given.text());
    client.me(&first).is_problem(401, "invalid-token");
    let second = Tokens::in_answer(&client.refresh(&first));
    assert_eq!(product(&client, &second, "").status, 422, "a merchant, with a bad product");
    assert_eq!(change(&boss, &admins, &path, &json!({"roles": ["customer"]})).status, 200);
    product(&client, &second, "").is_problem(401, "invalid-token");
    let third = Tokens::in_answer(&client.refresh(&second));
    assert_eq!(product(&client, &third, "").status, 403);
}

#[test]
fn who_is_disabled_is_out_at_once_and_comes_back_when_enabled() {
    let (boss, admins) = admin();
    let (client, tokens) = Client::signed_up();
    let path = format!("/api/v1/users/{}", client.id(&tokens));
    assert_eq!(change(&boss, &admins, &path, &json!({"status": "disabled"})).status, 200);
    client.me(&tokens).is_problem(401, "invalid-token");
    client.refresh(&tokens).is_any_problem(401);
    client.try_login(PASSWORD).is_any_problem(403);
    client.try_login("wrong").is_any_problem(401);
    assert_eq!(change(&boss, &admins, &path, &json!({"status": "active"})).status, 200);
    assert_eq!(client.try_login(PASSWORD).status, 200);
}

#[test]
fn the_operator_makes_accounts_and_is_told_what_is_wrong_with_them() {
    let (boss, _) = admin();
    let place = &boss.host.place;
    let twice = place.on_data(&["user", "create", &boss.email, "--admin"]);
    assert!(twice.code == Some(1) && twice.stderr.contains("the account was not made"), "{}", twice.stderr);
    let bad = place.on_data(&["user", "create", "nobody", "--role", "emperor"]);
    assert!(bad.stderr.contains("email") && bad.stderr.contains("roles"), "{}", bad.stderr);
    let help = place.on_data(&["user", "create", "--help"]).stdout;
    assert!(help.contains("--password-stdin") && help.contains("--admin"), "{help}");
}

#[test]
fn the_books_are_the_admins_and_providers_must_sign() {
    let (boss, admins) = admin();
    let (customer, customers) = Client::signed_up();
    let ledger = boss.with(&admins.access, "GET", "/api/v1/payments/ledger", None);
    assert_eq!((ledger.status, &ledger.json()["balanced"]), (200, &json!(true)), "{}", ledger.text());
    customer.with(&customers.access, "GET", "/api/v1/payments/ledger", None).is_any_problem(403);
    customer.with(&customers.access, "GET", "/api/v1/payments/unknown", None).is_any_problem(404);
    customer.send("GET", "/api/v1/payments", &[], None).is_problem(401, "not-signed-in");
    // Without a secret in the manifest nothing can be checked, so that a provider comes again.
    let unsigned =
        customer.post("/api/v1/payments/webhooks/simulator", &json!({"id": "1", "type": "payment.captured"}));
    unsigned.is_any_problem(503);
}
