//! [`Flat`]: models as columns of their fields, called by their paths, as files without models have them.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, Int64Array, RecordBatch, RecordBatchOptions};
use arrow::datatypes::{DataType, Field, FieldRef, Fields, Schema, SchemaRef};

use super::refuse_doubled;
use crate::source::nulls_in_fields;
use crate::stored::convert;
use crate::{Error, Result};

/// Beside the fields of a model that may be missing, where they do not show it: 0 where it is there.
pub(crate) const TAG: &str = "_type_tag";

/// The columns of files.
#[derive(Clone, Debug)]
pub(super) struct Flat {
    pub(super) schema: SchemaRef,
    columns: Vec<Column>,
}

/// Where a column comes from: the places of the fields on the way to it.
#[derive(Clone, Debug)]
enum Column {
    Leaf(Vec<usize>),
    Tag(Vec<usize>),
}

/// Whether columns tell of missing models what their fields do not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Tags {
    WhereNeeded,
    Nowhere,
}

impl Flat {
    pub(super) fn try_new(schema: &SchemaRef, tags: Tags) -> Result<Self> {
        let mut found = Found { tags, fields: vec![], columns: vec![] };
        for (at, field) in schema.fields().iter().enumerate() {
            found.add(field, field.name(), &[at], false);
        }
        let schema = Arc::new(Schema::new(found.fields));
        refuse_doubled(&schema)?;
        Ok(Self { schema, columns: found.columns })
    }

    pub(super) fn columns(&self, batch: &RecordBatch) -> Result<Vec<ArrayRef>> {
        let shown: Vec<ArrayRef> =
            batch.columns().iter().map(nulls_in_fields).collect::<Result<_, _>>()?;
        let columns = self.columns.iter().zip(self.schema.fields());
        // Plans may promise less of inner fields than is there.
        columns.map(|(from, field)| Ok(convert(&from.of(&shown), field.data_type())?)).collect()
    }

    pub(super) fn batch(&self, batch: &RecordBatch) -> Result<RecordBatch> {
        let options = RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
        let columns = self.columns(batch)?;
        RecordBatch::try_new_with_options(Arc::clone(&self.schema), columns, &options)
            .map_err(|error| Error::internal(error.to_string()))
    }
}

impl Column {
    fn of(&self, columns: &[ArrayRef]) -> ArrayRef {
        match self {
            Self::Leaf(path) => at(columns, path),
            Self::Tag(path) => {
                let model = at(columns, path);
                let tags = (0..model.len()).map(|row| model.is_valid(row).then_some(0_i64));
                Arc::new(tags.collect::<Int64Array>())
            }
        }
    }
}

fn at(columns: &[ArrayRef], path: &[usize]) -> ArrayRef {
    let (first, below) = path.split_first().unwrap_or((&0, &[]));
    let column = Arc::clone(&columns[*first]);
    below.iter().fold(column, |model, place| Arc::clone(model.as_struct().column(*place)))
}

struct Found {
    tags: Tags,
    fields: Vec<FieldRef>,
    columns: Vec<Column>,
}

impl Found {
    fn add(&mut self, field: &FieldRef, name: &str, path: &[usize], null_above: bool) {
        let nullable = null_above || field.is_nullable();
        let DataType::Struct(below) = field.data_type() else {
            let leaf = Field::clone(field).with_name(name).with_nullable(nullable);
            self.fields.push(Arc::new(leaf));
            self.columns.push(Column::Leaf(path.to_vec()));
            return;
        };
        if self.tags == Tags::WhereNeeded && field.is_nullable() && !shows_itself(below) {
            self.fields.push(Arc::new(Field::new(tag_of(name), DataType::Int64, true)));
            self.columns.push(Column::Tag(path.to_vec()));
        }
        for (place, child) in below.iter().enumerate() {
            let path = [path, &[place]].concat();
            self.add(child, &format!("{name}.{}", child.name()), &path, nullable);
        }
    }
}

/// The column that tells whether the model at a path is there.
pub(crate) fn tag_of(path: &str) -> String {
    format!("{path}.{TAG}")
}

/// Whether a model that is there has a field that is not null.
fn shows_itself(fields: &Fields) -> bool {
    fields.iter().any(|field| match field.data_type() {
        DataType::Null => false,
        DataType::Struct(below) => !field.is_nullable() && shows_itself(below),
        _ => !field.is_nullable(),
    })
}
