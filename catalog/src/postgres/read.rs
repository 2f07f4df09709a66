//! Listings: datasets and versions, each in one pass over its tables.

use std::collections::HashMap;
use std::sync::Arc;

use arrow::datatypes::{Schema, SchemaRef};
use sqlx::postgres::PgRow;
use sqlx::{PgConnection, Postgres, QueryBuilder, Row, query};

use crate::dataset::{Dataset, DatasetVersion};
use crate::error::Error;
use crate::name::QualifiedName;
use crate::request::VersionFilter;
use crate::schema::schema_from_bytes;
use crate::stored::{StoredVersion, push_place, push_status};

use super::failure::Failure;
use super::rows::{self, DATASET};

/// All datasets with a complete version, by name.
pub(super) async fn datasets(connection: &mut PgConnection) -> Result<Vec<Dataset>, Failure> {
    let mut select = select_datasets();
    select.push("EXISTS (SELECT 1 FROM lakebed.dataset_versions v WHERE v.dataset = d.id AND v.status = 'complete')");
    let rows = select.build().fetch_all(connection).await?;
    let mut datasets = rows.iter().map(rows::to_dataset).collect::<Result<Vec<_>, _>>()?;
    datasets.sort_by(|one, other| one.name.cmp(&other.name));
    Ok(datasets)
}

/// One dataset by its key.
pub(super) async fn dataset(connection: &mut PgConnection, id: i64) -> Result<Dataset, Failure> {
    let mut select = select_datasets();
    select.push("d.id = ").push_bind(id);
    rows::to_dataset(&select.build().fetch_one(connection).await?)
}

/// The versions that the filter admits, by name and number. Several queries; run it in a
/// transaction.
pub(super) async fn versions(
    connection: &mut PgConnection,
    filter: &VersionFilter,
) -> Result<Vec<DatasetVersion>, Failure> {
    let rows = select_versions(filter).build().fetch_all(&mut *connection).await?;
    let mut stored = Vec::with_capacity(rows.len());
    for row in &rows {
        stored.append(&mut StoredVersion::read_all(row.try_get("versions")?)?);
    }
    let datasets = datasets_of(&stored, &mut *connection).await?;
    let schemas = schemas_of(&stored, connection).await?;
    let record = |version: StoredVersion| {
        let lost = || Error::Internal { what: format!("dataset `{}` is lost", version.dataset) };
        let dataset = datasets.get(&version.dataset).ok_or_else(lost)?;
        let schema = match version.schema {
            None => Arc::new(Schema::empty()),
            Some(key) => {
                let lost = || Error::Corrupt {
                    what: format!("schema `{key}` is lost"),
                    source: "no such row".into(),
                };
                Arc::clone(schemas.get(&key).ok_or_else(lost)?)
            }
        };
        version.into_record(dataset, schema)
    };
    let mut versions = stored.into_iter().map(record).collect::<Result<Vec<_>, Error>>()?;
    versions
        .sort_by(|one, other| (&one.dataset, one.version).cmp(&(&other.dataset, other.version)));
    Ok(versions)
}

fn select_datasets() -> QueryBuilder<Postgres> {
    QueryBuilder::new(format!("SELECT d.id, {DATASET} AS dataset FROM lakebed.datasets d WHERE "))
}

/// The datasets of versions, by key.
async fn datasets_of(
    versions: &[StoredVersion],
    connection: &mut PgConnection,
) -> Result<HashMap<i64, Dataset>, Failure> {
    let keys: Vec<i64> = versions.iter().map(|version| version.dataset).collect();
    let mut select = select_datasets();
    select.push("d.id = ANY(").push_bind(unique(keys)).push(")");
    let rows = select.build().fetch_all(connection).await?;
    rows.iter().map(|row| Ok((row.try_get("id")?, rows::to_dataset(row)?))).collect()
}

/// The schemas of versions, by key.
async fn schemas_of(
    versions: &[StoredVersion],
    connection: &mut PgConnection,
) -> Result<HashMap<i64, SchemaRef>, Failure> {
    let keys: Vec<i64> = versions.iter().filter_map(|version| version.schema).collect();
    let rows = query("SELECT id, bytes FROM lakebed.schemas WHERE id = ANY($1)")
        .bind(unique(keys))
        .fetch_all(connection)
        .await?;
    let schema = |row: &PgRow| -> Result<_, Failure> {
        Ok((row.try_get("id")?, schema_from_bytes(row.try_get("bytes")?)?))
    };
    rows.iter().map(schema).collect()
}

/// Rows of up to 256 versions each, as JSON.
fn select_versions(filter: &VersionFilter) -> QueryBuilder<Postgres> {
    let mut select = QueryBuilder::new(
        "SELECT json_agg(json_build_object(
            'dataset', v.dataset, 'schema', v.schema, 'version', format('%s.%s.%s', v.major, v.minor, v.patch),
            'uuid', v.uuid, 'status', v.status, 'location', v.location, 'storage_version', v.storage_version,
            'fingerprint', v.fingerprint, 'delta', v.delta, 'rows', v.rows, 'bytes', v.bytes, 'job', v.job,
            'created_at', v.created_at, 'finished_at', v.finished_at, 'error', v.error,
            'dependencies', (
                SELECT coalesce(json_agg(json_build_object('name', e.namespace || '.' || e.project || '.' || e.name,
                    'version', format('%s.%s.%s', e.major, e.minor, e.patch)) ORDER BY e.position), '[]')
                FROM lakebed.dependencies e WHERE e.version = v.id),
            'preview', ",
    );
    select.push(if filter.with_preview { "v.preview" } else { "NULL" });
    select.push(
        "))::text AS versions FROM lakebed.datasets d JOIN lakebed.dataset_versions v ON v.dataset = d.id WHERE ",
    );
    push_status(&mut select, "v", filter);
    push_name(&mut select, filter.name.as_ref());
    push_place(&mut select, "v", filter);
    if filter.newest_only {
        select.push(
            " AND v.id = (SELECT w.id FROM lakebed.dataset_versions w WHERE w.dataset = d.id AND ",
        );
        push_status(&mut select, "w", filter);
        push_place(&mut select, "w", filter);
        select.push(" ORDER BY w.major DESC, w.minor DESC, w.patch DESC LIMIT 1)");
    }
    select.push(" GROUP BY v.id / 256");
    select
}

fn push_name(select: &mut QueryBuilder<Postgres>, name: Option<&QualifiedName>) {
    if let Some(name) = name {
        select.push(" AND d.namespace = ").push_bind(name.namespace.as_str());
        select.push(" AND d.project = ").push_bind(name.project.as_str());
        select.push(" AND d.name = ").push_bind(name.name.as_str());
    }
}

fn unique(mut keys: Vec<i64>) -> Vec<i64> {
    keys.sort_unstable();
    keys.dedup();
    keys
}
