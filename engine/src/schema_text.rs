//! A schema as text, for the metadata of files: Arrow's own serialisation, in hexadecimal digits.

use std::fmt::Write;
use std::io::Cursor;

use arrow::datatypes::{DataType, Fields, Schema, SchemaRef};
use arrow::error::ArrowError;
use arrow::ipc::reader::StreamReader;
use arrow::ipc::writer::StreamWriter;

use crate::{Error, Result};

/// The key of a Parquet file's metadata with the schema before models were made columns.
pub(crate) const SCHEMA_KEY: &str = "lakebed.schema";

/// The schema as text.
pub(crate) fn schema_text(schema: &Schema) -> Result<String> {
    let failed = |error: ArrowError| Error::internal(error.to_string());
    let mut bytes = Vec::new();
    StreamWriter::try_new(&mut bytes, schema)
        .and_then(|mut writer| writer.finish())
        .map_err(failed)?;
    let mut text = String::with_capacity(2 * bytes.len());
    for byte in bytes {
        write!(text, "{byte:02x}").unwrap_or_default();
    }
    Ok(text)
}

/// The schema of a text; `None` if it is none, as of a later release.
pub(crate) fn schema_of_text(text: &str) -> Option<SchemaRef> {
    let digits = text.as_bytes().chunks(2);
    let bytes: Option<Vec<u8>> =
        digits.map(|pair| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()).collect();
    Some(StreamReader::try_new(Cursor::new(bytes?), None).ok()?.schema())
}

/// The type of the field at a path, which is what a column of the file is called.
pub(crate) fn type_at<'f>(fields: &'f Fields, path: &str) -> Option<&'f DataType> {
    fields.iter().find_map(|field| {
        let below = path.strip_prefix(field.name().as_str())?;
        match (field.data_type(), below.strip_prefix('.')) {
            (kind, None) if below.is_empty() => Some(kind),
            (DataType::Struct(fields), Some(below)) => type_at(fields, below),
            _ => None,
        }
    })
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use arrow::datatypes::{DataType, Field, Schema};

    use super::{schema_of_text, schema_text, type_at};

    #[test]
    fn a_schema_comes_back_with_its_metadata() {
        let metadata = HashMap::from([("key".to_owned(), "value".to_owned())]);
        let field = Field::new("x", DataType::Int64, true).with_metadata(metadata);
        let schema = Schema::new(vec![Field::new_struct("model", vec![field], false)]);
        let text = schema_text(&schema).unwrap();
        assert_eq!(schema_of_text(&text).as_deref(), Some(&schema));
        assert_eq!(schema_of_text(&text[1..]), None);
        assert_eq!(type_at(schema.fields(), "model.x"), Some(&DataType::Int64));
        assert_eq!(type_at(schema.fields(), "model.y"), None);
    }
}
