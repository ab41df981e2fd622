//! From registering to the refund, through the shop's own manifest: five services that call each other over links.

use super::{Client, Tokens, made};
use crate::application::Application;
use crate::host::{Host, Place, SOON, Shared};
use crate::http::Answer;
use rustix::process::Signal;
use serde_json::{Value, json};
use souk_test_servers::gateway::{self, Gateway};
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// One of their own: others count what is there.
static HOST: Shared = Shared::new(Application::delivered);

const ORDERS: &str = "/api/v1/orders";

/// Who keeps a shop, and a shop to be kept.
struct Keeper {
    client: Client,
    tokens: Tokens,
}

/// Somebody who is signed in, with a profile and an address.
struct Buyer {
    client: Client,
    tokens: Tokens,
    customer_id: String,
}

impl Keeper {
    fn of(host: &Arc<Host>) -> Self {
        let (client, tokens) = made(&host.place, host, &["--admin"]);
        Self { client, tokens }
    }

    fn ask(&self, method: &str, path: &str, body: Option<&Value>) -> Answer {
        self.client.with(&self.tokens.access, method, path, body)
    }

    /// A published product for 5 €, so many in stock; its id.
    fn product(&self, sku: &str, stock: u64) -> String {
        let made = self.ask("POST", "/api/v1/categories", Some(&json!({"slug": "order-tea", "name": "Tea"})));
        assert!([201, 409].contains(&made.status), "{}", made.text());
        let product = json!({"sku": sku, "name": "Tea", "price": {"amount": 500, "currency": "EUR"}, "category": "order-tea",
            "status": "published", "stock": stock});
        let made = self.ask("POST", "/api/v1/products", Some(&product));
        assert_eq!(made.status, 201, "{}", made.text());
        made.json()["id"].as_str().unwrap().to_owned()
    }

    /// Stock, and what of it is available.
    fn counts(&self, product: &str) -> (i64, i64) {
        let stock = self.ask("GET", &format!("/api/v1/products/{product}/stock"), None).json();
        (stock["stock"].as_i64().unwrap(), stock["available"].as_i64().unwrap())
    }

    /// The payments of an order: each with its status, what was taken and what was given back.
    fn payments(&self, order: &str) -> Vec<(String, i64, i64)> {
        let found = self.ask("GET", &format!("/api/v1/payments?order_id={order}"), None).json();
        let read = |payment: &Value| {
            let number = |name: &str| payment[name].as_i64().unwrap();
            (payment["status"].as_str().unwrap().to_owned(), number("captured"), number("refunded"))
        };
        found["items"].as_array().unwrap().iter().map(read).collect()
    }

    fn is_balanced(&self) -> bool {
        self.ask("GET", "/api/v1/payments/ledger", None).json()["balanced"] == true
    }
}

impl Buyer {
    fn of(host: &Arc<Host>) -> Self {
        let client = Client::of(Arc::clone(host));
        client.register();
        let tokens = client.login();
        let bearer = format!("Bearer {}", tokens.access);
        let new = [("authorization", bearer.as_str()), ("if-none-match", "*")];
        let profile = client.send("PUT", "/api/v1/customers/me", &new, Some(&json!({"name": "Ada"})));
        assert_eq!(profile.status, 201, "{}", profile.text());
        let customer_id = profile.json()["id"].as_str().unwrap().to_owned();
        let address = json!({"recipient": "Ada", "lines": ["12 St James's Square"], "city": "London", "country": "GB"});
        let added = client.with(&tokens.access, "POST", "/api/v1/customers/me/addresses", Some(&address));
        assert_eq!(added.status, 201, "{}", added.text());
        Self { client, tokens, customer_id }
    }

    fn ask(&self, method: &str, path: &str, body: Option<&Value>) -> Answer {
        self.client.with(&self.tokens.access, method, path, body)
    }

    fn put_in(&self, product: &str, quantity: u32) {
        let body = json!({"product_id": product, "quantity": quantity});
        let answer = self.ask("POST", "/api/v1/cart/items", Some(&body));
        assert_eq!(answer.status, 200, "{}", answer.text());
    }

    fn under(&self, key: &str, path: &str, body: &Value) -> Answer {
        let bearer = format!("Bearer {}", self.tokens.access);
        self.client.send("POST", path, &[("authorization", &bearer), ("idempotency-key", key)], Some(body))
    }

    fn check_out(&self, key: &str, token: &str) -> Answer {
        self.under(key, ORDERS, &json!({"payment_token": token}))
    }

    /// Waits until the order is in this state.
    #[track_caller]
    fn wait_for(&self, order: &str, status: &str) -> Value {
        let deadline = Instant::now() + SOON;
        loop {
            let now = self.ask("GET", &format!("{ORDERS}/{order}"), None).json();
            if now["status"] == status {
                return now;
            }
            assert!(Instant::now() < deadline, "{now}");
            thread::sleep(Duration::from_millis(50));
        }
    }
}

fn id(answer: &Answer) -> String {
    answer.json()["id"].as_str().unwrap_or_else(|| panic!("{} {}", answer.status, answer.text())).to_owned()
}

