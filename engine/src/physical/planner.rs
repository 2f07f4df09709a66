//! [`UdfPlanner`]: node → operator.

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use datafusion::common::tree_node::TreeNodeRecursion;
use datafusion::common::{DFSchema, internal_err, plan_err};
use datafusion::error::Result;
use datafusion::execution::SessionState;
use datafusion::execution::context::QueryPlanner;
use datafusion::logical_expr::{
    Expr, LogicalPlan, UserDefinedLogicalNode, UserDefinedLogicalNodeCore,
};
use datafusion::physical_expr::PhysicalExpr;
use datafusion::physical_expr::expressions::Column;
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::projection::{ProjectionExec, ProjectionExpr};
use datafusion::physical_planner::{DefaultPhysicalPlanner, ExtensionPlanner, PhysicalPlanner};
use futures::future::join_all;
use udf_runtime::{Executor, InProcess, PoolOptions, WorkerPool};

use super::first_rows::{EarlyRowsExec, FirstRows, FirstRowsExec};
use super::group_rows::{GroupRowsExec, Grouping};
use super::top_k::{TakeLate, TopKExec};
use super::udf::{UdfExec, UdfStage};
use crate::Objects;
use crate::checkpoint::Ledger;
use crate::logical::{self, GroupRows, KEY_ROW, TopK, Udf};
use crate::memory::Memory;
use crate::registry::Functions;
use crate::source::{Samples, source_of};
use crate::storage::Storage;

/// Where functions run and where their results are kept: what the operators of user functions need of a session.
#[derive(Debug)]
pub(crate) struct UdfContext {
    pub(crate) functions: Arc<Functions>,
    /// Starts worker processes; without it, `parallel` is an error.
    pub(crate) workers: Option<Arc<WorkerPool>>,
    /// Where results are kept.
    pub(crate) storage: Arc<Storage>,
    /// The files that functions read.
    pub(crate) objects: Objects,
    /// What worker processes get a part of.
    pub(crate) memory: Memory,
}

impl UdfContext {
    /// Workers reach files as this process does, also those that are running.
    pub(crate) fn tell_workers(&self) {
        if let (Some(workers), Ok(setup)) = (&self.workers, self.objects.setup()) {
            workers.configure(setup);
        }
    }

    fn executor(&self, node: &Udf) -> Result<Arc<dyn Executor>> {
        let options = &node.call.options;
        let Some(workers) = options.parallel else {
            return Ok(Arc::new(InProcess));
        };
        let Some(pool) = &self.workers else {
            return plan_err!("worker processes are not set up for this session");
        };
        Ok(pool.executor(PoolOptions {
            workers,
            row_timeout: options.row_timeout,
            memory_bytes: options.memory_bytes.or_else(|| self.memory.worker_bytes(workers)),
            dead_rows: options.dead_rows,
        }))
    }

    fn ledger(&self, node: &Udf) -> Option<Ledger> {
        let key = node.key.as_ref()?;
        Some(Ledger::new(Arc::clone(&self.storage), key))
    }
}

/// Plans with DataFusion's planner and our operators.
#[derive(Clone)]
pub(crate) struct UdfPlanner(pub(crate) Arc<UdfContext>);

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
        look_at_sides(plan, state).await?;
        let planner = DefaultPhysicalPlanner::with_extension_planners(vec![Arc::new(self.clone())]);
        planner.create_physical_plan(plan, state).await
    }
}

