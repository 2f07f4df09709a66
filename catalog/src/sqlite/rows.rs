//! Row ↔ record, nothing else. What does not convert is [`Error::Corrupt`].

use std::collections::HashMap;
use std::sync::Arc;

use arrow::datatypes::{Schema, SchemaRef};
use chrono::{DateTime, Utc};
use serde::de::DeserializeOwned;
use serde_json::Value;
use sqlx::Row;
use sqlx::sqlite::SqliteRow;

use crate::dataset::{Dataset, DatasetVersion, VersionStatus};
use crate::error::{Error, Source};
use crate::job::{Job, JobId, JobStatus};
use crate::name::{NamePart, QualifiedName};
use crate::schema::schema_from_bytes;
use crate::version::Version;

use super::failure::Failure;

/// Schemas by their stored bytes: the versions of a listing share few, and decoding one costs more than its row.
#[derive(Debug, Default)]
pub(super) struct Schemas(HashMap<Vec<u8>, SchemaRef>);

impl Schemas {
    fn decode(&mut self, bytes: Option<&[u8]>) -> Result<SchemaRef, Failure> {
        // WHY: a version has no schema until it is complete.
        let Some(bytes) = bytes else {
            return Ok(Arc::new(Schema::empty()));
        };
        if let Some(schema) = self.0.get(bytes) {
            return Ok(Arc::clone(schema));
        }
        let schema = schema_from_bytes(bytes)?;
        self.0.insert(bytes.to_vec(), Arc::clone(&schema));
        Ok(schema)
    }
}

pub(super) fn to_dataset(row: &SqliteRow) -> Result<Dataset, Failure> {
    Ok(Dataset {
        uuid: row.try_get("uuid")?,
        name: to_name(row)?,
        description: row.try_get("description")?,
        attrs: json(row, "attrs")?,
        created_at: to_time(row.try_get("created_at")?)?,
    })
}

/// The version without its dependencies, which are in a table of their own.
pub(super) fn to_dataset_version(
    row: &SqliteRow,
    schemas: &mut Schemas,
) -> Result<DatasetVersion, Failure> {
    Ok(DatasetVersion {
        dataset: to_name(row)?,
        version: to_version(row)?,
        uuid: row.try_get("uuid")?,
        status: to_status(row)?,
        schema: schemas.decode(row.try_get("schema")?)?,
        location: row.try_get("location")?,
        storage_version: count(row, "storage_version")?,
        rows: count(row, "rows")?,
        bytes: count(row, "bytes")?,
        preview: json::<Option<Value>>(row, "preview")?.unwrap_or_default(),
        dependencies: Vec::new(),
        job: JobId::from(row.try_get::<String, _>("job")?),
        created_at: to_time(row.try_get("created_at")?)?,
        finished_at: row.try_get::<Option<i64>, _>("finished_at")?.map(to_time).transpose()?,
        description: row.try_get("description")?,
        attrs: json(row, "attrs")?,
        error: row.try_get("error")?,
    })
}

pub(super) fn to_job(row: &SqliteRow) -> Result<Job, Failure> {
    let status: &str = row.try_get("status")?;
    Ok(Job {
        id: JobId::from(row.try_get::<String, _>("id")?),
        name: row.try_get("name")?,
        status: JobStatus::from_text(status)
            .ok_or_else(|| corrupt("the status of a job", status.into()))?,
        created_at: to_time(row.try_get("created_at")?)?,
        finished_at: row.try_get::<Option<i64>, _>("finished_at")?.map(to_time).transpose()?,
        source: row.try_get("source")?,
        git_commit: row.try_get("git_commit")?,
        git_dirty: row.try_get("git_dirty")?,
        author: row.try_get("author")?,
        environment: json(row, "environment")?,
        params: json(row, "params")?,
        error: row.try_get("error")?,
    })
}

pub(super) fn to_name(row: &SqliteRow) -> Result<QualifiedName, Failure> {
    let part = |column| -> Result<NamePart, Failure> {
        let text: String = row.try_get(column)?;
        NamePart::try_from(text).map_err(|error| corrupt("a name", error.into()))
    };
    Ok(QualifiedName::new(part("namespace")?, part("project")?, part("dataset")?))
}

pub(super) fn to_version(row: &SqliteRow) -> Result<Version, Failure> {
    let (major, minor, patch) =
        (row.try_get("major")?, row.try_get("minor")?, row.try_get("patch")?);
    Version::new(major, minor, patch).map_err(|error| corrupt("a version number", error.into()))
}

pub(super) fn to_status(row: &SqliteRow) -> Result<VersionStatus, Failure> {
    let status: &str = row.try_get("status")?;
    VersionStatus::from_text(status)
        .ok_or_else(|| corrupt("the status of a version", status.into()))
}

pub(super) fn labels_to_text(labels: Vec<String>) -> String {
    Value::from(labels).to_string()
}

/// A count as SQLite's signed integer.
pub(super) fn to_stored(count: u64) -> Result<i64, Error> {
    i64::try_from(count).map_err(|error| Error::Internal {
        what: format!("count `{count}` is not storable: {error}"),
    })
}

fn count(row: &SqliteRow, column: &str) -> Result<u64, Failure> {
    let stored: i64 = row.try_get(column)?;
    u64::try_from(stored).map_err(|error| corrupt("a count", error.into()))
}

fn to_time(micros: i64) -> Result<DateTime<Utc>, Failure> {
    DateTime::from_timestamp_micros(micros)
        .ok_or_else(|| corrupt("a time", format!("{micros} µs").into()))
}

/// A JSON column; SQL's null is JSON's.
fn json<T: DeserializeOwned>(row: &SqliteRow, column: &str) -> Result<T, Failure> {
    let text: Option<&str> = row.try_get(column)?;
    serde_json::from_str(text.unwrap_or("null")).map_err(|error| corrupt(column, error.into()))
}

fn corrupt(what: &str, source: Source) -> Failure {
    Error::Corrupt { what: format!("{what} cannot be read"), source }.into()
}
