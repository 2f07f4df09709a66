//! The catalog's records: [`Dataset`], [`DatasetVersion`] and [`Dependency`]. Plain data without
//! behaviour.

use std::fmt;

use arrow::datatypes::SchemaRef;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::job::JobId;
use crate::name::QualifiedName;
use crate::request::Claim;
use crate::schema::hex;
use crate::time::{optional_text, text};
use crate::version::Version;

/// A name with versions.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Dataset {
    /// Its identity, a UUID; a rename does not change it.
    pub uuid: String,
    /// Its full name.
    pub name: QualifiedName,
    /// What the user says it is.
    pub description: Option<String>,
    /// The user's labels.
    pub attrs: Vec<String>,
    /// When its first version was claimed.
    #[serde(with = "text")]
    pub created_at: DateTime<Utc>,
}

/// How far a version is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum VersionStatus {
    /// Claimed; its data is being written, or its writer died.
    Pending,
    /// Readable.
    Complete,
    /// Its writer gave up.
    Failed,
    /// Removed by a user; only the number and the lineage are left.
    Removed,
}

impl VersionStatus {
    /// The status as it is stored and shown.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Complete => "complete",
            Self::Failed => "failed",
            Self::Removed => "removed",
        }
    }

    /// The reverse of [`as_str`](Self::as_str).
    pub(crate) fn from_text(text: &str) -> Option<Self> {
        [Self::Pending, Self::Complete, Self::Failed, Self::Removed]
            .into_iter()
            .find(|status| status.as_str() == text)
    }
}

impl fmt::Display for VersionStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// One version that another was made from.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Dependency {
    /// The dataset, under the name that it has now.
    pub name: QualifiedName,
    /// Its version, perhaps removed since.
    pub version: Version,
}

/// What the next update of a version has to know.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Delta {
    /// How the rows were computed from their sources, as a digest; `None` when that could not be
    /// told.
    pub steps: Option<String>,
    /// What else was read, beside sources that have versions, as a digest; `None` when that could
    /// not be told.
    #[serde(default)]
    pub inputs: Option<String>,
    /// Whether it has rows that were computed otherwise, before that changed.
    #[serde(default)]
    pub mixed: bool,
    /// Whether it has rows whose source is gone.
    #[serde(default)]
    pub stale: bool,
    /// How the version differs from the one before; `None` when all of it was computed.
    pub changes: Option<Changes>,
}

/// Rows by what became of them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Changes {
    /// Rows of what was not there before.
    pub added: u64,
    /// Rows in the place of others.
    pub replaced: u64,
    /// Rows that are gone.
    pub dropped: u64,
}

/// One state of a dataset.
///
/// Until it is complete its schema and lineage are empty and its counts are zero.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct DatasetVersion {
    /// The dataset, under the name that it has now.
    pub dataset: QualifiedName,
    /// The number.
    pub version: Version,
    /// Its identity, a UUID.
    pub uuid: String,
    /// How far it is.
    pub status: VersionStatus,
    /// The columns.
    #[serde(with = "hex")]
    pub schema: SchemaRef,
    /// Where the data is, relative to the root; a rename does not change it.
    pub location: String,
    /// The number that the storage format gave to this state of the data.
    pub storage_version: u64,
    /// What it was made of, as a digest; `None` when that could not be told.
    #[serde(default)]
    pub fingerprint: Option<String>,
    /// What the next update has to know, where there may be one.
    #[serde(default)]
    pub delta: Option<Delta>,
    /// How many rows it has.
    pub rows: u64,
    /// How many bytes its files describe.
    pub bytes: u64,
    /// The first rows as an array of objects; null where a listing was not asked for previews.
    pub preview: Value,
    /// What it was made from.
    pub dependencies: Vec<Dependency>,
    /// The job that made it.
    pub job: JobId,
    /// When it was claimed.
    #[serde(with = "text")]
    pub created_at: DateTime<Utc>,
    /// When it was completed, or given up.
    #[serde(with = "optional_text", default)]
    pub finished_at: Option<DateTime<Utc>>,
    /// The dataset's description.
    pub description: Option<String>,
    /// The dataset's labels.
    pub attrs: Vec<String>,
    /// Why its writer gave up.
    pub error: Option<String>,
}

impl DatasetVersion {
    /// The claim under which this version was or is being written.
    ///
    /// With it, a pending version whose writer died can be completed or abandoned by someone else.
    pub fn to_claim(&self) -> Claim {
        Claim {
            name: self.dataset.clone(),
            version: self.version,
            token: self.uuid.clone(),
            job: self.job.clone(),
            created_at: self.created_at,
        }
    }
}
