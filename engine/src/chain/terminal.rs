//! The methods of [`Chain`] that run something.
//!
//! Their futures are boxed, so that what they await is compiled here, once, and not in every crate that calls them.

use std::pin::Pin;
use std::sync::Arc;
use std::time::Instant;

use arrow::array::AsArray;
use arrow::datatypes::{Int64Type, SchemaRef};
use arrow::record_batch::RecordBatch;
use catalog::JobId;
use datafusion::common::Column;
use datafusion::common::tree_node::TreeNodeRecursion;
use datafusion::execution::TaskContext;
use datafusion::functions_aggregate::expr_fn::count;
use datafusion::logical_expr::{Expr as PlanExpr, LogicalPlan, LogicalPlanBuilder, lit};
use datafusion::physical_plan::ExecutionPlan;
use futures::future::BoxFuture;
use futures::{FutureExt, Stream, TryStreamExt};
use udf_runtime::task;

use super::Chain;
use crate::checkpoint::RunFacts;
use crate::identity::fingerprint;
use crate::logical::Reuse;
use crate::physical::in_order;
use crate::progress::Progress;
use crate::source::{Dependency, Found, ListingTable, Purpose, Source, source_of};
use crate::{Error, Result, checkpoint, config, explain};

/// Batches on their way to a caller; dropping it stops the query.
pub type BatchStream = Pin<Box<dyn Stream<Item = Result<RecordBatch>> + Send>>;

/// A plan that is ready to be polled.
pub(crate) struct Ready {
    pub(crate) plan: Arc<dyn ExecutionPlan>,
    pub(crate) context: Arc<TaskContext>,
}