/// Makes a guess of what the tables hold that the plan joins, which says how it does.
async fn look_at_sides(plan: &LogicalPlan, state: &SessionState) -> Result<()> {
    let Some(samples) = state.config().get_extension::<Samples>() else {
        return Ok(());
    };
    let (mut joins, mut scans) = (false, Vec::new());
    plan.apply_with_subqueries(|part| {
        match part {
            LogicalPlan::Join(_) => joins = true,
            LogicalPlan::TableScan(scan) => {
                let columns = scan.projection.clone();
                scans.extend(source_of(scan).map(|source| (source, columns)));
            }
            _ => {}
        }
        Ok(TreeNodeRecursion::Continue)
    })?;
    if joins {
        let looks = scans.iter().map(|(source, columns)| source.look(&samples, columns.as_deref()));
        // Whoever reads a table says what is wrong with it.
        drop(join_all(looks).await);
    }
    Ok(())
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
        let [input] = inputs else {
            return Ok(None);
        };
        let exprs = |exprs: &[Expr], schema: &DFSchema| -> Result<Vec<_>> {
            exprs.iter().map(|expr| planner.create_physical_expr(expr, schema, state)).collect()
        };
        let input = Arc::clone(input);
        let operator: Arc<dyn ExecutionPlan> =
            if let Some(first) = node.as_any().downcast_ref::<logical::FirstRows>() {
                let work = FirstRows { keys: exprs(&first.keys, first.input.schema())? };
                let work = Arc::new(work);
                let input = Arc::new(EarlyRowsExec::new(input, Arc::clone(&work)));
                Arc::new(FirstRowsExec::new(input, work))
            } else if let Some(group) = node.as_any().downcast_ref::<GroupRows>() {
                let schema = group.input.schema();
                let row = schema.index_of_column_by_name(None, KEY_ROW);
                let grouping = Grouping {
                    keys: exprs(&group.keys, schema)?,
                    row: row.map(|at| Arc::new(Column::new(KEY_ROW, at)) as _),
                    firsts: exprs(&group.firsts, schema)?,
                    lists: exprs(&group.lists, schema)?,
                    schema: Arc::clone(UserDefinedLogicalNodeCore::schema(group).inner()),
                };
                Arc::new(GroupRowsExec::new(input, Arc::new(grouping)))
            } else if let Some(top) = node.as_any().downcast_ref::<TopK>() {
                let Some(late) = source_of(&top.late) else {
                    return internal_err!("a source of rows is gone");
                };
                let schema = Arc::clone(UserDefinedLogicalNodeCore::schema(top).inner());
                let work = TakeLate { late, by_distance: top.by_distance, schema };
                Arc::new(TopKExec::new(input, Arc::new(work)))
            } else if let Some(udf) = node.as_any().downcast_ref::<Udf>() {
                let arguments = exprs(&udf.call.arguments, udf.input.schema())?;
                self.udf(udf, arguments, input)?
            } else {
                return Ok(None);
            };
        kept_apart(operator).map(Some)
    }
}

impl UdfPlanner {
    fn udf(
        &self,
        udf: &Udf,
        arguments: Vec<Arc<dyn PhysicalExpr>>,
        input: Arc<dyn ExecutionPlan>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let call = &udf.call;
        let Some(function) = self.0.functions.get(call.function) else {
            return internal_err!("the function of stage `{}` is gone", call.name);
        };
        let ledger = self.0.ledger(udf);
        let stage = UdfStage {
            placed: None,
            node: udf.verb(),
            name: call.name.clone(),
            function,
            executor: self.0.executor(udf)?,
            shape: call.shape,
            arguments,
            kept: udf.kept()?,
            results: call.results.clone(),
            options: call.options.clone(),
            objects: self.0.objects.clone(),
            reuse: udf.key.as_ref().map(|key| key.reuse.clone()).unwrap_or_default(),
            ledger,
        };
        Ok(Arc::new(UdfExec::new(input, Arc::new(stage))))
    }
}

/// An operator of ours below a projection of all its columns.
///
/// WHY: sorts are moved below operators that keep the order of rows, and their columns are taken for those at the same
/// places of the input, which the columns of functions are not; and another order makes other rows the first ones. None
/// is moved below a projection; once sorts have their places, projections like this one are removed.
fn kept_apart(operator: Arc<dyn ExecutionPlan>) -> Result<Arc<dyn ExecutionPlan>> {
    let schema = operator.schema();
    let columns = schema.fields().iter().enumerate().map(|(at, field)| {
        ProjectionExpr::new(Arc::new(Column::new(field.name(), at)), field.name())
    });
    let columns: Vec<ProjectionExpr> = columns.collect();
    Ok(Arc::new(ProjectionExec::try_new(columns, operator)?))
}
