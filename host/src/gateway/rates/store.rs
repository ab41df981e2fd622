//! Budgets that several hosts share: on a Valkey or Redis that `--rates` names.
//!
//! A budget is one key with one number, the moment at which it is whole again, by the server's own clock: those of the hosts do not
//! matter. A script reads and moves it in one step, and lets the key expire at that moment, since a budget that is whole need not be
//! remembered. Where the store is a cluster or has replicas, it is one server of it that is spoken to.

mod link;

use super::budget::Budget;
use super::flow::Flow;
use crate::config::ms;
use crate::manifest::Application;
use link::Link;
use redis::io::tcp::TcpSettings;
use redis::{Client, ConnectionAddr, IntoConnectionInfo, Script};
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

/// Moves a budget as [`Table::advance`](super::table::Table::advance) does; answers with whether the request passes, and how far ahead the
/// moment lies at which the budget is whole. Nothing in it is further ahead than a budget is large, even after the server's clock was set back.
/// A number of Lua's holds microseconds since 1970 for another two centuries, but writes them with an exponent unless it is told not to.
const ADVANCE: &str = "
local interval, whole = tonumber(ARGV[1]), tonumber(ARGV[2])
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local ahead = math.min(math.max((tonumber(redis.call('GET', KEYS[1]) or 0) or 0) - now, 0), whole)
if ahead > whole - interval then
  return {0, ahead}
end
ahead = ahead + interval
redis.call('SET', KEYS[1], string.format('%.0f', now + ahead), 'PX', math.ceil(ahead / 1000))
return {1, ahead}
";

/// What `--rates` says.
#[derive(Clone, Default)]
pub enum RatesUrl {
    /// `memory`: each host counts by itself.
    #[default]
    Memory,
    /// `redis://…` or `rediss://…`.
    Shared(Box<Client>),
}

impl FromStr for RatesUrl {
    type Err = String;

    /// The error does not repeat the text: it may hold a password.
    fn from_str(text: &str) -> Result<Self, String> {
        if text == "memory" {
            return Ok(Self::Memory);
        }
        let wrong = |_| "is neither `memory` nor like `redis://user:password@host:port/0`".to_owned();
        let info = text.into_connection_info().map_err(wrong)?;
        if matches!(info.addr(), ConnectionAddr::TcpTls { insecure: true, .. }) {
            return Err("asks not to check the server's certificate, which is not done".to_owned());
        }
        // A question is a few bytes, and a request waits for its answer.
        let info = info.set_tcp_settings(TcpSettings::default().set_nodelay(true));
        Client::open(info).map(|client| Self::Shared(Box::new(client))).map_err(wrong)
    }
}

/// Without what may hold a password.
impl fmt::Debug for RatesUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Memory => "Memory",
            Self::Shared(_) => "Shared",
        })
    }
}

/// The budgets that the hosts of one application share.
pub struct Store {
    link: Arc<Link>,
    script: Script,
    /// What its keys begin with.
    prefix: String,
    retry: Duration,
}

/// How far ahead the moment lies at which a budget is whole, in microseconds.
pub(super) struct Ahead(pub(super) u64);

impl Store {
    /// Tries to connect; none if each host counts by itself. A store that can't be reached is a warning: it may come yet.
    pub async fn open(url: &RatesUrl, application: &Application) -> Option<Self> {
        let RatesUrl::Shared(client) = url else { return None };
        let (answer_max, retry) =
            (ms(application.limits.rates_store_ms_max), ms(application.limits.rates_store_retry_ms));
        Some(Self {
            link: Link::open(Client::clone(client), answer_max, retry).await,
            script: Script::new(ADVANCE),
            prefix: format!("souk:rates:{}:", application.name),
            retry,
        })
    }

    /// Whether it would be no use to ask.
    pub(super) fn is_down(&self) -> bool {
        self.link.is_down()
    }

    /// When it may be back.
    pub(super) fn retry(&self) -> Duration {
        self.retry
    }

    /// Takes one request out of a budget; the error is that of one that is used up, and nothing that the store did not answer.
    pub(super) async fn take(&self, name: &str, budget: &Budget<'_>, flow: Flow) -> Option<Result<Ahead, Ahead>> {
        let key = format!("{}{name}:{}", self.prefix, budget.payer());
        let mut call = self.script.key(key);
        call.arg(flow.interval_us).arg(flow.whole_us);
        let (passes, ahead_us): (bool, u64) = self.link.ask(&call).await?;
        Some(if passes { Ok(Ahead(ahead_us)) } else { Err(Ahead(ahead_us)) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_is_read_and_its_password_is_told_to_nobody() {
        let read = |text: &str| text.parse::<RatesUrl>();
        assert!(matches!(read("memory"), Ok(RatesUrl::Memory)));
        for url in ["redis://127.0.0.1", "redis://:secret@[::1]:6380/3", "rediss://user:secret@store.example/0"] {
            let read = read(url);
            assert!(matches!(read, Ok(RatesUrl::Shared(_))), "{url}");
            assert!(!format!("{read:?}").contains("secret"), "{url}");
        }
        for url in [
            "",
            "Memory",
            "http://secret@host",
            "redis://",
            "redis://:secret@host/db",
            "redis://secret@host:99999",
            "host:6379",
        ] {
            let why = read(url).expect_err(url);
            assert!(why.contains("neither `memory` nor") && !why.contains("secret"), "{url}: {why}");
        }
        assert!(read("rediss://host/#insecure").is_err());
    }
}