impl Chain {
    /// The rows, in order, of the columns that users see.
    ///
    /// # Errors
    /// Planning errors; what fails later comes through the stream.
    pub fn stream<'a>(
        &'a self,
        progress: &'a Arc<Progress>,
    ) -> BoxFuture<'a, Result<(SchemaRef, BatchStream)>> {
        let opened = async {
            let ready = self.prepare(self.visible_plan()?, progress).await?;
            let rows = in_order(&ready.plan, &ready.context, None)?;
            let rows: BatchStream = Box::pin(rows.map_err(Error::from));
            Ok((self.schema(), rows))
        };
        opened.boxed()
    }

    /// All rows at once.
    ///
    /// # Errors
    /// What the query fails with.
    pub fn collect(&self) -> BoxFuture<'_, Result<Vec<RecordBatch>>> {
        async { self.stream(&Arc::default()).await?.1.try_collect().await }.boxed()
    }

    /// How many rows there are; from metadata alone where the plan allows it.
    ///
    /// # Errors
    /// What the query fails with.
    pub fn count<'a>(&'a self, progress: &'a Arc<Progress>) -> BoxFuture<'a, Result<u64>> {
        self.count_rows(progress).boxed()
    }

    async fn count_rows(&self, progress: &Arc<Progress>) -> Result<u64> {
        let counted = LogicalPlanBuilder::from(self.plan.clone())
            .aggregate(Vec::<PlanExpr>::new(), vec![count(lit(1_i64))])?
            .build()?;
        let ready = self.prepare(counted, progress).await?;
        let batches: Vec<RecordBatch> =
            in_order(&ready.plan, &ready.context, None)?.map_err(Error::from).try_collect().await?;
        let counts =
            batches.iter().flat_map(|batch| batch.column(0).as_primitive::<Int64Type>().values());
        Ok(counts.map(|count| count.unsigned_abs()).sum())
    }

    /// The optimized plan and its operators, as text without paths, times or addresses.
    ///
    /// # Errors
    /// Planning errors.
    pub fn explain(&self) -> BoxFuture<'_, Result<String>> {
        self.explain_plan().boxed()
    }

    /// Runs the chain, forgets its rows, and tells the plan and where the time of each function went.
    ///
    /// # Errors
    /// What the query fails with.
    pub fn explain_analyze<'a>(
        &'a self,
        progress: &'a Arc<Progress>,
    ) -> BoxFuture<'a, Result<String>> {
        let analyzed = async {
            let plan = self.explain_plan().await?;
            let began = Instant::now();
            self.run_through(progress).await?;
            Ok(explain::with_times(&plan, began.elapsed(), &progress.stages()))
        };
        analyzed.boxed()
    }

    /// Runs the chain and forgets its rows; what its functions failed at is in `progress`.
    ///
    /// # Errors
    /// What the query fails with.
    pub fn run<'a>(&'a self, progress: &'a Arc<Progress>) -> BoxFuture<'a, Result<()>> {
        self.run_through(progress).boxed()
    }

    async fn run_through(&self, progress: &Arc<Progress>) -> Result<()> {
        let ready = self.prepare(self.visible_plan()?, progress).await?;
        let mut rows = in_order(&ready.plan, &ready.context, None)?;
        while rows.try_next().await?.is_some() {}
        Ok(())
    }

    /// The chain of one run: the same with sources that stay as they are.
    pub(crate) async fn pinned(&self, job: Option<&JobId>) -> Result<Self> {
        let plan = checkpoint::pin(&self.plan, &self.session, Purpose::Identity(job)).await?;
        let chain = self.with_plan(plan)?;
        Ok(Self { facts: Some(chain.new_facts()), ..chain })
    }

    fn new_facts(&self) -> Arc<RunFacts> {
        Arc::new(RunFacts::new(Arc::clone(self.session.functions())))
    }

    /// The digest of what the chain's rows are made of; `None` when it cannot be told, or must not be kept.
    pub(crate) async fn fingerprint(&self) -> Result<Option<String>> {
        let chain = self.clone();
        let told = task::spawn_blocking(move || {
            if !checkpoint::all_kept(&chain.plan)? {
                return Ok(None);
            }
            let facts = chain.facts.clone().unwrap_or_else(|| chain.new_facts());
            Ok(fingerprint(&chain.plan, facts.as_ref())?.ok())
        });
        told.await.map_err(|error| Error::internal(error.to_string()))?
    }

    async fn explain_plan(&self) -> Result<String> {
        let state = self.session.state_for(&Arc::default());
        let logical = state.optimize(&self.visible_plan()?)?;
        let physical = state.query_planner().create_physical_plan(&logical, &state).await?;
        Ok(explain::render(&logical, &physical))
    }

    /// Where files are looked for that the rows come from: URIs.
    ///
    /// # Errors
    /// Only for a plan that is a bug.
    pub fn places(&self) -> Result<Vec<String>> {
        let read = self.reads()?;
        let read = read.into_iter().map(|table| Arc::new(table) as Arc<dyn Source>);
        let found = self.sources()?.into_iter().chain(read).flat_map(|source| source.found());
        let place = |found: Found| match found {
            Found::Files(files) => files.places,
            Found::Objects(objects) => objects.search.scope().places(),
        };
        Ok(found.map(place).collect())
    }

    /// The dataset versions that the rows come from.
    ///
    /// # Errors
    /// Only for a plan that is a bug.
    pub fn dependencies(&self) -> Result<Vec<catalog::Dependency>> {
        let mut found: Vec<catalog::Dependency> = Vec::new();
        for source in self.sources()? {
            for Dependency::Version(version) in source.dependencies() {
                if !found.contains(&version) {
                    found.push(version);
                }
            }
        }
        Ok(found)
    }

    /// The files that tables are read from, as they are there now.
    pub(crate) fn reads(&self) -> Result<Vec<ListingTable>> {
        let sources = self.sources()?;
        let listings = sources.iter().filter_map(|source| source.read_from().cloned());
        let buckets = self.session.buckets();
        Ok(listings.map(|listing| ListingTable::new(listing.updated(), buckets)).collect())
    }

    fn sources(&self) -> Result<Vec<Arc<dyn Source>>> {
        let mut sources = Vec::new();
        self.plan.apply_with_subqueries(|node| {
            if let LogicalPlan::TableScan(scan) = node {
                sources.extend(source_of(scan));
            }
            Ok(TreeNodeRecursion::Continue)
        })?;
        Ok(sources)
    }

    /// The plan without the columns that users do not see.
    pub(crate) fn visible_plan(&self) -> Result<LogicalPlan> {
        let schema = self.plan.schema();
        let visible: Vec<PlanExpr> = schema
            .iter()
            .filter(|(_, field)| self.is_visible(field))
            .map(|(qualifier, field)| PlanExpr::Column(Column::from((qualifier, field))))
            .collect();
        if visible.len() == schema.fields().len() {
            return Ok(self.plan.clone());
        }
        Ok(LogicalPlanBuilder::from(self.plan.clone()).project(visible)?.build()?)
    }

    pub(crate) async fn prepare(
        &self,
        plan: LogicalPlan,
        progress: &Arc<Progress>,
    ) -> Result<Ready> {
        let plan = self.keyed(plan, progress).await?;
        self.operators_of(&plan, progress).await
    }

    /// What runs a plan whose functions have places for their results.
    pub(crate) async fn operators_of(
        &self,
        plan: &LogicalPlan,
        progress: &Arc<Progress>,
    ) -> Result<Ready> {
        let state = self.session.state_for(progress);
        let plan = state.create_physical_plan(plan).await?;
        let context = self.session.context_of(plan.as_ref(), &state).await;
        Ok(Ready { plan, context })
    }

    /// The plan with the places where its functions keep their results.
    pub(crate) async fn keyed(
        &self,
        plan: LogicalPlan,
        progress: &Progress,
    ) -> Result<LogicalPlan> {
        if !checkpoint::has_stages(&plan)? {
            return checkpoint::pin(&plan, &self.session, Purpose::Rows).await;
        }
        // What functions see is found again by the next run, and need not be looked for there.
        let plan = checkpoint::pin(&plan, &self.session, Purpose::Identity(None)).await?;
        let facts = self.facts.clone().unwrap_or_else(|| self.new_facts());
        let reuse = if config::ignores_checkpoints() { Reuse::Afresh } else { self.reuse.clone() };
        let keyed = task::spawn_blocking(move || checkpoint::key_stages(&facts, &reuse, &plan));
        let keyed = keyed.await.map_err(|error| Error::internal(error.to_string()))??;
        for remark in keyed.remarks {
            progress.tell(remark);
        }
        Ok(keyed.plan)
    }
}
