//! What `souk:database` promises, said once and held against every engine: the test binary of each includes this folder, and
//! its `harness` says where a database of that engine lives. The statements are those that serve all dialects.

mod results;
mod constraints;
mod values;
mod statements;
pub(crate) mod denied;
mod limits;

mod outbox;
mod together;

pub(crate) mod random;
pub(crate) mod model;
mod any_value;
mod transfers;

mod migrations;
