//! Variables of the application and the templates `{{ name }}` that use them.
//!
//! A variable's value is `SOUK_VARIABLE_<NAME>` of the environment, else `SPIN_VARIABLE_<NAME>`, else its default.

use super::Environment;
use super::fault::{Fault, Faults, meant};
use super::section::Section;
use std::collections::BTreeMap;

/// The values by name. A required variable without a value stands here as `None`, so that it is told once.
pub(super) struct Variables(BTreeMap<String, Option<String>>);

/// Reads `[variables]`.
pub(super) fn variables(section: Section<'_>, environment: Environment<'_>, faults: &mut Faults) -> Variables {
    let mut values = BTreeMap::new();
    for (name, mut section) in section.sections(faults) {
        let default = section.text("default", faults).map(|(text, _)| text.to_owned());
        let required = section.flag("required", faults).unwrap_or(false);
        section.flag("secret", faults);
        let upper = name.to_ascii_uppercase().replace('-', "_");
        let value = environment(&format!("SOUK_VARIABLE_{upper}"))
            .or_else(|| environment(&format!("SPIN_VARIABLE_{upper}")))
            .or_else(|| default.clone());
        if default.is_some() == required {
            let what = format!("variables.{name} must have either a default or required = true");
            faults.push(Fault::new(section.line(), what, "give it one of the two"));
        } else if value.is_none() {
            let what = format!("variables.{name} is required and has no value");
            faults.push(Fault::new(section.line(), what, format!("set SOUK_VARIABLE_{upper} in the environment")));
        }
        section.finish(faults);
        values.insert(name.to_owned(), value);
    }
    Variables(values)
}

/// Puts the values into a text. `None` only together with a fault, here or where the variable was read.
pub(super) fn fill(text: &str, line: usize, variables: &Variables, faults: &mut Faults) -> Option<String> {
    let mut filled = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("{{") {
        filled.push_str(before);
        let Some((name, after)) = after.split_once("}}") else {
            faults.push(Fault::new(line, format!("template {text:?} has no }}}}"), "close it"));
            return None;
        };
        let name = name.trim();
        let Some(value) = variables.0.get(name) else {
            let remedy = match meant(name, variables.0.keys().map(String::as_str)) {
                Some(meant) => format!("did you mean {meant}?"),
                None => format!("add {name} to [variables]"),
            };
            faults.push(Fault::new(line, format!("variable {name:?} does not exist"), remedy));
            return None;
        };
        filled.push_str(value.as_deref()?);
        rest = after;
    }
    filled.push_str(rest);
    Some(filled)
}
