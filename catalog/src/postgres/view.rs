//! Queries under names: make, replace, find, drop.

use sqlx::{PgConnection, query};

use crate::name::QualifiedName;
use crate::view::View;

use super::Tx;
use super::failure::Failure;
use super::rows;

/// Leaves one that is there.
const MAKE: &str = "INSERT INTO lakebed.views
    (namespace, project, name, query, default_namespace, default_project, created_at)
    VALUES ($1, $2, $3, $4, $5, $6, $7)
    ON CONFLICT (namespace, project, name) DO NOTHING";

/// Takes the place of one that is there.
const REPLACE: &str = "INSERT INTO lakebed.views
    (namespace, project, name, query, default_namespace, default_project, created_at)
    VALUES ($1, $2, $3, $4, $5, $6, $7)
    ON CONFLICT (namespace, project, name) DO UPDATE SET query = excluded.query,
        default_namespace = excluded.default_namespace,
        default_project = excluded.default_project, created_at = excluded.created_at";

pub(super) async fn make(mut tx: Tx, view: &View) -> Result<View, Failure> {
    insert(&mut tx, MAKE, view).await?;
    let there = find(&mut tx, &view.name).await?;
    tx.commit().await?;
    Ok(there.unwrap_or_else(|| view.clone()))
}

pub(super) async fn replace(mut tx: Tx, view: &View) -> Result<(), Failure> {
    insert(&mut tx, REPLACE, view).await?;
    Ok(tx.commit().await?)
}

async fn insert(
    connection: &mut PgConnection,
    statement: &'static str,
    view: &View,
) -> Result<(), Failure> {
    query(statement)
        .bind(view.name.namespace.as_str())
        .bind(view.name.project.as_str())
        .bind(view.name.name.as_str())
        .bind(rows::text(&view.text))
        .bind(view.namespace.as_str())
        .bind(view.project.as_str())
        .bind(view.created_at.timestamp_micros())
        .execute(connection)
        .await?;
    Ok(())
}

pub(super) async fn find(
    connection: &mut PgConnection,
    name: &QualifiedName,
) -> Result<Option<View>, Failure> {
    let select = "SELECT * FROM lakebed.views
        WHERE namespace = $1 AND project = $2 AND name = $3";
    let found = query(select)
        .bind(name.namespace.as_str())
        .bind(name.project.as_str())
        .bind(name.name.as_str())
        .fetch_optional(connection)
        .await?;
    found.as_ref().map(rows::to_view).transpose()
}

pub(super) async fn all(connection: &mut PgConnection) -> Result<Vec<View>, Failure> {
    let rows = query("SELECT * FROM lakebed.views").fetch_all(connection).await?;
    let mut all = rows.iter().map(rows::to_view).collect::<Result<Vec<_>, _>>()?;
    // WHY: the server's order of texts is that of its language.
    all.sort_by(|one, other| one.name.cmp(&other.name));
    Ok(all)
}

pub(super) async fn drop(mut tx: Tx, name: &QualifiedName) -> Result<bool, Failure> {
    let done =
        query("DELETE FROM lakebed.views WHERE namespace = $1 AND project = $2 AND name = $3")
            .bind(name.namespace.as_str())
            .bind(name.project.as_str())
            .bind(name.name.as_str())
            .execute(&mut *tx)
            .await?;
    tx.commit().await?;
    Ok(done.rows_affected() > 0)
}
