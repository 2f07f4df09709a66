//! [`KeyBytes`]: keys as bytes, which are equal just when the keys are, whatever their types.

use std::sync::Arc;

use arrow::array::{ArrayRef, BinaryArray, RecordBatch};
use arrow::buffer::NullBuffer;
use arrow::datatypes::Schema;
use arrow::row::{RowConverter, SortField};
use datafusion::common::NullEquality;
use datafusion::error::Result;
use datafusion::physical_expr::PhysicalExpr;

/// Makes the bytes of keys.
#[derive(Debug)]
pub(super) struct KeyBytes {
    keys: Vec<Arc<dyn PhysicalExpr>>,
    converter: RowConverter,
    /// A key with a null in it is null where that equals nothing.
    nulls: NullEquality,
}

impl KeyBytes {
    pub(super) fn try_new(
        keys: Vec<Arc<dyn PhysicalExpr>>,
        schema: &Schema,
        nulls: NullEquality,
    ) -> Result<Self> {
        let kinds = keys.iter().map(|key| Ok(SortField::new(key.data_type(schema)?)));
        let converter = RowConverter::new(kinds.collect::<Result<_>>()?)?;
        Ok(Self { keys, converter, nulls })
    }

    /// The bytes for the rows of a batch.
    pub(super) fn of(&self, batch: &RecordBatch) -> Result<ArrayRef> {
        self.of_values(&evaluate(&self.keys, batch)?)
    }

    pub(super) fn of_values(&self, values: &[ArrayRef]) -> Result<ArrayRef> {
        let rows = self.converter.convert_columns(values)?.try_into_binary()?;
        let (offsets, bytes, _) = rows.into_parts();
        let absent = match self.nulls {
            NullEquality::NullEqualsNull => None,
            NullEquality::NullEqualsNothing => values.iter().fold(None, |all, value| {
                NullBuffer::union(all.as_ref(), value.logical_nulls().as_ref())
            }),
        };
        Ok(Arc::new(BinaryArray::try_new(offsets, bytes, absent)?))
    }
}

/// The values of expressions for the rows of a batch.
pub(super) fn evaluate(
    expressions: &[Arc<dyn PhysicalExpr>],
    rows: &RecordBatch,
) -> Result<Vec<ArrayRef>> {
    let array = |expr: &Arc<dyn PhysicalExpr>| expr.evaluate(rows)?.into_array(rows.num_rows());
    expressions.iter().map(array).collect()
}
