//! [`ChainTable`]: a chain as a table of another engine.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use catalog::{QualifiedName, Version};
use datafusion::arrow::datatypes::SchemaRef;
use datafusion::catalog::{Session, TableProvider};
use datafusion::common::tree_node::{Transformed, TreeNode};
use datafusion::common::{DFSchema, Statistics, not_impl_err};
use datafusion::datasource::sink::DataSinkExec;
use datafusion::error::Result;
use datafusion::logical_expr::dml::InsertOp;
use datafusion::logical_expr::utils::conjunction;
use datafusion::logical_expr::{
    Expr, LogicalPlan, LogicalPlanBuilder, TableProviderFilterPushDown, TableType,
};
use datafusion::physical_plan::ExecutionPlan;
use tokio::runtime::Handle;

use super::elsewhere::RowsExec;
use super::here::there;
use super::insert::Insert;
use super::pushed::means_the_same;
use crate::Chain;
use crate::source::source_of;

/// What a table is now.
pub(super) type Current = Arc<Mutex<Now>>;

/// The rows that a table has; what is written to it are others.
#[derive(Debug)]
pub(super) struct Now {
    pub(super) rows: Chain,
    /// The version that they are, if the table made it.
    pub(super) made: Option<Version>,
}

/// The table.
pub(super) struct ChainTable {
    schema: SchemaRef,
    now: Current,
    /// The dataset that `INSERT INTO` makes new versions of.
    grows: Option<QualifiedName>,
    /// Where to plan when no runtime is under way, as across the border of a library.
    runtime: Option<Handle>,
}

impl ChainTable {
    pub(super) fn new(chain: Chain, grows: Option<QualifiedName>) -> Self {
        let runtime = Handle::try_current().ok();
        let schema = chain.schema();
        let now = Arc::new(Mutex::new(Now { rows: chain, made: None }));
        Self { schema, now, grows, runtime }
    }

    fn chain(&self) -> Chain {
        self.now.lock().unwrap_or_else(PoisonError::into_inner).rows.clone()
    }

    /// The chain's plan with the other engine's steps on top.
    fn narrowed(
        &self,
        chain: &Chain,
        projection: Option<&Vec<usize>>,
        filters: &[Expr],
        limit: Option<usize>,
    ) -> Result<LogicalPlan> {
        let plan = chain.visible_plan()?;
        let columns: Vec<Expr> = plan.schema().columns().into_iter().map(Expr::Column).collect();
        let ours = |filter: &Expr| {
            filter.clone().transform(|expr| match &expr {
                Expr::Column(column) => {
                    let at = self.schema.index_of(&column.name)?;
                    Ok(Transformed::yes(columns[at].clone()))
                }
                _ => Ok(Transformed::no(expr)),
            })
        };
        let filters = filters.iter().map(|filter| Ok(ours(filter)?.data));
        let filters = conjunction(filters.collect::<Result<Vec<_>>>()?);
        let mut narrowed = LogicalPlanBuilder::from(plan);
        if let Some(filter) = filters {
            narrowed = narrowed.filter(filter)?;
        }
        if let Some(wanted) = projection {
            narrowed = narrowed.project(wanted.iter().map(|at| columns[*at].clone()))?;
        }
        match limit {
            Some(limit) => narrowed.limit(0, Some(limit))?.build(),
            None => narrowed.build(),
        }
    }
}

impl fmt::Debug for ChainTable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ChainTable").field("now", &self.now).finish_non_exhaustive()
    }
}

#[async_trait]
impl TableProvider for ChainTable {
    fn schema(&self) -> SchemaRef {
        Arc::clone(&self.schema)
    }

    fn table_type(&self) -> TableType {
        TableType::Base
    }

    fn statistics(&self) -> Option<Statistics> {
        match self.chain().plan() {
            LogicalPlan::TableScan(scan) => source_of(scan)?.statistics(),
            _ => None,
        }
    }

    fn supports_filters_pushdown(
        &self,
        filters: &[&Expr],
    ) -> Result<Vec<TableProviderFilterPushDown>> {
        let schema = DFSchema::try_from(Arc::clone(&self.schema))?;
        let pushed = |filter: &&Expr| {
            // The other engine calls the table what it likes.
            let plain = (*filter).clone().transform(|expr| match expr {
                Expr::Column(column) => {
                    Ok(Transformed::yes(Expr::Column(column.name.as_str().into())))
                }
                other => Ok(Transformed::no(other)),
            });
            Ok(match means_the_same(&plain?.data, &schema) {
                true => TableProviderFilterPushDown::Exact,
                false => TableProviderFilterPushDown::Unsupported,
            })
        };
        filters.iter().map(pushed).collect()
    }

    async fn scan(
        &self,
        _state: &dyn Session,
        projection: Option<&Vec<usize>>,
        filters: &[Expr],
        limit: Option<usize>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let chain = self.chain();
        let plan = self.narrowed(&chain, projection, filters, limit)?;
        let schema = match projection {
            Some(wanted) => Arc::new(self.schema.project(wanted)?),
            None => Arc::clone(&self.schema),
        };
        let planned = Box::pin(RowsExec::plan(chain, plan, schema, self.runtime.clone()));
        Ok(Arc::new(there(self.runtime.as_ref(), planned).await?))
    }

    async fn insert_into(
        &self,
        _state: &dyn Session,
        input: Arc<dyn ExecutionPlan>,
        how: InsertOp,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let Some(name) = &self.grows else {
            return not_impl_err!(
                "writing to a chain or to a version of a dataset; hint: register the dataset by its name alone"
            );
        };
        let now = Arc::clone(&self.now);
        let insert = Insert::new(now, name.clone(), Arc::clone(&self.schema), how)?;
        Ok(Arc::new(DataSinkExec::new(input, Arc::new(insert), None)))
    }
}
