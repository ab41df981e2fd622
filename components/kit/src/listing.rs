//! Statements for lists: conditions that are there or not, a page, and how many rows the whole list has.
//!
//! A page and its total come from one statement, so that they agree. What stands in a list, and in which order, is for the
//! store of a service.

use souk_database::contract::Value;

use crate::context::Context;
use crate::database::{self, Failure, Mismatch, Parameter, Row, Sql, sql};
use crate::page::{DEPTH_MAX, Page};

/// The parts of the statement for a list.
#[derive(Clone, Debug)]
pub struct Select {
    /// Behind `FROM`.
    from: String,
    conditions: Vec<String>,
    parameters: Vec<Value>,
    /// Parameters that are there already, and stand in the columns only.
    of_columns: usize,
}

impl Select {
    /// All rows of these tables. `parameters` are those that the columns name, `$1` first.
    pub fn of(from: impl Into<String>, parameters: Vec<Value>) -> Self {
        let of_columns = parameters.len();
        Self { from: from.into(), conditions: vec!["1 = 1".to_owned()], parameters, of_columns }
    }

    /// From other tables, where a condition asks for them.
    pub fn instead_from(&mut self, from: impl Into<String>) {
        self.from = from.into();
    }

    /// Only rows for which this holds.
    pub fn holds(&mut self, condition: impl Into<String>) {
        self.conditions.push(condition.into());
    }

    /// Only rows for which this holds with the value behind it, such as `p.status =`; all of them without a value.
    pub fn only(&mut self, condition: &str, value: Option<impl Parameter>) {
        if let Some(value) = value {
            let place = self.place(value);
            self.holds(format!("{condition} {place}"));
        }
    }

    /// Gives a parameter; its name in the statement.
    pub fn place(&mut self, value: impl Parameter) -> String {
        self.parameters.push(value.into_value());
        format!("${}", self.parameters.len())
    }

    /// Reads a page in this order, and how many rows there are, up to [`DEPTH_MAX`].
    pub async fn read<T>(
        self,
        context: &Context,
        (columns, order): (&str, &str),
        page: Page,
        read: impl Fn(&mut Row) -> Result<T, Mismatch>,
    ) -> Result<(Vec<T>, u32), Failure> {
        // A page beyond the end has no row to carry the total.
        let beyond = (page.number > 1).then(|| self.clone());
        let statement = self.page(columns, order, page);
        let rows = database::all(context.database(), statement, |row| Ok((row.integer()?, read(row)?))).await?;
        let total = match (rows.first(), beyond) {
            (Some((total, _)), _) => Some(*total),
            (None, Some(select)) => database::first(context.database(), select.count(), Row::integer).await?,
            (None, None) => None,
        };
        Ok((rows.into_iter().map(|(_, item)| item).collect(), total.map_or(0, bounded)))
    }

    /// The statement for a page: the total and then the columns.
    pub fn page(mut self, columns: &str, order: &str, page: Page) -> Sql {
        let (limit, offset) = (self.place(page.size), self.place(page.offset()));
        let (from, conditions, total) = (&self.from, self.conditions.join(" AND "), self.total());
        let text = format!(
            "SELECT ({total}), {columns} FROM {from} WHERE {conditions} ORDER BY {order} LIMIT {limit} OFFSET {offset}"
        );
        self.statement(text)
    }

    /// Only the count, with the parameters of the columns put to some use, because their number must be right.
    fn count(self) -> Sql {
        let uses: Vec<String> = (1..=self.of_columns).map(|number| format!("${number} <> ''")).collect();
        let text = if uses.is_empty() {
            self.total()
        } else {
            format!("SELECT ({}) WHERE {}", self.total(), uses.join(" AND "))
        };
        self.statement(text)
    }

    fn total(&self) -> String {
        let (from, conditions) = (&self.from, self.conditions.join(" AND "));
        format!("SELECT COUNT(*) FROM (SELECT 1 FROM {from} WHERE {conditions} LIMIT {DEPTH_MAX}) AS counted")
    }

    fn statement(self, text: String) -> Sql {
        self.parameters.into_iter().fold(sql(text), Sql::bind)
    }
}

/// A count that a statement has bounded already.
pub fn bounded(total: i64) -> u32 {
    u32::try_from(total).unwrap_or(DEPTH_MAX)
}
