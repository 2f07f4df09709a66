//! The life of a version up to its completion: claimed, then completed or abandoned.

use futures::try_join;
use object_store::path::Path;
use uuid::Uuid;

use crate::dataset::{DatasetVersion, VersionStatus};
use crate::name::QualifiedName;
use crate::patience::Patience;
use crate::request::{Claim, ClaimRequest, CompletedVersion};
use crate::time::now;

use super::datasets::Opened;
use super::documents::{Change, Documents, Found, pause, to_bytes};
use super::failure::Failure;
use super::head::{Head, Id, Step};
use super::job;
use super::record::{Content, DatasetRecord, Record, VersionRecord};
use super::schemas::Schemas;

pub(super) async fn claim(documents: &Documents, request: &ClaimRequest) -> Result<Claim, Failure> {
    let token = Uuid::new_v4().to_string();
    let find_job = job::find(documents, &request.job);
    let (mut opened, _) = try_join!(documents.open(&request.name), find_job)?;
    let mut patience = Patience::new();
    loop {
        if let Some(claim) = claim_in(documents, opened, request, &token).await? {
            return Ok(claim);
        }
        pause(&mut patience).await?;
        opened = documents.open(&request.name).await?;
    }
}

/// Claims a version of what the name leads to; none if the name leads elsewhere by now.
async fn claim_in(
    documents: &Documents,
    opened: Opened,
    request: &ClaimRequest,
    token: &str,
) -> Result<Option<Claim>, Failure> {
    let head = opened.renames();
    let settled = match opened.dataset() {
        Some(dataset) if dataset.is_at(&request.location) => true,
        Some(dataset) => {
            // WHY: what is refused settles nowhere.
            if documents.settler(&request.location).await?.is_none() {
                request.wanted.choose(&request.name, dataset.highest())?;
            }
            false
        }
        None => false,
    };
    let Opened { id, found, .. } = opened;
    if found.as_ref().is_some_and(|found| found.document == Record::Reserved) {
        pass_over(documents, &request.name, &id).await?;
        return Ok(None);
    }
    let owner = if settled { id.clone() } else { documents.settle(&request.location, &id).await? };
    let (head, found) = if owner == id {
        (head, found)
    } else {
        // WHY: the owner may have been renamed since the head was read.
        let (head, found) = try_join!(documents.head(), documents.record(&owner))?;
        (Head::of(head), found)
    };
    let Some(name) = head.name_of(&owner) else { return Ok(None) };
    let path = documents.dataset_path(&owner)?;
    documents.edit(&path, found, |record| claim_number(record, &name, request, token)).await
}

/// A change that claims the wanted number; it returns none where there will be no dataset.
fn claim_number(
    record: Option<Record>,
    name: &QualifiedName,
    request: &ClaimRequest,
    token: &str,
) -> Result<Change<Record, Option<Claim>>, Failure> {
    let created_at = now();
    let mut dataset = match record {
        Some(Record::Dataset(dataset)) => dataset,
        Some(Record::Reserved) => return Ok(Change::None(None)),
        None => DatasetRecord::new(created_at),
    };
    let claim = |version, created_at| Claim {
        name: name.clone(),
        version,
        token: token.to_owned(),
        job: request.job.clone(),
        created_at,
    };
    if let Some(done) = dataset.claimed(token) {
        return Ok(Change::None(Some(claim(done.version, done.created_at))));
    }
    let claim = claim(request.wanted.choose(name, dataset.highest())?, created_at);
    dataset.versions.push(VersionRecord::pending(&claim, request));
    Ok(Change::To(Record::Dataset(dataset), Some(claim)))
}

/// Lets a name start at its next object, because a rename that died has reserved this one.
///
/// One that is alive notices, as the head changes under its hands, and finds the name taken.
async fn pass_over(
    documents: &Documents,
    name: &QualifiedName,
    reserved: &Id,
) -> Result<(), Failure> {
    let step = Step { from: name.clone(), to: None, id: Uuid::new_v4().to_string() };
    let head = documents.head().await?;
    documents
        .edit(&documents.head_path()?, head, |head| {
            let head = head.unwrap_or_else(Head::new);
            if head.id_of(name) != *reserved {
                return Ok(Change::None(()));
            }
            Ok(Change::To(head.with(step.clone()), ()))
        })
        .await
}

