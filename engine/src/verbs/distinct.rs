//! `distinct`: the first row of each combination of values.

use std::sync::Arc;

use datafusion::logical_expr::{Expr as PlanExpr, Extension, LogicalPlan};

use super::sides::leaves_of;
use crate::logical::FirstRows;
use crate::{Chain, Error, Expr, Result};

impl Chain {
    /// The first of the rows that agree on all keys, with all of its columns. A path to a model stands for all of its
    /// fields; nulls agree.
    ///
    /// # Errors
    /// No key, or an unknown column.
    pub fn distinct(&self, keys: &[Expr]) -> Result<Self> {
        if keys.is_empty() {
            return Err(Error::InvalidArgument {
                argument: "distinct",
                given: "[]".to_owned(),
                accepted: "it takes at least one column".to_owned(),
            });
        }
        let values = self.leaf_values(keys)?;
        let firsts = FirstRows { input: self.plan().clone(), keys: values };
        self.with_plan(LogicalPlan::Extension(Extension { node: Arc::new(firsts) }))
    }

    /// What is compared where models are keys.
    fn leaf_values(&self, keys: &[Expr]) -> Result<Vec<PlanExpr>> {
        let mut values = Vec::new();
        for key in keys {
            match key {
                Expr::Column(path) => {
                    values.extend(leaves_of(self, path)?.into_iter().map(|leaf| leaf.value));
                }
                key => values.push(self.resolver().resolve(key)?),
            }
        }
        Ok(values)
    }
}
