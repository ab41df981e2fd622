//! The job `expire`: takes away what is over. Nobody relies on it, because whoever reads looks at the clock; without it the tables would grow.

use souk_kit::time::Timestamp;

use super::Carts;
use crate::domain::{DAY_S, REMEMBERED_DAYS, Refusal};
use crate::store::expiry::sweep;

/// The name of the job in the manifest.
pub const JOB: &str = "expire";

impl Carts {
    /// Takes away a bounded number of what is over. Whether there is more.
    pub async fn expire(&self) -> Result<bool, Refusal> {
        let remembered_ms = i64::from(REMEMBERED_DAYS) * i64::from(DAY_S) * 1_000;
        let forget_before = Timestamp::from_milliseconds(self.context.now().milliseconds() - remembered_ms);
        Ok(sweep(&self.context, forget_before).await?)
    }
}
