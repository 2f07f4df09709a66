//! The Parquet type of the columns. JSON is known as such.

use std::sync::Arc;

use arrow::datatypes::{DataType, Field, SchemaRef};
use datafusion::parquet::arrow::ArrowSchemaConverter;
use datafusion::parquet::basic::{LogicalType, Type as Physical};
use datafusion::parquet::errors::Result as ParquetResult;
use datafusion::parquet::schema::types::{SchemaDescriptor, Type, TypePtr};

use super::super::cells::is_json;
use super::failed;
use crate::Result;

pub(super) fn of(schema: &SchemaRef) -> Result<SchemaDescriptor> {
    let converted = ArrowSchemaConverter::new().convert(schema).map_err(failed)?;
    let root = converted.root_schema();
    let columns = root.get_fields().iter().zip(schema.fields());
    let columns = columns.map(|(kind, field)| with_json(kind, field));
    let columns = columns.collect::<ParquetResult<Vec<_>>>().map_err(failed)?;
    let root = Type::group_type_builder(root.name()).with_fields(columns).build();
    Ok(SchemaDescriptor::new(Arc::new(root.map_err(failed)?)))
}

fn with_json(kind: &TypePtr, field: &Field) -> ParquetResult<TypePtr> {
    if is_json(field) {
        let json = Type::primitive_type_builder(kind.name(), Physical::BYTE_ARRAY)
            .with_repetition(kind.get_basic_info().repetition())
            .with_logical_type(Some(LogicalType::Json));
        return json.build().map(Arc::new);
    }
    match field.data_type() {
        DataType::Struct(fields) => {
            let parts = kind.get_fields().iter().zip(fields);
            let parts = parts.map(|(part, field)| with_json(part, field));
            with_fields(kind, parts.collect::<ParquetResult<_>>()?)
        }
        // A list is a group of a repeated group of its item, a map one of its entries.
        DataType::List(item) | DataType::LargeList(item) | DataType::FixedSizeList(item, _) => {
            let repeated = &kind.get_fields()[0];
            let item = with_json(&repeated.get_fields()[0], item)?;
            with_fields(kind, vec![with_fields(repeated, vec![item])?])
        }
        DataType::Map(entries, _) => {
            let entries = with_json(&kind.get_fields()[0], entries)?;
            with_fields(kind, vec![entries])
        }
        _ => Ok(Arc::clone(kind)),
    }
}

fn with_fields(group: &Type, fields: Vec<TypePtr>) -> ParquetResult<TypePtr> {
    let info = group.get_basic_info();
    let built = Type::group_type_builder(group.name())
        .with_repetition(info.repetition())
        .with_converted_type(info.converted_type())
        .with_logical_type(info.logical_type_ref().cloned())
        .with_fields(fields);
    built.build().map(Arc::new)
}
