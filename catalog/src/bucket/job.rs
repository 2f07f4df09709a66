//! Jobs: start, note, finish, find.

use object_store::path::{Path, PathPart};

use crate::error::Error;
use crate::job::{Job, JobId, JobNotes, JobStatus, NewJob};
use crate::time::now;

use super::documents::{Change, Documents, Found, to_bytes};
use super::failure::Failure;

pub(super) async fn start(documents: &Documents, new: NewJob) -> Result<Job, Failure> {
    documents.prepare().await?;
    let job = Job::start(new, now());
    documents.put(&path(documents, &job.id)?, to_bytes(&job)?).await?;
    Ok(job)
}

pub(super) async fn note(
    documents: &Documents,
    id: &JobId,
    notes: JobNotes,
) -> Result<(), Failure> {
    let found = read(documents, id).await?;
    documents
        .edit(&path(documents, id)?, Some(found), |job: Option<Job>| {
            let job = job.ok_or_else(|| Error::JobNotFound { id: id.clone() })?;
            let noted = job.clone().noted(notes.clone());
            Ok(if noted == job { Change::None(()) } else { Change::To(noted, ()) })
        })
        .await
}

pub(super) async fn finish(
    documents: &Documents,
    id: &JobId,
    status: JobStatus,
    error: Option<String>,
) -> Result<(), Failure> {
    let found = read(documents, id).await?;
    documents
        .edit(&path(documents, id)?, Some(found), |job: Option<Job>| {
            let job = job.ok_or_else(|| Error::JobNotFound { id: id.clone() })?;
            if job.status != JobStatus::Running || status == JobStatus::Running {
                return Ok(Change::None(()));
            }
            let finished_at = Some(now());
            Ok(Change::To(Job { status, error: error.clone(), finished_at, ..job }, ()))
        })
        .await
}

pub(super) async fn find(documents: &Documents, id: &JobId) -> Result<Job, Failure> {
    Ok(read(documents, id).await?.document)
}

async fn read(documents: &Documents, id: &JobId) -> Result<Found<Job>, Failure> {
    let found = documents.get(&path(documents, id)?).await?;
    found.ok_or_else(|| Error::JobNotFound { id: id.clone() }.into())
}

/// Where a job is. An id may be any text, also one that no path is made of.
fn path(documents: &Documents, id: &JobId) -> Result<Path, Failure> {
    documents.path(format_args!("jobs/{}.json", PathPart::from(id.as_str()).as_ref()))
}
