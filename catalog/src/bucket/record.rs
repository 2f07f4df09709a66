//! The stored form of datasets and versions.

use arrow::datatypes::SchemaRef;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use uuid::Uuid;

use crate::dataset::{Dataset, DatasetVersion, Delta, Dependency, VersionStatus};
use crate::error::Error;
use crate::job::JobId;
use crate::name::QualifiedName;
use crate::request::{Claim, ClaimRequest, DatasetEdit, VersionFilter};
use crate::time::{optional_text, text};
use crate::version::Version;

use super::head::Head;

/// What is at the path of a dataset.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Record {
    /// A dataset; it came into being with its first version.
    Dataset(DatasetRecord),
    /// None, and never will be: the name was wanted for another dataset.
    Reserved,
}

/// A dataset with its versions.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct DatasetRecord {
    uuid: String,
    #[serde(with = "text")]
    created_at: DateTime<Utc>,
    description: Option<String>,
    attrs: Vec<String>,
    /// Every number that was ever used, the lowest first.
    pub(super) versions: Vec<VersionRecord>,
}

/// A version without what is large.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct VersionRecord {
    pub(super) version: Version,
    pub(super) uuid: String,
    pub(super) status: VersionStatus,
    pub(super) location: String,
    pub(super) job: JobId,
    #[serde(with = "text")]
    pub(super) created_at: DateTime<Utc>,
    #[serde(with = "optional_text", default, skip_serializing_if = "Option::is_none")]
    pub(super) finished_at: Option<DateTime<Utc>>,
    /// What its completion does to the dataset.
    #[serde(default, skip_serializing_if = "is_nothing")]
    pub(super) edit: DatasetEdit,
    /// Why its writer gave up.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) error: Option<String>,
    /// What it holds, once it is complete.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) content: Option<Content>,
    /// Which call removed it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) removed_by: Option<String>,
}

/// What is known of a complete version.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Content {
    /// The digest of the schema.
    pub(super) schema: String,
    /// The name of the preview, which tells this completion from every other, too.
    pub(super) preview: String,
    pub(super) storage_version: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) fingerprint: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) delta: Option<Delta>,
    pub(super) rows: u64,
    pub(super) bytes: u64,
    /// Under the names that they had when there had been so many renames.
    pub(super) dependencies: Vec<Dependency>,
    pub(super) renames: usize,
}

impl Record {
    /// The dataset, if it is one.
    pub(super) fn into_dataset(self) -> Option<DatasetRecord> {
        match self {
            Self::Dataset(dataset) => Some(dataset),
            Self::Reserved => None,
        }
    }
}

impl DatasetRecord {
    /// Without versions yet.
    pub(super) fn new(created_at: DateTime<Utc>) -> Self {
        let uuid = Uuid::new_v4().to_string();
        Self { uuid, created_at, description: None, attrs: Vec::new(), versions: Vec::new() }
    }

    /// The dataset under the name that it has now.
    pub(super) fn to_dataset(&self, name: QualifiedName) -> Dataset {
        Dataset {
            uuid: self.uuid.clone(),
            name,
            description: self.description.clone(),
            attrs: self.attrs.clone(),
            created_at: self.created_at,
        }
    }

    pub(super) fn is_visible(&self) -> bool {
        self.newest().is_some()
    }

    /// The highest number ever used.
    pub(super) fn highest(&self) -> Option<Version> {
        self.versions.last().map(|record| record.version)
    }

    /// The newest complete version.
    pub(super) fn newest(&self) -> Option<Version> {
        let mut newest_first = self.versions.iter().rev();
        let newest = newest_first.find(|record| record.status == VersionStatus::Complete);
        newest.map(|record| record.version)
    }

    /// Whether a version's data is there.
    pub(super) fn is_at(&self, location: &str) -> bool {
        self.versions.iter().any(|record| record.location == location)
    }

    /// The version with this UUID.
    pub(super) fn claimed(&mut self, token: &str) -> Option<&mut VersionRecord> {
        self.versions.iter_mut().find(|record| record.uuid == token)
    }

    /// The version with this number.
    pub(super) fn numbered(&mut self, version: Version) -> Option<&mut VersionRecord> {
        self.versions.iter_mut().find(|record| record.version == version)
    }

    /// Changes what the edit names.
    pub(super) fn edit(&mut self, edit: DatasetEdit) {
        if let Some(description) = edit.description {
            self.description = Some(description);
        }
        if let Some(attrs) = edit.attrs {
            self.attrs = attrs;
        }
    }

    /// The versions that the filter admits, lowest first.
    pub(super) fn admitted(&self, filter: &VersionFilter) -> Vec<&VersionRecord> {
        let mut admitted: Vec<&VersionRecord> =
            self.versions.iter().filter(|record| record.is_admitted(filter)).collect();
        if filter.newest_only {
            admitted.drain(..admitted.len().saturating_sub(1));
        }
        admitted
    }
}

impl VersionRecord {
    /// Of a version that was just claimed.
    pub(super) fn pending(claim: &Claim, request: &ClaimRequest) -> Self {
        let (description, attrs) = (request.description.clone(), request.attrs.clone());
        Self {
            version: claim.version,
            uuid: claim.token.clone(),
            status: VersionStatus::Pending,
            location: request.location.clone(),
            job: claim.job.clone(),
            created_at: claim.created_at,
            finished_at: None,
            edit: DatasetEdit { description, attrs },
            error: None,
            content: None,
            removed_by: None,
        }
    }

    /// The version with what is not stored in it.
    pub(super) fn to_version(
        &self,
        dataset: Dataset,
        head: &Head,
        schema: SchemaRef,
        preview: Value,
    ) -> DatasetVersion {
        let content = self.content.as_ref();
        let follow = |content: &Content| {
            let names = content.dependencies.iter();
            let renamed = |it: &Dependency| Dependency {
                name: head.follow(&it.name, content.renames),
                version: it.version,
            };
            names.map(renamed).collect()
        };
        DatasetVersion {
            dataset: dataset.name,
            version: self.version,
            uuid: self.uuid.clone(),
            status: self.status,
            schema,
            location: self.location.clone(),
            storage_version: content.map_or(0, |content| content.storage_version),
            fingerprint: content.and_then(|content| content.fingerprint.clone()),
            delta: content.and_then(|content| content.delta.clone()),
            rows: content.map_or(0, |content| content.rows),
            bytes: content.map_or(0, |content| content.bytes),
            preview,
            dependencies: content.map(follow).unwrap_or_default(),
            job: self.job.clone(),
            created_at: self.created_at,
            finished_at: self.finished_at,
            description: dataset.description,
            attrs: dataset.attrs,
            error: self.error.clone(),
        }
    }

    /// The error of a step that its state does not allow.
    pub(super) fn wrong_status(&self, name: &QualifiedName, needed: VersionStatus) -> Error {
        let (name, version, status) = (name.clone(), self.version, self.status);
        Error::WrongStatus { name, version, status, needed }
    }

    fn is_admitted(&self, filter: &VersionFilter) -> bool {
        filter.admits(self.status)
            && filter.version.is_none_or(|only| only == self.version)
            && filter.location.as_ref().is_none_or(|only| *only == self.location)
            && filter.finished_since.is_none_or(|since| self.finished_at >= Some(since))
    }
}

fn is_nothing(edit: &DatasetEdit) -> bool {
    *edit == DatasetEdit::default()
}
