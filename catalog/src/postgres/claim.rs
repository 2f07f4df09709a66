//! The life of a version up to its completion: claimed, then completed or abandoned.

use arrow::datatypes::Schema;
use sqlx::{PgConnection, Row, query, query_scalar};
use uuid::Uuid;

use crate::dataset::{DatasetVersion, Dependency, VersionStatus};
use crate::error::Error;
use crate::request::{Claim, ClaimRequest, CompletedVersion, VersionFilter};
use crate::schema::schema_to_bytes;
use crate::stored::{delta_to_text, labels_to_text, to_stored};
use crate::time::now;
use crate::version::Version;

use super::failure::Failure;
use super::{Tx, datasets, job, read, rows};

pub(super) async fn claim(mut tx: Tx, request: &ClaimRequest) -> Result<Claim, Failure> {
    let ClaimRequest { name, location, wanted, job, description, attrs } = request;
    job::find(&mut tx, job).await?;
    let (dataset, name) = match datasets::find_at(&mut tx, location).await? {
        Some(found) => found,
        None => (datasets::create(&mut tx, name).await?, name.clone()),
    };
    let version = wanted.choose(&name, highest(&mut tx, dataset).await?)?;
    let (token, created_at) = (Uuid::new_v4().to_string(), now());
    let claim = Claim { name, version, token, job: job.clone(), created_at };
    query(
        "INSERT INTO lakebed.dataset_versions
         (uuid, dataset, location, major, minor, patch, status, job, created_at, claimed_description, claimed_attrs)
         VALUES ($1, $2, $3, $4, $5, $6, 'pending', $7, $8, $9, $10::json)",
    )
    .bind(claim.token.as_str())
    .bind(dataset)
    .bind(location)
    .bind(i64::from(version.major()))
    .bind(i64::from(version.minor()))
    .bind(i64::from(version.patch()))
    .bind(claim.job.as_str())
    .bind(claim.created_at.timestamp_micros())
    .bind(description.as_deref().map(rows::text))
    .bind(attrs.clone().map(labels_to_text))
    .execute(&mut *tx)
    .await?;
    tx.commit().await?;
    Ok(claim)
}

pub(super) async fn complete(
    mut tx: Tx,
    claim: &Claim,
    completed: &CompletedVersion,
) -> Result<DatasetVersion, Failure> {
    let claimed = Claimed::find(&mut tx, claim).await?;
    if claimed.status != VersionStatus::Pending {
        return Err(claimed.wrong_status().into());
    }
    completed.newest.check(&claimed.claim.name, newest(&mut tx, claimed.dataset).await?)?;
    let schema = keep_schema(&mut tx, &completed.schema).await?;
    query(
        "UPDATE lakebed.dataset_versions
         SET status = 'complete', finished_at = $1, storage_version = $2, fingerprint = $3,
         rows = $4, bytes = $5, schema = $6, preview = $7::json, delta = $8::json WHERE id = $9",
    )
    .bind(now().timestamp_micros())
    .bind(to_stored(completed.storage_version)?)
    .bind(&completed.fingerprint)
    .bind(to_stored(completed.rows)?)
    .bind(to_stored(completed.bytes)?)
    .bind(schema)
    .bind(completed.preview.to_string())
    .bind(delta_to_text(completed.delta.as_ref())?)
    .bind(claimed.id)
    .execute(&mut *tx)
    .await?;
    query(
        "UPDATE lakebed.datasets d SET description = coalesce(v.claimed_description, d.description),
         attrs = coalesce(v.claimed_attrs, d.attrs)
         FROM lakebed.dataset_versions v WHERE v.id = $1 AND d.id = v.dataset
         AND (v.claimed_description IS NOT NULL OR v.claimed_attrs IS NOT NULL)",
    )
    .bind(claimed.id)
    .execute(&mut *tx)
    .await?;
    insert_dependencies(&mut tx, claimed.id, &completed.dependencies).await?;
    let Claimed { claim: Claim { name, version, .. }, .. } = claimed;
    let filter =
        VersionFilter { version: Some(version), with_preview: true, ..VersionFilter::of(&name) };
    let record = read::versions(&mut tx, &filter).await?.pop();
    tx.commit().await?;
    record.ok_or_else(|| {
        Error::Internal { what: format!("completed version `{version}` of `{name}` is gone") }
            .into()
    })
}

