//! [`BelowJoins`]: a physical rule that pushes filters down works on what is below joins only.
//!
//! DataFusion's (54) follows a filter's columns by their names. Past a join, whose sides may both have a column `b`, it
//! filters by the wrong one; and the filter that a join makes of its other side's keys drops nulls also where these are
//! equal. The logical rules have pushed filters past joins before, by table and name.

use std::sync::Arc;

use datafusion::common::config::ConfigOptions;
use datafusion::error::Result;
use datafusion::physical_optimizer::PhysicalOptimizerRule;
use datafusion::physical_plan::ExecutionPlan;

#[derive(Debug)]
pub(super) struct BelowJoins(pub(super) Arc<dyn PhysicalOptimizerRule + Send + Sync>);

impl BelowJoins {
    fn pushed(
        &self,
        plan: Arc<dyn ExecutionPlan>,
        config: &ConfigOptions,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        if !has_join(plan.as_ref()) {
            return self.0.optimize(plan, config);
        }
        let children = plan.children().into_iter().cloned();
        let children = children.map(|child| self.pushed(child, config));
        let children = children.collect::<Result<Vec<_>>>()?;
        plan.with_new_children(children)
    }
}

/// Whether rows of several inputs meet in the plan.
fn has_join(plan: &dyn ExecutionPlan) -> bool {
    let children = plan.children();
    children.len() > 1 || children.into_iter().any(|child| has_join(child.as_ref()))
}

impl PhysicalOptimizerRule for BelowJoins {
    fn optimize(
        &self,
        plan: Arc<dyn ExecutionPlan>,
        config: &ConfigOptions,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        self.pushed(plan, config)
    }

    fn name(&self) -> &str {
        self.0.name()
    }

    fn schema_check(&self) -> bool {
        self.0.schema_check()
    }
}
