//! The Arrow field that a [`Codec`] writes, with what its type cannot say in the metadata.

use std::collections::HashMap;
use std::sync::Arc;

use arrow::datatypes::{DataType, Field, Fields, TimeUnit};
use engine::{ANNOTATION_KEY, HIDDEN_KEY, TYPE_KEY};

use super::{Codec, Kind};

impl Codec {
    /// The field of a column of this name.
    pub(crate) fn field(&self, name: &str) -> Field {
        let mut metadata = HashMap::new();
        if let Some(logical) = self.logical() {
            metadata.insert(TYPE_KEY.to_owned(), logical);
        }
        if let Some(annotation) = &self.annotation {
            metadata.insert(ANNOTATION_KEY.to_owned(), annotation.clone());
        }
        if let Kind::Model(model) = &self.kind
            && !model.hidden.is_empty()
        {
            metadata.insert(HIDDEN_KEY.to_owned(), model.hidden.join(","));
        }
        Field::new(name, self.data_type(), self.nullable).with_metadata(metadata)
    }

    fn logical(&self) -> Option<String> {
        Some(match &self.kind {
            Kind::Model(model) => format!("model:{}", model.name),
            Kind::Json(_) => "json".to_owned(),
            Kind::Uuid => "uuid".to_owned(),
            Kind::Enum { name, .. } => format!("enum:{name}"),
            Kind::Tuple(_) => "tuple".to_owned(),
            Kind::Set(_) => "set".to_owned(),
            _ => return None,
        })
    }

    /// The storage type.
    pub(crate) fn data_type(&self) -> DataType {
        match &self.kind {
            Kind::Int => DataType::Int64,
            Kind::Float => DataType::Float64,
            Kind::Str | Kind::Uuid | Kind::Json(_) | Kind::Foreign => DataType::Utf8,
            Kind::Bool => DataType::Boolean,
            Kind::Bytes => DataType::Binary,
            Kind::Datetime => DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into())),
            Kind::Date => DataType::Date32,
            Kind::Time => DataType::Time64(TimeUnit::Microsecond),
            Kind::Timedelta => DataType::Duration(TimeUnit::Microsecond),
            Kind::Decimal { precision, scale } => DataType::Decimal128(*precision, *scale),
            Kind::Enum { item, .. } => item.data_type(),
            Kind::List(item) | Kind::Tuple(item) | Kind::Set(item) => {
                DataType::List(Arc::new(item.field(Field::LIST_FIELD_DEFAULT_NAME)))
            }
            Kind::Vector { item, length } => {
                let item = Field::new(Field::LIST_FIELD_DEFAULT_NAME, item.data_type(), true);
                DataType::FixedSizeList(Arc::new(item), *length)
            }
            Kind::Map(key, value) => {
                let pair = Fields::from(vec![key.field("key"), value.field("value")]);
                DataType::Map(Arc::new(Field::new("entries", DataType::Struct(pair), false)), false)
            }
            Kind::Model(model) => DataType::Struct(
                model.fields.iter().map(|field| field.codec.field(&field.name)).collect(),
            ),
            Kind::Attribute { model, .. } => model.data_type(),
            Kind::Null => DataType::Null,
        }
    }
}
