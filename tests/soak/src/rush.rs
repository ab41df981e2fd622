//! A hundred who want the last one at the same moment: one gets it, and the others are told clearly that it is gone.

use std::time::Instant;

use anyhow::{Result, ensure};
use serde_json::json;

use crate::connection::Asked;
use crate::customer::{Left, Purchase, profile};
use crate::shop::Shop;

const BUYERS: usize = 100;

/// Lets them all ask at once, and tells how long it took until the last one had an answer. They are audited like everybody else.
pub(crate) async fn rush(shop: &mut Shop) -> Result<Vec<Left>> {
    let product = shop.sell("in-demand", 500, 1).await?;
    let mut buyers = Vec::new();
    for number in 0..BUYERS {
        let subject = format!("buyer-{number}");
        let mut client = shop.client(&subject, &["customer"]);
        let customer_id = profile(&mut client, &subject).await?;
        let item = json!({"productId": product, "quantity": 1});
        let body = json!({"customerId": customer_id, "items": [item], "paymentToken": "tok_visa"});
        let asked = Asked::post("/api/v1/transactions", body).under("the last one");
        buyers.push((Shop::account(&subject), client, asked));
    }
    let begun = Instant::now();
    let asking: Vec<_> = buyers
        .into_iter()
        .map(|(account, mut client, asked)| {
            tokio::spawn(async move {
                let answer = client.send(&asked).await?;
                anyhow::Ok(Left {
                    account,
                    client,
                    purchases: vec![Purchase { answer: Some(answer), ..Purchase::of(asked) }],
                })
            })
        })
        .collect();
    let mut left = Vec::new();
    for asking in asking {
        left.push(asking.await??);
    }
    let took = begun.elapsed();
    let answers = || left.iter().flat_map(|left| &left.purchases).filter_map(|purchase| purchase.answer.as_ref());
    let paid = answers().filter(|answer| answer.status == 201).count();
    let sold_out = answers().filter(|answer| answer.status == 409 && answer.problem() == "sold-out").count();
    println!("soak: {BUYERS} want the last one: {paid} paid, {sold_out} sold out, after {} ms", took.as_millis());
    ensure!((paid, sold_out) == (1, BUYERS - 1), "the last one was not sold once");
    Ok(left)
}
