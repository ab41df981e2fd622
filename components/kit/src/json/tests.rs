//! What a strict body accepts and refuses.

use super::{BODY_BYTES_MAX, Body, Field, Fields, Input, MergePatch, read};
use crate::problem::Problem;
use axum::extract::{FromRequest, OptionalFromRequest, Request};
use axum::response::IntoResponse;
use http_body_util::BodyExt;
use serde_json::{Value, json};

#[derive(Debug, PartialEq)]
struct Cup {
    name: String,
    price: i64,
    tags: Vec<String>,
}

impl Input for Cup {
    fn read(fields: &mut Fields) -> Option<Self> {
        let name = fields.required("name", |field| field.text(not_empty));
        let price = fields.required("price", |field| {
            field.fields(|price| price.required("amount", |amount| amount.integer(not_negative)))
        });
        let tags = fields.optional("tags", |field| field.items(2, |tag| tag.text(not_empty)));
        fields.refused("version", "is set by the service");
        Some(Self { name: name?, price: price?, tags: tags.unwrap_or_default() })
    }
}

fn not_empty(text: String) -> Result<String, &'static str> {
    if text.is_empty() { Err("must not be empty") } else { Ok(text) }
}

fn not_negative(number: i64) -> Result<i64, &'static str> {
    if number < 0 { Err("must not be negative") } else { Ok(number) }
}

fn request(content_type: &str, body: impl Into<axum::body::Body>) -> Request {
    http::Request::post("/")
        .header("content-type", content_type)
        .body(body.into())
        .expect("the test's request is well-formed")
}

async fn answer(problem: Problem) -> (u16, Value) {
    let response = problem.into_response();
    let status = response.status().as_u16();
    let body = response.into_body().collect().await.expect("it is in memory");
    let body = serde_json::from_slice(&body.to_bytes()).expect("a problem is JSON");
    (status, body)
}

async fn refusal(content_type: &str, body: impl Into<axum::body::Body>) -> (u16, Value) {
    match <Body<Cup> as FromRequest<()>>::from_request(request(content_type, body), &()).await {
        Ok(Body(cup)) => panic!("{cup:?} was accepted"),
        Err(problem) => answer(problem).await,
    }
}

#[tokio::test]
async fn a_good_body_is_read() {
    let body = r#"{"name":"cup","price":{"amount":5},"tags":["blue"]}"#;
    let request = request("Application/JSON; charset=UTF-8", body);
    let Ok(Body(cup)) = <Body<Cup> as FromRequest<()>>::from_request(request, &()).await else {
        panic!("it was refused");
    };
    assert_eq!((cup.name.as_str(), cup.price, cup.tags.len()), ("cup", 5, 1));
}

#[tokio::test]
async fn all_faults_are_told_at_once() {
    let body = r#"{"price":{"amount":-1,"a/b~c":1},"tags":["x",7],"version":3,"size":null}"#;
    let (status, body) = refusal("application/json", body).await;
    assert_eq!(status, 422);
    assert_eq!(body["type"], "urn:souk:problem:invalid-body");
    assert_eq!(
        body["errors"],
        json!([
            {"pointer": "/name", "detail": "is required"},
            {"pointer": "/price/amount", "detail": "must not be negative"},
            {"pointer": "/price/a~1b~0c", "detail": "is not a field of this"},
            {"pointer": "/tags/1", "detail": "must be a string"},
            {"pointer": "/version", "detail": "is set by the service"},
            {"pointer": "/size", "detail": "is not a field of this"},
        ])
    );
}

