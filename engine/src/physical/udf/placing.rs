//! [`placing`]: a plan whose rows are those of a function's stage tells where their results lie.

use std::sync::Arc;

use arrow::datatypes::FieldRef;
use datafusion::error::Result;
use datafusion::physical_expr::PhysicalExpr;
use datafusion::physical_expr::expressions::Column;
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::coop::CooperativeExec;
use datafusion::physical_plan::projection::ProjectionExec;

use super::{UdfExec, UdfStage};
use crate::checkpoint::Placed;

/// A plan that tells.
pub(crate) struct Placing {
    pub(crate) plan: Arc<dyn ExecutionPlan>,
    /// Whom it tells.
    pub(crate) placed: Arc<Placed>,
    /// The function's results.
    pub(crate) results: Vec<FieldRef>,
    /// Which of them each column of the plan is.
    pub(crate) columns: Vec<Option<usize>>,
}

/// The plan as one that tells; `None` where its rows are not those of a stage in their order, or their results are not kept.
pub(crate) fn placing(plan: &Arc<dyn ExecutionPlan>) -> Result<Option<Placing>> {
    if let Some(stage) = plan.downcast_ref::<UdfExec>() {
        let (stage, input) = stage.parts();
        // Rows with equal arguments share results, which no file of a version has.
        if stage.ledger.is_none() || stage.options.distinct {
            return Ok(None);
        }
        let placed = Arc::new(Placed::default());
        let told = UdfStage { placed: Some(Arc::clone(&placed)), ..UdfStage::clone(stage) };
        let results = stage.results.clone();
        let columns = stage.kept.iter().map(|_| None).chain((0..results.len()).map(Some)).collect();
        let plan = Arc::new(UdfExec::new(Arc::clone(input), Arc::new(told)));
        return Ok(Some(Placing { plan, placed, results, columns }));
    }
    let (input, projection) = match plan.downcast_ref::<ProjectionExec>() {
        Some(projection) => (projection.input(), Some(projection)),
        None => match plan.downcast_ref::<CooperativeExec>() {
            Some(yielding) => (yielding.input(), None),
            None => return Ok(None),
        },
    };
    let Some(mut below) = placing(input)? else { return Ok(None) };
    if let Some(projection) = projection {
        let column = |expr: &dyn PhysicalExpr| {
            expr.downcast_ref::<Column>().and_then(|column| below.columns[column.index()])
        };
        below.columns = projection.expr().iter().map(|one| column(one.expr.as_ref())).collect();
    }
    below.plan = Arc::clone(plan).with_new_children(vec![below.plan])?;
    Ok(Some(below))
}
