//! Placing an order: out of a cart, or of a list of products.
//!
//! What is only read comes first: it has no effect, so a refusal leaves nothing behind and the key stays unused. Then one transaction writes down the key,
//! the order, and its first step. From there on the order ends, whoever asked for it, or is gone.

use serde_json::json;
use sha2::{Digest, Sha256};
use souk_kit::text::hexadecimal;

use super::Orders;
use crate::answer::{self, Answered};
use crate::domain::order::{Form, Order, Status};
use crate::domain::saga::{Saga, Step};
use crate::domain::{Address, ForeignId, Key, Line, Lines, MethodToken, Money, Number, OrderId, Refusal};
use crate::others::{Cart, Found, NoAnswer};
use crate::store::key::{self, Known};
use crate::store::{self, Placed, Placement};

/// How often a number is drawn. Two in a row that are taken are one case in a million million.
const DRAWS_MAX: usize = 5;

/// Who orders, under which key.
#[derive(Clone, Debug)]
pub struct Asking {
    /// Whose order it becomes.
    pub account: String,
    /// By what a repetition is known.
    pub key: Key,
    /// How it is answered.
    pub form: Form,
}

/// What is asked for.
#[derive(Clone, Debug)]
pub enum Wanted {
    /// The cart, as it stands.
    Cart(CheckOut),
    /// These products, without any cart.
    Products(Purchase),
}

/// What a customer says who wants their cart.
#[derive(Clone, Debug)]
pub struct CheckOut {
    /// The way to pay.
    pub method: MethodToken,
    /// Where to; the default without it.
    pub address_id: Option<ForeignId>,
    /// The version of the cart that they have seen.
    pub cart_version: Option<i64>,
    /// What they have seen that it costs.
    pub total: Option<Money>,
}

/// What a client says that knows no carts.
#[derive(Clone, Debug)]
pub struct Purchase {
    /// Who buys: the profile of whoever asks.
    pub customer_id: ForeignId,
    /// Which products, and how many of each.
    pub items: Vec<(ForeignId, i64)>,
    /// The way to pay; the shop's own without it.
    pub method: Option<MethodToken>,
}

/// What an order is made of.
struct Basis {
    lines: Lines,
    cart: Option<(String, i64)>,
    customer_id: Option<String>,
    address: Option<Address>,
    method: MethodToken,
}

impl Orders {
    /// Places an order, and works at it until it is paid or rejected, or until somebody has to be waited for. A repetition under the same key
    /// gets the first answer.
    pub async fn place(&self, asking: &Asking, wanted: &Wanted) -> Result<Answered, Refusal> {
        let fingerprint = wanted.fingerprint();
        if let Some(known) = key::known(&self.context, &asking.account, &asking.key).await? {
            return self.repeated(known, &fingerprint).await;
        }
        let basis = match wanted {
            Wanted::Cart(check_out) => self.of_cart(&asking.account, check_out).await,
            Wanted::Products(purchase) => self.of_products(&asking.account, purchase).await,
        };
        let basis = match basis {
            Ok(basis) => basis,
            Err(refusal) => return self.unless_known(asking, &fingerprint, refusal).await,
        };
        match self.begin(asking, &fingerprint, basis).await? {
            Placed::Now(order) => self.finish(*order).await,
            Placed::Before(known) => self.repeated(known, &fingerprint).await,
            Placed::CartWasBought(by) => self.unless_known(asking, &fingerprint, Refusal::AlreadyOrdered(by)).await,
            Placed::NumberTaken => Err(Refusal::Failed(souk_kit::database::Failure::Stale)),
        }
    }

    /// A key that was used: for the same, the first answer. If there is none, somebody is at it, or whoever was is gone; then this one goes on.
    async fn repeated(&self, known: Known, fingerprint: &str) -> Result<Answered, Refusal> {
        let Known { fingerprint: first, order_id, answer } = known;
        if first != fingerprint {
            return Err(Refusal::KeyReused);
        }
        if let Some(answer) = answer {
            return Ok(answer);
        }
        let now = self.context.now();
        let is_left = |order: &Order| order.saga.as_ref().is_none_or(|saga| saga.due <= now);
        let Some(left) = store::order(&self.context, &order_id).await?.filter(is_left) else {
            return Err(Refusal::UnderWay(order_id));
        };
        match store::claim(&self.context, left).await? {
            Some(claimed) => self.finish(claimed).await,
            None => Err(Refusal::UnderWay(order_id)),
        }
    }

    /// A refusal, unless the same request came at the same time and was faster: then the cart may be sold out because of it.
    async fn unless_known(&self, asking: &Asking, fingerprint: &str, refusal: Refusal) -> Result<Answered, Refusal> {
        match key::known(&self.context, &asking.account, &asking.key).await? {
            Some(known) => self.repeated(known, fingerprint).await,
            None => Err(refusal),
        }
    }

