//! [`Wrapped`]: one of DataFusion's rules in its place, between it and the plan a function of ours.

use datafusion::common::tree_node::Transformed;
use datafusion::error::Result;
use datafusion::logical_expr::LogicalPlan;
use datafusion::optimizer::optimizer::ApplyOrder;
use datafusion::optimizer::{OptimizerConfig, OptimizerRule};

/// What becomes of a plan, with the rule's help.
pub(super) type Rewrite<R> =
    fn(&R, LogicalPlan, &dyn OptimizerConfig) -> Result<Transformed<LogicalPlan>>;

/// The rule, asked by the function.
#[derive(Debug)]
pub(super) struct Wrapped<R> {
    rule: R,
    rewrite: Rewrite<R>,
}

impl<R> Wrapped<R> {
    pub(super) fn new(rule: R, rewrite: Rewrite<R>) -> Self {
        Self { rule, rewrite }
    }
}

impl<R: OptimizerRule> OptimizerRule for Wrapped<R> {
    fn name(&self) -> &str {
        self.rule.name()
    }

    fn apply_order(&self) -> Option<ApplyOrder> {
        self.rule.apply_order()
    }

    fn supports_rewrite(&self) -> bool {
        true
    }

    fn rewrite(
        &self,
        plan: LogicalPlan,
        config: &dyn OptimizerConfig,
    ) -> Result<Transformed<LogicalPlan>> {
        (self.rewrite)(&self.rule, plan, config)
    }
}
