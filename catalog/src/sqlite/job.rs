//! Jobs: start, note, finish, find.

use sqlx::{SqliteConnection, query};

use crate::error::Error;
use crate::job::{Job, JobId, JobNotes, JobStatus, NewJob};
use crate::stored::object_to_text;
use crate::time::now;

use super::Tx;
use super::failure::Failure;
use super::rows;

pub(super) async fn start(mut tx: Tx, new: NewJob) -> Result<Job, Failure> {
    let job = Job::start(new, now());
    query(
        "INSERT INTO jobs (id, name, status, created_at, git_commit, git_dirty, author, params, environment, source)
         VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
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

pub(super) async fn note(mut tx: Tx, id: &JobId, notes: JobNotes) -> Result<(), Failure> {
    let job = find(&mut tx, id).await?.noted(notes);
    query("UPDATE jobs SET params = ?, metrics = ? WHERE id = ?")
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
    error: Option<String>,
) -> Result<(), Failure> {
    let job = find(&mut tx, id).await?;
    if job.status != JobStatus::Running || status == JobStatus::Running {
        return Ok(());
    }
    query("UPDATE jobs SET status = ?, finished_at = ?, error = ? WHERE id = ?")
        .bind(status.as_str())
        .bind(now().timestamp_micros())
        .bind(error)
        .bind(id.as_str())
        .execute(&mut *tx)
        .await?;
    Ok(tx.commit().await?)
}

pub(super) async fn find(connection: &mut SqliteConnection, id: &JobId) -> Result<Job, Failure> {
    let row = query("SELECT * FROM jobs WHERE id = ?")
        .bind(id.as_str())
        .fetch_optional(connection)
        .await?;
    match row {
        Some(row) => rows::to_job(&row),
        None => Err(Error::JobNotFound { id: id.clone() }.into()),
    }
}
