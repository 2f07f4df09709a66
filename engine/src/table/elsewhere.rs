//! [`RowsExec`]: a plan of this session as an operator of another engine's.

use std::fmt;
use std::sync::Arc;

use datafusion::arrow::array::{RecordBatch, RecordBatchOptions};
use datafusion::arrow::datatypes::SchemaRef;
use datafusion::common::{ScalarValue, Statistics};
use datafusion::error::Result;
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::functions::core::expr_fn::get_field;
use datafusion::logical_expr::{Expr, LogicalPlan, LogicalPlanBuilder};
use datafusion::physical_expr::expressions::{Column, Literal};
use datafusion::physical_expr::{EquivalenceProperties, PhysicalExpr, ScalarFunctionExpr};
use datafusion::physical_plan::execution_plan::{Boundedness, EmissionType};
use datafusion::physical_plan::projection::ProjectionExec;
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use datafusion::physical_plan::{
    DisplayAs, DisplayFormatType, ExecutionPlan, ExecutionPlanProperties, Partitioning,
    PlanProperties,
};
use futures::TryStreamExt;
use tokio::runtime::Handle;

use super::here::here;
use crate::progress::Progress;
use crate::{Chain, Ready};

/// The operator: without inputs, so that the other engine's rules leave the plan alone.
pub(super) struct RowsExec {
    chain: Chain,
    /// The chain's plan with sources that stay as they are.
    plan: LogicalPlan,
    ready: Ready,
    runtime: Option<Handle>,
    properties: Arc<PlanProperties>,
}

impl RowsExec {
    /// The rows of a plan that belongs to the chain, as columns of `schema`.
    pub(super) async fn plan(
        chain: Chain,
        plan: LogicalPlan,
        schema: SchemaRef,
        runtime: Option<Handle>,
    ) -> Result<Self> {
        let progress = Arc::<Progress>::default();
        let plan = chain.keyed(plan, &progress).await?;
        Self::of_keyed(chain, plan, schema, runtime).await
    }

    async fn of_keyed(
        chain: Chain,
        plan: LogicalPlan,
        schema: SchemaRef,
        runtime: Option<Handle>,
    ) -> Result<Self> {
        let ready = chain.operators_of(&plan, &Arc::default()).await?;
        let properties = PlanProperties::new(
            EquivalenceProperties::new(schema),
            Partitioning::UnknownPartitioning(ready.plan.output_partitioning().partition_count()),
            EmissionType::Incremental,
            Boundedness::Bounded,
        );
        Ok(Self { chain, plan, ready, runtime, properties: Arc::new(properties) })
    }
}

impl fmt::Debug for RowsExec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RowsExec").field("plan", &self.plan).finish_non_exhaustive()
    }
}

impl DisplayAs for RowsExec {
    fn fmt_as(&self, _kind: DisplayFormatType, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let columns = self.schema();
        let names: Vec<&str> = columns.fields().iter().map(|field| field.name().as_str()).collect();
        write!(f, "LakebedRows: columns=[{}]", names.join(", "))
    }
}

impl ExecutionPlan for RowsExec {
    fn name(&self) -> &'static str {
        "LakebedRows"
    }

    fn properties(&self) -> &Arc<PlanProperties> {
        &self.properties
    }

    fn children(&self) -> Vec<&Arc<dyn ExecutionPlan>> {
        vec![]
    }

    fn with_new_children(
        self: Arc<Self>,
        _children: Vec<Arc<dyn ExecutionPlan>>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        Ok(self)
    }

    fn execute(
        &self,
        partition: usize,
        _context: Arc<TaskContext>,
    ) -> Result<SendableRecordBatchStream> {
        let schema = self.schema();
        let rows = self.ready.plan.execute(partition, Arc::clone(&self.ready.context))?;
        let named = {
            let schema = Arc::clone(&schema);
            move |batch: RecordBatch| {
                let rows = RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
                let (schema, columns) = (Arc::clone(&schema), batch.columns().to_vec());
                Ok(RecordBatch::try_new_with_options(schema, columns, &rows)?)
            }
        };
        let rows = rows.and_then(move |batch| std::future::ready(named(batch)));
        Ok(Box::pin(RecordBatchStreamAdapter::new(schema, rows)))
    }

    fn partition_statistics(&self, partition: Option<usize>) -> Result<Arc<Statistics>> {
        self.ready.plan.partition_statistics(partition)
    }

    /// Columns and fields of models are read in place of what they are in.
    fn try_swapping_with_projection(
        &self,
        projection: &ProjectionExec,
    ) -> Result<Option<Arc<dyn ExecutionPlan>>> {
        let mut columns = Vec::new();
        for wanted in projection.expr() {
            let Some(path) = path_of(wanted.expr.as_ref(), &self.plan) else {
                return Ok(None);
            };
            columns.push(path.alias(wanted.alias.clone()));
        }
        let narrowed = async {
            let plan = LogicalPlanBuilder::from(self.plan.clone()).project(columns)?.build()?;
            let (chain, runtime) = (self.chain.clone(), self.runtime.clone());
            Self::of_keyed(chain, plan, projection.schema(), runtime).await
        };
        Ok(Some(Arc::new(here(self.runtime.as_ref(), narrowed)?)))
    }
}

/// A column of the plan, or a field in one.
fn path_of(expr: &dyn PhysicalExpr, plan: &LogicalPlan) -> Option<Expr> {
    if let Some(column) = expr.downcast_ref::<Column>() {
        return plan.schema().columns().get(column.index()).cloned().map(Expr::Column);
    }
    let call =
        expr.downcast_ref::<ScalarFunctionExpr>().filter(|call| call.name() == "get_field")?;
    let (base, steps) = call.args().split_first()?;
    let mut path = path_of(base.as_ref(), plan)?;
    for step in steps {
        match step.downcast_ref::<Literal>()?.value() {
            ScalarValue::Utf8(Some(name)) => path = get_field(path, name.as_str()),
            _ => return None,
        }
    }
    Some(path)
}
