//! [`Before`]: the rows of a listing by what they are, so that those that are found again need not be written again.

use std::sync::Arc;

use arrow::array::{AsArray, BooleanArray, RecordBatch};
use arrow::compute::filter_record_batch;
use arrow::datatypes::{Field, FieldRef, SchemaRef, UInt64Type};
use arrow::record_batch::RecordBatchOptions;
use catalog::DatasetVersion;
use datafusion::common::Column;
use datafusion::error::DataFusionError;
use datafusion::functions::core::expr_fn::get_field;
use datafusion::logical_expr::{Expr, LogicalPlanBuilder};
use futures::TryStreamExt;

use super::{COLUMN, opened};
use crate::functions::{ByDigest, digests, digests_in, row_digest};
use crate::physical::in_any_order;
use crate::source::{DatasetTable, Leaf, Source, as_table};
use crate::sys::{self, SYS};
use crate::{Result, Session};

/// The rows of a version.
pub(super) struct Before {
    /// The version's own name.
    uuid: String,
    /// Where each row is that was not found again yet.
    places: ByDigest<u64>,
}

impl Before {
    /// The rows of a version that another one may follow; `None` where that should rather be written as a whole.
    pub(super) async fn of(
        session: &Arc<Session>,
        record: &DatasetVersion,
        column: &FieldRef,
    ) -> Option<Self> {
        let stored = Field::clone(column).with_name(COLUMN);
        if record.schema.fields().first().is_none_or(|known| **known != stored) {
            return None;
        }
        // What cannot be read is replaced.
        let table = opened(session, record, Arc::new(stored)).await.ok()?;
        if table.is_mostly_masked() {
            return None;
        }
        let places = places_of(session, &table).await.ok()??;
        Some(Self { uuid: record.uuid.clone(), places })
    }

    /// Whether it is of this version.
    pub(super) fn is_of(&self, record: &DatasetVersion) -> bool {
        self.uuid == record.uuid
    }

    /// The rows that were not there, in a schema of that one column.
    pub(super) fn without_known(
        &mut self,
        batch: &RecordBatch,
        schema: &SchemaRef,
    ) -> Result<RecordBatch> {
        let rows = digests(batch.columns(), batch.num_rows())?;
        let are_new = rows.iter().map(|row| Some(self.places.remove(row).is_none()));
        let are_new = BooleanArray::from_iter(are_new);
        let options = RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
        let columns = batch.columns().to_vec();
        let batch = RecordBatch::try_new_with_options(Arc::clone(schema), columns, &options);
        let new = batch.and_then(|batch| filter_record_batch(&batch, &are_new));
        Ok(new.map_err(DataFusionError::from)?)
    }

    /// The places of the rows that were not found again.
    pub(super) fn left(&self) -> Vec<u64> {
        let mut places: Vec<u64> = self.places.values().copied().collect();
        places.sort_unstable();
        places
    }
}

/// Where each row is; `None` where one is there twice.
async fn places_of(session: &Session, table: &DatasetTable) -> Result<Option<ByDigest<u64>>> {
    let place = Leaf { path: vec![SYS.to_owned()], field: sys::field() };
    let placed = table.with(table.leaves().iter().cloned().chain([place]).collect());
    let column = |name| Expr::Column(Column::from_name(name));
    let values = vec![
        row_digest(vec![column(COLUMN)]).alias("row"),
        get_field(column(SYS), "id").alias("place"),
    ];
    let plan = LogicalPlanBuilder::scan("listing", as_table(Arc::new(placed)), None)?;
    let plan = plan.project(values)?.build()?;
    let plan = session.state().create_physical_plan(&plan).await?;
    let mut rows = in_any_order(&plan, &session.state().task_ctx())?;
    let mut known = ByDigest::default();
    while let Some(batch) = rows.try_next().await? {
        let places = batch.column(1).as_primitive::<UInt64Type>().values();
        for (row, place) in digests_in(batch.column(0)).zip(places.iter()) {
            if known.insert(row, *place).is_some() {
                return Ok(None);
            }
        }
    }
    Ok(Some(known))
}