#[tokio::test]
async fn a_fraction_is_not_a_whole_number() {
    for amount in ["1.0", "1e3", "9223372036854775808", "\"1\"", "true"] {
        let body = format!(r#"{{"name":"cup","price":{{"amount":{amount}}}}}"#);
        let (status, body) = refusal("application/json", body).await;
        assert_eq!(status, 422, "{amount}");
        assert_eq!(body["errors"][0]["pointer"], "/price/amount");
    }
}

struct Switch(bool);

impl Input for Switch {
    fn read(fields: &mut Fields) -> Option<Self> {
        fields.required("is_on", Field::boolean).map(Self)
    }
}

#[tokio::test]
async fn true_and_false_are_the_only_booleans() {
    assert!(read::<Switch>(json!({"is_on": true})).is_ok_and(|switch| switch.0));
    assert!(read::<Switch>(json!({"is_on": false})).is_ok_and(|switch| !switch.0));
    for other in [json!(0), json!(1), json!("true"), json!(""), json!([]), Value::Null] {
        let Err(problem) = read::<Switch>(json!({"is_on": other})) else { panic!("{other} was accepted") };
        assert_eq!(answer(problem).await.1["errors"][0]["pointer"], "/is_on");
    }
}

#[tokio::test]
async fn what_is_not_json_is_malformed() {
    let deep = "[".repeat(100_000);
    let deep_object = r#"{"a":"#.repeat(100_000);
    let twice = r#"{"name":"a","name":"b"}"#;
    for body in ["", "{", "{}}", "nul", "{'a':1}", "\u{feff}{}", &deep, &deep_object, twice] {
        let (status, answer) = refusal("application/json", body.to_owned()).await;
        assert_eq!(status, 400, "{body:.20}");
        assert_eq!(answer["type"], "urn:souk:problem:malformed-body");
    }
    let (status, answer) = refusal("application/json", &b"{\"name\":\"\xff\"}"[..]).await;
    assert_eq!((status, answer["detail"].as_str()), (400, Some("the body is not UTF-8")));
}

#[tokio::test]
async fn another_media_type_is_unsupported() {
    for media in ["", "text/plain", "application/json; charset=latin1", "application/jsonp"] {
        assert_eq!(refusal(media, "{}").await.0, 415, "{media}");
    }
}

#[tokio::test]
async fn a_body_over_the_limit_is_too_large_whether_announced_or_not() {
    let large = "x".repeat(BODY_BYTES_MAX + 1);
    assert_eq!(refusal("application/json", large.clone()).await.0, 413);
    let mut announced = request("application/json", "{}");
    announced.headers_mut().insert("content-length", http::HeaderValue::from(large.len()));
    let refused = <Body<Cup> as FromRequest<()>>::from_request(announced, &()).await.err();
    assert_eq!(refused.map(|problem| problem.status().as_u16()), Some(413));
}

#[tokio::test]
async fn a_merge_patch_changes_what_it_names_and_is_read_as_strictly() {
    let present = json!({"name": "cup", "price": {"amount": 5}, "tags": ["blue"]});
    let patch = async |body: &'static str| {
        let request = request("application/merge-patch+json", body);
        let patch = MergePatch::from_request(request, &()).await?;
        patch.apply::<Cup>(&present)
    };
    let changed = patch(r#"{"price":{"amount":7},"tags":null}"#).await;
    let expected = Cup { name: "cup".to_owned(), price: 7, tags: vec![] };
    assert_eq!(changed.map_err(|problem| problem.status()), Ok(expected));
    for refused in [r#"{"name":null}"#, r#"{"colour":"red"}"#, r#"{"price":5}"#, "[]"] {
        let status = patch(refused).await.map_err(|problem| problem.status().as_u16());
        assert_eq!(status, Err(422), "{refused}");
    }
    let plain = MergePatch::from_request(request("application/json", "{}"), &()).await;
    let plain = plain.err().expect("it is refused").into_response();
    assert_eq!(plain.headers()["accept-patch"], "application/merge-patch+json");
}

#[tokio::test]
async fn a_body_that_may_be_absent_is_absent_or_good() {
    let optional = |media, body| <Body<Cup> as OptionalFromRequest<()>>::from_request(request(media, body), &());
    for media in ["application/json", "text/plain", ""] {
        assert!(matches!(optional(media, "").await, Ok(None)), "{media}");
    }
    let cup = optional("application/json", r#"{"name":"Cup","price":{"amount":5}}"#).await;
    assert!(matches!(cup, Ok(Some(Body(Cup { price: 5, .. })))));
    for (media, body, status) in
        [("text/plain", "{}", 415), ("application/json", "{", 400), ("application/json", "{}", 422)]
    {
        let refused = optional(media, body).await.err().map(|problem| problem.status().as_u16());
        assert_eq!(refused, Some(status), "{media} {body}");
    }
}
