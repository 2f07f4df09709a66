//! [`shared_field`]: the column that values of two columns fit into.

use std::collections::HashMap;
use std::sync::Arc;

use arrow::datatypes::{DataType, Field, FieldRef, Fields};
use datafusion::logical_expr::type_coercion::binary::comparison_coercion;

use crate::kind::mixes_text;
use crate::model::TYPE_KEY;

/// The field of both columns' values, called as the left one; `None` if their types share none, or mean other things.
pub(crate) fn shared_field(left: &Field, right: &Field) -> Option<FieldRef> {
    let nullable = left.is_nullable() || right.is_nullable();
    let (kind, metadata) = match (left.data_type(), right.data_type()) {
        (DataType::Null, kind) => (kind.clone(), right.metadata()),
        (kind, DataType::Null) => (kind.clone(), left.metadata()),
        (ours, theirs) => (shared_kind(ours, theirs)?, shared_meaning(left, right)?),
    };
    Some(Arc::new(Field::new(left.name(), kind, nullable).with_metadata(metadata.clone())))
}

/// Models of other names are what the left one is.
fn shared_meaning<'f>(left: &'f Field, right: &Field) -> Option<&'f HashMap<String, String>> {
    let is_model = |field: &Field| {
        field.metadata().get(TYPE_KEY).is_none_or(|kind| kind.starts_with("model:"))
            && matches!(field.data_type(), DataType::Struct(_))
    };
    let alike = left.metadata() == right.metadata() || (is_model(left) && is_model(right));
    alike.then(|| left.metadata())
}

/// The type of values of both types.
fn shared_kind(left: &DataType, right: &DataType) -> Option<DataType> {
    use DataType::{FixedSizeList, LargeList, Struct};
    if left == right {
        return Some(left.clone());
    }
    match (left, right) {
        (Struct(ours), Struct(theirs)) => shared_fields(ours, theirs).map(Struct),
        (FixedSizeList(ours, length), FixedSizeList(theirs, other)) if length == other => {
            Some(FixedSizeList(shared_field(ours, theirs)?, *length))
        }
        _ => match (item(left), item(right)) {
            (Some(ours), Some(theirs)) => {
                let is_large = matches!(left, LargeList(_)) || matches!(right, LargeList(_));
                let items = shared_field(ours, theirs)?;
                Some(if is_large { LargeList(items) } else { DataType::List(items) })
            }
            _ if mixes_text(left, right) => None,
            _ => comparison_coercion(left, right),
        },
    }
}

fn shared_fields(left: &Fields, right: &Fields) -> Option<Fields> {
    if left.len() != right.len() {
        return None;
    }
    left.iter().map(|ours| shared_field(ours, right.find(ours.name())?.1)).collect()
}

fn item(list: &DataType) -> Option<&FieldRef> {
    match list {
        DataType::List(item) | DataType::LargeList(item) | DataType::FixedSizeList(item, _) => {
            Some(item)
        }
        _ => None,
    }
}
