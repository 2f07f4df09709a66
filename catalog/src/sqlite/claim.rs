//! The life of a version up to its completion: claimed, then completed or abandoned.

use arrow::datatypes::Schema;
use sqlx::sqlite::SqliteRow;
use sqlx::{Row, SqliteConnection, query, query_scalar};
use uuid::Uuid;

use crate::dataset::{DatasetVersion, Dependency, VersionStatus};
use crate::error::Error;
use crate::job::JobId;
use crate::request::{Claim, ClaimRequest, CompletedVersion, VersionFilter};
use crate::schema::schema_to_bytes;
use crate::stored::{delta_to_text, labels_to_text, to_stored};
use crate::time::now;
use crate::version::Version;

use super::failure::Failure;
use super::{Tx, folders, read, rows};

pub(super) async fn claim(mut tx: Tx, request: ClaimRequest) -> Result<Claim, Failure> {
    let ClaimRequest { name, location, wanted, job, description, attrs } = request;
    check_job(&mut tx, &job).await?;
    let (dataset, name) = match folders::dataset_at(&mut tx, &location).await? {
        Some(found) => found,
        None => (folders::create_dataset(&mut tx, &name).await?, name),
    };
    let version = wanted.choose(&name, highest(&mut tx, dataset).await?)?;
    let claim = Claim { name, version, token: Uuid::new_v4().to_string(), job, created_at: now() };
    query(
        "INSERT INTO dataset_versions
         (uuid, dataset, location, major, minor, patch, status, job, created_at, claimed_description, claimed_attrs)
         VALUES (?, ?, ?, ?, ?, ?, 'pending', ?, ?, ?, ?)",
    )
    .bind(claim.token.as_str())
    .bind(dataset)
    .bind(location)
    .bind(version.major())
    .bind(version.minor())
    .bind(version.patch())
    .bind(claim.job.as_str())
    .bind(claim.created_at.timestamp_micros())
    .bind(description)
    .bind(attrs.map(labels_to_text))
    .execute(&mut *tx)
    .await?;
    tx.commit().await?;
    Ok(claim)
}

pub(super) async fn complete(
    mut tx: Tx,
    claim: &Claim,
    completed: CompletedVersion,
) -> Result<DatasetVersion, Failure> {
    let claimed = Claimed::find(&mut tx, claim).await?;
    if claimed.status != VersionStatus::Pending {
        return Err(claimed.wrong_status().into());
    }
    completed.newest.check(&claimed.claim.name, newest(&mut tx, claimed.id).await?)?;
    let schema = keep_schema(&mut tx, &completed.schema).await?;
    query(
        "UPDATE dataset_versions SET status = 'complete', finished_at = ?, storage_version = ?, fingerprint = ?,
         rows = ?, bytes = ?, schema = ?, preview = ?, delta = ? WHERE id = ?",
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
        "UPDATE datasets SET description = coalesce(v.claimed_description, description),
         attrs = coalesce(v.claimed_attrs, attrs)
         FROM dataset_versions v WHERE v.id = ? AND datasets.id = v.dataset",
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
    query("UPDATE dataset_versions SET status = 'failed', finished_at = ?, error = ? WHERE id = ?")
        .bind(now().timestamp_micros())
        .bind(error)
        .bind(claimed.id)
        .execute(&mut *tx)
        .await?;
    Ok(tx.commit().await?)
}

/// A claim as the store knows it; its dataset may have been renamed since.
struct Claimed {
    id: i64,
    status: VersionStatus,
    claim: Claim,
}

impl Claimed {
    async fn find(connection: &mut SqliteConnection, claim: &Claim) -> Result<Self, Failure> {
        let row: Option<SqliteRow> = query(
            "SELECT v.id, v.status, n.name AS namespace, p.name AS project, d.name AS dataset
             FROM dataset_versions v JOIN datasets d ON d.id = v.dataset
             JOIN projects p ON p.id = d.project JOIN namespaces n ON n.id = p.namespace
             WHERE v.uuid = ?",
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
        let name = rows::to_name(&row)?;
        Ok(Self {
            id: row.try_get("id")?,
            status: rows::to_status(&row)?,
            claim: Claim { name, ..claim.clone() },
        })
    }

    fn wrong_status(self) -> Error {
        let Claim { name, version, .. } = self.claim;
        Error::WrongStatus { name, version, status: self.status, needed: VersionStatus::Pending }
    }
}

/// The newest complete version of the dataset to which a claimed one belongs.
async fn newest(
    connection: &mut SqliteConnection,
    claimed: i64,
) -> Result<Option<Version>, Failure> {
    let row = query(
        "SELECT w.major, w.minor, w.patch FROM dataset_versions v JOIN dataset_versions w ON w.dataset = v.dataset
         WHERE v.id = ? AND w.status = 'complete' ORDER BY w.major DESC, w.minor DESC, w.patch DESC LIMIT 1",
    )
    .bind(claimed)
    .fetch_optional(connection)
    .await?;
    row.as_ref().map(rows::to_version).transpose()
}

async fn check_job(connection: &mut SqliteConnection, job: &JobId) -> Result<(), Failure> {
    let found = query("SELECT 1 FROM jobs WHERE id = ?")
        .bind(job.as_str())
        .fetch_optional(connection)
        .await?;
    match found {
        Some(_) => Ok(()),
        None => Err(Error::JobNotFound { id: job.clone() }.into()),
    }
}

/// The highest number that the dataset ever used.
async fn highest(
    connection: &mut SqliteConnection,
    dataset: i64,
) -> Result<Option<Version>, Failure> {
    let row = query(
        "SELECT major, minor, patch FROM dataset_versions WHERE dataset = ?
         ORDER BY major DESC, minor DESC, patch DESC LIMIT 1",
    )
    .bind(dataset)
    .fetch_optional(connection)
    .await?;
    row.as_ref().map(rows::to_version).transpose()
}

/// The key of the schema, which is stored if no version had it before.
async fn keep_schema(connection: &mut SqliteConnection, schema: &Schema) -> Result<i64, Failure> {
    // WHY: an update without effect, because `DO NOTHING` returns no key.
    let key = query_scalar(
        "INSERT INTO schemas (bytes) VALUES (?) ON CONFLICT (bytes) DO UPDATE SET id = id RETURNING id",
    )
    .bind(schema_to_bytes(schema))
    .fetch_one(connection)
    .await?;
    Ok(key)
}

async fn insert_dependencies(
    connection: &mut SqliteConnection,
    version: i64,
    dependencies: &[Dependency],
) -> Result<(), Failure> {
    for (position, dependency) in (0_i64..).zip(dependencies) {
        query(
            "INSERT INTO dependencies (version, position, namespace, project, name, major, minor, patch)
             VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        )
        .bind(version)
        .bind(position)
        .bind(dependency.name.namespace.as_str())
        .bind(dependency.name.project.as_str())
        .bind(dependency.name.name.as_str())
        .bind(dependency.version.major())
        .bind(dependency.version.minor())
        .bind(dependency.version.patch())
        .execute(&mut *connection)
        .await?;
    }
    Ok(())
}
