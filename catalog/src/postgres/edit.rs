//! Changes to what is already there: removal, new names, new descriptions.

use sqlx::{Row, query};

use crate::dataset::{Dataset, VersionStatus};
use crate::error::Error;
use crate::name::QualifiedName;
use crate::request::DatasetEdit;
use crate::stored::labels_to_text;
use crate::version::Version;

use super::failure::Failure;
use super::{Tx, datasets, read, rows};

pub(super) async fn remove(
    mut tx: Tx,
    name: &QualifiedName,
    version: Version,
) -> Result<(), Failure> {
    let missing = || Failure::Missing { name: name.clone(), wanted: Some(version.into()) };
    let dataset = datasets::find(&mut tx, name).await?.ok_or_else(missing)?;
    let row = query(
        "SELECT id, status FROM lakebed.dataset_versions
         WHERE dataset = $1 AND major = $2 AND minor = $3 AND patch = $4",
    )
    .bind(dataset)
    .bind(i64::from(version.major()))
    .bind(i64::from(version.minor()))
    .bind(i64::from(version.patch()))
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
    query("UPDATE lakebed.dataset_versions SET status = 'removed' WHERE id = $1")
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
    let dataset = datasets::find_visible(&mut tx, from).await?;
    if from == to {
        return Ok(());
    }
    if datasets::find(&mut tx, to).await?.is_some() {
        return Err(Error::NameTaken { name: to.clone() }.into());
    }
    query("UPDATE lakebed.datasets SET namespace = $1, project = $2, name = $3 WHERE id = $4")
        .bind(to.namespace.as_str())
        .bind(to.project.as_str())
        .bind(to.name.as_str())
        .bind(dataset)
        .execute(&mut *tx)
        .await?;
    query(
        "UPDATE lakebed.dependencies SET namespace = $1, project = $2, name = $3
         WHERE namespace = $4 AND project = $5 AND name = $6",
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
    edit: &DatasetEdit,
) -> Result<Dataset, Failure> {
    let dataset = datasets::find_visible(&mut tx, name).await?;
    query(
        "UPDATE lakebed.datasets SET description = coalesce($1, description),
         attrs = coalesce($2::json, attrs) WHERE id = $3",
    )
    .bind(edit.description.as_deref().map(rows::text))
    .bind(edit.attrs.clone().map(labels_to_text))
    .bind(dataset)
    .execute(&mut *tx)
    .await?;
    let edited = read::dataset(&mut tx, dataset).await?;
    tx.commit().await?;
    Ok(edited)
}
