//! Listings: datasets and versions, each in one pass over its tables.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::Arc;

use arrow::datatypes::{Schema, SchemaRef};
use sqlx::{QueryBuilder, Row, Sqlite, SqliteConnection, query_scalar};

use crate::dataset::{Dataset, DatasetVersion};
use crate::error::Error;
use crate::name::QualifiedName;
use crate::request::VersionFilter;
use crate::schema::schema_from_bytes;
use crate::stored::{StoredVersion, push_place, push_status};

use super::failure::Failure;
use super::rows;

const DATASETS: &str = "SELECT d.id, n.name AS namespace, p.name AS project, d.name AS dataset,
    d.uuid, d.description, d.attrs, d.created_at
    FROM datasets d JOIN projects p ON p.id = d.project JOIN namespaces n ON n.id = p.namespace WHERE ";

/// All datasets with a complete version, by name.
pub(super) async fn datasets(connection: &mut SqliteConnection) -> Result<Vec<Dataset>, Failure> {
    let mut select = QueryBuilder::<Sqlite>::new(DATASETS);
    select.push("EXISTS (SELECT 1 FROM dataset_versions v WHERE v.dataset = d.id AND v.status = 'complete')");
    let rows = select.build().fetch_all(connection).await?;
    let mut datasets = rows.iter().map(rows::to_dataset).collect::<Result<Vec<_>, _>>()?;
    datasets.sort_by(|one, other| one.name.cmp(&other.name));
    Ok(datasets)
}

/// One dataset by its key.
pub(super) async fn dataset(
    connection: &mut SqliteConnection,
    id: i64,
) -> Result<Dataset, Failure> {
    let mut select = QueryBuilder::<Sqlite>::new(DATASETS);
    select.push("d.id = ").push_bind(id);
    rows::to_dataset(&select.build().fetch_one(connection).await?)
}

/// The versions that the filter admits, by name and number. Several queries; run it in a
/// transaction.
pub(super) async fn versions(
    connection: &mut SqliteConnection,
    filter: &VersionFilter,
) -> Result<Vec<DatasetVersion>, Failure> {
    let datasets = datasets_by_key(&mut *connection, filter.name.as_ref()).await?;
    let mut versions: Vec<DatasetVersion> = Vec::new();
    let mut schemas = HashMap::new();
    for row in &select_versions(filter).build().fetch_all(&mut *connection).await? {
        for stored in StoredVersion::read_all(row.try_get("versions")?)? {
            let lost = || Error::Internal { what: format!("dataset `{}` is lost", stored.dataset) };
            let dataset = datasets.get(&stored.dataset).ok_or_else(lost)?;
            let schema = schema_of(&stored, &mut schemas, &mut *connection).await?;
            versions.push(stored.into_record(dataset, schema)?);
        }
    }
    versions
        .sort_by(|one, other| (&one.dataset, one.version).cmp(&(&other.dataset, other.version)));
    Ok(versions)
}

/// Every dataset, visible or not, or the one with this name.
async fn datasets_by_key(
    connection: &mut SqliteConnection,
    name: Option<&QualifiedName>,
) -> Result<HashMap<i64, Dataset>, Failure> {
    let mut select = QueryBuilder::<Sqlite>::new(DATASETS);
    select.push("true");
    push_name(&mut select, name);
    let rows = select.build().fetch_all(connection).await?;
    rows.iter().map(|row| Ok((row.try_get("id")?, rows::to_dataset(row)?))).collect()
}

/// Rows of up to 256 versions each, as JSON.
// WHY: the driver hands over every row and every column between two threads; this is several times
// as fast.
fn select_versions(filter: &VersionFilter) -> QueryBuilder<Sqlite> {
    let mut select = QueryBuilder::new(
        "SELECT json_group_array(json_object(
            'dataset', v.dataset, 'schema', v.schema, 'version', format('%d.%d.%d', v.major, v.minor, v.patch),
            'uuid', v.uuid, 'status', v.status, 'location', v.location, 'storage_version', v.storage_version, 'fingerprint', v.fingerprint, 'delta', json(v.delta),
            'rows', v.rows, 'bytes', v.bytes, 'job', v.job, 'created_at', v.created_at,
            'finished_at', v.finished_at, 'error', v.error, 'dependencies', json((
                SELECT json_group_array(json_object('name', e.namespace || '.' || e.project || '.' || e.name,
                    'version', format('%d.%d.%d', e.major, e.minor, e.patch)) ORDER BY e.position)
                FROM dependencies e WHERE e.version = v.id)), 'preview', ",
    );
    select.push(if filter.with_preview { "json(v.preview)" } else { "NULL" });
    select.push(
        ")) AS versions FROM namespaces n JOIN projects p ON p.namespace = n.id
         JOIN datasets d ON d.project = p.id JOIN dataset_versions v ON v.dataset = d.id WHERE ",
    );
    push_status(&mut select, "v", filter);
    push_name(&mut select, filter.name.as_ref());
    push_place(&mut select, "v", filter);
    if filter.newest_only {
        select.push(" AND v.id = (SELECT w.id FROM dataset_versions w WHERE w.dataset = d.id AND ");
        push_status(&mut select, "w", filter);
        push_place(&mut select, "w", filter);
        select.push(" ORDER BY w.major DESC, w.minor DESC, w.patch DESC LIMIT 1)");
    }
    select.push(" GROUP BY v.id / 256");
    select
}

fn push_name(select: &mut QueryBuilder<Sqlite>, name: Option<&QualifiedName>) {
    if let Some(name) = name {
        select.push(" AND n.name = ").push_bind(name.namespace.as_str());
        select.push(" AND p.name = ").push_bind(name.project.as_str());
        select.push(" AND d.name = ").push_bind(name.name.as_str());
    }
}

/// The schema of a version, from those that were decoded before or from its table.
async fn schema_of(
    version: &StoredVersion,
    known: &mut HashMap<i64, SchemaRef>,
    connection: &mut SqliteConnection,
) -> Result<SchemaRef, Failure> {
    let Some(key) = version.schema else {
        return Ok(Arc::new(Schema::empty()));
    };
    match known.entry(key) {
        Entry::Occupied(schema) => Ok(Arc::clone(schema.get())),
        Entry::Vacant(place) => {
            let bytes: Option<Vec<u8>> = query_scalar("SELECT bytes FROM schemas WHERE id = ?")
                .bind(key)
                .fetch_optional(connection)
                .await?;
            let lost = || Error::Corrupt {
                what: format!("schema `{key}` is lost"),
                source: "no such row".into(),
            };
            let schema = schema_from_bytes(&bytes.ok_or_else(lost)?)?;
            Ok(Arc::clone(place.insert(schema)))
        }
    }
}
