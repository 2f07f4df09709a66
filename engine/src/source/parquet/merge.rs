//! One schema for files that differ.

use std::sync::Arc;

use arrow::datatypes::{DataType, Field, FieldRef, Fields, Schema, SchemaRef};

use crate::{Error, Result};

mod widen;

#[cfg(test)]
mod tests;

/// Two types of one column that no type holds exactly.
#[derive(Debug)]
struct Clash {
    column: String,
    left: DataType,
    right: DataType,
}

/// The columns of all files, in the order of their first mention.
pub(super) fn merged<'a>(
    files: impl Iterator<Item = (&'a str, &'a SchemaRef)>,
) -> Result<SchemaRef> {
    let mut fields: Option<Fields> = None;
    for (file, schema) in files {
        fields = Some(match fields {
            None => schema.fields().clone(),
            Some(known) if known == *schema.fields() => known,
            Some(known) => {
                joined(&known, schema.fields()).map_err(|clash| refused(file, &clash))?
            }
        });
    }
    let fields = fields.unwrap_or_default();
    Ok(Arc::new(Schema::new(
        fields.iter().map(|field| nulls_shown(field, false)).collect::<Fields>(),
    )))
}

fn refused(file: &str, clash: &Clash) -> Error {
    let Clash { column, left, right } = clash;
    Error::NotSupported {
        what: format!("column `{column}` as {left} in one file and {right} in `{file}`"),
        instead: "read the files apart and cast the column".to_owned(),
    }
}

/// The fields of both; one that is missing here or there is null in its rows.
fn joined(known: &Fields, more: &Fields) -> Result<Fields, Clash> {
    let optional = |field: &FieldRef| Arc::new(Field::clone(field).with_nullable(true));
    let mut fields = Vec::with_capacity(known.len());
    for field in known {
        fields.push(match more.find(field.name()) {
            Some((_, other)) => widened(field, other)?,
            None => optional(field),
        });
    }
    let news = more.iter().filter(|field| known.find(field.name()).is_none());
    fields.extend(news.map(optional));
    Ok(fields.into())
}

/// A field that holds the values of both.
fn widened(known: &FieldRef, other: &FieldRef) -> Result<FieldRef, Clash> {
    let nullable = known.is_nullable() || other.is_nullable();
    let kind = held(known.data_type(), other.data_type()).map_err(|clash| {
        let below = Some(clash.column).filter(|column| !column.is_empty());
        let column = below.map_or_else(String::new, |column| format!(".{column}"));
        Clash { column: format!("{}{column}", known.name()), ..clash }
    })?;
    Ok(Arc::new(Field::clone(known).with_data_type(kind).with_nullable(nullable)))
}

/// The type that holds the values of both.
fn held(left: &DataType, right: &DataType) -> Result<DataType, Clash> {
    use DataType::{Dictionary, Map, Null, Struct};
    let clash = || Clash { column: String::new(), left: left.clone(), right: right.clone() };
    match (left, right) {
        (left, right) if left == right => Ok(left.clone()),
        (Null, kind) | (kind, Null) => Ok(kind.clone()),
        (Dictionary(_, values), kind) | (kind, Dictionary(_, values)) => held(values, kind),
        (Struct(left), Struct(right)) => Ok(Struct(joined(left, right)?)),
        (Map(left, sorted), Map(right, also)) => Ok(Map(entries(left, right)?, *sorted && *also)),
        _ => match (widen::list_item(left), widen::list_item(right)) {
            (Some(item), Some(other)) => {
                // Only a field has a name to say; of other items the whole lists are shown.
                let kind = held(item.data_type(), other.data_type())
                    .map_err(|below| if below.column.is_empty() { clash() } else { below })?;
                let nullable = item.is_nullable() || other.is_nullable();
                let item = Field::clone(item).with_data_type(kind).with_nullable(nullable);
                Ok(widen::list(left, right, Arc::new(item)))
            }
            _ => widen::scalar(left, right).ok_or_else(clash),
        },
    }
}

/// Keys and values of maps, whatever they are called.
fn entries(left: &FieldRef, right: &FieldRef) -> Result<FieldRef, Clash> {
    let (DataType::Struct(known), DataType::Struct(more)) = (left.data_type(), right.data_type())
    else {
        return widened(left, right);
    };
    let both = known.iter().zip(more).map(|(known, other)| widened(known, other));
    let both = both.collect::<Result<Fields, Clash>>()?;
    Ok(Arc::new(Field::clone(left).with_data_type(DataType::Struct(both))))
}

/// The field, which says of fields below a null that they are null too.
fn nulls_shown(field: &FieldRef, above: bool) -> FieldRef {
    let nullable = above || field.is_nullable();
    let shown = Field::clone(field).with_nullable(nullable);
    let DataType::Struct(fields) = field.data_type() else {
        return Arc::new(shown);
    };
    let fields = fields.iter().map(|field| nulls_shown(field, nullable)).collect();
    Arc::new(shown.with_data_type(DataType::Struct(fields)))
}
