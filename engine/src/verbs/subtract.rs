//! `subtract`: rows that another chain does not have.

use datafusion::common::{JoinType, NullEquality};
use datafusion::logical_expr::LogicalPlanBuilder;

use super::apart::without_shared_rows;
use super::sides::{Side, leaf_pairs};
use crate::{Chain, Error, Result};

impl Chain {
    /// The rows that agree with no row of the other chain on all pairs of paths. A path to a model stands for all of its
    /// fields; nulls agree.
    ///
    /// # Errors
    /// No path, an unknown one, values that cannot be compared, or chains of two sessions.
    pub fn subtract(&self, other: &Self, on: &[(String, String)]) -> Result<Self> {
        let chain = self.with_functions_of(other)?;
        if on.is_empty() {
            return Err(Error::InvalidArgument {
                argument: "on",
                given: "[]".to_owned(),
                accepted: "the chains have no columns in common; name some of each".to_owned(),
            });
        }
        // A row that both have agrees with itself.
        let fewer = without_shared_rows(self, other, &leaf_pairs(self, other, on)?)?;
        let ours = fewer.as_ref().unwrap_or(self);
        let keys = leaf_pairs(ours, other, on)?;
        let mut left = Side::new(self, ours.plan().clone());
        let right = Side::new(self, other.plan().clone());
        let columns: Vec<_> = ours
            .all_columns()
            .into_iter()
            .map(|(value, field)| left.add(value, field.name()))
            .collect();
        let (kind, nulls) = (JoinType::LeftAnti, NullEquality::NullEqualsNull);
        let rows = Side::joined(left, right, keys, kind, nulls)?;
        chain.with_plan(LogicalPlanBuilder::from(rows).project(columns)?.build()?)
    }
}
