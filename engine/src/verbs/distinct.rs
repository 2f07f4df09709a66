//! `distinct`: the first row of each combination of values.

use datafusion::logical_expr::{Expr as PlanExpr, lit};

use super::nth::{by_row, nth, numbered};
use super::sides::leaves_of;
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
        let columns: Vec<PlanExpr> =
            self.all_columns().into_iter().map(|(column, _)| column).collect();
        let firsts = numbered(self.plan().clone(), values)?.filter(nth().eq(lit(1_u64)))?;
        self.with_plan(firsts.sort(vec![by_row()])?.project(columns)?.build()?)
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
