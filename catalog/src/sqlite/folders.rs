//! Where a name or a location leads: the keys of projects and datasets.

use sqlx::{Row, SqliteConnection, query, query_scalar};
use uuid::Uuid;

use crate::name::QualifiedName;
use crate::time::now;

use super::failure::Failure;
use super::rows;

/// The project's key; the project and its namespace are created if needed.
pub(super) async fn create_project(
    connection: &mut SqliteConnection,
    name: &QualifiedName,
) -> Result<i64, Failure> {
    let created_at = now().timestamp_micros();
    // WHY: an update without effect, because `DO NOTHING` returns no key.
    let namespace: i64 = query_scalar(
        "INSERT INTO namespaces (uuid, name, created_at) VALUES (?, ?, ?)
         ON CONFLICT (name) DO UPDATE SET name = name RETURNING id",
    )
    .bind(Uuid::new_v4().to_string())
    .bind(name.namespace.as_str())
    .bind(created_at)
    .fetch_one(&mut *connection)
    .await?;
    let project = query_scalar(
        "INSERT INTO projects (uuid, namespace, name, created_at) VALUES (?, ?, ?, ?)
         ON CONFLICT (namespace, name) DO UPDATE SET name = name RETURNING id",
    )
    .bind(Uuid::new_v4().to_string())
    .bind(namespace)
    .bind(name.project.as_str())
    .bind(created_at)
    .fetch_one(connection)
    .await?;
    Ok(project)
}

/// The dataset's key; the dataset and its project are created if needed.
pub(super) async fn create_dataset(
    connection: &mut SqliteConnection,
    name: &QualifiedName,
) -> Result<i64, Failure> {
    let project = create_project(&mut *connection, name).await?;
    let dataset = query_scalar(
        "INSERT INTO datasets (uuid, project, name, created_at) VALUES (?, ?, ?, ?)
         ON CONFLICT (project, name) DO UPDATE SET name = name RETURNING id",
    )
    .bind(Uuid::new_v4().to_string())
    .bind(project)
    .bind(name.name.as_str())
    .bind(now().timestamp_micros())
    .fetch_one(connection)
    .await?;
    Ok(dataset)
}

/// The key of the dataset with this name, visible or not.
pub(super) async fn find_dataset(
    connection: &mut SqliteConnection,
    name: &QualifiedName,
) -> Result<Option<i64>, Failure> {
    let found = query_scalar(
        "SELECT d.id FROM datasets d JOIN projects p ON p.id = d.project JOIN namespaces n ON n.id = p.namespace
         WHERE n.name = ? AND p.name = ? AND d.name = ?",
    )
    .bind(name.namespace.as_str())
    .bind(name.project.as_str())
    .bind(name.name.as_str())
    .fetch_optional(connection)
    .await?;
    Ok(found)
}

/// The key and the name of the dataset whose data is in this location.
pub(super) async fn dataset_at(
    connection: &mut SqliteConnection,
    location: &str,
) -> Result<Option<(i64, QualifiedName)>, Failure> {
    let found = query(
        "SELECT d.id, n.name AS namespace, p.name AS project, d.name AS dataset
         FROM dataset_versions v JOIN datasets d ON d.id = v.dataset
         JOIN projects p ON p.id = d.project JOIN namespaces n ON n.id = p.namespace
         WHERE v.location = ? LIMIT 1",
    )
    .bind(location)
    .fetch_optional(connection)
    .await?;
    found.map(|row| Ok((row.try_get("id")?, rows::to_name(&row)?))).transpose()
}

/// The key of the dataset with this name if it has a complete version, else the failure that says
/// it is missing.
pub(super) async fn visible_dataset(
    connection: &mut SqliteConnection,
    name: &QualifiedName,
) -> Result<i64, Failure> {
    let missing = || Failure::Missing { name: name.clone(), wanted: None };
    let dataset = find_dataset(&mut *connection, name).await?.ok_or_else(missing)?;
    let visible: bool = query_scalar(
        "SELECT EXISTS (SELECT 1 FROM dataset_versions WHERE dataset = ? AND status = 'complete')",
    )
    .bind(dataset)
    .fetch_one(connection)
    .await?;
    if visible { Ok(dataset) } else { Err(missing()) }
}
