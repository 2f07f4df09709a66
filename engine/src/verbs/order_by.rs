//! `order_by`: sorts rows.

use std::sync::Arc;

use datafusion::logical_expr::{LogicalPlan, Sort, SortExpr};

use crate::{Chain, Result, SortKey};

impl Chain {
    /// Sorts by the keys, the first one foremost.
    ///
    /// # Errors
    /// An unknown column.
    pub fn order_by(&self, keys: &[SortKey]) -> Result<Self> {
        let resolver = self.resolver();
        let sort =
            |key: &SortKey| Ok(SortExpr::new(resolver.resolve(&key.expr)?, !key.descending, false));
        let expr = keys.iter().map(sort).collect::<Result<Vec<_>>>()?;
        // WHY: the builder takes an equal key of the sort below for a column of its own.
        let sort = Sort { expr, input: Arc::new(self.plan().clone()), fetch: None };
        self.with_plan(LogicalPlan::Sort(sort))
    }
}
