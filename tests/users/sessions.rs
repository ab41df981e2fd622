//! From registering to the end of a session.

use super::{Client, HOST, PASSWORD, Tokens};
use crate::application::Application;
use crate::host::{Place, SOON};
use rustix::process::Signal;
use serde_json::json;
use std::sync::Arc;
use std::thread;

#[test]
fn somebody_registers_signs_in_refreshes_and_leaves() {
    let client = Client::new();
    let body = json!({"email": client.email, "password": PASSWORD, "name": "Ada"});
    let created = client.post("/api/v1/register", &body);
    assert_eq!(created.status, 201, "{}", created.text());
    assert_eq!(created.json()["roles"], json!(["customer"]));
    assert!(!created.text().contains("secret") && !created.text().contains("argon2"), "{}", created.text());
    client.post("/api/v1/register", &body).is_any_problem(409);

    let first = client.login();
    let me = client.me(&first).json();
    assert_eq!((&me["email"], &me["name"]), (&json!(client.email), &json!("Ada")));
    let second = Tokens::in_answer(&client.refresh(&first));
    assert_ne!((&first.access, &first.refresh), (&second.access, &second.refresh));
    assert_eq!(client.me(&second).status, 200);

    assert_eq!(client.with(&second.access, "POST", "/api/v1/logout", None).status, 204);
    client.me(&second).is_problem(401, "invalid-token");
    client.me(&first).is_problem(401, "invalid-token");
    client.refresh(&second).is_any_problem(401);
    assert_eq!(client.me(&client.login()).status, 200, "and comes back");
}

#[test]
fn a_refresh_token_that_is_used_twice_ends_its_whole_family_at_once() {
    let (client, first) = Client::signed_up();
    let other = client.login();
    let second = Tokens::in_answer(&client.refresh(&first));
    assert_eq!(client.me(&second).status, 200);
    client.refresh(&first).is_any_problem(401);
    client.refresh(&second).is_any_problem(401);
    client.me(&second).is_problem(401, "invalid-token");
    assert_eq!(client.me(&other).status, 200, "another session of the same person goes on");
}

#[test]
fn of_many_uses_at_once_exactly_one_wins() {
    let (client, first) = Client::signed_up();
    let statuses: Vec<u16> = thread::scope(|scope| {
        let uses: Vec<_> = (0..16).map(|_| scope.spawn(|| client.refresh(&first).status)).collect();
        uses.into_iter().map(|used| used.join().unwrap()).collect()
    });
    assert_eq!(statuses.iter().filter(|status| **status == 200).count(), 1, "{statuses:?}");
    assert!(statuses.iter().all(|status| matches!(status, 200 | 401)), "{statuses:?}");
}

#[test]
fn leaving_everywhere_and_a_new_password_end_the_other_sessions() {
    let (client, here) = Client::signed_up();
    let there = client.login();
    let body = json!({"current_password": PASSWORD, "new_password": "another long secret"});
    let changed = client.with(&here.access, "PUT", "/api/v1/me/password", Some(&body));
    assert_eq!(changed.status, 204, "{}", changed.text());
    client.me(&there).is_problem(401, "invalid-token");
    client.refresh(&there).is_any_problem(401);
    assert_eq!(client.me(&here).status, 200);
    assert_eq!(client.try_login(PASSWORD).status, 401);
    let again = Tokens::in_answer(&client.try_login("another long secret"));
    assert_eq!(client.with(&again.access, "POST", "/api/v1/logout/everywhere", None).status, 204);
    for tokens in [&here, &again] {
        client.me(tokens).is_problem(401, "invalid-token");
        client.refresh(tokens).is_any_problem(401);
    }
}

#[test]
fn sessions_are_listed_and_ended_one_by_one_by_their_owner_only() {
    let (client, here) = Client::signed_up();
    let there = client.login();
    let listed = client.with(&here.access, "GET", "/api/v1/me/sessions", None).json();
    let sessions = listed["items"].as_array().unwrap();
    assert_eq!(sessions.len(), 2, "{listed}");
    let other = sessions.iter().find(|session| session["current"] == false).unwrap()["id"].as_str().unwrap();
    let path = format!("/api/v1/me/sessions/{other}");
    let (stranger, strange) = Client::signed_up();
    let not_theirs = stranger.with(&strange.access, "DELETE", &path, None);
    let unknown = stranger.with(&strange.access, "DELETE", "/api/v1/me/sessions/unknown", None);
    not_theirs.is_any_problem(404);
    assert_eq!(not_theirs.json(), unknown.json(), "nobody learns what there is");
    assert_eq!(client.with(&here.access, "DELETE", &path, None).status, 204);
    client.me(&there).is_problem(401, "invalid-token");
    assert_eq!(client.me(&here).status, 200);
}

#[test]
fn a_browser_has_its_session_in_cookies_that_no_script_and_no_other_site_can_use() {
    let client = Client::new();
    client.register();
    let body = json!({"email": client.email, "password": PASSWORD, "session": "cookie"});
    let answer = client.post("/api/v1/login", &body);
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert!(!answer.text().contains("token\":"), "{}", answer.text());
    let cookies = answer.fields("set-cookie");
    let cookie = |name: &str| {
        let whole = cookies.iter().find(|cookie| cookie.starts_with(name)).unwrap_or_else(|| panic!("{cookies:?}"));
        for attribute in ["; HttpOnly", "; Secure", "; SameSite="] {
            assert!(whole.contains(attribute), "{whole}");
        }
        whole.split(';').next().unwrap().to_owned()
    };
    let (access, refresh) = (cookie("__Host-souk-access="), cookie("__Secure-souk-refresh="));
    let jar = |cookie: &str, site: &str, method: &str, path: &str| {
        client.send(method, path, &[("cookie", cookie), ("sec-fetch-site", site)], None)
    };
    assert_eq!(jar(&access, "none", "GET", "/api/v1/me").json()["email"], json!(client.email));
    jar(&access, "cross-site", "POST", "/api/v1/logout").is_problem(403, "cross-site-request");
    jar(&refresh, "cross-site", "POST", "/api/v1/token/refresh").is_any_problem(403);
    let refreshed = jar(&refresh, "same-origin", "POST", "/api/v1/token/refresh");
    assert_eq!(refreshed.status, 200, "{}", refreshed.text());
    assert!(refreshed.fields("set-cookie").iter().any(|cookie| cookie.starts_with("__Host-souk-access=")));
    assert_eq!(jar(&access, "same-origin", "POST", "/api/v1/logout").status, 204);
    assert_eq!(jar(&access, "none", "GET", "/api/v1/me").status, 401);
}

#[test]
fn accounts_sessions_and_their_ends_outlive_the_host() {
    let place = Arc::new(Place::new(&Application::delivered()));
    let host = Arc::new(place.up());
    let client = Client::of(Arc::clone(&host));
    client.register();
    let (here, gone) = (client.login(), client.login());
    assert_eq!(client.with(&gone.access, "POST", "/api/v1/logout", None).status, 204);
    host.signal(Signal::KILL);
    assert!(host.ended_within(SOON).is_some());
    let client = Client { host: Arc::new(place.up()), ..client };
    assert_eq!(client.me(&here).status, 200);
    client.me(&gone).is_problem(401, "invalid-token");
    client.refresh(&gone).is_any_problem(401);
    assert_eq!(client.refresh(&here).status, 200);
    drop(HOST.host());
}