#[test]
fn from_the_cart_to_the_refund() {
    let host = HOST.host();
    let keeper = Keeper::of(&host);
    let buyer = Buyer::of(&host);
    let tea = keeper.product("order-1", 9);
    buyer.put_in(&tea, 2);
    let placed = buyer.check_out("k-1", "tok_visa");
    assert_eq!(placed.status, 201, "{}", placed.text());
    let order = id(&placed);
    assert_eq!(placed.field("location"), Some(&*format!("{ORDERS}/{order}")));
    let told = placed.json();
    assert_eq!(
        (&told["status"], &told["total"]["amount"], &told["address"]["city"]),
        (&json!("paid"), &json!(1_000), &json!("London"))
    );
    assert_eq!(keeper.counts(&tea), (7, 7));
    assert_eq!(keeper.payments(&order), [("captured".to_owned(), 1_000, 0)]);
    assert_eq!(buyer.ask("GET", "/api/v1/cart", None).json()["items"], json!([]));

    let again = buyer.check_out("k-1", "tok_visa");
    assert_eq!((again.status, again.text()), (placed.status, placed.text()), "the same answer to the byte");
    buyer.check_out("k-1", "tok_declined").is_problem(422, "idempotency-key-reused");
    buyer.check_out("k-2", "tok_visa").is_problem(409, "cart-empty");

    let stranger = Buyer::of(&host);
    stranger.ask("GET", &format!("{ORDERS}/{order}"), None).is_any_problem(404);
    stranger.ask("POST", &format!("{ORDERS}/{order}/cancel"), None).is_any_problem(404);
    stranger.ask("POST", &format!("{ORDERS}/{order}/ship"), None).is_any_problem(403);
    host.get(ORDERS).is_problem(401, "not-signed-in");

    let cancelled = buyer.ask("POST", &format!("{ORDERS}/{order}/cancel"), None);
    assert_eq!((cancelled.status, &cancelled.json()["status"]), (200, &json!("cancelled")), "{}", cancelled.text());
    assert_eq!(keeper.counts(&tea), (9, 9));
    assert_eq!(keeper.payments(&order), [("refunded".to_owned(), 1_000, 1_000)]);
    assert!(keeper.is_balanced());
    let journal = keeper.ask("GET", &format!("{ORDERS}/{order}/journal"), None).json();
    let what: Vec<&str> =
        journal["items"].as_array().unwrap().iter().rev().map(|line| line["what"].as_str().unwrap()).collect();
    assert_eq!(
        what,
        ["placed", "reserved", "authorized", "captured", "committed", "taken-out", "cancelled", "refunded", "released"]
    );
}

#[test]
fn a_purchase_without_a_cart() {
    let host = HOST.host();
    let keeper = Keeper::of(&host);
    let buyer = Buyer::of(&host);
    let tea = keeper.product("order-2", 9);
    let body = json!({"customerId": buyer.customer_id, "items": [{"productId": tea, "quantity": 3}]});
    let bought = buyer.ask("POST", "/api/v1/transactions", Some(&body));
    assert_eq!(bought.status, 201, "{}", bought.text());
    let told = bought.json();
    assert_eq!((&told["totalAmount"], &told["customerId"]), (&json!(1_500), &json!(buyer.customer_id)));
    assert_eq!(keeper.counts(&tea), (6, 6));
    let mut lie = body.clone();
    lie["items"][0]["price"] = json!(1);
    buyer.ask("POST", "/api/v1/transactions", Some(&lie)).is_problem(422, "invalid-body");
    let stranger = Buyer::of(&host);
    stranger.ask("POST", "/api/v1/transactions", Some(&body)).is_problem(422, "unknown-customer");
}

#[test]
fn a_declined_card_leaves_nothing_behind_and_the_cart_as_it_was() {
    let host = HOST.host();
    let keeper = Keeper::of(&host);
    let buyer = Buyer::of(&host);
    let tea = keeper.product("order-3", 9);
    buyer.put_in(&tea, 2);
    let declined = buyer.check_out("k-1", "tok_stolen");
    declined.is_problem(402, "payment-declined");
    assert_eq!(declined.json()["reason"], "declined", "the thief does not learn that it was noticed");
    assert_eq!(keeper.counts(&tea), (9, 9));
    assert_eq!(buyer.check_out("k-2", "tok_visa").status, 201);
    assert_eq!(keeper.counts(&tea), (7, 7));
}

#[test]
fn what_has_no_outcome_is_finished_by_the_job() {
    let host = HOST.host();
    let keeper = Keeper::of(&host);
    let buyer = Buyer::of(&host);
    let tea = keeper.product("order-4", 9);
    for token in ["tok_timeout_after_effect", "tok_capture_timeout_after_effect"] {
        buyer.put_in(&tea, 1);
        let waiting = buyer.check_out(token, token);
        assert_eq!(waiting.status, 202, "{}", waiting.text());
        let order = id(&waiting);
        buyer.wait_for(&order, "paid");
        assert_eq!(keeper.payments(&order), [("captured".to_owned(), 500, 0)]);
        assert_eq!(buyer.check_out(token, token).text(), waiting.text(), "the first answer stays");
    }
    assert_eq!(keeper.counts(&tea), (7, 7));
}

