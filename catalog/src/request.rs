//! What a caller hands to a [`CatalogStore`](crate::CatalogStore): plain data, one struct per
//! question.

use std::sync::Arc;

use arrow::datatypes::{Schema, SchemaRef};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::dataset::{Delta, Dependency, VersionStatus};
use crate::error::{Error, Result};
use crate::job::JobId;
use crate::name::QualifiedName;
use crate::schema::hex;
use crate::time::{optional_text, text};
use crate::version::{Bump, Version};

/// Which number a new version should get.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Wanted {
    /// The next one after the highest number ever used; `1.0.0` for a new dataset.
    Bump(Bump),
    /// This one, which must be higher than all numbers ever used.
    Exact(Version),
}

impl Wanted {
    /// The number to use, where `highest` is the highest one ever used, removed and failed versions
    /// included.
    pub(crate) fn choose(self, name: &QualifiedName, highest: Option<Version>) -> Result<Version> {
        match (self, highest) {
            (Self::Bump(_), None) => Ok(Version::FIRST),
            (Self::Bump(bump), Some(latest)) => latest.bump(bump),
            (Self::Exact(version), Some(latest)) if version <= latest => {
                Err(Error::VersionTaken { name: name.clone(), version, latest })
            }
            (Self::Exact(version), _) => Ok(version),
        }
    }
}

/// Asks for the right to write a version.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ClaimRequest {
    /// The dataset; it is created if it does not exist.
    pub name: QualifiedName,
    /// Where the data is, relative to the root. If a dataset is there already, the version is one
    /// of that dataset, whatever it is called by now.
    pub location: String,
    /// Which number.
    pub wanted: Wanted,
    /// The job that writes; it must have been started.
    pub job: JobId,
    /// Replaces the dataset's description, once the version is complete.
    pub description: Option<String>,
    /// Replaces the dataset's labels, once the version is complete.
    pub attrs: Option<Vec<String>>,
}

impl ClaimRequest {
    /// A request that leaves the dataset's description and labels alone; the location is called as
    /// the dataset is.
    pub fn new(name: QualifiedName, wanted: Wanted, job: JobId) -> Self {
        let location = name.to_string();
        Self { name, location, wanted, job, description: None, attrs: None }
    }
}

/// The right to write one version; plain data, so that another process may finish the work.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Claim {
    /// The dataset.
    pub name: QualifiedName,
    /// The number that nobody else gets.
    pub version: Version,
    /// What proves the claim: the UUID of the version.
    pub token: String,
    /// The job that writes.
    pub job: JobId,
    /// When it was claimed.
    #[serde(with = "text")]
    pub created_at: DateTime<Utc>,
}

/// Which version must be a dataset's newest complete one, for another to become complete.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Newest {
    /// Whichever it is.
    #[default]
    Any,
    /// This one; none.
    Is(Option<Version>),
}

impl Newest {
    /// Refuses another.
    pub(crate) fn check(self, name: &QualifiedName, newest: Option<Version>) -> Result<()> {
        match self {
            Self::Is(expected) if expected != newest => {
                Err(Error::NewestMoved { name: name.clone(), expected, newest })
            }
            _ => Ok(()),
        }
    }
}

/// What is known of a version once its data is durable.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CompletedVersion {
    /// The columns.
    #[serde(with = "hex")]
    pub schema: SchemaRef,
    /// The number that the storage format gave to this state of the data.
    pub storage_version: u64,
    /// What must still be the dataset's newest complete version.
    #[serde(default)]
    pub newest: Newest,
    /// What it was made of, as a digest that is the same only if the rows are.
    #[serde(default)]
    pub fingerprint: Option<String>,
    /// What the next update has to know, where there may be one.
    #[serde(default)]
    pub delta: Option<Delta>,
    /// How many rows it has.
    pub rows: u64,
    /// How many bytes its files describe.
    pub bytes: u64,
    /// The first rows, as an array of up to 20 objects.
    pub preview: Value,
    /// What it was made from.
    pub dependencies: Vec<Dependency>,
}

impl Default for CompletedVersion {
    fn default() -> Self {
        Self {
            schema: Arc::new(Schema::empty()),
            storage_version: 0,
            newest: Newest::Any,
            fingerprint: None,
            delta: None,
            rows: 0,
            bytes: 0,
            preview: Value::Array(Vec::new()),
            dependencies: Vec::new(),
        }
    }
}

/// Which versions to list; by default all complete ones, without their previews.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[expect(clippy::struct_excessive_bools, reason = "independent switches, set by name")]
pub struct VersionFilter {
    /// Only of this dataset.
    pub name: Option<QualifiedName>,
    /// Only this number.
    pub version: Option<Version>,
    /// Only with data in this location.
    pub location: Option<String>,
    /// Only completed, removed or given up at this time or later.
    #[serde(with = "optional_text", default)]
    pub finished_since: Option<DateTime<Utc>>,
    /// Of each dataset only the highest version, of those that the rest of the filter admits.
    pub newest_only: bool,
    /// Removed versions too.
    pub include_removed: bool,
    /// Pending and failed versions too.
    pub include_unfinished: bool,
    /// Whether to load the previews, which are by far the largest part of a version.
    pub with_preview: bool,
}

impl VersionFilter {
    /// The complete versions of one dataset.
    pub fn of(name: &QualifiedName) -> Self {
        Self { name: Some(name.clone()), ..Self::default() }
    }

    /// Every number that one dataset ever used.
    pub fn all_of(name: &QualifiedName) -> Self {
        Self { include_removed: true, include_unfinished: true, ..Self::of(name) }
    }

    /// Every number that was ever used with data in this location.
    pub fn all_at(location: impl Into<String>) -> Self {
        let location = Some(location.into());
        Self { location, include_removed: true, include_unfinished: true, ..Self::default() }
    }

    /// Whether versions in this state are listed.
    pub(crate) fn admits(&self, status: VersionStatus) -> bool {
        match status {
            VersionStatus::Complete => true,
            VersionStatus::Removed => self.include_removed,
            VersionStatus::Pending | VersionStatus::Failed => self.include_unfinished,
        }
    }
}

/// Changes to a dataset itself; what is `None` stays as it is.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct DatasetEdit {
    /// The new description.
    pub description: Option<String>,
    /// The new labels, replacing all old ones.
    pub attrs: Option<Vec<String>>,
}
