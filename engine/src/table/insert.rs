//! [`Insert`]: rows of another engine become a new version of a dataset.

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use catalog::{Bump, JobStatus, NewJob, QualifiedName, Wanted};
use datafusion::arrow::array::{RecordBatch, RecordBatchOptions};
use datafusion::arrow::datatypes::SchemaRef;
use datafusion::catalog::{Session, TableProvider};
use datafusion::common::{internal_err, not_impl_err};
use datafusion::datasource::sink::DataSink;
use datafusion::error::Result;
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::logical_expr::dml::InsertOp;
use datafusion::logical_expr::{Expr, TableType};
use datafusion::physical_plan::{DisplayAs, DisplayFormatType, ExecutionPlan};
use futures::StreamExt;

use super::rows::{Current, Now};
use crate::identity::{Reason, SourceIdentity};
use crate::physical::GivenExec;
use crate::source::Source;
use crate::{Chain, SaveMode, SaveRequest, Saved};

/// What writes.
#[derive(Debug)]
pub(super) struct Insert {
    /// The table, which is the new version from then on.
    now: Current,
    name: QualifiedName,
    schema: SchemaRef,
    mode: SaveMode,
}

impl Insert {
    pub(super) fn new(
        now: Current,
        name: QualifiedName,
        schema: SchemaRef,
        how: InsertOp,
    ) -> Result<Self> {
        let mode = match how {
            InsertOp::Append => SaveMode::Append,
            InsertOp::Overwrite => SaveMode::Replace,
            InsertOp::Replace => {
                return not_impl_err!("`REPLACE INTO`; hint: a dataset has no key, `INSERT INTO`");
            }
        };
        Ok(Self { now, name, schema, mode })
    }

    async fn save(&self, rows: SendableRecordBatchStream) -> crate::Result<u64> {
        let session = Arc::clone(self.current().session());
        let count = Arc::<AtomicU64>::default();
        let arriving = Arriving {
            schema: Arc::clone(&self.schema),
            rows: Mutex::new(Some(rows)),
            count: Arc::clone(&count),
        };
        let chain = session.scan("inserted", Arc::new(arriving))?;
        let job =
            NewJob { name: format!("insert into {}", self.name.short()), ..NewJob::default() };
        let job = session.catalog().start_job(job).await?.id;
        let request = SaveRequest {
            name: self.name.clone(),
            wanted: Wanted::Bump(Bump::Patch),
            mode: self.mode.clone(),
            lists: false,
            job: job.clone(),
            description: None,
            attrs: None,
        };
        let progress = Arc::default();
        let saved = chain.save(request, &progress).await;
        let (status, why) = match &saved {
            Ok(_) => (JobStatus::Complete, None),
            Err(error) => (JobStatus::Failed, Some(error.to_string())),
        };
        session.catalog().finish_job(&job, status, why).await?;
        self.show(saved?);
        Ok(count.load(Ordering::Relaxed))
    }

    fn current(&self) -> Chain {
        self.now.lock().unwrap_or_else(PoisonError::into_inner).rows.clone()
    }

    /// The table is what was saved, unless another `INSERT` made a higher version meanwhile.
    fn show(&self, saved: Saved) {
        let mut now = self.now.lock().unwrap_or_else(PoisonError::into_inner);
        let made = Some(saved.record.version);
        if now.made < made {
            *now = Now { rows: saved.chain, made };
        }
    }
}

impl DisplayAs for Insert {
    fn fmt_as(&self, _kind: DisplayFormatType, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "LakebedInsert: {}", self.name.short())
    }
}

#[async_trait]
impl DataSink for Insert {
    fn schema(&self) -> &SchemaRef {
        &self.schema
    }

    async fn write_all(
        &self,
        data: SendableRecordBatchStream,
        _context: &Arc<TaskContext>,
    ) -> Result<u64> {
        Ok(self.save(data).await?)
    }
}

/// Rows that arrive once.
struct Arriving {
    schema: SchemaRef,
    rows: Mutex<Option<SendableRecordBatchStream>>,
    count: Arc<AtomicU64>,
}

impl fmt::Debug for Arriving {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Arriving").field("schema", &self.schema).finish_non_exhaustive()
    }
}

impl Source for Arriving {
    fn identity(&self) -> Result<SourceIdentity, Reason> {
        Err("rows of another query engine, which come once".to_owned())
    }
}

#[async_trait]
impl TableProvider for Arriving {
    fn schema(&self) -> SchemaRef {
        Arc::clone(&self.schema)
    }

    fn table_type(&self) -> TableType {
        TableType::Base
    }

    async fn scan(
        &self,
        _state: &dyn Session,
        projection: Option<&Vec<usize>>,
        _filters: &[Expr],
        _limit: Option<usize>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let Some(rows) = self.rows.lock().unwrap_or_else(PoisonError::into_inner).take() else {
            return internal_err!("rows that come once are read twice");
        };
        let all: Vec<usize> = (0..self.schema.fields().len()).collect();
        let wanted = projection.unwrap_or(&all).clone();
        let schema = Arc::new(self.schema.project(&wanted)?);
        let (named, count) = (Arc::clone(&schema), Arc::clone(&self.count));
        let rows = rows.map(move |batch| {
            let batch = batch?;
            count.fetch_add(batch.num_rows() as u64, Ordering::Relaxed);
            // The other engine knows the types, not what the columns' notes say of models.
            let columns = wanted.iter().map(|at| Arc::clone(batch.column(*at))).collect();
            let rows = RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
            Ok(RecordBatch::try_new_with_options(Arc::clone(&named), columns, &rows)?)
        });
        Ok(Arc::new(GivenExec::new(schema, rows.boxed())))
    }
}
