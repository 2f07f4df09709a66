//! [`ConditionsInTurn`]: a condition that may fail is looked at only for rows that those before it let through.
//!
//! `filter(x < 5).filter(x * 2 > 2)` does not overflow for rows that the first filter drops, although both are one filter
//! by then.

use std::sync::Arc;

use datafusion::common::config::ConfigOptions;
use datafusion::common::tree_node::{Transformed, TreeNode};
use datafusion::error::Result;
use datafusion::logical_expr::Operator;
use datafusion::physical_expr::expressions::{
    BinaryExpr, CaseExpr, Column, InListExpr, IsNotNullExpr, IsNullExpr, LikeExpr, Literal,
    NotExpr, TryCastExpr,
};
use datafusion::physical_expr::{PhysicalExpr, ScalarFunctionExpr, conjunction, split_conjunction};
use datafusion::physical_optimizer::PhysicalOptimizerRule;
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::filter::{FilterExec, FilterExecBuilder};

use crate::functions::ALL_OF;
use crate::physical::InTurn;

/// Functions that give a result for whatever they are given.
pub(super) const SAFE: &[&str] = &[
    "all_of",
    "among",
    "array_length",
    "btrim",
    "canonical",
    "character_length",
    "coalesce",
    "contains",
    "ends_with",
    "get_field",
    "greatest",
    "least",
    "lower",
    "ltrim",
    "nullable",
    "nullif",
    "path_file_ext",
    "path_file_stem",
    "path_name",
    "path_parent",
    "row_digest",
    "rtrim",
    "starts_with",
    "strpos",
    "there_is",
    "upper",
    "with_meaning",
];

#[derive(Debug)]
pub(super) struct ConditionsInTurn;

impl PhysicalOptimizerRule for ConditionsInTurn {
    fn optimize(
        &self,
        plan: Arc<dyn ExecutionPlan>,
        config: &ConfigOptions,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let rewritten = plan.transform_up(|plan| {
            let Some(filter) = plan.downcast_ref::<FilterExec>() else {
                return Ok(Transformed::no(plan));
            };
            let Some(predicate) = in_turn(filter, config)? else {
                return Ok(Transformed::no(plan));
            };
            let filter = FilterExecBuilder::from(filter).with_predicate(predicate).build()?;
            Ok(Transformed::yes(Arc::new(filter)))
        })?;
        Ok(rewritten.data)
    }

    fn name(&self) -> &'static str {
        "conditions_in_turn"
    }

    fn schema_check(&self) -> bool {
        true
    }
}

/// The predicate of the filter with its conditions one after the other; `None` if that makes no difference.
fn in_turn(filter: &FilterExec, config: &ConfigOptions) -> Result<Option<Arc<dyn PhysicalExpr>>> {
    let (mut at_once, mut safe, mut risky) = (Vec::new(), Vec::new(), Vec::new());
    for condition in split_conjunction(filter.predicate()) {
        match condition.downcast_ref::<ScalarFunctionExpr>() {
            Some(all) if all.name() == ALL_OF.name() => {
                let (failing, others): (Vec<_>, Vec<_>) =
                    all.args().iter().cloned().partition(can_fail);
                at_once.extend(others);
                risky.extend(failing);
            }
            _ if can_fail(condition) => risky.push(Arc::clone(condition)),
            _ => safe.push(Arc::clone(condition)),
        }
    }
    if risky.is_empty() || at_once.len() + safe.len() + risky.len() < 2 {
        return Ok(None);
    }
    if !at_once.is_empty() {
        let (schema, config) = (filter.input().schema(), Arc::new(config.clone()));
        let all = ScalarFunctionExpr::try_new(Arc::clone(&ALL_OF), at_once, &schema, config)?;
        safe.insert(0, Arc::new(all));
    }
    // What cannot fail may be first wherever it stood.
    let first = (!safe.is_empty()).then(|| conjunction(safe));
    let conditions = first.into_iter().chain(risky).collect();
    Ok(Some(Arc::new(InTurn::try_new(conditions)?)))
}

/// Whether there may be rows for which the condition has no value.
fn can_fail(condition: &Arc<dyn PhysicalExpr>) -> bool {
    !is_safe(condition.as_ref()) || condition.children().into_iter().any(can_fail)
}

/// Whether the step itself has a value whatever its parts are.
fn is_safe(part: &dyn PhysicalExpr) -> bool {
    if let Some(operation) = part.downcast_ref::<BinaryExpr>() {
        return is_safe_operator(*operation.op());
    }
    if let Some(call) = part.downcast_ref::<ScalarFunctionExpr>() {
        return SAFE.contains(&call.name());
    }
    part.is::<Column>()
        || part.is::<Literal>()
        || part.is::<CaseExpr>()
        || part.is::<InListExpr>()
        || part.is::<IsNotNullExpr>()
        || part.is::<IsNullExpr>()
        || part.is::<LikeExpr>()
        || part.is::<NotExpr>()
        || part.is::<TryCastExpr>()
}

pub(super) fn is_safe_operator(operator: Operator) -> bool {
    use Operator::{And, Eq, Gt, GtEq, IsDistinctFrom, IsNotDistinctFrom, Lt, LtEq, NotEq, Or};
    matches!(
        operator,
        And | Or | Eq | NotEq | Lt | LtEq | Gt | GtEq | IsDistinctFrom | IsNotDistinctFrom
    )
}
