//! [`Independent`]: of the columns of a query in FROM none is known to depend on others.
//!
//! DataFusion (54) adds to the keys of groups what depends on them, but carries what depends on what too far: of
//! `SELECT n + 1 AS m, id FROM (… GROUP BY id)` it takes `id` to depend on `m`.

use datafusion::error::Result;
use datafusion::logical_expr::planner::{
    PlannedRelation, RelationPlanner, RelationPlannerContext, RelationPlanning,
};
use datafusion::sql::sqlparser::ast::{
    TableFactor, TableSample, TableSampleKind, TableSampleModifier,
};
use engine::independent;

#[derive(Debug)]
pub(crate) struct Independent;

impl RelationPlanner for Independent {
    fn plan_relation(
        &self,
        mut relation: TableFactor,
        context: &mut dyn RelationPlannerContext,
    ) -> Result<RelationPlanning> {
        let alias = match &mut relation {
            TableFactor::Derived { sample: sample @ None, alias, .. }
            | TableFactor::Table { sample: sample @ None, alias, .. } => {
                *sample = Some(seen());
                alias.take()
            }
            _ => return Ok(RelationPlanning::Original(Box::new(relation))),
        };
        let plan = independent(context.plan(relation)?)?;
        Ok(RelationPlanning::Planned(Box::new(PlannedRelation::new(plan, alias))))
    }
}

/// Says that a relation was here before: samples are queries by now.
fn seen() -> TableSampleKind {
    TableSampleKind::BeforeTableAlias(Box::new(TableSample {
        modifier: TableSampleModifier::Sample,
        name: None,
        quantity: None,
        seed: None,
        bucket: None,
        offset: None,
    }))
}
