//! The stored form of an Arrow schema: the bytes of an Arrow IPC schema message, metadata included.

use std::sync::Arc;

use arrow::buffer::Buffer;
use arrow::datatypes::{Schema, SchemaRef};
use arrow::ipc::convert::fb_to_schema;
use arrow::ipc::root_as_message;
use arrow::ipc::writer::{DictionaryTracker, IpcDataGenerator, IpcWriteOptions};

use crate::error::{Error, Result, Source};

/// The schema as an IPC message; the same schema always gives the same bytes.
pub fn schema_to_bytes(schema: &Schema) -> Vec<u8> {
    let mut dictionaries = DictionaryTracker::new(false);
    let options = IpcWriteOptions::default();
    IpcDataGenerator::default()
        .schema_to_bytes_with_dictionary_tracker(schema, &mut dictionaries, &options)
        .ipc_message
}

/// The reverse of [`schema_to_bytes`]; fails with [`Error::Corrupt`] on anything else.
pub fn schema_from_bytes(bytes: &[u8]) -> Result<SchemaRef> {
    let corrupt = |source: Source| Error::Corrupt {
        what: "a stored schema cannot be read".to_owned(),
        source,
    };
    // WHY: the copy aligns the bytes, which the check of the message insists on.
    let aligned = Buffer::from(bytes);
    // WHY: as text, because the checker's error is not a `std::error::Error` here.
    let message = root_as_message(&aligned).map_err(|source| corrupt(source.to_string().into()))?;
    match message.header_as_schema() {
        Some(schema) if schema.fields().is_some() => Ok(Arc::new(fb_to_schema(schema))),
        _ => Err(corrupt("the message holds no schema".into())),
    }
}

/// Serde form of a schema: its stored bytes in hexadecimal.
pub(crate) mod hex {
    use std::fmt::Write;

    use arrow::datatypes::SchemaRef;
    use serde::de::Error;
    use serde::{Deserialize, Deserializer, Serializer};

    use super::{schema_from_bytes, schema_to_bytes};

    pub(crate) fn serialize<S: Serializer>(schema: &SchemaRef, to: S) -> Result<S::Ok, S::Error> {
        let bytes = schema_to_bytes(schema);
        let mut digits = String::with_capacity(2 * bytes.len());
        for byte in bytes {
            write!(digits, "{byte:02x}").map_err(serde::ser::Error::custom)?;
        }
        to.serialize_str(&digits)
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<SchemaRef, D::Error> {
        let digits = String::deserialize(from)?;
        let (pairs, rest) = digits.as_bytes().as_chunks::<2>();
        let byte = |pair: &[u8; 2]| u8::from_str_radix(str::from_utf8(pair).ok()?, 16).ok();
        let bytes: Option<Vec<u8>> = pairs.iter().map(byte).collect();
        match bytes {
            Some(bytes) if rest.is_empty() => schema_from_bytes(&bytes).map_err(D::Error::custom),
            _ => Err(D::Error::custom("a schema is an even number of hexadecimal digits")),
        }
    }
}

#[cfg(test)]
mod tests;
