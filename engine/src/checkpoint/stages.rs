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
use datafusion::optimizer::Optimizer;

use tokio::runtime::Handle;

use super::Ledger;
use super::fingerprint::stage_key;
use crate::logical::{StageKey, Udf};
use crate::physical::Functions;
use crate::{Session, config, optimizer};

/// A plan whose stages have their keys, and what users should know about those that have none.
pub(crate) struct Keyed {
    pub(crate) plan: LogicalPlan,
    pub(crate) remarks: Vec<String>,
}

/// The plan, analyzed, with a key for each stage that can have one. Calls user code that tells identities: not for a
/// thread of the async runtime.
pub(crate) fn key_stages(
    session: &Session,
    state: &SessionState,
    plan: &LogicalPlan,
) -> PlanResult<Keyed> {
    let keys = Keys {
        session,
        state,
        functions: session.functions(),
        fresh: config::ignores_checkpoints(),
        remarks: Vec::new(),
    };
    keys.assign(plan)
}

/// Whether some function of the plan keeps its results.
pub(crate) fn has_stages(plan: &LogicalPlan) -> PlanResult<bool> {
    plan.exists(|node| Ok(udf(node).is_some_and(|udf| udf.call.running.checkpoint)))
}

/// Whether no function of the plan is to be run without keeping its results.
pub(crate) fn all_kept(plan: &LogicalPlan) -> PlanResult<bool> {
    let mut kept = true;
    plan.apply_with_subqueries(|node| {
        kept &= udf(node).is_none_or(|udf| udf.call.running.checkpoint);
        Ok(TreeNodeRecursion::Continue)
    })?;
    Ok(kept)
}

struct Keys<'a> {
    session: &'a Session,
    state: &'a SessionState,
    functions: &'a Functions,
    fresh: bool,
    remarks: Vec<String>,
}

impl Keys<'_> {
    fn assign(mut self, plan: &LogicalPlan) -> PlanResult<Keyed> {
        let options = self.state.config_options();
        let plan = self.state.analyzer().execute_and_check(plan.clone(), options, |_, _| {})?;
        let plan = plan.transform_up(|node| self.keep_complete(node))?.data;
        let plan = self.pushed_down(plan)?;
        let plan = plan.transform_up(|node| self.key(node))?.data;
        Ok(Keyed { plan, remarks: self.remarks })
    }

    fn pushed_down(&self, plan: LogicalPlan) -> PlanResult<LogicalPlan> {
        Optimizer::with_rules(optimizer::push_down_rules()).optimize(plan, self.state, |_, _| {})
    }

    fn key_of(&self, udf: &Udf) -> PlanResult<Result<StageKey, String>> {
        let key = stage_key(udf, self.functions)?;
        Ok(key.map(|key| StageKey { fresh: self.fresh, ..key }))
    }

    /// A stage that is complete gets its key before anything is moved below it.
    fn keep_complete(&self, node: LogicalPlan) -> PlanResult<Transformed<LogicalPlan>> {
        if self.fresh || udf(&node).is_none_or(|udf| !udf.call.running.checkpoint) {
            return Ok(Transformed::no(node));
        }
        let settled = self.pushed_down(node.clone())?;
        let Some(stage) = udf(&settled) else {
            return Ok(Transformed::no(node));
        };
        let Ok(key) = self.key_of(stage)? else {
            return Ok(Transformed::no(node));
        };
        let ledger = Ledger::new(Arc::clone(self.session.storage()), &key);
        // A folder that cannot be read is told when the stage runs.
        if Handle::current().block_on(ledger.is_complete()).unwrap_or(false) {
            return Ok(Transformed::yes(with_key(stage, key)));
        }
        Ok(Transformed::no(node))
    }

    fn key(&mut self, node: LogicalPlan) -> PlanResult<Transformed<LogicalPlan>> {
        let Some(stage) = udf(&node).filter(|udf| udf.call.running.checkpoint && udf.key.is_none())
        else {
            return Ok(Transformed::no(node));
        };
        match self.key_of(stage)? {
            Ok(key) => Ok(Transformed::yes(with_key(stage, key))),
            Err(reason) => {
                self.remarks
                    .push(format!("UDF '{}': no checkpoint, because {reason}", stage.call.name));
                Ok(Transformed::no(node))
            }
        }
    }
}

fn udf(node: &LogicalPlan) -> Option<&Udf> {
    let LogicalPlan::Extension(extension) = node else {
        return None;
    };
    extension.node.as_any().downcast_ref::<Udf>()
}

fn with_key(stage: &Udf, key: StageKey) -> LogicalPlan {
    LogicalPlan::Extension(Extension { node: Arc::new(stage.with_key(key)) })
}
