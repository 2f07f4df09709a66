//! Changes to what is already there: removal, new names, new descriptions.

use sqlx::{Row, query};

use crate::dataset::{Dataset, VersionStatus};
use crate::error::Error;
use crate::name::QualifiedName;
use crate::request::DatasetEdit;
use crate::stored::labels_to_text;
use crate::version::Version;

use super::failure::Failure;
use super::{Tx, folders, read, rows};

pub(super) async fn remove(
    mut tx: Tx,
    name: &QualifiedName,
    version: Version,
) -> Result<(), Failure> {
    let missing = || Failure::Missing { name: name.clone(), wanted: Some(version.into()) };
    let dataset = folders::find_dataset(&mut tx, name).await?.ok_or_else(missing)?;
    let row = query("SELECT id, status FROM dataset_versions WHERE dataset = ? AND major = ? AND minor = ? AND patch = ?")
        .bind(dataset)
        .bind(version.major())
        .bind(version.minor())
        .bind(version.patch())
        .fetch_optional(&mut *tx)
        .await?
        .ok_or_else(missing)?;
    match rows::to_status(&row)? {
        VersionStatus::Complete | VersionStatus::Failed => {}
        VersionStatus::Removed => return Err(missing()),
        status @ VersionStatus::Pending => {
            let needed = VersionStatus::Complete;
            return Err(Error::WrongStatus { name: name.clone(), version, status, needed }.into());
        }
    }
    let id: i64 = row.try_get("id")?;
    query("UPDATE dataset_versions SET status = 'removed' WHERE id = ?")
        .bind(id)
        .execute(&mut *tx)
        .await?;
    Ok(tx.commit().await?)
}

pub(super) async fn rename(
    mut tx: Tx,
    from: &QualifiedName,
    to: &QualifiedName,
) -> Result<(), Failure> {
    let dataset = folders::visible_dataset(&mut tx, from).await?;
    if from == to {
        return Ok(());
    }
    if folders::find_dataset(&mut tx, to).await?.is_some() {
        return Err(Error::NameTaken { name: to.clone() }.into());
    }
    let project = folders::create_project(&mut tx, to).await?;
    query("UPDATE datasets SET project = ?, name = ? WHERE id = ?")
        .bind(project)
        .bind(to.name.as_str())
        .bind(dataset)
        .execute(&mut *tx)
        .await?;
    query(
        "UPDATE dependencies SET namespace = ?, project = ?, name = ?
         WHERE namespace = ? AND project = ? AND name = ?",
    )
    .bind(to.namespace.as_str())
    .bind(to.project.as_str())
    .bind(to.name.as_str())
    .bind(from.namespace.as_str())
    .bind(from.project.as_str())
    .bind(from.name.as_str())
    .execute(&mut *tx)
    .await?;
    Ok(tx.commit().await?)
}

pub(super) async fn edit(
    mut tx: Tx,
    name: &QualifiedName,
    edit: DatasetEdit,
) -> Result<Dataset, Failure> {
    let dataset = folders::visible_dataset(&mut tx, name).await?;
    query("UPDATE datasets SET description = coalesce(?, description), attrs = coalesce(?, attrs) WHERE id = ?")
        .bind(edit.description)
        .bind(edit.attrs.map(labels_to_text))
        .bind(dataset)
        .execute(&mut *tx)
        .await?;
    let edited = read::dataset(&mut tx, dataset).await?;
    tx.commit().await?;
    Ok(edited)
}
