//! Row ↔ record, nothing else. What does not convert is [`Error::Corrupt`].

use serde::de::DeserializeOwned;
use sqlx::Row;
use sqlx::sqlite::SqliteRow;

use crate::dataset::{Dataset, VersionStatus};
use crate::folder::{Folder, FolderName};
use crate::job::{Job, JobId, JobStatus};
use crate::name::{NamePart, QualifiedName};
use crate::stored::{corrupt, to_time};
use crate::version::Version;
use crate::view::View;

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
        metrics: json(row, "metrics")?,
        error: row.try_get("error")?,
    })
}

pub(super) fn to_folder(row: &SqliteRow) -> Result<Folder, Failure> {
    let project: Option<String> = row.try_get("project")?;
    let project = project.filter(|project| !project.is_empty()).map(to_part).transpose()?;
    Ok(Folder {
        name: FolderName { namespace: to_part(row.try_get("namespace")?)?, project },
        description: row.try_get("description")?,
        created_at: to_time(row.try_get("created_at")?)?,
    })
}

pub(super) fn to_view(row: &SqliteRow) -> Result<View, Failure> {
    Ok(View {
        name: to_name(row)?,
        text: row.try_get("query")?,
        namespace: to_part(row.try_get("default_namespace")?)?,
        project: to_part(row.try_get("default_project")?)?,
        created_at: to_time(row.try_get("created_at")?)?,
    })
}

pub(super) fn to_name(row: &SqliteRow) -> Result<QualifiedName, Failure> {
    let part = |column| to_part(row.try_get(column)?);
    Ok(QualifiedName::new(part("namespace")?, part("project")?, part("dataset")?))
}

pub(super) fn to_version(row: &SqliteRow) -> Result<Version, Failure> {
    let parts = (row.try_get("major")?, row.try_get("minor")?, row.try_get("patch")?);
    Ok(Version::new(parts.0, parts.1, parts.2)
        .map_err(|error| corrupt("a version number", error.into()))?)
}

pub(super) fn to_status(row: &SqliteRow) -> Result<VersionStatus, Failure> {
    let status: &str = row.try_get("status")?;
    let known = VersionStatus::from_text(status);
    Ok(known.ok_or_else(|| corrupt("the status of a version", status.into()))?)
}

fn to_part(text: String) -> Result<NamePart, Failure> {
    Ok(NamePart::try_from(text).map_err(|error| corrupt("a name", error.into()))?)
}

/// A JSON column; SQL's null is JSON's.
fn json<T: DeserializeOwned>(row: &SqliteRow, column: &str) -> Result<T, Failure> {
    let text: Option<&str> = row.try_get(column)?;
    Ok(serde_json::from_str(text.unwrap_or("null"))
        .map_err(|error| corrupt(column, error.into()))?)
}