#[test]
fn of_a_hundred_buyers_who_want_the_last_one_gets_it() {
    let host = HOST.host();
    let keeper = Keeper::of(&host);
    let tea = keeper.product("order-5", 1);
    let buyers: Vec<Buyer> = (0..100).map(|_| Buyer::of(&host)).collect();
    let answers: Vec<Answer> = thread::scope(|scope| {
        let mut threads = Vec::new();
        for buyer in &buyers {
            let body = json!({"customerId": buyer.customer_id, "items": [{"productId": tea, "quantity": 1}]});
            threads.push(scope.spawn(move || buyer.under("k", "/api/v1/transactions", &body)));
        }
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    assert_eq!(answers.iter().filter(|answer| answer.status == 201).count(), 1);
    for refused in answers.iter().filter(|answer| answer.status != 201) {
        refused.is_problem(409, "sold-out");
        assert_eq!(refused.json()["lines"], json!([{"product_id": tea, "available": 0}]));
    }
    assert_eq!(keeper.counts(&tea), (0, 0));
}

#[test]
fn an_order_that_a_kill_left_is_finished_by_the_next_host() {
    let place = Arc::new(Place::new(&Application::delivered()));
    let host = Arc::new(place.up());
    let keeper = Keeper::of(&host);
    let buyer = Buyer::of(&host);
    let tea = keeper.product("order-6", 9);
    buyer.put_in(&tea, 1);
    // The provider has done it and did not say so; the host is gone before it can be asked again.
    let order = id(&buyer.check_out("k", "tok_timeout_after_effect"));
    host.signal(Signal::KILL);
    host.ended_within(SOON).unwrap();
    let host = Arc::new(place.up());
    let keeper = Keeper { client: Client::of(Arc::clone(&host)), ..keeper };
    let buyer = Buyer { client: Client::of(Arc::clone(&host)), ..buyer };
    buyer.wait_for(&order, "paid");
    assert_eq!(keeper.payments(&order), [("captured".to_owned(), 500, 0)]);
    assert_eq!(keeper.counts(&tea), (8, 8));
}

#[test]
fn money_is_moved_by_a_gateway_far_away() {
    let gateway = Gateway::start(now_ms);
    let application = Application::delivered().replaced(
        "payment_simulator.wasm\"",
        &format!(
            "payment_http.wasm\"\nallowed_outbound_hosts = [\"{url}\"]\n\n[component.payment.variables]\n\
         payment_gateway_url = \"{url}\"\npayment_gateway_key = \"{}\"\ngateway_webhook_secret = \"{}\"\n\
         payment_gateway_timeout_ms = \"500\"",
            gateway::KEY,
            gateway::WEBHOOK_SECRET,
            url = gateway.url(),
        ),
    );
    let host = Arc::new(Arc::new(Place::new(&application)).up());
    let keeper = Keeper::of(&host);
    let buyer = Buyer::of(&host);
    let tea = keeper.product("order-7", 20);
    for (token, status) in [
        ("tok_visa", 201),
        ("tok_timeout", 202),
        ("tok_timeout_after_effect", 202),
        ("tok_hangs_after_effect", 202),
        ("tok_capture_500_after_effect", 202),
    ] {
        // What was not bought is still in the cart.
        buyer.ask("DELETE", "/api/v1/cart", None);
        buyer.put_in(&tea, 1);
        let answer = buyer.check_out(token, token);
        assert_eq!(answer.status, status, "{token}: {}", answer.text());
        let order = id(&answer);
        let ends = if token == "tok_timeout" { "rejected" } else { "paid" };
        let paid = buyer.wait_for(&order, ends);
        let payment = paid["payment_id"].as_str().unwrap_or_default();
        let taken = gateway.payment(payment).map_or(0, |payment| payment.captured - payment.refunded);
        assert_eq!(taken, if ends == "paid" { 500 } else { 0 }, "{token}");
    }
    let order = id(&{
        buyer.put_in(&tea, 2);
        buyer.check_out("to be cancelled", "tok_visa")
    });
    let paid = buyer.wait_for(&order, "paid");
    let payment = paid["payment_id"].as_str().unwrap();
    assert_eq!(buyer.ask("POST", &format!("{ORDERS}/{order}/cancel"), None).status, 200);
    let truth = gateway.payment(payment).unwrap();
    assert_eq!((truth.captured, truth.refunded), (1_000, 1_000));
    buyer.put_in(&tea, 1);
    buyer.check_out("declined", "tok_insufficient_funds").is_problem(402, "payment-declined");
    assert!(keeper.is_balanced());
    assert_eq!(keeper.counts(&tea), (16, 16));
}

#[expect(clippy::disallowed_methods, reason = "the gateway has a clock of its own")]
fn now_ms() -> i64 {
    i64::try_from(SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis()).unwrap()
}
