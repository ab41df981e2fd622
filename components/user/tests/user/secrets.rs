//! What must not be found where somebody might look: in the database, in events, in answers.

use serde_json::json;
use souk_kit::database::sql;

use crate::shop::{PASSWORD, Shop, Who, json_request};
use souk_database::contract::Value;

/// The tables of the migrations, and every cell of them as text.
async fn all_cells(shop: &Shop) -> Vec<(String, String)> {
    let texts: String = user::MIGRATIONS.iter().map(|(_, text)| *text).collect();
    let tables: Vec<&str> =
        texts.split("CREATE TABLE ").skip(1).filter_map(|text| text.split_whitespace().next()).collect();
    assert_eq!(tables, ["accounts", "sessions", "refresh_tokens", "attempts"]);
    let mut cells = Vec::new();
    for table in tables {
        let rows = shop.context.database().query(sql(format!("SELECT * FROM {table}")).into()).await;
        for cell in rows.expect("there is such a table").cells {
            if let Value::Text(text) = cell {
                cells.push((table.to_owned(), text));
            }
        }
    }
    cells
}

#[tokio::test]
async fn the_database_keeps_no_password_and_no_token() {
    let shop = Shop::open().await;
    let first = shop.member("mina@shop.example").await;
    let next = shop.refresh(&first.refresh_token).await;
    let access = next.text("access_token").to_owned();
    let next = shop.session(&next);
    assert_eq!(shop.login_from("mina@shop.example", "a wrong password", Some("192.0.2.77")).await.status, 401);
    let body = json!({"current_password": PASSWORD, "new_password": "another long one"}).to_string();
    let replaced = shop.send(&next.who, json_request("PUT", "/api/v1/me/password"), body).await;
    assert_eq!(replaced.status, 204);
    assert_eq!(shop.login_from("mina@shop.example", "a wrong password", Some("192.0.2.77")).await.status, 401);
    let bare = |token: &str| token.trim_start_matches("souk_rt_").to_owned();
    let secrets = [
        PASSWORD.to_owned(),
        "another long one".to_owned(),
        "a wrong password".to_owned(),
        bare(&first.refresh_token),
        bare(&next.refresh_token),
        access,
    ];
    let cells = all_cells(&shop).await;
    assert!(cells.len() > 20, "{cells:?}");
    for (table, cell) in &cells {
        assert!(!secrets.iter().any(|secret| cell.contains(secret)), "{table}: {cell}");
        assert!(table == "accounts" || !cell.contains("mina") && !cell.contains("192.0.2"), "{table}: {cell}");
    }
    assert!(cells.iter().any(|(table, cell)| table == "accounts" && cell.starts_with("$argon2id$")));
}

#[tokio::test]
async fn events_tell_an_email_only_where_it_is_the_news() {
    let shop = Shop::open().await;
    let operator = Who::foreigner(&["admin"]);
    let mina = shop.member("mina@shop.example").await;
    let path = format!("/api/v1/users/{}", mina.account);
    shop.refresh(&mina.refresh_token).await;
    shop.refresh(&mina.refresh_token).await;
    for status in ["disabled", "active"] {
        let tag = shop.tag(&mina.account).await;
        assert_eq!(shop.patch(&operator, &path, &tag, &json!({"status": status})).await.status, 200);
    }
    let events = shop.events();
    let types: Vec<&str> = events.iter().map(|(name, _)| name.as_str()).collect();
    let changed = "user.changed";
    assert_eq!(types, ["user.registered", "user.session-reused", changed, "user.disabled", changed, "user.enabled"]);
    for (name, data) in &events {
        let text = data.to_string();
        assert!(!text.contains("souk_rt_") && !text.contains("argon2"), "{name}: {text}");
        assert_eq!(text.contains("mina@"), name == changed || name == "user.registered", "{name}: {text}");
        assert_eq!(data["id"], mina.account);
    }
}

#[tokio::test]
async fn no_refusal_repeats_what_was_sent() {
    let shop = Shop::open().await;
    shop.register("mina@shop.example").await;
    let secret = "s3cret-".repeat(200);
    for (path, body) in [
        ("/api/v1/login", json!({"email": "mina@shop.example", "password": secret})),
        ("/api/v1/login", json!({"email": format!("{secret}@x"), "password": "wrong"})),
        ("/api/v1/register", json!({"email": "mina@shop.example", "password": secret, "name": secret})),
        ("/api/v1/token/refresh", json!({"refresh_token": secret})),
    ] {
        let refused = shop.post(&Who::nobody(), path, &body).await;
        assert!(refused.status >= 400 && !String::from_utf8_lossy(&refused.bytes).contains("s3cret"), "{path}");
    }
}
