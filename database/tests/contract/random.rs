//! How a property is held against random cases.

use std::fmt::Debug;

use proptest::prelude::*;
use proptest::test_runner::{TestCaseResult, TestRunner};

use crate::harness::Limits;
use crate::shop::Shop;

/// Holds a property against so many random cases, all on one database: each case begins by emptying it, which is quicker than a
/// new one. `SOUK_LONG=1` asks for thirty times as many. A case that fails is made as small as it can be, and shown.
pub(crate) fn check<Case: Debug>(
    cases: u32,
    limits: Limits,
    schema: &str,
    strategy: impl Strategy<Value = Case>,
    property: &impl AsyncFn(&Shop, Case) -> TestCaseResult,
) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let Some(shop) = runtime.block_on(Shop::open_schema(limits, schema)) else { return };
    let cases = if std::env::var_os("SOUK_LONG").is_some() { 30 * cases } else { cases };
    let config =
        ProptestConfig { cases, failure_persistence: None, max_shrink_iters: 2_000, ..ProptestConfig::default() };
    let result = TestRunner::new(config).run(&strategy, |case| runtime.block_on(property(&shop, case)));
    result.unwrap_or_else(|failure| panic!("{failure}"));
}
