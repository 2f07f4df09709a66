//! [`Job`]: one run of a script, with all that is needed to know how its datasets came about.

use std::fmt;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use uuid::Uuid;

use crate::time::{optional_text, text};

/// A job's identity: a random UUID as text.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct JobId(String);

impl JobId {
    /// An id that no other job has.
    pub fn random() -> Self {
        Self(Uuid::new_v4().to_string())
    }

    /// The id as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Ids that no job has are found out by the store, as
/// [`Error::JobNotFound`](crate::Error::JobNotFound).
impl From<String> for JobId {
    fn from(id: String) -> Self {
        Self(id)
    }
}

impl fmt::Display for JobId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// How far a job is. A job that was killed stays `Running`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum JobStatus {
    /// Started, not finished.
    Running,
    /// Ended well.
    Complete,
    /// Ended by an error.
    Failed,
    /// Stopped by its user.
    Canceled,
}

impl JobStatus {
    /// The status as it is stored and shown.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Running => "running",
            Self::Complete => "complete",
            Self::Failed => "failed",
            Self::Canceled => "canceled",
        }
    }

    /// The reverse of [`as_str`](Self::as_str).
    pub(crate) fn from_text(text: &str) -> Option<Self> {
        [Self::Running, Self::Complete, Self::Failed, Self::Canceled]
            .into_iter()
            .find(|status| status.as_str() == text)
    }
}

impl fmt::Display for JobStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What a job knows of itself when it starts.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct NewJob {
    /// What to call it, usually the script's file name.
    pub name: String,
    /// The script's text.
    pub source: Option<String>,
    /// The commit that the script's repository was at.
    pub git_commit: Option<String>,
    /// Whether the repository had uncommitted changes.
    pub git_dirty: Option<bool>,
    /// Who started it.
    pub author: Option<String>,
    /// Python version, platform, packages.
    pub environment: Value,
    /// The parameters that the user gave.
    pub params: Value,
}

/// What a job finds out on its way.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct JobNotes {
    /// Parameters that it asked for, and the values that they had.
    pub params: Map<String, Value>,
    /// What it measured.
    pub metrics: Map<String, Value>,
}

/// One run of a script.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Job {
    /// Its identity.
    pub id: JobId,
    /// What it is called, usually the script's file name.
    pub name: String,
    /// How far it is.
    pub status: JobStatus,
    /// When it started.
    #[serde(with = "text")]
    pub created_at: DateTime<Utc>,
    /// When it ended.
    #[serde(with = "optional_text", default)]
    pub finished_at: Option<DateTime<Utc>>,
    /// The script's text.
    pub source: Option<String>,
    /// The commit that the script's repository was at.
    pub git_commit: Option<String>,
    /// Whether the repository had uncommitted changes.
    pub git_dirty: Option<bool>,
    /// Who started it.
    pub author: Option<String>,
    /// Python version, platform, packages.
    pub environment: Value,
    /// The parameters that the user gave.
    pub params: Value,
    /// What it measured.
    #[serde(default)]
    pub metrics: Map<String, Value>,
    /// Why it failed.
    pub error: Option<String>,
}

impl Job {
    /// A running job with a new id.
    pub(crate) fn start(new: NewJob, created_at: DateTime<Utc>) -> Self {
        Self {
            id: JobId::random(),
            name: new.name,
            status: JobStatus::Running,
            created_at,
            finished_at: None,
            source: new.source,
            git_commit: new.git_commit,
            git_dirty: new.git_dirty,
            author: new.author,
            environment: new.environment,
            params: new.params,
            metrics: Map::new(),
            error: None,
        }
    }

    /// With what was noted since.
    pub(crate) fn noted(mut self, notes: JobNotes) -> Self {
        self.metrics.extend(notes.metrics);
        match &mut self.params {
            Value::Object(params) => params.extend(notes.params),
            params if !notes.params.is_empty() => *params = Value::Object(notes.params),
            _ => {}
        }
        self
    }
}
