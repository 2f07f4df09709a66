//! Jobs: start, note, finish, find.

use sqlx::{PgConnection, query};

use crate::error::Error;
use crate::job::{Job, JobId, JobNotes, JobStatus, NewJob};
use crate::stored::object_to_text;
use crate::time::now;

use super::Tx;
use super::failure::Failure;
use super::rows;

pub(super) async fn start(mut tx: Tx, new: &NewJob) -> Result<Job, Failure> {
    let clean = |given: &Option<String>| given.as_deref().map(rows::text);
    let new = NewJob {
        name: rows::text(&new.name),
        source: clean(&new.source),
        git_commit: clean(&new.git_commit),
        author: clean(&new.author),
        ..new.clone()
    };
    let job = Job::start(new, now());
    query(
        "INSERT INTO lakebed.jobs
         (id, name, status, created_at, git_commit, git_dirty, author, params, environment, source)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8::json, $9::json, $10)",
    )
    .bind(job.id.as_str())
    .bind(job.name.as_str())
    .bind(job.status.as_str())
    .bind(job.created_at.timestamp_micros())
    .bind(job.git_commit.as_deref())
    .bind(job.git_dirty)
    .bind(job.author.as_deref())
    .bind(job.params.to_string())
    .bind(job.environment.to_string())
    .bind(job.source.as_deref())
    .execute(&mut *tx)
    .await?;
    tx.commit().await?;
    Ok(job)
}

pub(super) async fn note(mut tx: Tx, id: &JobId, notes: &JobNotes) -> Result<(), Failure> {
    let job = find(&mut tx, id).await?.noted(notes.clone());
    query("UPDATE lakebed.jobs SET params = $1::json, metrics = $2::json WHERE id = $3")
        .bind(job.params.to_string())
        .bind(object_to_text(job.metrics))
        .bind(id.as_str())
        .execute(&mut *tx)
        .await?;
    Ok(tx.commit().await?)
}

pub(super) async fn finish(
    mut tx: Tx,
    id: &JobId,
    status: JobStatus,
    error: Option<&str>,
) -> Result<(), Failure> {
    let job = find(&mut tx, id).await?;
    if job.status != JobStatus::Running || status == JobStatus::Running {
        return Ok(());
    }
    query("UPDATE lakebed.jobs SET status = $1, finished_at = $2, error = $3 WHERE id = $4")
        .bind(status.as_str())
        .bind(now().timestamp_micros())
        .bind(error.map(rows::text))
        .bind(id.as_str())
        .execute(&mut *tx)
        .await?;
    Ok(tx.commit().await?)
}

pub(super) async fn find(connection: &mut PgConnection, id: &JobId) -> Result<Job, Failure> {
    let row = query("SELECT row_to_json(j)::text AS job FROM lakebed.jobs j WHERE id = $1")
        .bind(rows::text(id.as_str()))
        .fetch_optional(connection)
        .await?;
    match row {
        Some(row) => rows::to_job(&row),
        None => Err(Error::JobNotFound { id: id.clone() }.into()),
    }
}