    async fn begin(&self, asking: &Asking, fingerprint: &str, basis: Basis) -> Result<Placed, Refusal> {
        let now = self.context.now();
        let mut placement = Placement {
            order: Order {
                id: OrderId::stored(self.context.id()),
                number: Number::draw(self.context.secret()),
                account: asking.account.clone(),
                customer_id: basis.customer_id,
                cart_id: basis.cart.as_ref().map(|(id, _)| id.clone()),
                form: asking.form,
                lines: basis.lines,
                address: basis.address,
                status: Status::Pending,
                reason: None,
                payment_id: None,
                is_captured: false,
                reservation: 1,
                saga: Some(Saga { method: Some(basis.method), ..Saga::begin(Step::Reserve, now) }),
                version: 1,
                created_at: now,
                updated_at: now,
            },
            cart: basis.cart,
            key: asking.key.clone(),
            fingerprint: fingerprint.to_owned(),
        };
        for _ in 1..DRAWS_MAX {
            match store::place(&self.context, &placement).await? {
                Placed::NumberTaken => placement.order.number = Number::draw(self.context.secret()),
                placed => return Ok(placed),
            }
        }
        Ok(store::place(&self.context, &placement).await?)
    }

    /// Works at a new order, and gives the answer that is kept from then on.
    async fn finish(&self, order: Order) -> Result<Answered, Refusal> {
        let order = self.work(order).await?;
        Ok(key::answer(&self.context, &order.id, answer::of(&order)).await?)
    }

    async fn of_cart(&self, account: &str, wanted: &CheckOut) -> Result<Basis, Refusal> {
        let cart = self.others.cart(account).await.map_err(|no| unavailable("cart", &no))?;
        let cart = cart.filter(|cart| !cart.lines.is_empty()).ok_or(Refusal::CartEmpty)?;
        wanted.agrees_with(&cart)?;
        let lines = Lines::of(cart.lines).map_err(Refusal::Unsellable)?;
        if wanted.total.as_ref().is_some_and(|seen| *seen != lines.total()) {
            return Err(Refusal::OtherTotal(lines.total()));
        }
        let address_id = wanted.address_id.clone().map(ForeignId::into_string);
        let address = match self.find_address(account, address_id).await? {
            Found::Address(address) => address,
            Found::None => return Err(Refusal::NoAddress),
            Found::Unknown => return Err(Refusal::UnknownAddress),
        };
        let customer_id = self.customer(account).await?;
        let cart = Some((cart.id, cart.version));
        Ok(Basis { lines, cart, customer_id, address: Some(address), method: wanted.method.clone() })
    }

    async fn of_products(&self, account: &str, wanted: &Purchase) -> Result<Basis, Refusal> {
        let customer_id = self.customer(account).await?;
        if customer_id.as_deref() != Some(wanted.customer_id.as_str()) {
            return Err(Refusal::NotYourCustomer);
        }
        let method = wanted.method.clone().map_or_else(|| self.shops_own_method(), Ok)?;
        let ids = wanted.items.iter().map(|(id, _)| id.as_str().to_owned()).collect();
        let products = self.others.products(ids).await.map_err(|no| unavailable("product", &no))?;
        let mut lines = Vec::new();
        let mut unknown = Vec::new();
        for (id, quantity) in &wanted.items {
            match products.iter().find(|product| product.id == id.as_str()) {
                Some(product) => lines.push((product.line(*quantity), product.price.currency.clone())),
                None => unknown.push(id.as_str().to_owned()),
            }
        }
        if !unknown.is_empty() {
            return Err(Refusal::UnknownProducts(unknown));
        }
        let lines = Lines::of(lines).map_err(Refusal::Unsellable)?;
        let address = match self.find_address(account, None).await? {
            Found::Address(address) => Some(address),
            // What is bought so may be fetched.
            Found::None | Found::Unknown => None,
        };
        Ok(Basis { lines, cart: None, customer_id, address, method })
    }

    /// How clients pay that name no way to.
    fn shops_own_method(&self) -> Result<MethodToken, Refusal> {
        let setting = self.context.setting("transactions_payment_token").unwrap_or_default();
        MethodToken::parse(setting).map_err(|_| Refusal::NoMethod)
    }

    async fn customer(&self, account: &str) -> Result<Option<String>, Refusal> {
        self.others.customer(account).await.map_err(|no| unavailable("customer", &no))
    }

    async fn find_address(&self, account: &str, id: Option<String>) -> Result<Found, Refusal> {
        self.others.address(account, id).await.map_err(|no| unavailable("customer", &no))
    }
}

fn unavailable(service: &'static str, no: &NoAnswer) -> Refusal {
    souk_kit::log::error(&format!("{service} can't be asked: {}", no.0));
    Refusal::Unavailable(service)
}

impl CheckOut {
    /// A customer buys what they have seen.
    fn agrees_with(&self, cart: &Cart) -> Result<(), Refusal> {
        if self.cart_version.is_some_and(|seen| seen != cart.version) {
            return Err(Refusal::CartVersion);
        }
        if cart.differences.is_empty() {
            return Ok(());
        }
        Err(Refusal::CartChanged(cart.differences.clone()))
    }
}

impl crate::others::Product {
    fn line(&self, quantity: i64) -> Line {
        Line {
            product_id: self.id.clone(),
            sku: self.sku.clone(),
            name: self.name.clone(),
            quantity,
            unit_price: self.price.amount,
        }
    }
}

impl Wanted {
    /// What two requests have in common that ask for the same.
    fn fingerprint(&self) -> String {
        let asked = match self {
            Self::Cart(CheckOut { method, address_id, cart_version, total }) => {
                json!(["cart", method, address_id, cart_version, total])
            }
            Self::Products(Purchase { customer_id, items, method }) => json!(["products", customer_id, items, method]),
        };
        hexadecimal(&Sha256::digest(asked.to_string()))
    }
}
