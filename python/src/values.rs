//! Values of Python as batches, beside columns that are Arrow's already.

use std::ops::Range;
use std::sync::Arc;

use arrow::array::{ArrayRef, StructArray};
use arrow::datatypes::{DataType, Field, FieldRef, Schema, SchemaRef};
use arrow::record_batch::{RecordBatch, RecordBatchOptions};
use engine::TYPE_KEY;
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyString};

use crate::codec::Codec;
use crate::{arrow as capsules, error};

/// Columns: names, specs and values.
pub(crate) type Columns<'py> = Vec<(String, Bound<'py, PyAny>, Vec<Bound<'py, PyAny>>)>;

/// Rows that are in memory.
pub(crate) type Batches = (SchemaRef, Vec<RecordBatch>);

/// Rows of a table that are one batch at most.
const SLICE_ROWS: usize = 1 << 17;

/// Characters and bytes of a piece: a column of a batch holds no 2 GiB, and a character takes up to four bytes.
const PIECE_BYTES: usize = 256 << 20;

struct Column<'py> {
    name: String,
    codec: Codec,
    values: Vec<Bound<'py, PyAny>>,
}

impl Column<'_> {
    fn write(&self, py: Python<'_>, rows: Range<usize>) -> PyResult<ArrayRef> {
        let first = rows.start;
        let values = self
            .values
            .get(rows)
            .ok_or_else(|| PyValueError::new_err(format!("`{}` has too few values", self.name)))?;
        self.codec.write(values).map_err(|misfit| {
            let message = format!("`{}`, row {}: {}", self.name, first + misfit.row, misfit.reason);
            error::coded(py, "engine.invalid_argument", &message)
        })
    }
}

/// Columns of one height as batches.
pub(crate) fn batches(py: Python<'_>, columns: Columns<'_>) -> PyResult<Batches> {
    let columns = parsed(columns)?;
    let fields = columns.iter().map(|column| column.codec.field(&column.name));
    let schema = Arc::new(Schema::new(fields.collect::<Vec<_>>()));
    let mut batches = Vec::new();
    for rows in pieces(columns.iter().map(|column| column.values.as_slice())) {
        let arrays = columns.iter().map(|column| column.write(py, rows.clone()));
        batches.push(batch(&schema, arrays.collect::<PyResult<_>>()?, rows.len())?);
    }
    Ok((schema, batches))
}

/// The columns of a table and those beside it, which have its height, in the order of `names`.
pub(crate) fn beside(
    py: Python<'_>,
    names: &[String],
    table: &Bound<'_, PyAny>,
    columns: Columns<'_>,
) -> PyResult<Batches> {
    let (known, batches) = capsules::import(table)?;
    let columns = parsed(columns)?;
    let own = |name: &str| columns.iter().find(|column| column.name == name);
    let field = |name: &String| match own(name) {
        Some(column) => Ok(Arc::new(column.codec.field(name))),
        None => known.field_with_name(name).map(|field| Arc::new(field.clone())).map_err(wrong),
    };
    let fields: Vec<FieldRef> = names.iter().map(field).collect::<PyResult<_>>()?;
    let schema = Arc::new(Schema::new(fields));
    let (mut found, mut first) = (Vec::new(), 0);
    for whole in batches {
        for start in (0..whole.num_rows()).step_by(SLICE_ROWS) {
            let part = whole.slice(start, SLICE_ROWS.min(whole.num_rows() - start));
            let rows = first..first + part.num_rows();
            let array = |name: &String| match own(name) {
                Some(column) => column.write(py, rows.clone()),
                None => {
                    let place = known.index_of(name).map_err(wrong)?;
                    Ok(Arc::clone(part.column(place)))
                }
            };
            let arrays = names.iter().map(array).collect::<PyResult<_>>()?;
            found.push(batch(&schema, arrays, part.num_rows())?);
            first = rows.end;
        }
    }
    Ok((schema, found))
}

/// The columns as the fields of a model, which is called as its column.
pub(crate) fn nested((schema, batches): Batches, column: &str) -> PyResult<Batches> {
    let fields = schema.fields();
    let metadata = [(TYPE_KEY.to_owned(), format!("model:{column}@v1"))];
    let field =
        Field::new(column, DataType::Struct(fields.clone()), false).with_metadata(metadata.into());
    let schema = Arc::new(Schema::new(vec![field]));
    let nest = |rows: &RecordBatch| {
        let (columns, height) = (rows.columns().to_vec(), rows.num_rows());
        let model = StructArray::try_new_with_length(fields.clone(), columns, None, height);
        batch(&schema, vec![Arc::new(model.map_err(wrong)?)], height)
    };
    let batches = batches.iter().map(nest).collect::<PyResult<_>>()?;
    Ok((schema, batches))
}

fn parsed(columns: Columns<'_>) -> PyResult<Vec<Column<'_>>> {
    let column = |(name, spec, values)| Ok(Column { name, codec: Codec::parse(&spec)?, values });
    columns.into_iter().map(column).collect()
}

fn batch(schema: &SchemaRef, columns: Vec<ArrayRef>, height: usize) -> PyResult<RecordBatch> {
    let options = RecordBatchOptions::new().with_row_count(Some(height));
    RecordBatch::try_new_with_options(Arc::clone(schema), columns, &options).map_err(wrong)
}

fn wrong(error: arrow::error::ArrowError) -> PyErr {
    PyValueError::new_err(error.to_string())
}

/// The rows of columns of one height, cut where their texts and bytes would be too much for one batch.
fn pieces<'v, 'py: 'v>(
    columns: impl Iterator<Item = &'v [Bound<'py, PyAny>]> + Clone,
) -> Vec<Range<usize>> {
    let rows = columns.clone().next().map_or(0, <[_]>::len);
    let (mut pieces, mut start, mut bytes) = (Vec::new(), 0, 0);
    for row in 0..rows {
        let here: usize = columns.clone().map(|values| long(&values[row])).sum();
        if bytes + here > PIECE_BYTES && row > start {
            pieces.push(start..row);
            (start, bytes) = (row, 0);
        }
        bytes += here;
    }
    pieces.push(start..rows);
    pieces
}

/// How long a text or bytes are; nothing for all else.
fn long(value: &Bound<'_, PyAny>) -> usize {
    let is_long =
        value.is_exact_instance_of::<PyString>() || value.is_exact_instance_of::<PyBytes>();
    if is_long { value.len().unwrap_or_default() } else { 0 }
}
