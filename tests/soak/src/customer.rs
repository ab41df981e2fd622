//! A customer: in a hurry, impatient, with many cards, of which some work.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use fastrand::Rng;
use serde_json::{Value, json};

use crate::connection::{Answer, Asked, Client, is_success};
use crate::notes::Notes;
use crate::shop::Shop;

/// Cards, those that work most often among them. What each does is told in `components/payment/src/provider/simulator.rs`.
const CARDS: [&str; 24] = [
    "tok_visa",
    "tok_visa",
    "tok_visa",
    "tok_visa",
    "tok_visa",
    "tok_visa",
    "tok_visa",
    "tok_visa",
    "tok_visa",
    "tok_declined",
    "tok_stolen",
    "tok_error",
    "tok_unavailable",
    "tok_timeout",
    "tok_timeout_after_effect",
    "tok_slow",
    "tok_capture_fails",
    "tok_capture_unavailable",
    "tok_capture_timeout",
    "tok_capture_timeout_after_effect",
    "tok_capture_slow",
    "tok_refund_timeout_after_effect",
    "tok_refund_slow",
    "tok_void_timeout_after_effect",
];

/// One customer.
pub(crate) struct Customer {
    number: usize,
    account: String,
    client: Client,
    rng: Rng,
    products: Vec<String>,
    notes: Arc<Notes>,
    purchases: Vec<Purchase>,
}

/// Something that was asked for under a key, and the first answer that says what came of it.
#[derive(Clone, Debug)]
pub(crate) struct Purchase {
    pub(crate) asked: Asked,
    pub(crate) answer: Option<Answer>,
    /// Whether a try was lost, which may have become an order though another one was refused.
    pub(crate) is_open: bool,
}

/// What is left of a customer: whoever asks after them.
pub(crate) struct Left {
    pub(crate) account: String,
    pub(crate) client: Client,
    pub(crate) purchases: Vec<Purchase>,
}

impl Purchase {
    /// Not asked for yet.
    pub(crate) fn of(asked: Asked) -> Self {
        Self { asked, answer: None, is_open: false }
    }

    /// The order that it became.
    pub(crate) fn order(&self) -> Option<String> {
        order_of(self.answer.as_ref()?)
    }
}

/// The order that an answer is about: it is kept under the key, unless it says that there is none yet, or another one.
fn order_of(answer: &Answer) -> Option<String> {
    let body = answer.json();
    let id = match answer.problem().as_str() {
        "request-under-way" | "already-ordered" => return None,
        _ if is_success(answer.status) => &body["id"],
        _ => &body["order_id"],
    };
    id.as_str().map(str::to_owned)
}

/// Makes somebody's profile; its id.
pub(crate) async fn profile(client: &mut Client, name: &str) -> Result<String> {
    // By an earlier try it may be there.
    client.insist(&Asked::create("/api/v1/customers/me", json!({"name": name}))).await?;
    let profile = client.demand(&Asked::get("/api/v1/customers/me")).await?;
    Ok(profile["id"].as_str().context("a profile has an id")?.to_owned())
}

impl Customer {
    pub(crate) fn new(number: usize, shop: &Shop, rng: Rng, notes: Arc<Notes>) -> Self {
        let subject = format!("customer-{number}");
        let client = shop.client(&subject, &["customer"]);
        let account = Shop::account(&subject);
        Self { number, account, client, rng, products: shop.products(), notes, purchases: Vec::new() }
    }

    /// Buys until it is over, and then comes again for whatever is not known.
    pub(crate) async fn buy_until(mut self, is_over: Arc<AtomicBool>) -> Result<Left> {
        let customer_id = self.introduce().await.context("a customer could not introduce themselves")?;
        while !is_over.load(Ordering::Relaxed) {
            match self.rng.u32(0..100) {
                0..60 => self.check_out().await?,
                60..80 => self.buy_directly(&customer_id).await?,
                80..92 => self.cancel().await?,
                92..96 => self.read_own().await?,
                _ => self.pry().await?,
            }
        }
        let mut purchases = std::mem::take(&mut self.purchases);
        for purchase in &mut purchases {
            if purchase.answer.is_none() || purchase.is_open && purchase.order().is_none() {
                purchase.answer = Some(self.come_again(&purchase.asked).await?);
            }
        }
        Ok(Left { account: self.account, client: self.client, purchases })
    }

    /// A profile and an address, without which nothing is sent.
    async fn introduce(&mut self) -> Result<String> {
        let customer_id = profile(&mut self.client, &format!("Customer {}", self.number)).await?;
        let address = json!({
            "recipient": format!("Customer {}", self.number), "lines": ["1 Market Street"], "city": "Souk", "country": "DE",
        });
        self.client.demand(&Asked::post("/api/v1/customers/me/addresses", address)).await?;
        Ok(customer_id)
    }

    async fn check_out(&mut self) -> Result<()> {
        // What is sold out, or costs something else now, is taken as it is.
        if self.rng.bool() {
            let accept = Asked { body: None, ..Asked::post("/api/v1/cart/accept", Value::Null) };
            if let Err(_lost) = self.client.send(&accept).await {
                self.notes.count("lost");
            }
        }
        for _ in 0..self.rng.usize(1..=3) {
            let (product, quantity) = (self.product(), self.rng.u32(1..=3));
            let item = json!({"product_id": product, "quantity": quantity});
            if let Err(_lost) = self.client.send(&Asked::post("/api/v1/cart/items", item)).await {
                self.notes.count("lost");
            }
        }
        let asked = Asked::post("/api/v1/orders", json!({"payment_token": self.card()})).under(&self.key());
        self.place(asked).await
    }

