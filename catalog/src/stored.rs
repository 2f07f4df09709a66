//! What the SQL stores have in common: versions as JSON, filters as conditions, values as columns.

use arrow::datatypes::SchemaRef;
use chrono::{DateTime, Utc};
use serde::Deserialize;
use serde_json::{Map, Value};
use sqlx::{Database, Encode, QueryBuilder, Type};

use crate::dataset::{Dataset, DatasetVersion, Delta, Dependency, VersionStatus};
use crate::error::{Error, Result, Source};
use crate::job::JobId;
use crate::request::VersionFilter;
use crate::version::Version;

/// A version as a listing's JSON holds it; serde and the checked types do the reading.
#[derive(Debug, Deserialize)]
pub(crate) struct StoredVersion {
    /// The key of its dataset.
    pub(crate) dataset: i64,
    /// The key of its schema, once it is complete.
    pub(crate) schema: Option<i64>,
    version: Version,
    uuid: String,
    status: VersionStatus,
    location: String,
    storage_version: u64,
    fingerprint: Option<String>,
    delta: Option<Delta>,
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
    pub(crate) fn read_all(text: &str) -> Result<Vec<Self>> {
        serde_json::from_str(text).map_err(|error| corrupt("a version", error.into()))
    }

    /// The version, with what belongs to its dataset copied in.
    pub(crate) fn into_record(
        self,
        dataset: &Dataset,
        schema: SchemaRef,
    ) -> Result<DatasetVersion> {
        Ok(DatasetVersion {
            dataset: dataset.name.clone(),
            version: self.version,
            uuid: self.uuid,
            status: self.status,
            schema,
            location: self.location,
            storage_version: self.storage_version,
            fingerprint: self.fingerprint,
            delta: self.delta,
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

/// That a version is in a state that the filter admits.
pub(crate) fn push_status<D: Database>(
    select: &mut QueryBuilder<D>,
    version: &str,
    filter: &VersionFilter,
) {
    select.push(version).push(".status IN ('complete'");
    if filter.include_removed {
        select.push(", 'removed'");
    }
    if filter.include_unfinished {
        select.push(", 'pending', 'failed'");
    }
    select.push(")");
}

/// That a version has the location, number and time that the filter wants.
pub(crate) fn push_place<D>(select: &mut QueryBuilder<D>, version: &str, filter: &VersionFilter)
where
    D: Database,
    for<'v> String: Encode<'v, D> + Type<D>,
    for<'v> i64: Encode<'v, D> + Type<D>,
{
    if let Some(location) = &filter.location {
        select.push(format_args!(" AND {version}.location = ")).push_bind(location.clone());
    }
    if let Some(since) = filter.finished_since {
        select.push(format_args!(" AND {version}.finished_at >= "));
        select.push_bind(since.timestamp_micros());
    }
    if let Some(number) = filter.version {
        for (part, value) in
            [("major", number.major()), ("minor", number.minor()), ("patch", number.patch())]
        {
            select.push(format_args!(" AND {version}.{part} = ")).push_bind(i64::from(value));
        }
    }
}

pub(crate) fn labels_to_text(labels: Vec<String>) -> String {
    Value::from(labels).to_string()
}

pub(crate) fn object_to_text(object: Map<String, Value>) -> String {
    Value::from(object).to_string()
}

pub(crate) fn delta_to_text(delta: Option<&Delta>) -> Result<Option<String>> {
    let text = delta.map(serde_json::to_string).transpose();
    text.map_err(|error| Error::Internal { what: format!("what an update was: {error}") })
}

/// A count as SQL's signed integer.
pub(crate) fn to_stored(count: u64) -> Result<i64> {
    i64::try_from(count).map_err(|error| Error::Internal {
        what: format!("count `{count}` is not storable: {error}"),
    })
}

pub(crate) fn to_time(micros: i64) -> Result<DateTime<Utc>> {
    DateTime::from_timestamp_micros(micros)
        .ok_or_else(|| corrupt("a time", format!("{micros} µs").into()))
}

pub(crate) fn corrupt(what: &str, source: Source) -> Error {
    Error::Corrupt { what: format!("{what} cannot be read"), source }
}
