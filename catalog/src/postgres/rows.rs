//! Row ↔ record, nothing else. What does not convert is [`Error::Corrupt`].
//!
//! [`Error::Corrupt`]: crate::Error::Corrupt

use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};
use sqlx::Row;
use sqlx::postgres::PgRow;

use crate::dataset::{Dataset, VersionStatus};
use crate::folder::{Folder, FolderName};
use crate::job::{Job, JobId, JobStatus};
use crate::name::{NamePart, QualifiedName};
use crate::stored::{corrupt, to_time};
use crate::version::Version;
use crate::view::View;

use super::failure::Failure;

/// A dataset as an SQL expression of JSON, of a table `d`.
pub(super) const DATASET: &str = "json_build_object('uuid', d.uuid,
    'name', d.namespace || '.' || d.project || '.' || d.name,
    'description', d.description, 'attrs', d.attrs, 'created_at', d.created_at)::text";

#[derive(Debug, Deserialize)]
struct StoredDataset {
    uuid: String,
    name: QualifiedName,
    description: Option<String>,
    attrs: Vec<String>,
    created_at: i64,
}

#[derive(Debug, Deserialize)]
struct StoredJob {
    id: JobId,
    name: String,
    status: JobStatus,
    created_at: i64,
    finished_at: Option<i64>,
    git_commit: Option<String>,
    git_dirty: Option<bool>,
    author: Option<String>,
    error: Option<String>,
    params: Value,
    metrics: Map<String, Value>,
    environment: Value,
    source: Option<String>,
}

/// A row's `dataset`.
pub(super) fn to_dataset(row: &PgRow) -> Result<Dataset, Failure> {
    let stored: StoredDataset = json(row, "dataset")?;
    Ok(Dataset {
        uuid: stored.uuid,
        name: stored.name,
        description: stored.description,
        attrs: stored.attrs,
        created_at: to_time(stored.created_at)?,
    })
}

/// A row's `job`.
pub(super) fn to_job(row: &PgRow) -> Result<Job, Failure> {
    let stored: StoredJob = json(row, "job")?;
    Ok(Job {
        id: stored.id,
        name: stored.name,
        status: stored.status,
        created_at: to_time(stored.created_at)?,
        finished_at: stored.finished_at.map(to_time).transpose()?,
        source: stored.source,
        git_commit: stored.git_commit,
        git_dirty: stored.git_dirty,
        author: stored.author,
        environment: stored.environment,
        params: stored.params,
        metrics: stored.metrics,
        error: stored.error,
    })
}

pub(super) fn to_view(row: &PgRow) -> Result<View, Failure> {
    let part = |column: &str| to_part(row.try_get(column)?);
    Ok(View {
        name: QualifiedName::new(part("namespace")?, part("project")?, part("name")?),
        text: row.try_get("query")?,
        namespace: part("default_namespace")?,
        project: part("default_project")?,
        created_at: to_time(row.try_get("created_at")?)?,
    })
}

/// A namespace or a project; a namespace has no `project`.
pub(super) fn to_folder(row: &PgRow) -> Result<Folder, Failure> {
    let project: Option<String> = row.try_get("project")?;
    let project = project.filter(|project| !project.is_empty()).map(to_part).transpose()?;
    Ok(Folder {
        name: FolderName { namespace: to_part(row.try_get("namespace")?)?, project },
        description: row.try_get("description")?,
        created_at: to_time(row.try_get("created_at")?)?,
    })
}

/// A row's `name`, in its three parts.
pub(super) fn to_name(row: &PgRow) -> Result<QualifiedName, Failure> {
    let text: String = row.try_get("name")?;
    Ok(text.parse().map_err(|error: crate::Error| corrupt("a name", error.into()))?)
}

/// A row's `version`.
pub(super) fn to_version(row: &PgRow) -> Result<Version, Failure> {
    let text: String = row.try_get("version")?;
    Ok(text.parse().map_err(|error: crate::Error| corrupt("a version number", error.into()))?)
}

/// A row's `status`.
pub(super) fn to_status(row: &PgRow) -> Result<VersionStatus, Failure> {
    let status: &str = row.try_get("status")?;
    let known = VersionStatus::from_text(status);
    Ok(known.ok_or_else(|| corrupt("the status of a version", status.into()))?)
}

fn to_part(text: String) -> Result<NamePart, Failure> {
    Ok(NamePart::try_from(text).map_err(|error| corrupt("a name", error.into()))?)
}

/// A text without the character that `PostgreSQL` cannot store.
pub(super) fn text(given: &str) -> String {
    given.replace('\0', "\u{fffd}")
}

fn json<T: DeserializeOwned>(row: &PgRow, column: &str) -> Result<T, Failure> {
    let text: &str = row.try_get(column)?;
    Ok(serde_json::from_str(text).map_err(|error| corrupt(&format!("a {column}"), error.into()))?)
}
