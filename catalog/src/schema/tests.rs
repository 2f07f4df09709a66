//! Schemas survive storage; damage is found.

use std::collections::HashMap;
use std::sync::Arc;

use arrow::datatypes::{DataType, Field, Schema, TimeUnit};
use serde::{Deserialize, Serialize};

use super::*;

fn schema() -> Schema {
    let metadata = HashMap::from([
        ("model".to_owned(), "File@v1".to_owned()),
        ("empty".to_owned(), String::new()),
    ]);
    let item = Field::new_list_field(DataType::Float16, false).with_metadata(metadata.clone());
    let nested = Field::new("path", DataType::LargeUtf8, false);
    Schema::new_with_metadata(
        vec![
            Field::new("file", DataType::Struct(vec![nested].into()), true)
                .with_metadata(metadata.clone()),
            Field::new("vector", DataType::FixedSizeList(Arc::new(item), 3), true),
            Field::new("at", DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into())), true),
            Field::new("price", DataType::Decimal128(38, -2), false),
            Field::new(
                "kind",
                DataType::Dictionary(Box::new(DataType::Int8), Box::new(DataType::Utf8)),
                true,
            ),
            Field::new("größe", DataType::Duration(TimeUnit::Nanosecond), true),
            Field::new("view", DataType::BinaryView, true),
        ],
        metadata,
    )
}

#[test]
fn schemas_round_trip_exactly() {
    for given in [schema(), Schema::empty()] {
        let bytes = schema_to_bytes(&given);
        assert_eq!(*schema_from_bytes(&bytes).unwrap(), given);
        assert_eq!(schema_to_bytes(&given), bytes, "the bytes are stable");
    }
}

#[test]
fn unaligned_bytes_are_read() {
    let mut shifted = vec![0];
    shifted.extend(schema_to_bytes(&schema()));
    assert_eq!(*schema_from_bytes(&shifted[1..]).unwrap(), schema());
}

#[test]
fn damage_is_an_error() {
    let bytes = schema_to_bytes(&schema());
    for damaged in [&bytes[..bytes.len() / 2], b"", b"not a schema at all, only text"] {
        let error = schema_from_bytes(damaged).unwrap_err();
        assert_eq!(error.code(), "catalog.corrupt");
        assert_eq!(error.to_string(), "the catalog is damaged: a stored schema cannot be read");
    }
}

#[test]
fn schemas_are_hexadecimal_in_json() {
    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    #[serde(transparent)]
    struct Record(#[serde(with = "hex")] SchemaRef);

    let record = Record(Arc::new(schema()));
    let json = serde_json::to_string(&record).unwrap();
    assert_eq!(serde_json::from_str::<Record>(&json).unwrap(), record);
    for damaged in [r#""0""#, r#""zz""#, r#""00""#] {
        assert!(serde_json::from_str::<Record>(damaged).is_err());
    }
}
