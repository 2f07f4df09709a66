//! Row ↔ record, nothing else. What does not convert is [`Error::Corrupt`].

use arrow::datatypes::SchemaRef;
use chrono::{DateTime, Utc};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use sqlx::Row;
use sqlx::sqlite::SqliteRow;

use crate::dataset::{Dataset, DatasetVersion, Dependency, VersionStatus};
use crate::error::{Error, Source};
use crate::job::{Job, JobId, JobStatus};
use crate::name::{NamePart, QualifiedName};
use crate::version::Version;

use super::failure::Failure;

pub(super) fn to_dataset(row: &SqliteRow) -> Result<Dataset, Failure> {
    Ok(Dataset {
        uuid: row.try_get("uuid")?,
        name: to_name(row)?,
        description: row.try_get("description")?,
        attrs: json(row, "attrs")?,
        created_at: to_time(row.try_get("created_at")?)?,
    })
}

/// A version as a listing's JSON holds it; serde and the checked types do the reading.
#[derive(Debug, Deserialize)]
pub(super) struct StoredVersion {
    /// The key of its dataset.
    pub(super) dataset: i64,
    /// The key of its schema, once it is complete.
    pub(super) schema: Option<i64>,
    version: Version,
    uuid: String,
    status: VersionStatus,
    location: String,
    storage_version: u64,
    fingerprint: Option<String>,
    rows: u64,
    bytes: u64,
    preview: Value,
    dependencies: Vec<Dependency>,
    job: JobId,
    created_at: i64,
    finished_at: Option<i64>,
    error: Option<String>,
}

impl StoredVersion {
    /// Reads a JSON array of versions.
    pub(super) fn read_all(text: &str) -> Result<Vec<Self>, Failure> {
        serde_json::from_str(text).map_err(|error| corrupt("a version", error.into()))
    }

    /// The version, with what belongs to its dataset copied in.
    pub(super) fn into_record(
        self,
        dataset: &Dataset,
        schema: SchemaRef,
    ) -> Result<DatasetVersion, Failure> {
        Ok(DatasetVersion {
            dataset: dataset.name.clone(),
            version: self.version,
            uuid: self.uuid,
            status: self.status,
            schema,
            location: self.location,
            storage_version: self.storage_version,
            fingerprint: self.fingerprint,
            rows: self.rows,
            bytes: self.bytes,
            preview: self.preview,
            dependencies: self.dependencies,
            job: self.job,
            created_at: to_time(self.created_at)?,
            finished_at: self.finished_at.map(to_time).transpose()?,
            description: dataset.description.clone(),
            attrs: dataset.attrs.clone(),
            error: self.error,
        })
    }
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
    Version::new(row.try_get("major")?, row.try_get("minor")?, row.try_get("patch")?)
        .map_err(|error| corrupt("a version number", error.into()))
}

pub(super) fn to_status(row: &SqliteRow) -> Result<VersionStatus, Failure> {
    let status: &str = row.try_get("status")?;
    VersionStatus::from_text(status)
        .ok_or_else(|| corrupt("the status of a version", status.into()))
}

pub(super) fn labels_to_text(labels: Vec<String>) -> String {
    Value::from(labels).to_string()
}

/// A count as `SQLite`'s signed integer.
pub(super) fn to_stored(count: u64) -> Result<i64, Error> {
    i64::try_from(count).map_err(|error| Error::Internal {
        what: format!("count `{count}` is not storable: {error}"),
    })
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
