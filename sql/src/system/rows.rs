//! [`Rows`]: a small table under construction, column by column.

use std::sync::Arc;

use datafusion::arrow::array::{
    ArrayRef, BooleanArray, Float64Array, Int64Array, ListBuilder, RecordBatch, RecordBatchOptions,
    StringArray, StringBuilder, TimestampMicrosecondArray,
};
use datafusion::arrow::datatypes::{Field, Schema, SchemaRef};
use datafusion::error::DataFusionError;
use engine::{Chain, Session};

use crate::{Error, Result};

/// Columns of one height.
#[derive(Debug)]
pub(crate) struct Rows {
    height: usize,
    columns: Vec<(&'static str, ArrayRef)>,
}

impl Rows {
    pub(crate) fn new(height: usize) -> Self {
        Self { height, columns: Vec::new() }
    }

    fn with(mut self, name: &'static str, column: ArrayRef) -> Self {
        self.columns.push((name, column));
        self
    }

    pub(crate) fn texts(
        self,
        name: &'static str,
        values: impl Iterator<Item = Option<String>>,
    ) -> Self {
        self.with(name, Arc::new(values.collect::<StringArray>()))
    }

    pub(crate) fn counts(
        self,
        name: &'static str,
        values: impl Iterator<Item = Option<u64>>,
    ) -> Self {
        let values = values.map(|value| value.and_then(|value| i64::try_from(value).ok()));
        self.with(name, Arc::new(values.collect::<Int64Array>()))
    }

    pub(crate) fn numbers(
        self,
        name: &'static str,
        values: impl Iterator<Item = Option<f64>>,
    ) -> Self {
        self.with(name, Arc::new(values.collect::<Float64Array>()))
    }

    pub(crate) fn flags(
        self,
        name: &'static str,
        values: impl Iterator<Item = Option<bool>>,
    ) -> Self {
        self.with(name, Arc::new(values.collect::<BooleanArray>()))
    }

    /// Microseconds since 1970, in UTC.
    pub(crate) fn moments(
        self,
        name: &'static str,
        values: impl Iterator<Item = Option<i64>>,
    ) -> Self {
        let values = values.collect::<TimestampMicrosecondArray>().with_timezone("UTC");
        self.with(name, Arc::new(values))
    }

    pub(crate) fn lists(
        self,
        name: &'static str,
        values: impl Iterator<Item = Vec<String>>,
    ) -> Self {
        let mut lists = ListBuilder::new(StringBuilder::new());
        for list in values {
            lists.append_value(list.into_iter().map(Some));
        }
        self.with(name, Arc::new(lists.finish()))
    }

    pub(crate) fn schema(&self) -> SchemaRef {
        let field =
            |(name, column): &(&str, ArrayRef)| Field::new(*name, column.data_type().clone(), true);
        Arc::new(Schema::new(self.columns.iter().map(field).collect::<Vec<_>>()))
    }

    pub(crate) fn into_chain(self, session: &Arc<Session>) -> Result<Chain> {
        let (schema, height) = (self.schema(), self.height);
        let columns = self.columns.into_iter().map(|(_, column)| column).collect();
        let options = RecordBatchOptions::new().with_row_count(Some(height));
        let batch = RecordBatch::try_new_with_options(Arc::clone(&schema), columns, &options);
        let batch = batch.map_err(|error| Error::about("", &DataFusionError::from(error)))?;
        Ok(session.read_batches(&schema, &[batch])?)
    }
}
