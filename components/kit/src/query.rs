//! Query strings, strictly read.
//!
//! A parameter that is unknown or stands twice is refused by its name: a client that writes `catgory=shoes` must not
//! get all products and believe that they are shoes. All faults are told at once, as 400.

use std::fmt;

use axum::extract::FromRequestParts;
use http::request::Parts;
use http::{StatusCode, Uri};
use percent_encoding::percent_decode_str;

use crate::problem::{Fault, Place, Problem};

/// More than any service knows; a query with more is refused before it is looked at.
const PARAMETERS_MAX: usize = 50;

/// The parameters of a request, to be taken one by one and then [finished](Self::finish).
#[derive(Debug)]
pub struct Query {
    given: Vec<(String, String)>,
    faults: Vec<Fault>,
}

impl Query {
    /// Splits and decodes a query as HTML forms write it (`+` is a space).
    pub fn of(uri: &Uri) -> Result<Self, Problem> {
        let pairs = uri.query().unwrap_or_default().split('&');
        let mut given: Vec<(String, String)> = Vec::new();
        let mut faults = Vec::new();
        for pair in pairs.filter(|pair| !pair.is_empty()) {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            let name = decode(name)?;
            let value = decode(value)?;
            if given.iter().any(|(other, _)| *other == name) {
                faults.push(fault(&name, "stands twice"));
            } else if given.len() == PARAMETERS_MAX {
                return Err(Problem::of(StatusCode::BAD_REQUEST)
                    .detail(format!("a query has at most {PARAMETERS_MAX} parameters")));
            } else {
                given.push((name, value));
            }
        }
        Ok(Self { given, faults })
    }

    /// Takes a parameter that may be absent.
    pub fn optional<T, R: fmt::Display>(&mut self, name: &str, parse: impl FnOnce(&str) -> Result<T, R>) -> Option<T> {
        let at = self.given.iter().position(|(given, _)| given == name)?;
        let (_, value) = self.given.swap_remove(at);
        match parse(&value) {
            Ok(value) => Some(value),
            Err(reason) => {
                self.refuse(name, &reason.to_string());
                None
            }
        }
    }

    /// Reports a parameter that is fine by itself and not together with others.
    pub fn refuse(&mut self, name: &str, detail: &str) {
        self.faults.push(fault(name, detail));
    }

    /// Refuses the request if anything was wrong, or if parameters are left.
    pub fn finish(mut self) -> Result<(), Problem> {
        for (name, _) in &self.given {
            self.faults.push(fault(name, "is not a parameter of this route"));
        }
        if self.faults.is_empty() {
            return Ok(());
        }
        Err(Problem::invalid_query(&self.faults))
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Query {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        Self::of(&parts.uri)
    }
}

fn decode(text: &str) -> Result<String, Problem> {
    let spaced = text.replace('+', " ");
    match percent_decode_str(&spaced).decode_utf8() {
        Ok(decoded) => Ok(decoded.into_owned()),
        Err(_) => Err(Problem::of(StatusCode::BAD_REQUEST).detail("the query is not UTF-8")),
    }
}

fn fault(name: &str, detail: &str) -> Fault {
    Fault { place: Place::Parameter(name.to_owned()), detail: detail.to_owned() }
}
