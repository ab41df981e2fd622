//! Who sends a request, as the gateway tells the service.

use serde_json::{Value, json};

/// The issuer that tests name if they don't care.
pub const ISSUER: &str = "https://id.example/";

/// Nobody, or somebody who signed in.
#[derive(Clone, Debug)]
pub struct Who {
    /// The account, `<issuer>|<subject>`; empty for nobody.
    pub account: String,
    caller: Option<String>,
}

impl Who {
    /// Nobody.
    pub fn nobody() -> Self {
        Self { account: String::new(), caller: None }
    }

    /// A customer whom [`ISSUER`] calls so.
    pub fn named(subject: &str) -> Self {
        Self::with_roles(subject, &["customer"])
    }

    /// Somebody who keeps the shop.
    pub fn admin() -> Self {
        Self::with_roles("ada", &["customer", "admin"])
    }

    /// Somebody whom [`ISSUER`] calls so, with these roles.
    pub fn with_roles(subject: &str, roles: &[&str]) -> Self {
        Self::of(&format!("{ISSUER}|{subject}"), roles)
    }

    /// Whom this account belongs to.
    pub fn of(account: &str, roles: &[&str]) -> Self {
        Self::said(&json!({"sub": account, "iss": ISSUER, "roles": roles, "scopes": []}))
    }

    /// What the gateway would write, whatever it is.
    pub fn said(caller: &Value) -> Self {
        let account = caller["sub"].as_str().unwrap_or_default().to_owned();
        Self { account, caller: Some(caller.to_string()) }
    }

    /// The value of the field `souk-caller`; none for nobody.
    pub fn field(&self) -> Option<&str> {
        self.caller.as_deref()
    }
}
