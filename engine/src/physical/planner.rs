//! [`UdfPlanner`]: node → operator, and [`Functions`], where a node's function is found.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use datafusion::common::internal_err;
use datafusion::error::Result;
use datafusion::execution::SessionState;
use datafusion::execution::context::QueryPlanner;
use datafusion::logical_expr::{LogicalPlan, UserDefinedLogicalNode};
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_planner::{DefaultPhysicalPlanner, ExtensionPlanner, PhysicalPlanner};
use udf_runtime::{BatchFunction, Executor, InProcess};

use super::udf_map::{UdfMapExec, UdfStage};
use crate::logical::{FunctionId, UdfMap};

/// The next id, and the functions by theirs.
type Known = (u64, HashMap<FunctionId, Arc<dyn BatchFunction>>);

/// The functions that the session's chains use, by the id that stands in their plans.
#[derive(Debug, Default)]
pub(crate) struct Functions {
    known: Mutex<Known>,
}

impl Functions {
    /// Keeps `function` for as long as the returned registration lives.
    pub(crate) fn register(self: &Arc<Self>, function: Arc<dyn BatchFunction>) -> Registration {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let id = FunctionId(known.0);
        known.0 += 1;
        known.1.insert(id, function);
        Registration { id, functions: Arc::clone(self) }
    }

    fn get(&self, id: FunctionId) -> Option<Arc<dyn BatchFunction>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner).1.get(&id).cloned()
    }
}

/// Keeps a function registered; chains hold it beside their plans.
#[derive(Debug)]
pub(crate) struct Registration {
    pub(crate) id: FunctionId,
    functions: Arc<Functions>,
}

impl Drop for Registration {
    fn drop(&mut self) {
        let mut known = self.functions.known.lock().unwrap_or_else(PoisonError::into_inner);
        let gone = known.1.remove(&self.id);
        drop(known);
        // The function's own drop may do anything: it runs after the lock is free.
        drop(gone);
    }
}

/// Plans with DataFusion's planner and our operators.
pub(crate) struct UdfPlanner {
    functions: Arc<Functions>,
    executor: Arc<dyn Executor>,
}

impl UdfPlanner {
    pub(crate) fn new(functions: Arc<Functions>) -> Self {
        Self { functions, executor: Arc::new(InProcess) }
    }
}

impl fmt::Debug for UdfPlanner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("UdfPlanner").finish_non_exhaustive()
    }
}

#[async_trait]
impl QueryPlanner for UdfPlanner {
    async fn create_physical_plan(
        &self,
        plan: &LogicalPlan,
        state: &SessionState,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let extension = Arc::new(Self {
            functions: Arc::clone(&self.functions),
            executor: Arc::clone(&self.executor),
        });
        let planner = DefaultPhysicalPlanner::with_extension_planners(vec![extension]);
        planner.create_physical_plan(plan, state).await
    }
}

#[async_trait]
impl ExtensionPlanner for UdfPlanner {
    async fn plan_extension(
        &self,
        planner: &dyn PhysicalPlanner,
        node: &dyn UserDefinedLogicalNode,
        _logical_inputs: &[&LogicalPlan],
        inputs: &[Arc<dyn ExecutionPlan>],
        state: &SessionState,
    ) -> Result<Option<Arc<dyn ExecutionPlan>>> {
        let (Some(map), [input]) = (node.as_any().downcast_ref::<UdfMap>(), inputs) else {
            return Ok(None);
        };
        let Some(function) = self.functions.get(map.function) else {
            return internal_err!("the function of stage `{}` is gone", map.name);
        };
        let schema = map.input.schema();
        let arguments = map
            .arguments
            .iter()
            .map(|argument| planner.create_physical_expr(argument, schema, state))
            .collect::<Result<_>>()?;
        let stage = UdfStage {
            name: map.name.clone(),
            function,
            executor: Arc::clone(&self.executor),
            arguments,
            results: map.results.clone(),
            batch_rows: map.batch_rows,
        };
        Ok(Some(Arc::new(UdfMapExec::new(Arc::clone(input), Arc::new(stage)))))
    }
}