    async fn buy_directly(&mut self, customer_id: &str) -> Result<()> {
        let item = json!({"productId": self.product(), "quantity": self.rng.u32(1..=3)});
        let body = json!({"customerId": customer_id, "items": [item], "paymentToken": self.card()});
        let asked = Asked::post("/api/v1/transactions", body).under(&self.key());
        self.place(asked).await
    }

    /// Asks for it as people and their networks do. Whatever comes back under one key must be the same.
    async fn place(&mut self, asked: Asked) -> Result<()> {
        let mut purchase = Purchase::of(asked.clone());
        match self.rng.u32(0..20) {
            // Gives up waiting.
            0..3 => {
                self.notes.count("given up");
                let after = Duration::from_micros(self.rng.u64(100..30_000));
                self.client.send_and_leave(&asked, after).await;
            }
            // Clicks twice.
            3..6 => {
                let mut other = self.client.another();
                let (one, two) = tokio::join!(self.client.send(&asked), other.send(&asked));
                self.take(&mut purchase, one)?;
                self.take(&mut purchase, two)?;
            }
            // Clicks twice in a program that thinks of a new key each time.
            6 => {
                let again = asked.clone().under(&self.key());
                let mut other = self.client.another();
                let (one, two) = tokio::join!(self.client.send(&asked), other.send(&again));
                let mut second = Purchase::of(again);
                self.take(&mut purchase, one)?;
                self.take(&mut second, two)?;
                self.purchases.push(second);
            }
            // Comes again after the answer.
            7..10 => {
                for _ in 0..2 {
                    let tried = self.client.send(&asked).await;
                    self.take(&mut purchase, tried)?;
                }
            }
            _ => {
                let tried = self.client.send(&asked).await;
                self.take(&mut purchase, tried)?;
            }
        }
        self.purchases.push(purchase);
        Ok(())
    }

    /// Keeps the first answer that stays, and compares each later one with it.
    fn take(&self, purchase: &mut Purchase, tried: Result<Answer>) -> Result<()> {
        let Ok(answer) = tried else {
            self.notes.count("lost");
            purchase.is_open = true;
            return Ok(());
        };
        self.notes.answered(&answer);
        ensure!(answer.status != 500, "{}: 500 {}", purchase.asked.path, String::from_utf8_lossy(&answer.bytes));
        if answer.status == 409 && answer.problem() == "request-under-way" || matches!(answer.status, 429 | 503 | 504) {
            return Ok(());
        }
        if let Some(order) = order_of(&answer) {
            self.notes.leave(self.number, &order);
        }
        match &purchase.answer {
            // One of two at once may be refused before the other is written down: it has used no key.
            Some(first) if order_of(first).is_some() && order_of(&answer).is_none() => {}
            Some(first) if order_of(first).is_some() => ensure!(
                (first.status, &first.bytes) == (answer.status, &answer.bytes),
                "one key has two answers: {} {first:?} and {answer:?}",
                purchase.asked.path
            ),
            _ => purchase.answer = Some(answer),
        }
        Ok(())
    }

    /// Asks again under the same key until it is known what came of it.
    async fn come_again(&mut self, asked: &Asked) -> Result<Answer> {
        loop {
            let answer = self.client.insist(asked).await?;
            if answer.problem() != "request-under-way" {
                self.notes.answered(&answer);
                return Ok(answer);
            }
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    }

    async fn cancel(&mut self) -> Result<()> {
        let orders: Vec<String> = self.purchases.iter().filter_map(Purchase::order).collect();
        if orders.is_empty() {
            return Ok(());
        }
        let order = &orders[self.rng.usize(0..orders.len())];
        let cancel = Asked { body: None, ..Asked::post(format!("/api/v1/orders/{order}/cancel"), Value::Null) };
        match self.client.send(&cancel).await {
            Ok(answer) if is_success(answer.status) => self.notes.count("cancelled"),
            Ok(answer) => ensure!(matches!(answer.status, 409 | 429 | 503), "cancel: {} {answer:?}", answer.status),
            Err(_unknown) => self.notes.count("lost"),
        }
        Ok(())
    }

    async fn read_own(&mut self) -> Result<()> {
        let Ok(answer) = self.client.send(&Asked::get("/api/v1/orders?size=100")).await else { return Ok(()) };
        if answer.status == 200 {
            let orders = answer.json();
            let others = orders["items"].as_array().into_iter().flatten();
            ensure!(others.clone().all(|order| order["account"] == self.account.as_str()), "somebody else's order");
        }
        Ok(())
    }

    /// Somebody else's order does not exist.
    async fn pry(&mut self) -> Result<()> {
        let Some(order) = self.notes.anothers(self.number) else { return Ok(()) };
        if let Ok(answer) = self.client.send(&Asked::get(format!("/api/v1/orders/{order}"))).await {
            ensure!(matches!(answer.status, 404 | 429 | 503), "another's order was shown: {}", answer.status);
        }
        Ok(())
    }

    fn product(&mut self) -> String {
        self.products[self.rng.usize(0..self.products.len())].clone()
    }

    fn card(&mut self) -> &'static str {
        CARDS[self.rng.usize(0..CARDS.len())]
    }

    fn key(&mut self) -> String {
        format!("{:016x}", self.rng.u64(..))
    }
}
