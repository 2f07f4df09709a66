//! `limit` and `offset`: keep the first rows, or the others.

use datafusion::logical_expr::LogicalPlanBuilder;

use crate::{Chain, Result};

/// More rows than any chain has, and few enough that sums of a plan's limits do not overflow.
const ALL_ROWS: usize = 1 << 48;

impl Chain {
    /// Keeps the first `rows` rows.
    ///
    /// # Errors
    /// None that a caller can cause.
    pub fn limit(&self, rows: usize) -> Result<Self> {
        let plan =
            LogicalPlanBuilder::from(self.plan().clone()).limit(0, Some(rows.min(ALL_ROWS)))?;
        self.with_plan(plan.build()?)
    }

    /// Drops the first `rows` rows.
    ///
    /// # Errors
    /// None that a caller can cause.
    pub fn offset(&self, rows: usize) -> Result<Self> {
        let plan = LogicalPlanBuilder::from(self.plan().clone()).limit(rows.min(ALL_ROWS), None)?;
        self.with_plan(plan.build()?)
    }
}
