//! Profiles and addresses through the shop's own manifest.

use super::{Client, admin};
use serde_json::json;

#[test]
fn everybody_has_a_profile_of_their_own_and_nobody_sees_anothers() {
    let (ada, adas) = Client::signed_up();
    let (eve, eves) = Client::signed_up();
    let nobody = ada.send("GET", "/api/v1/customers/me", &[], None);
    nobody.is_problem(401, "not-signed-in");
    let body = json!({"name": "Ada Lovelace", "language": "en"});
    let bearer = format!("Bearer {}", adas.access);
    let made =
        ada.send("PUT", "/api/v1/customers/me", &[("authorization", &bearer), ("if-none-match", "*")], Some(&body));
    assert_eq!(made.status, 201, "{}", made.text());
    let id = made.json()["id"].as_str().unwrap().to_owned();
    let address = json!({"label": "Home", "recipient": "Ada", "lines": ["12 St James's Square"], "postal_code": "SW1Y 4JH",
        "city": "London", "country": "GB"});
    let added = ada.with(&adas.access, "POST", "/api/v1/customers/me/addresses", Some(&address));
    assert_eq!(added.status, 201, "{}", added.text());
    assert_eq!(ada.with(&adas.access, "GET", "/api/v1/customers/me", None).json()["name"], "Ada Lovelace");

    let path = format!("/api/v1/customers/{id}");
    let unknown = eve.with(&eves.access, "GET", "/api/v1/customers/unknown", None);
    let not_hers = eve.with(&eves.access, "GET", &path, None);
    not_hers.is_any_problem(404);
    assert_eq!(not_hers.text(), unknown.text());
    eve.with(&eves.access, "GET", "/api/v1/customers", None).is_any_problem(403);
    let (boss, admins) = admin();
    assert_eq!(boss.with(&admins.access, "GET", &path, None).json()["name"], "Ada Lovelace");
}
