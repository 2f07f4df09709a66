//! [`Stage`]: a user function and how to call it; what `map`, `generate` and `aggregate` have in common.

use std::sync::Arc;

use arrow::datatypes::FieldRef;
use datafusion::logical_expr::{Expr as PlanExpr, Extension, LogicalPlan};
use udf_runtime::BatchFunction;

use crate::logical::{Keep, Udf, UdfCall, UdfOptions};
use crate::{Chain, Expr, Result};

/// A user function and how to call it.
#[derive(Clone, Debug)]
pub struct Stage {
    /// The function; its name is the stage's.
    pub function: Arc<dyn BatchFunction>,
    /// What it is called with, one expression a parameter.
    pub arguments: Vec<Expr>,
    /// The columns that it returns.
    pub results: Vec<FieldRef>,
    /// How it is run.
    pub options: UdfOptions,
}

impl Chain {
    /// The chain whose last step calls the function on the rows of `input`.
    pub(crate) fn call(
        &self,
        input: LogicalPlan,
        stage: Stage,
        arguments: Vec<PlanExpr>,
        keep: Keep,
    ) -> Result<Self> {
        let (name, shape) = (stage.function.name().to_owned(), stage.function.shape());
        let registration = self.session().functions().register(stage.function);
        let (function, results, options) = (registration.id, stage.results, stage.options);
        let call = UdfCall { name, function, shape, arguments, results, keep, options };
        let node = Udf::try_new(input, call)?;
        let plan = LogicalPlan::Extension(Extension { node: Arc::new(node) });
        Ok(self.with_plan(plan)?.holding(registration))
    }

    pub(crate) fn resolved(&self, expressions: &[Expr]) -> Result<Vec<PlanExpr>> {
        let resolver = self.resolver();
        expressions.iter().map(|expression| resolver.resolve(expression)).collect()
    }
}
