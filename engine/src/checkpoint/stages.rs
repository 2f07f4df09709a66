//! [`key_stages`]: gives the functions of a plan the places where their results are kept.
//!
//! Filters and limits are moved below the functions here, before the rest of the plan is optimized, because they decide
//! which rows a stage has. A stage whose whole result is at hand keeps its input as it is: reading the result costs less
//! than computing a part of it anew.

use std::sync::Arc;

use datafusion::common::tree_node::{Transformed, TreeNode, TreeNodeRecursion};
use datafusion::error::Result as PlanResult;
use datafusion::execution::context::SessionState;
use datafusion::logical_expr::{Extension, LogicalPlan};
use tokio::runtime::Handle;

use super::{Ledger, RunFacts};
use crate::config;
use crate::identity::Digests;
use crate::logical::{StageKey, Udf, inputs_first};
use crate::storage::Storage;

/// Moves filters and limits down from a node, or leaves the node as it is when none begins there.
type PushDown = fn(LogicalPlan, &SessionState) -> PlanResult<Transformed<LogicalPlan>>;

/// A plan whose stages have their keys, and what users should know about those that have none.
pub(crate) struct Keyed {
    pub(crate) plan: LogicalPlan,
    pub(crate) remarks: Vec<String>,
}

/// The plan, analyzed, with a key for each stage that can have one. Calls user code that tells identities: not for a
/// thread of the async runtime.
pub(crate) fn key_stages(
    storage: &Arc<Storage>,
    state: &SessionState,
    facts: &RunFacts,
    push_down: PushDown,
    plan: &LogicalPlan,
) -> PlanResult<Keyed> {
    let (fresh, remarks) = (config::ignores_checkpoints(), Vec::new());
    Keys { storage, state, facts, push_down, fresh, remarks }.assign(plan)
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

struct Keys<'a> {
    storage: &'a Arc<Storage>,
    state: &'a SessionState,
    facts: &'a RunFacts,
    push_down: PushDown,
    fresh: bool,
    remarks: Vec<String>,
}

impl Keys<'_> {
    fn assign(mut self, plan: &LogicalPlan) -> PlanResult<Keyed> {
        let options = self.state.config_options();
        let plan = self.state.analyzer().execute_and_check(plan.clone(), options, |_, _| {})?;
        let plan = self.settled(&plan)?;
        let mut digests = Digests::new(self.facts);
        let plan = rebuilt(&plan, |node| self.key(&mut digests, node))?;
        Ok(Keyed { plan, remarks: self.remarks })
    }

    /// The plan with filters and limits moved down, from the sources up, so that each stage is seen once with the input
    /// that it has alone. One that is complete gets its key at once, and nothing is moved below it any more.
    fn settled(&self, plan: &LogicalPlan) -> PlanResult<LogicalPlan> {
        let mut digests = Digests::new(self.facts);
        rebuilt(plan, |node| {
            let inputs = node.inputs().len();
            let Transformed { data: node, transformed, .. } = (self.push_down)(node, self.state)?;
            if transformed {
                digests.replace(inputs, &node);
                return Ok(node);
            }
            match (digests.add(&node), kept_stage(&node)) {
                (Ok(Some(key)), Some(stage)) if self.is_complete(&key) => Ok(with_key(stage, key)),
                _ => Ok(node),
            }
        })
    }

    fn is_complete(&self, key: &StageKey) -> bool {
        let ledger = Ledger::new(Arc::clone(self.storage), key);
        // A folder that cannot be read is told when the stage runs.
        !self.fresh && Handle::current().block_on(ledger.is_complete()).unwrap_or(false)
    }

    fn key(&mut self, digests: &mut Digests<'_>, node: LogicalPlan) -> PlanResult<LogicalPlan> {
        let key = digests.add(&node);
        let Some(stage) = kept_stage(&node).filter(|stage| stage.key.is_none()) else {
            return Ok(node);
        };
        match key {
            Ok(Some(key)) => Ok(with_key(stage, StageKey { fresh: self.fresh, ..key })),
            Ok(None) => Ok(node),
            Err(reason) => {
                let name = &stage.call.name;
                self.remarks.push(format!("UDF '{name}': no checkpoint, because {reason}"));
                Ok(node)
            }
        }
    }
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

fn with_key(stage: &Udf, key: StageKey) -> LogicalPlan {
    LogicalPlan::Extension(Extension { node: Arc::new(stage.with_key(key)) })
}
