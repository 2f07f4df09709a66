//! Namespaces and projects that users made: make, list, forget.

use sqlx::{SqliteConnection, query};

use crate::folder::{Folder, FolderName};
use crate::name::NamePart;
use crate::time::now;

use super::Tx;
use super::failure::Failure;
use super::rows;

pub(super) async fn make(
    mut tx: Tx,
    name: &FolderName,
    description: Option<String>,
) -> Result<Folder, Failure> {
    // WHY: an update without effect, because `DO NOTHING` returns no row.
    let row = query(
        "INSERT INTO folders (namespace, project, description, created_at) VALUES (?, ?, ?, ?)
         ON CONFLICT (namespace, project) DO UPDATE SET project = project
         RETURNING namespace, project, description, created_at",
    )
    .bind(name.namespace.as_str())
    .bind(project_of(name))
    .bind(description)
    .bind(now().timestamp_micros())
    .fetch_one(&mut *tx)
    .await?;
    let folder = rows::to_folder(&row)?;
    tx.commit().await?;
    Ok(folder)
}

pub(super) async fn made(connection: &mut SqliteConnection) -> Result<Vec<Folder>, Failure> {
    let select = "SELECT namespace, project, description, created_at FROM folders
        ORDER BY namespace, project";
    query(select).fetch_all(connection).await?.iter().map(rows::to_folder).collect()
}

pub(super) async fn forget(mut tx: Tx, name: &FolderName) -> Result<bool, Failure> {
    let done = query("DELETE FROM folders WHERE namespace = ? AND project = ?")
        .bind(name.namespace.as_str())
        .bind(project_of(name))
        .execute(&mut *tx)
        .await?;
    tx.commit().await?;
    Ok(done.rows_affected() > 0)
}

/// A namespace has none.
fn project_of(name: &FolderName) -> &str {
    name.project.as_ref().map_or("", NamePart::as_str)
}
