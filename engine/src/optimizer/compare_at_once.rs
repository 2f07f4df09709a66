//! [`CompareAtOnce`]: comparisons of numbers that stand next to each other in a filter are looked at together, by [`ALL_OF`].

use std::sync::Arc;

use arrow::datatypes::Schema;
use datafusion::common::config::ConfigOptions;
use datafusion::common::tree_node::{Transformed, TreeNode};
use datafusion::error::Result;
use datafusion::physical_expr::expressions::{BinaryExpr, Column, Literal};
use datafusion::physical_expr::{PhysicalExpr, ScalarFunctionExpr, conjunction, split_conjunction};
use datafusion::physical_optimizer::PhysicalOptimizerRule;
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::filter::{FilterExec, FilterExecBuilder};

use crate::functions::ALL_OF;

/// Functions that cost next to nothing and cannot fail.
const LIGHT: [&str; 2] = ["canonical", "get_field"];

#[derive(Debug)]
pub(super) struct CompareAtOnce;

impl PhysicalOptimizerRule for CompareAtOnce {
    fn optimize(
        &self,
        plan: Arc<dyn ExecutionPlan>,
        config: &ConfigOptions,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let rewritten = plan.transform_up(|plan| {
            let Some(filter) = plan.downcast_ref::<FilterExec>() else {
                return Ok(Transformed::no(plan));
            };
            let schema = filter.input().schema();
            let Some(predicate) = at_once(filter.predicate(), &schema, config)? else {
                return Ok(Transformed::no(plan));
            };
            let filter = FilterExecBuilder::from(filter).with_predicate(predicate).build()?;
            Ok(Transformed::yes(Arc::new(filter)))
        })?;
        Ok(rewritten.data)
    }

    fn name(&self) -> &'static str {
        "compare_at_once"
    }

    fn schema_check(&self) -> bool {
        true
    }
}

/// The predicate with its light terms together; `None` if it has no two of them.
fn at_once(
    predicate: &Arc<dyn PhysicalExpr>,
    schema: &Schema,
    config: &ConfigOptions,
) -> Result<Option<Arc<dyn PhysicalExpr>>> {
    let terms = split_conjunction(predicate).into_iter().map(Arc::clone);
    let (light, others): (Vec<_>, Vec<_>) = terms.partition(|term| is_light(term, schema));
    if light.len() < 2 {
        return Ok(None);
    }
    // They cannot fail and cost little, so they may be first wherever they stood.
    let config = Arc::new(config.clone());
    let first = ScalarFunctionExpr::try_new(Arc::clone(&ALL_OF), light, schema, config)?;
    let first: Arc<dyn PhysicalExpr> = Arc::new(first);
    Ok(Some(conjunction([first].into_iter().chain(others))))
}

/// Whether the term compares two numbers that are there.
fn is_light(term: &Arc<dyn PhysicalExpr>, schema: &Schema) -> bool {
    term.downcast_ref::<BinaryExpr>().is_some_and(|operation| {
        // Those that match patterns are none of numbers.
        operation.op().supports_propagation()
            && is_number(operation.left(), schema)
            && is_number(operation.right(), schema)
    })
}

fn is_number(value: &Arc<dyn PhysicalExpr>, schema: &Schema) -> bool {
    let is_there = value.downcast_ref::<Literal>().is_some() || is_read(value);
    is_there && value.data_type(schema).is_ok_and(|kind| kind.is_primitive())
}

/// Whether the value is a column or a field of one, made canonical or not.
fn is_read(value: &Arc<dyn PhysicalExpr>) -> bool {
    if value.downcast_ref::<Column>().is_some() {
        return true;
    }
    let call = value.downcast_ref::<ScalarFunctionExpr>();
    call.is_some_and(|call| {
        LIGHT.contains(&call.name()) && call.args().first().is_some_and(is_read)
    })
}
