//! [`Json`]: rows as objects, in one array or one a line.

use arrow::datatypes::{Fields, SchemaRef};
use arrow::record_batch::RecordBatch;

use super::Encoder;
use super::cells::object;
use crate::Result;
use crate::stored::convert;

/// Rows have often about so many.
const ROW_BYTES: usize = 64;

/// How the objects stand in the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum JsonStyle {
    /// In an array, one a line.
    Array,
    /// One a line, and nothing else.
    Lines,
}

pub(super) struct Json {
    style: JsonStyle,
    fields: Fields,
}

impl Json {
    pub(super) fn new(style: JsonStyle, schema: &SchemaRef) -> Self {
        Self { style, fields: schema.fields().clone() }
    }
}

impl Encoder for Json {
    fn head(&self) -> Result<Vec<u8>> {
        Ok(match self.style {
            JsonStyle::Array => b"[\n".to_vec(),
            JsonStyle::Lines => vec![],
        })
    }

    fn encode(&self, batch: &RecordBatch) -> Result<Vec<u8>> {
        let columns = batch.columns().iter().zip(&self.fields);
        let columns = columns.map(|(column, field)| convert(column, field.data_type()));
        let columns = columns.collect::<Result<Vec<_>, _>>()?;
        let row_of = object(&columns, &self.fields)?;
        let mut text = Vec::with_capacity(batch.num_rows() * ROW_BYTES);
        for row in 0..batch.num_rows() {
            if row > 0 {
                text.extend_from_slice(self.between());
            }
            row_of(row, &mut text);
        }
        Ok(text)
    }

    fn between(&self) -> &'static [u8] {
        match self.style {
            JsonStyle::Array => b",\n",
            JsonStyle::Lines => b"\n",
        }
    }

    fn tail(&self) -> &'static [u8] {
        match self.style {
            JsonStyle::Array => b"\n]\n",
            JsonStyle::Lines => b"",
        }
    }
}
