//! One schema for files that differ.

use std::sync::Arc;

use arrow::datatypes::{DataType, Field, FieldRef, Schema, SchemaRef};

use crate::{Error, Result};

#[cfg(test)]
mod tests;

/// The columns of all files, in the order of their first mention.
pub(super) fn merged<'a>(
    files: impl Iterator<Item = (&'a str, &'a SchemaRef)>,
) -> Result<SchemaRef> {
    let mut fields: Vec<FieldRef> = Vec::new();
    for (number, (file, schema)) in files.enumerate() {
        for known in &mut fields {
            if schema.field_with_name(known.name()).is_err() {
                *known = Arc::new(known.as_ref().clone().with_nullable(true));
            }
        }
        for field in schema.fields() {
            match fields.iter_mut().find(|known| known.name() == field.name()) {
                Some(known) => *known = widened(file, known, field)?,
                None => {
                    let nullable = field.is_nullable() || number > 0;
                    fields.push(Arc::new(field.as_ref().clone().with_nullable(nullable)));
                }
            }
        }
    }
    Ok(Arc::new(Schema::new(fields)))
}

/// A field that holds the values of both.
fn widened(file: &str, known: &FieldRef, field: &FieldRef) -> Result<FieldRef> {
    let nullable = known.is_nullable() || field.is_nullable();
    let kind = match (known.data_type(), field.data_type()) {
        (left, right) if left.equals_datatype(right) => left.clone(),
        (left, right) if left.is_integer() && right.is_integer() => DataType::Int64,
        (left, right) if left.is_numeric() && right.is_numeric() => DataType::Float64,
        (DataType::Null, kind) | (kind, DataType::Null) => kind.clone(),
        (left, right) => {
            return Err(Error::NotSupported {
                what: format!(
                    "column `{}` as {left} in one file and {right} in `{file}`",
                    field.name()
                ),
                instead: "read the files apart and cast the column".to_owned(),
            });
        }
    };
    Ok(Arc::new(Field::clone(known).with_data_type(kind).with_nullable(nullable)))
}