pub(super) async fn abandon(mut tx: Tx, claim: &Claim, error: &str) -> Result<(), Failure> {
    let claimed = Claimed::find(&mut tx, claim).await?;
    match claimed.status {
        VersionStatus::Pending => {}
        VersionStatus::Failed => return Ok(()),
        VersionStatus::Complete | VersionStatus::Removed => {
            return Err(claimed.wrong_status().into());
        }
    }
    query(
        "UPDATE lakebed.dataset_versions SET status = 'failed', finished_at = $1, error = $2
         WHERE id = $3",
    )
    .bind(now().timestamp_micros())
    .bind(rows::text(error))
    .bind(claimed.id)
    .execute(&mut *tx)
    .await?;
    Ok(tx.commit().await?)
}

/// A claim as the store knows it; its dataset may have been renamed since.
struct Claimed {
    id: i64,
    dataset: i64,
    status: VersionStatus,
    claim: Claim,
}

impl Claimed {
    async fn find(connection: &mut PgConnection, claim: &Claim) -> Result<Self, Failure> {
        let row = query(
            "SELECT v.id, v.dataset, v.status, d.namespace || '.' || d.project || '.' || d.name AS name
             FROM lakebed.dataset_versions v JOIN lakebed.datasets d ON d.id = v.dataset
             WHERE v.uuid = $1",
        )
        .bind(claim.token.as_str())
        .fetch_optional(connection)
        .await?;
        let Some(row) = row else {
            return Err(Failure::Missing {
                name: claim.name.clone(),
                wanted: Some(claim.version.into()),
            });
        };
        Ok(Self {
            id: row.try_get("id")?,
            dataset: row.try_get("dataset")?,
            status: rows::to_status(&row)?,
            claim: Claim { name: rows::to_name(&row)?, ..claim.clone() },
        })
    }

    fn wrong_status(self) -> Error {
        let Claim { name, version, .. } = self.claim;
        Error::WrongStatus { name, version, status: self.status, needed: VersionStatus::Pending }
    }
}

/// The newest complete version of the dataset.
async fn newest(connection: &mut PgConnection, dataset: i64) -> Result<Option<Version>, Failure> {
    let row = query(
        "SELECT format('%s.%s.%s', major, minor, patch) AS version FROM lakebed.dataset_versions
         WHERE dataset = $1 AND status = 'complete' ORDER BY major DESC, minor DESC, patch DESC LIMIT 1",
    )
    .bind(dataset)
    .fetch_optional(connection)
    .await?;
    row.as_ref().map(rows::to_version).transpose()
}

/// The highest number that the dataset ever used.
async fn highest(connection: &mut PgConnection, dataset: i64) -> Result<Option<Version>, Failure> {
    let row = query(
        "SELECT format('%s.%s.%s', major, minor, patch) AS version FROM lakebed.dataset_versions
         WHERE dataset = $1 ORDER BY major DESC, minor DESC, patch DESC LIMIT 1",
    )
    .bind(dataset)
    .fetch_optional(connection)
    .await?;
    row.as_ref().map(rows::to_version).transpose()
}

/// The key of the schema, which is stored if no version had it before.
async fn keep_schema(connection: &mut PgConnection, schema: &Schema) -> Result<i64, Failure> {
    let bytes = schema_to_bytes(schema);
    let digest = blake3::hash(&bytes).to_hex().to_string();
    let known = query_scalar("SELECT id FROM lakebed.schemas WHERE digest = $1")
        .bind(&digest)
        .fetch_optional(&mut *connection)
        .await?;
    if let Some(key) = known {
        return Ok(key);
    }
    let key =
        query_scalar("INSERT INTO lakebed.schemas (digest, bytes) VALUES ($1, $2) RETURNING id")
            .bind(digest)
            .bind(bytes)
            .fetch_one(connection)
            .await?;
    Ok(key)
}

async fn insert_dependencies(
    connection: &mut PgConnection,
    version: i64,
    dependencies: &[Dependency],
) -> Result<(), Failure> {
    for (position, dependency) in (0_i64..).zip(dependencies) {
        query(
            "INSERT INTO lakebed.dependencies
             (version, position, namespace, project, name, major, minor, patch)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
        )
        .bind(version)
        .bind(position)
        .bind(dependency.name.namespace.as_str())
        .bind(dependency.name.project.as_str())
        .bind(dependency.name.name.as_str())
        .bind(i64::from(dependency.version.major()))
        .bind(i64::from(dependency.version.minor()))
        .bind(i64::from(dependency.version.patch()))
        .execute(&mut *connection)
        .await?;
    }
    Ok(())
}
