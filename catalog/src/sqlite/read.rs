//! Listings: datasets and versions, each in one pass over its tables.

use std::collections::HashMap;

use sqlx::{QueryBuilder, Row, Sqlite, SqliteConnection, query};

use crate::dataset::{Dataset, DatasetVersion, Dependency};
use crate::request::VersionFilter;

use super::failure::Failure;
use super::rows::{self, Schemas};

/// All datasets with a complete version, by name.
pub(super) async fn datasets(connection: &mut SqliteConnection) -> Result<Vec<Dataset>, Failure> {
    let rows = query(
        "SELECT n.name AS namespace, p.name AS project, d.name AS dataset, d.uuid, d.description, d.attrs, d.created_at
         FROM datasets d JOIN projects p ON p.id = d.project JOIN namespaces n ON n.id = p.namespace
         WHERE EXISTS (SELECT 1 FROM dataset_versions v WHERE v.dataset = d.id AND v.status = 'complete')",
    )
    .fetch_all(connection)
    .await?;
    let mut datasets = rows.iter().map(rows::to_dataset).collect::<Result<Vec<_>, _>>()?;
    datasets.sort_by(|one, other| one.name.cmp(&other.name));
    Ok(datasets)
}

/// One dataset by its key.
pub(super) async fn dataset(
    connection: &mut SqliteConnection,
    id: i64,
) -> Result<Dataset, Failure> {
    let row = query(
        "SELECT n.name AS namespace, p.name AS project, d.name AS dataset, d.uuid, d.description, d.attrs, d.created_at
         FROM datasets d JOIN projects p ON p.id = d.project JOIN namespaces n ON n.id = p.namespace
         WHERE d.id = ?",
    )
    .bind(id)
    .fetch_one(connection)
    .await?;
    rows::to_dataset(&row)
}

/// The versions that the filter admits, by name and number. Two queries; run it in a transaction.
pub(super) async fn versions(
    connection: &mut SqliteConnection,
    filter: &VersionFilter,
) -> Result<Vec<DatasetVersion>, Failure> {
    let mut lineage = dependencies(&mut *connection, filter).await?;
    let mut schemas = Schemas::default();
    let preview = if filter.with_preview { "v.preview" } else { "NULL" };
    let mut select = QueryBuilder::<Sqlite>::new(
        "SELECT n.name AS namespace, p.name AS project, d.name AS dataset, d.description, d.attrs,
         v.id, v.uuid, v.major, v.minor, v.patch, v.status, v.job, v.created_at, v.finished_at, v.location,
         v.storage_version, v.rows, v.bytes, v.error, v.schema, ",
    );
    select.push(preview).push(" AS preview FROM dataset_versions v");
    push_filter(&mut select, filter);
    let rows = select.build().fetch_all(connection).await?;
    let mut versions = Vec::with_capacity(rows.len());
    for row in &rows {
        let dependencies = lineage.remove(&row.try_get("id")?).unwrap_or_default();
        versions
            .push(DatasetVersion { dependencies, ..rows::to_dataset_version(row, &mut schemas)? });
    }
    // WHY: sorting finished records is cheaper than having SQLite sort wide rows.
    versions
        .sort_by(|one, other| (&one.dataset, one.version).cmp(&(&other.dataset, other.version)));
    Ok(versions)
}

/// The dependencies of the versions that the filter admits, by the key of the version.
async fn dependencies(
    connection: &mut SqliteConnection,
    filter: &VersionFilter,
) -> Result<HashMap<i64, Vec<Dependency>>, Failure> {
    let mut select = QueryBuilder::<Sqlite>::new(
        "SELECT e.version AS id, e.namespace, e.project, e.name AS dataset, e.major, e.minor, e.patch
         FROM dependencies e JOIN dataset_versions v ON v.id = e.version",
    );
    push_filter(&mut select, filter);
    select.push(" ORDER BY e.version, e.position");
    let mut found: HashMap<i64, Vec<Dependency>> = HashMap::new();
    for row in &select.build().fetch_all(connection).await? {
        let dependency = Dependency { name: rows::to_name(row)?, version: rows::to_version(row)? };
        found.entry(row.try_get("id")?).or_default().push(dependency);
    }
    Ok(found)
}

/// The joins that name a version `v`, and the filter's conditions.
fn push_filter(select: &mut QueryBuilder<Sqlite>, filter: &VersionFilter) {
    select.push(
        " JOIN datasets d ON d.id = v.dataset JOIN projects p ON p.id = d.project
         JOIN namespaces n ON n.id = p.namespace WHERE v.status IN ('complete'",
    );
    if filter.include_removed {
        select.push(", 'removed'");
    }
    if filter.include_unfinished {
        select.push(", 'pending', 'failed'");
    }
    select.push(")");
    if let Some(name) = &filter.name {
        select.push(" AND n.name = ").push_bind(name.namespace.as_str());
        select.push(" AND p.name = ").push_bind(name.project.as_str());
        select.push(" AND d.name = ").push_bind(name.name.as_str());
    }
    if let Some(version) = filter.version {
        select.push(" AND v.major = ").push_bind(version.major());
        select.push(" AND v.minor = ").push_bind(version.minor());
        select.push(" AND v.patch = ").push_bind(version.patch());
    }
}
