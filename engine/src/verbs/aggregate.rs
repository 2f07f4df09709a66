//! `aggregate`: a function that makes rows of groups of rows; `agg` to users.

use std::sync::Arc;

use datafusion::common::Column;
use datafusion::functions_window::expr_fn::row_number;
use datafusion::logical_expr::{Expr as PlanExpr, Extension, LogicalPlan, LogicalPlanBuilder};

use super::Stage;
use super::new_names::check_results;
use crate::logical::{GroupRows, KEY_ROW, Keep};
use crate::{Chain, Expr, NamedExpr, Result};

impl Chain {
    /// Calls a function on every group of rows that agree on the keys; without keys all rows are one group. Its
    /// arguments are lists with the values of the group's rows in their order; groups come in the order of their keys.
    /// Beside the results stand the kept columns, which may be keys, with the values of the group's first row.
    ///
    /// # Errors
    /// An unknown argument, key or column, or a result whose name is taken.
    pub fn aggregate(&self, stage: Stage, keys: &[NamedExpr], keep: &[String]) -> Result<Self> {
        check_results(&stage.results, keep)?;
        let (resolver, mut groups) = (self.resolver(), Vec::with_capacity(keys.len()));
        for key in keys {
            groups.push((key.name.clone(), resolver.resolve(&key.expr)?));
        }
        let mut firsts = Vec::with_capacity(keep.len());
        for name in keep {
            let key = groups.iter().find(|(key, _)| key == name);
            let first = key.map_or_else(
                || resolver.resolve(&Expr::Column(name.clone())),
                |(_, key)| Ok(key.clone()),
            )?;
            firsts.push(first.alias(name));
        }
        let lists = self.resolved(&stage.arguments)?;
        let kept = keep.iter().map(Column::new_unqualified).collect();
        let arguments = (0..lists.len())
            .map(|at| PlanExpr::Column(Column::new_unqualified(GroupRows::list_name(at))))
            .collect();
        let input = if keys.is_empty() {
            self.plan().clone()
        } else {
            LogicalPlanBuilder::from(self.plan().clone())
                .window(vec![row_number().alias(KEY_ROW)])?
                .build()?
        };
        let groups = groups.into_iter().map(|(_, key)| key).collect();
        let node = GroupRows::try_new(input, groups, firsts, lists)?;
        let input = LogicalPlan::Extension(Extension { node: Arc::new(node) });
        self.call(input, stage, arguments, Keep::Groups(kept))
    }
}
