//! A table of the manifest that is read key by key and remembers which keys were asked for, so that a key that
//! nobody asked for is found and told.

use super::fault::{Fault, Faults, meant};
use std::ops::{Range, RangeInclusive};
use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// The text of the manifest, for line numbers.
#[derive(Clone, Copy)]
pub(super) struct Lines<'d>(pub &'d str);

impl Lines<'_> {
    /// The line, from 1, at which this span starts.
    pub(super) fn line(self, span: &Range<usize>) -> usize {
        self.0[..span.start.min(self.0.len())].matches('\n').count() + 1
    }
}

/// A number from 0, written in any base.
fn whole_number(value: &Spanned<DeValue<'_>>) -> Option<u64> {
    value.get_ref().as_integer().and_then(|number| u64::from_str_radix(number.as_str(), number.radix()).ok())
}

/// One table.
pub(super) struct Section<'d> {
    lines: Lines<'d>,
    path: String,
    line: usize,
    table: Option<&'d DeTable<'d>>,
    asked: Vec<&'static str>,
}

impl<'d> Section<'d> {
    /// The whole document.
    pub(super) fn root(lines: Lines<'d>, table: &'d DeTable<'d>) -> Self {
        Self { lines, path: String::new(), line: 1, table: Some(table), asked: Vec::new() }
    }

    /// Where it starts.
    pub(super) fn line(&self) -> usize {
        self.line
    }

    /// The dotted name of a key in it.
    pub(super) fn name(&self, key: &str) -> String {
        if self.path.is_empty() { key.to_owned() } else { format!("{}.{key}", self.path) }
    }

    /// The value of this key.
    pub(super) fn value(&mut self, key: &'static str) -> Option<&'d Spanned<DeValue<'d>>> {
        self.asked.push(key);
        self.table?.get(key)
    }

    /// The line of a value.
    pub(super) fn line_of(&self, value: &Spanned<DeValue<'_>>) -> usize {
        self.lines.line(&value.span())
    }

    /// The text of this key, if there is one.
    pub(super) fn text(&mut self, key: &'static str, faults: &mut Faults) -> Option<(&'d str, usize)> {
        let value = self.value(key)?;
        let line = self.line_of(value);
        match value.get_ref() {
            DeValue::String(text) => Some((text.as_ref(), line)),
            _ => self.wrong_type(key, line, "a string", faults),
        }
    }

    /// The text of this key, which must be there.
    pub(super) fn required_text(
        &mut self,
        key: &'static str,
        remedy: &str,
        faults: &mut Faults,
    ) -> Option<(&'d str, usize)> {
        if self.value(key).is_none() {
            faults.push(Fault::new(self.line, format!("{} is missing", self.name(key)), remedy));
        }
        self.text(key, faults)
    }

    /// What the text of this key stands for; the default if it is not there.
    pub(super) fn choice<T: Copy + Default, const N: usize>(
        &mut self,
        key: &'static str,
        known: [(&str, T); N],
        faults: &mut Faults,
    ) -> T {
        let Some((text, line)) = self.text(key, faults) else { return T::default() };
        if let Some((_, chosen)) = known.iter().find(|(name, _)| *name == text) {
            return *chosen;
        }
        let remedy = format!("choose from {}", known.map(|(name, _)| name).join(" and "));
        faults.push(Fault::new(line, format!("{} can't be {text:?}", self.name(key)), remedy));
        T::default()
    }

    /// The boolean of this key.
    pub(super) fn flag(&mut self, key: &'static str, faults: &mut Faults) -> Option<bool> {
        let value = self.value(key)?;
        match value.get_ref() {
            DeValue::Boolean(flag) => Some(*flag),
            _ => self.wrong_type(key, self.line_of(value), "true or false", faults),
        }
    }

    /// Whether it was written, or is only asked for.
    pub(super) fn is_there(&self) -> bool {
        self.table.is_some()
    }

    /// Whether this key is there, right or wrong.
    pub(super) fn has(&self, key: &str) -> bool {
        self.table.is_some_and(|table| table.contains_key(key))
    }

    /// The whole number of this key, if there is one, within a range.
    pub(super) fn number(&mut self, key: &'static str, range: RangeInclusive<u32>, faults: &mut Faults) -> Option<u32> {
        let value = self.value(key)?;
        let line = self.line_of(value);
        let Some(number) = whole_number(value) else {
            return self.wrong_type(key, line, "a whole number", faults);
        };
        let fits = u32::try_from(number).ok().filter(|number| range.contains(number));
        if fits.is_none() {
            let remedy = format!("choose from {} to {}", range.start(), range.end());
            faults.push(Fault::new(line, format!("{} can't be {number}", self.name(key)), remedy));
        }
        fits
    }

