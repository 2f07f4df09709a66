//! [`Layout`]: the columns of what is saved by reference: which are those of the version before, under which numbers,
//! and how the others are stored.

use std::collections::HashMap;
use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::datatypes::{Field, FieldRef, Schema, SchemaRef};
use arrow::record_batch::RecordBatchOptions;
use datafusion::error::DataFusionError;
use lance_core::datatypes::Schema as LanceSchema;

use super::listed::{column, numbers};
use super::slots::NewColumns;
use super::{ByReference, is_wide};
use crate::adapter::error::LanceResultExt;
use crate::sink::fragments::{Columns, lance_schema};
use crate::sink::vectors::VectorLengths;
use crate::{Error, Result};

/// The columns of a version to be.
pub(super) struct Layout {
    /// As users know them.
    pub(super) schema: SchemaRef,
    /// With their numbers.
    pub(super) numbers: LanceSchema,
    /// The numbers of those that the version before has, there and here.
    pub(super) kept: HashMap<i32, i32>,
    /// The others.
    pub(super) file: NewColumns,
    /// What the plan gives.
    run: Columns,
    /// Which of that is new.
    new: Vec<usize>,
}

impl Layout {
    /// Of what the plan gives, lists of these lengths are vectors.
    pub(super) fn of(
        saved: &ByReference<'_>,
        lengths: &VectorLengths,
        run: &Schema,
        title: &str,
    ) -> Result<Self> {
        let new = saved.new_columns(lengths);
        let run = Columns::new(lengths.clone(), run);
        let before = saved.chain.schema();
        let at_run = |at: usize| new.iter().copied().find(|place| saved.run[*place] == at);
        let fields = before.fields().iter().enumerate().map(|(at, field)| match at_run(at) {
            Some(place) => Arc::clone(&run.schema.fields()[place]),
            None => Arc::clone(field),
        });
        let fields: Vec<FieldRef> = fields.collect();
        let schema = Arc::new(Schema::new_with_metadata(fields, before.metadata().clone()));
        let mut stored = lance_schema(&schema).lance("write", title)?;
        let (mut kept, mut added) = (HashMap::new(), Vec::new());
        for (at, field) in stored.fields.iter_mut().enumerate() {
            if at_run(at).is_some() {
                // Rows that are left out have nulls in files.
                field.nullable = true;
                added.push(field.clone());
                continue;
            }
            let leaf = saved.derivation.columns[at].as_ref();
            let old =
                leaf.and_then(|leaf| column(saved.derivation.dataset.schema(), &leaf.path[0]));
            let Some((old, same)) = old.and_then(|old| Some((old, numbers(old, field)?))) else {
                return Err(Error::internal(format!("`{title}` has no column `{}`", field.name)));
            };
            field.nullable |= old.nullable;
            kept.extend(same);
        }
        let nullable = |place: &usize| -> FieldRef {
            Arc::new(Field::clone(&run.stored.fields()[*place]).with_nullable(true))
        };
        let file = NewColumns {
            numbers: LanceSchema { fields: added, ..stored.clone() },
            schema: Arc::new(Schema::new(new.iter().map(nullable).collect::<Vec<_>>())),
        };
        Ok(Self { schema, numbers: stored, kept, file, run, new })
    }

    /// Whether a row of new columns takes much room, also where it is left out.
    pub(super) fn is_wide(&self) -> bool {
        self.file.schema.fields().iter().any(|field| is_wide(field.data_type()))
    }

    /// The new columns of rows that the plan gave, as files hold them.
    pub(super) fn new_values(&self, batch: &RecordBatch) -> Result<RecordBatch> {
        let values: Vec<usize> = (0..self.run.schema.fields().len()).collect();
        let values = batch.project(&values).map_err(DataFusionError::from)?;
        let values = self.run.convert(&values)?;
        let columns = self.new.iter().map(|place| Arc::clone(values.column(*place))).collect();
        let rows = RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
        let schema = Arc::clone(&self.file.schema);
        let values = RecordBatch::try_new_with_options(schema, columns, &rows);
        Ok(values.map_err(DataFusionError::from)?)
    }
}
