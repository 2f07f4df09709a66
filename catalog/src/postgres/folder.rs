//! Namespaces and projects that users made: make, list, forget.

use sqlx::{PgConnection, query};

use crate::folder::{Folder, FolderName};
use crate::name::NamePart;
use crate::time::now;

use super::Tx;
use super::failure::Failure;
use super::rows;

pub(super) async fn make(
    mut tx: Tx,
    name: &FolderName,
    description: Option<&str>,
) -> Result<Folder, Failure> {
    // WHY: an update without effect, because `DO NOTHING` returns no row.
    let row = query(
        "INSERT INTO lakebed.folders AS f (namespace, project, description, created_at)
         VALUES ($1, $2, $3, $4)
         ON CONFLICT (namespace, project) DO UPDATE SET project = f.project
         RETURNING f.namespace, f.project, f.description, f.created_at",
    )
    .bind(name.namespace.as_str())
    .bind(project_of(name))
    .bind(description.map(rows::text))
    .bind(now().timestamp_micros())
    .fetch_one(&mut *tx)
    .await?;
    let folder = rows::to_folder(&row)?;
    tx.commit().await?;
    Ok(folder)
}

pub(super) async fn made(connection: &mut PgConnection) -> Result<Vec<Folder>, Failure> {
    let select = "SELECT namespace, project, description, created_at FROM lakebed.folders";
    let rows = query(select).fetch_all(connection).await?;
    let mut made = rows.iter().map(rows::to_folder).collect::<Result<Vec<_>, _>>()?;
    // WHY: the server's order of texts is that of its language.
    made.sort_by(|one, other| one.name.cmp(&other.name));
    Ok(made)
}

pub(super) async fn forget(mut tx: Tx, name: &FolderName) -> Result<bool, Failure> {
    let done = query("DELETE FROM lakebed.folders WHERE namespace = $1 AND project = $2")
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