    /// The strings of this key, with their lines; none if it is not there.
    pub(super) fn texts(&mut self, key: &'static str, faults: &mut Faults) -> Vec<(&'d str, usize)> {
        let Some(value) = self.value(key) else {
            return Vec::new();
        };
        let texts = value.get_ref().as_array().and_then(|array| {
            array.iter().map(|item| Some((item.get_ref().as_str()?, self.line_of(item)))).collect::<Option<Vec<_>>>()
        });
        texts.unwrap_or_else(|| {
            self.wrong_type::<()>(key, self.line_of(value), "a list of strings", faults);
            Vec::new()
        })
    }

    /// The table of this key, empty if it is not there.
    pub(super) fn section(&mut self, key: &'static str, faults: &mut Faults) -> Section<'d> {
        let value = self.value(key);
        let line = value.map_or(self.line, |value| self.line_of(value));
        let table = value.and_then(|value| match value.get_ref() {
            DeValue::Table(table) => Some(table),
            _ => self.wrong_type(key, line, "a table", faults),
        });
        Section { lines: self.lines, path: self.name(key), line, table, asked: Vec::new() }
    }

    /// The tables of this list of tables, empty if it is not there.
    pub(super) fn section_list(&mut self, key: &'static str, faults: &mut Faults) -> Vec<Section<'d>> {
        let Some(value) = self.value(key) else {
            return Vec::new();
        };
        let path = self.name(key);
        let Some(array) = value.get_ref().as_array() else {
            self.wrong_type::<()>(key, self.line_of(value), "a list of tables", faults);
            return Vec::new();
        };
        let mut sections = Vec::new();
        for item in array {
            let line = self.line_of(item);
            match item.get_ref() {
                DeValue::Table(table) => sections.push(Section {
                    lines: self.lines,
                    path: path.clone(),
                    line,
                    table: Some(table),
                    asked: Vec::new(),
                }),
                _ => drop(self.wrong_type::<()>(key, line, "a list of tables", faults)),
            }
        }
        sections
    }

    /// All entries: for tables whose keys the user chooses. Nothing in it is unknown then.
    pub(super) fn entries(self) -> Vec<(&'d str, &'d Spanned<DeValue<'d>>, usize)> {
        let Some(table) = self.table else { return Vec::new() };
        let mut entries: Vec<_> =
            table.iter().map(|(key, value)| (key.get_ref().as_ref(), value, self.lines.line(&key.span()))).collect();
        entries.sort_by_key(|(_, _, line)| *line);
        entries
    }

    /// All entries as limits: name, number, line. Those that are no numbers are told.
    pub(super) fn limits(self, faults: &mut Faults) -> Vec<(&'d str, u64, usize)> {
        let mut limits = Vec::new();
        for (name, value, line) in self.entries() {
            match whole_number(value) {
                Some(number) => limits.push((name, number, line)),
                None => {
                    faults.push(Fault::new(
                        line,
                        format!("limit {name} is not a whole number from 0"),
                        "write a number",
                    ));
                }
            }
        }
        limits
    }

    /// All entries as tables with names of the user's choice.
    pub(super) fn sections(self, faults: &mut Faults) -> Vec<(&'d str, Section<'d>)> {
        let (lines, path) = (self.lines, self.path.clone());
        let mut sections = Vec::new();
        for (key, value, line) in self.entries() {
            let path = format!("{path}.{key}");
            match value.get_ref() {
                DeValue::Table(table) => {
                    sections.push((key, Section { lines, path, line, table: Some(table), asked: Vec::new() }));
                }
                _ => faults.push(Fault::new(line, format!("{path} must be a table"), format!("write [{path}]"))),
            }
        }
        sections
    }

    /// Tells every key that was not asked for.
    pub(super) fn finish(self, faults: &mut Faults) {
        let Some(table) = self.table else { return };
        for (key, _) in table {
            let written = key.get_ref().as_ref();
            if self.asked.contains(&written) {
                continue;
            }
            let remedy = match meant(written, self.asked.iter().copied()) {
                Some(known) => format!("did you mean {known}?"),
                None if self.asked.is_empty() => "remove it".to_owned(),
                None => format!("remove it; known here: {}", self.asked.join(", ")),
            };
            faults.push(Fault::new(self.lines.line(&key.span()), format!("{} is unknown", self.name(written)), remedy));
        }
    }

    fn wrong_type<T>(&self, key: &str, line: usize, wanted: &str, faults: &mut Faults) -> Option<T> {
        let name = self.name(key);
        faults.push(Fault::new(line, format!("{name} has the wrong type"), format!("make it {wanted}")));
        None
    }
}
