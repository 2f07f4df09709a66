//! [`key_stages`]: gives the functions of a plan the places where their results are kept.

use std::collections::HashMap;
use std::sync::Arc;

use datafusion::common::plan_err;
use datafusion::common::tree_node::{Transformed, TreeNode, TreeNodeRecursion};
use datafusion::error::Result as PlanResult;
use datafusion::logical_expr::{Extension, LogicalPlan};
use udf_runtime::Identity;

use super::RunFacts;
use crate::identity::{Facts, function_digest};
use crate::logical::{Reuse, StageKey, Udf, inputs_first};

/// A plan whose stages have their keys, and what users should know about those that have none.
pub(crate) struct Keyed {
    pub(crate) plan: LogicalPlan,
    pub(crate) remarks: Vec<String>,
}

/// The plan with a key for each function that can have one. Calls user code that tells identities: not for a thread of the
/// async runtime.
///
/// Equal functions are numbered, inputs first: `map(a=ask).map(b=ask)` asks twice, and a function that is not pure gives
/// two answers.
pub(crate) fn key_stages(facts: &RunFacts, reuse: &Reuse, plan: &LogicalPlan) -> PlanResult<Keyed> {
    let mut remarks = Vec::new();
    let mut met: HashMap<(String, String), usize> = HashMap::new();
    let plan = rebuilt(plan, |node| {
        let Some(stage) = kept_stage(&node) else {
            return Ok(node);
        };
        let call = &stage.call;
        let Identity { stage: name, code, failing, origin, text } = match facts
            .function(call.function)
        {
            Ok(identity) => identity,
            Err(reason) if call.options.distinct => {
                let name = &call.name;
                return plan_err!(
                    "`distinct=True` of UDF '{name}' needs results that are kept, and these are not: {reason}"
                );
            }
            Err(reason) => {
                remarks.push(format!("UDF '{}': no checkpoint, because {reason}", call.name));
                return Ok(node);
            }
        };
        let met = met.entry((function_digest(call, &name, 0), code.clone())).or_default();
        let stage_digest = function_digest(call, &name, *met);
        *met += 1;
        let reuse = reuse.clone();
        let key = StageKey { stage: stage_digest, code, failing, origin, text, reuse };
        Ok(LogicalPlan::Extension(Extension { node: Arc::new(stage.with_key(key)) }))
    })?;
    Ok(Keyed { plan, remarks })
}

/// Whether some function of the plan keeps its results.
pub(crate) fn has_stages(plan: &LogicalPlan) -> PlanResult<bool> {
    plan.exists(|node| Ok(kept_stage(node).is_some()))
}

/// Whether no function of the plan is to be run without keeping its results.
pub(crate) fn all_kept(plan: &LogicalPlan) -> PlanResult<bool> {
    let mut kept = true;
    plan.apply_with_subqueries(|node| {
        kept &= Udf::of(node).is_none_or(|udf| udf.call.options.checkpoint);
        Ok(TreeNodeRecursion::Continue)
    })?;
    Ok(kept)
}

/// The plan with other nodes: each is made of the old one with its inputs as they are made already.
fn rebuilt(
    plan: &LogicalPlan,
    mut node: impl FnMut(LogicalPlan) -> PlanResult<LogicalPlan>,
) -> PlanResult<LogicalPlan> {
    let mut made: Vec<LogicalPlan> = Vec::new();
    for old in inputs_first(plan) {
        let inputs = made.len().saturating_sub(old.inputs().len());
        let mut inputs = made.split_off(inputs).into_iter();
        let replace =
            |old| Ok(inputs.next().map_or_else(|| Transformed::no(old), Transformed::yes));
        made.push(node(old.clone().map_children(replace)?.data)?);
    }
    Ok(made.pop().unwrap_or_else(|| plan.clone()))
}

/// The function that a node is, if it keeps its results.
fn kept_stage(node: &LogicalPlan) -> Option<&Udf> {
    Udf::of(node).filter(|udf| udf.call.options.checkpoint)
}
