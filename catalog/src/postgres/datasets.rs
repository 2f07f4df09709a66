//! Where a name or a location leads: the keys of datasets.

use sqlx::{PgConnection, Row, query, query_scalar};
use uuid::Uuid;

use crate::name::QualifiedName;
use crate::time::now;

use super::failure::Failure;
use super::rows;

/// The dataset's key; the dataset is created if needed.
pub(super) async fn create(
    connection: &mut PgConnection,
    name: &QualifiedName,
) -> Result<i64, Failure> {
    if let Some(found) = find(&mut *connection, name).await? {
        return Ok(found);
    }
    let created = query_scalar(
        "INSERT INTO lakebed.datasets (uuid, namespace, project, name, created_at)
         VALUES ($1, $2, $3, $4, $5) RETURNING id",
    )
    .bind(Uuid::new_v4().to_string())
    .bind(name.namespace.as_str())
    .bind(name.project.as_str())
    .bind(name.name.as_str())
    .bind(now().timestamp_micros())
    .fetch_one(connection)
    .await?;
    Ok(created)
}

/// The key of the dataset with this name, visible or not.
pub(super) async fn find(
    connection: &mut PgConnection,
    name: &QualifiedName,
) -> Result<Option<i64>, Failure> {
    let found = query_scalar(
        "SELECT id FROM lakebed.datasets WHERE namespace = $1 AND project = $2 AND name = $3",
    )
    .bind(name.namespace.as_str())
    .bind(name.project.as_str())
    .bind(name.name.as_str())
    .fetch_optional(connection)
    .await?;
    Ok(found)
}

/// The key and the name of the dataset whose data is in this location.
pub(super) async fn find_at(
    connection: &mut PgConnection,
    location: &str,
) -> Result<Option<(i64, QualifiedName)>, Failure> {
    let found = query(
        "SELECT d.id, d.namespace || '.' || d.project || '.' || d.name AS name
         FROM lakebed.dataset_versions v JOIN lakebed.datasets d ON d.id = v.dataset
         WHERE v.location = $1 LIMIT 1",
    )
    .bind(location)
    .fetch_optional(connection)
    .await?;
    found.map(|row| Ok((row.try_get("id")?, rows::to_name(&row)?))).transpose()
}

/// The key of the dataset with this name if it has a complete version, else the failure that says
/// it is missing.
pub(super) async fn find_visible(
    connection: &mut PgConnection,
    name: &QualifiedName,
) -> Result<i64, Failure> {
    let missing = || Failure::Missing { name: name.clone(), wanted: None };
    let dataset = find(&mut *connection, name).await?.ok_or_else(missing)?;
    let visible: bool = query_scalar(
        "SELECT EXISTS (SELECT 1 FROM lakebed.dataset_versions WHERE dataset = $1 AND status = 'complete')",
    )
    .bind(dataset)
    .fetch_one(connection)
    .await?;
    if visible { Ok(dataset) } else { Err(missing()) }
}