pub(super) async fn complete(
    documents: &Documents,
    schemas: &Schemas,
    claim: &Claim,
    completed: CompletedVersion,
) -> Result<DatasetVersion, Failure> {
    let Claimed { head, name, path, mut found } = Claimed::find(documents, claim).await?;
    check_pending(&mut found.document, claim, &name, &completed)?;
    let preview = Uuid::new_v4().to_string();
    let preview_path = preview_path(documents, &preview)?;
    let (schema, ()) = try_join!(
        schemas.keep(documents, &completed.schema),
        documents.put(&preview_path, to_bytes(&completed.preview)?),
    )?;
    let content = Content {
        schema,
        preview,
        storage_version: completed.storage_version,
        fingerprint: completed.fingerprint.clone(),
        delta: completed.delta.clone(),
        rows: completed.rows,
        bytes: completed.bytes,
        dependencies: completed.dependencies.clone(),
        renames: head.len(),
    };
    let (dataset, record) = documents
        .edit(&path, Some(found.map(Record::Dataset)), |record| {
            let mut dataset = existing(record, claim)?;
            if let Some(done) = dataset.claimed(&claim.token)
                && done.content.as_ref().is_some_and(|found| found.preview == content.preview)
            {
                let done = done.clone();
                return Ok(Change::None((dataset.to_dataset(name.clone()), done)));
            }
            let pending = check_pending(&mut dataset, claim, &name, &completed)?;
            pending.status = VersionStatus::Complete;
            pending.finished_at = Some(now());
            pending.content = Some(content.clone());
            let (done, edit) = (pending.clone(), pending.edit.clone());
            dataset.edit(edit);
            let shown = dataset.to_dataset(name.clone());
            Ok(Change::To(Record::Dataset(dataset), (shown, done)))
        })
        .await?;
    let CompletedVersion { schema, preview, .. } = completed;
    Ok(record.to_version(dataset, &head, schema, preview))
}

pub(super) async fn abandon(
    documents: &Documents,
    claim: &Claim,
    error: &str,
) -> Result<(), Failure> {
    let Claimed { name, path, found, .. } = Claimed::find(documents, claim).await?;
    documents
        .edit(&path, Some(found.map(Record::Dataset)), |record| {
            let mut dataset = existing(record, claim)?;
            let version = dataset.claimed(&claim.token).ok_or_else(|| missing(claim))?;
            match version.status {
                VersionStatus::Pending => {}
                VersionStatus::Failed => return Ok(Change::None(())),
                VersionStatus::Complete | VersionStatus::Removed => {
                    return Err(version.wrong_status(&name, VersionStatus::Pending).into());
                }
            }
            version.status = VersionStatus::Failed;
            version.error = Some(error.to_owned());
            version.finished_at = Some(now());
            Ok(Change::To(Record::Dataset(dataset), ()))
        })
        .await
}

/// The path of a preview.
pub(super) fn preview_path(documents: &Documents, preview: &str) -> Result<Path, Failure> {
    documents.path(format_args!("previews/{preview}.json"))
}

/// The dataset of a claim, whatever it is called by now.
struct Claimed {
    head: Head,
    name: QualifiedName,
    path: Path,
    found: Found<DatasetRecord>,
}

impl Claimed {
    async fn find(documents: &Documents, claim: &Claim) -> Result<Self, Failure> {
        let opened = documents.open(&claim.name).await?;
        let head = opened.renames();
        let Opened { id, mut found, .. } = opened;
        for candidate in head.once_called(&claim.name) {
            let found =
                if candidate == id { found.take() } else { documents.record(&candidate).await? };
            let Some(Found { document: Record::Dataset(mut dataset), .. }) = found.clone() else {
                continue;
            };
            if dataset.claimed(&claim.token).is_some()
                && let (Some(found), Some(name)) = (found, head.name_of(&candidate))
            {
                let path = documents.dataset_path(&candidate)?;
                return Ok(Self { head, name, path, found: found.map(|_| dataset) });
            }
        }
        Err(missing(claim))
    }
}

/// The claimed version, if it may become complete.
fn check_pending<'d>(
    dataset: &'d mut DatasetRecord,
    claim: &Claim,
    name: &QualifiedName,
    completed: &CompletedVersion,
) -> Result<&'d mut VersionRecord, Failure> {
    let newest = dataset.newest();
    let version = dataset.claimed(&claim.token).ok_or_else(|| missing(claim))?;
    if version.status != VersionStatus::Pending {
        return Err(version.wrong_status(name, VersionStatus::Pending).into());
    }
    completed.newest.check(name, newest)?;
    Ok(version)
}

fn existing(record: Option<Record>, claim: &Claim) -> Result<DatasetRecord, Failure> {
    record.and_then(Record::into_dataset).ok_or_else(|| missing(claim))
}

fn missing(claim: &Claim) -> Failure {
    Failure::Missing { name: claim.name.clone(), wanted: Some(claim.version.into()) }
}
