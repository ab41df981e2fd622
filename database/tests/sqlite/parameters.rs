//! Parameters are bound by their number, which SQLite does not do by itself.

use souk_database::contract::{Error, Value};

use crate::harness::Shop;

#[test]
fn what_would_be_another_name_of_a_number_is_refused() {
    let shop = Shop::open();
    for sql in ["SELECT $01", "SELECT $1(x)", "SELECT $1::x"] {
        let error = shop.query(sql, &[Value::Null]).unwrap_err();
        assert!(matches!(error, Error::Invalid(_)), "{sql}: {error}");
    }
}
