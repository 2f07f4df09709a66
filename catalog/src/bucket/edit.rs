//! Changes to what is already there: removal, new names, new descriptions.

use uuid::Uuid;

use crate::dataset::{Dataset, VersionStatus};
use crate::error::Error;
use crate::name::QualifiedName;
use crate::patience::Patience;
use crate::request::DatasetEdit;
use crate::version::Version;

use super::datasets::Opened;
use super::documents::{Change, Documents, pause};
use super::failure::Failure;
use super::head::Step;
use super::record::Record;

pub(super) async fn remove(
    documents: &Documents,
    name: &QualifiedName,
    version: Version,
) -> Result<(), Failure> {
    let missing = || Failure::Missing { name: name.clone(), wanted: Some(version.into()) };
    let removal = Uuid::new_v4().to_string();
    let Opened { id, found, .. } = documents.open(name).await?;
    documents
        .edit(&documents.dataset_path(&id)?, found, |record| {
            let mut dataset = record.and_then(Record::into_dataset).ok_or_else(missing)?;
            let found = dataset.numbered(version).ok_or_else(missing)?;
            match found.status {
                VersionStatus::Complete | VersionStatus::Failed => {}
                VersionStatus::Removed if found.removed_by.as_ref() == Some(&removal) => {
                    return Ok(Change::None(()));
                }
                VersionStatus::Removed => return Err(missing()),
                VersionStatus::Pending => {
                    return Err(found.wrong_status(name, VersionStatus::Complete).into());
                }
            }
            found.status = VersionStatus::Removed;
            found.removed_by = Some(removal.clone());
            Ok(Change::To(Record::Dataset(dataset), ()))
        })
        .await
}

pub(super) async fn rename(
    documents: &Documents,
    from: &QualifiedName,
    to: &QualifiedName,
) -> Result<(), Failure> {
    let step = Step { from: from.clone(), to: Some(to.clone()), id: Uuid::new_v4().to_string() };
    let mut patience = Patience::new();
    while !rename_once(documents, &step, to).await? {
        pause(&mut patience).await?;
    }
    Ok(())
}

/// Renames unless others rename meanwhile.
async fn rename_once(
    documents: &Documents,
    step: &Step,
    to: &QualifiedName,
) -> Result<bool, Failure> {
    let missing = || Failure::Missing { name: step.from.clone(), wanted: None };
    let opened = documents.open(&step.from).await?;
    let visible = opened.dataset().is_some_and(|dataset| dataset.is_visible());
    let head = opened.head.ok_or_else(missing)?;
    if head.document.has(&step.id) {
        return Ok(true);
    }
    if !visible {
        return Err(missing());
    }
    if step.from == *to {
        return Ok(true);
    }
    if !documents.reserve(&head.document.id_of(to)).await? {
        return Err(Error::NameTaken { name: to.clone() }.into());
    }
    let state = head.state();
    let renamed = head.document.with(step.clone());
    match documents.put_if(&documents.head_path()?, &renamed, Some(state)).await {
        Err(failure) => match documents.head().await {
            Ok(Some(head)) if head.document.has(&step.id) => Ok(true),
            _ => Err(failure),
        },
        renamed => renamed,
    }
}

pub(super) async fn edit(
    documents: &Documents,
    name: &QualifiedName,
    edit: DatasetEdit,
) -> Result<Dataset, Failure> {
    let missing = || Failure::Missing { name: name.clone(), wanted: None };
    let Opened { id, found, .. } = documents.open(name).await?;
    documents
        .edit(&documents.dataset_path(&id)?, found, |record| {
            let dataset = record.and_then(Record::into_dataset);
            let before = dataset.filter(|dataset| dataset.is_visible()).ok_or_else(missing)?;
            let mut after = before.clone();
            after.edit(edit.clone());
            let shown = after.to_dataset(name.clone());
            if after == before {
                return Ok(Change::None(shown));
            }
            Ok(Change::To(Record::Dataset(after), shown))
        })
        .await
}
