//! What went wrong on the server or on the way to it, as a case of the contract that says what to do.

use std::io;

use fallible_iterator::FallibleIterator;
use postgres_protocol::message::backend::ErrorResponseBody;

use super::limits::Limits;
use crate::contract::Error;
use crate::engine::sizes::result_too_large;
use crate::engine::too_slow;

/// Why a statement did not come to its end.
#[derive(Debug)]
pub(super) enum Fault {
    /// Found by this crate.
    Refused(Error),
    /// Found by the server.
    Server(ServerError),
    /// The connection is of no use any more.
    Broken(String),
    /// The server did not answer in time. The connection is of no use any more.
    Silent,
    /// The server sends a message that is too long to be read. The connection is of no use any more.
    Overlong,
}

/// An error of the server: its SQLSTATE and its words.
#[derive(Clone, Debug)]
pub(super) struct ServerError {
    pub(super) code: String,
    pub(super) text: String,
    is_fatal: bool,
}

impl ServerError {
    pub(super) fn of(body: &ErrorResponseBody) -> Self {
        let mut error = Self { code: String::new(), text: String::new(), is_fatal: false };
        let mut fields = body.fields();
        while let Ok(Some(field)) = fields.next() {
            let value = String::from_utf8_lossy(field.value_bytes()).into_owned();
            match field.type_() {
                b'C' => error.code = value,
                b'M' => error.text = value,
                // Not translated into the language of the server, unlike `S`.
                b'V' => error.is_fatal = matches!(value.as_str(), "FATAL" | "PANIC"),
                _ => {}
            }
        }
        error
    }

    /// Whether a concurrent transaction was preferred, so that the same one may succeed when it is tried again.
    pub(super) fn is_conflict(&self) -> bool {
        matches!(self.code.as_str(), "40001" | "40P01" | "55P03")
    }

    /// Whether what is prepared on the connection is not what it was: a migration changed what a statement stands for, or a
    /// function of the component's meddled with the names.
    pub(super) fn is_outdated_plan(&self) -> bool {
        matches!(self.code.as_str(), "26000" | "42P05" | "08P01")
            || (self.code == "0A000" && self.text.starts_with("cached plan"))
    }

    /// Sorts by SQLSTATE: <https://www.postgresql.org/docs/current/errcodes-appendix.html>.
    fn into_error(self, limits: &Limits, limit: (&str, u64)) -> Error {
        let text = self.text;
        match self.code.as_str() {
            "42501" | "25006" => Error::Denied(text),
            "57014" => too_slow(limit),
            "53400" => Error::TooLarge(format!("{text}: the limit temp-kib is {}", limits.temp_kib)),
            "55P03" => Error::TooSlow(format!("{text}: the limit lock-ms is {}", limits.lock_ms)),
            // Raised by a trigger of the component: a rule of its schema.
            "P0001" | "44000" => Error::Constraint(text),
            _ if self.is_fatal => Error::Unavailable(text),
            code => match code.get(..2).unwrap_or_default() {
                "23" => Error::Constraint(text),
                "0A" | "21" | "22" | "42" | "2B" | "3F" | "P0" => Error::Invalid(text),
                "25" | "2D" => Error::Denied(text),
                "54" => Error::TooLarge(text),
                "08" | "28" | "3D" | "53" | "57" | "58" => Error::Unavailable(text),
                _ => Error::Other(format!("{text} ({code})")),
            },
        }
    }
}

impl Fault {
    /// The case of the contract; `limit` is the one on time that was in force.
    pub(super) fn into_error(self, limits: &Limits, limit: (&str, u64)) -> Error {
        match self {
            Self::Refused(error) => error,
            Self::Server(error) => error.into_error(limits, limit),
            Self::Broken(text) => Error::Unavailable(text),
            Self::Silent => Error::Unavailable("the server does not answer".into()),
            Self::Overlong => result_too_large(limits.result_bytes),
        }
    }

    /// Whether the connection turned out to be gone, be it that it broke or that the server said so.
    pub(super) fn is_broken(&self) -> bool {
        match self {
            Self::Broken(_) => true,
            Self::Server(error) => error.is_fatal,
            Self::Silent | Self::Refused(_) | Self::Overlong => false,
        }
    }
}

impl From<Error> for Fault {
    fn from(error: Error) -> Self {
        Self::Refused(error)
    }
}

impl From<ServerError> for Fault {
    fn from(error: ServerError) -> Self {
        Self::Server(error)
    }
}

impl From<io::Error> for Fault {
    fn from(error: io::Error) -> Self {
        Self::Broken(error.to_string())
    }
}
