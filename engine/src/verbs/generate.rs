//! `generate`: a function that makes rows of every row; `gen` to users.

use datafusion::common::Column;
use datafusion::logical_expr::Expr as PlanExpr;

use super::Stage;
use super::new_names::check_results;
use crate::logical::Keep;
use crate::{Chain, Error, Result};

impl Chain {
    /// Calls a function on every row; its results, any number for a row, stand beside the kept columns.
    ///
    /// # Errors
    /// An unknown argument or column, or a result whose name is taken.
    pub fn generate(&self, stage: Stage, keep: &[String]) -> Result<Self> {
        check_results(&stage.results, keep)?;
        let columns = self.kept_columns(keep)?;
        let arguments = self.resolved(&stage.arguments)?;
        self.call(self.plan().clone(), stage, arguments, Keep::Columns(columns))
    }

    /// Whole columns by name.
    fn kept_columns(&self, names: &[String]) -> Result<Vec<Column>> {
        let resolver = self.resolver();
        let column = |name: &String| match resolver.path(name)?.0 {
            PlanExpr::Column(column) => Ok(column),
            _ => Err(Error::InvalidArgument {
                argument: "keep",
                given: name.clone(),
                accepted: "whole columns".to_owned(),
            }),
        };
        names.iter().map(column).collect()
    }
}
