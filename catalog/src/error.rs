//! [`Error`]: everything that can go wrong in the catalog, split by what a caller can do about it.

use std::error;
use std::fmt::Write;
use std::result;

use crate::dataset::VersionStatus;
use crate::job::JobId;
use crate::name::QualifiedName;
use crate::version::{Version, VersionSpec};

/// How many versions a message lists at most.
const LISTED: usize = 5;

/// The catalog's result.
pub type Result<T, E = Error> = result::Result<T, E>;

/// A cause from below, kept whole.
pub(crate) type Source = Box<dyn error::Error + Send + Sync>;

/// What can go wrong in the catalog.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The text is not a legal name of a dataset, project or namespace.
    #[error("invalid dataset name `{given}`: {rule}")]
    InvalidName {
        /// The text as given.
        given: String,
        /// Which rule it breaks.
        rule: &'static str,
    },
    /// The text is not a version, a version specifier or a version bump.
    #[error("invalid version `{given}`: {rule}")]
    InvalidVersion {
        /// The text as given.
        given: String,
        /// What is allowed.
        rule: &'static str,
    },
    /// No visible dataset has this name.
    #[error("dataset `{}` does not exist{}", .name.short(), did_you_mean(.near))]
    DatasetNotFound {
        /// The name that was asked for.
        name: QualifiedName,
        /// Existing names that look alike, nearest first.
        near: Vec<String>,
    },
    /// The dataset exists, but no readable version matches.
    #[error("dataset `{}` has no version `{wanted}`; {}", .name.short(), it_has(.available))]
    VersionNotFound {
        /// The dataset.
        name: QualifiedName,
        /// What was asked for.
        wanted: VersionSpec,
        /// The readable versions, lowest first.
        available: Vec<Version>,
    },
    /// The version number was used before, or a higher one was.
    #[error("version `{version}` of dataset `{}` is taken; a new version must be higher than `{latest}`", .name.short())]
    VersionTaken {
        /// The dataset.
        name: QualifiedName,
        /// The number that was asked for.
        version: Version,
        /// The highest number ever used, by removed and failed versions too.
        latest: Version,
    },
    /// The new name already belongs to a dataset; removed versions keep it too.
    #[error("dataset name `{}` is taken; choose another name", .name.short())]
    NameTaken {
        /// The name that was asked for.
        name: QualifiedName,
    },
    /// The version is in a state that does not allow this step.
    #[error("version `{version}` of dataset `{}` is `{status}`, not `{needed}`", .name.short())]
    WrongStatus {
        /// The dataset.
        name: QualifiedName,
        /// The version.
        version: Version,
        /// The state it is in.
        status: VersionStatus,
        /// The state it should be in.
        needed: VersionStatus,
    },
    /// A version was to follow one that is not the newest any more.
    #[error("the newest version of dataset `{}` is {} now, no longer {}", .name.short(), shown(.newest), shown(.expected))]
    NewestMoved {
        /// The dataset.
        name: QualifiedName,
        /// The version that was to be followed, or none.
        expected: Option<Version>,
        /// The newest complete version.
        newest: Option<Version>,
    },
    /// No job has this id.
    #[error("job `{id}` does not exist")]
    JobNotFound {
        /// The id that was asked for.
        id: JobId,
    },
    /// The store behind the catalog failed: a full disk, a read-only folder, a lock held for too
    /// long.
    #[error("{what}")]
    Store {
        /// What could not be done and why, the path last.
        what: String,
        /// Whether the same call may succeed later without anybody's help.
        retryable: bool,
        /// What the store's driver said.
        source: Source,
    },
    /// The catalog says what is below another root: its locations mean nothing here.
    #[error(
        "the catalog in `{path}` is that of the root `{theirs}`, not of `{ours}`; hint: use another database"
    )]
    OtherRoot {
        /// Where the catalog is.
        path: String,
        /// The root that it belongs to.
        theirs: String,
        /// The root that it was opened for.
        ours: String,
    },
    /// A later release wrote this catalog.
    #[error(
        "the catalog has format `{found}`, this release knows up to `{known}`; hint: upgrade; `{path}`"
    )]
    NewerStore {
        /// The format found.
        found: i64,
        /// The newest format that this release knows.
        known: i64,
        /// Where the catalog is.
        path: String,
    },
    /// Stored data cannot be read back.
    #[error("the catalog is damaged: {what}")]
    Corrupt {
        /// Which data.
        what: String,
        /// Why.
        source: Source,
    },
    /// A bug in this crate or its caller; no user input leads here.
    #[error("internal error in the catalog: {what}")]
    Internal {
        /// What does not hold.
        what: String,
    },
}

impl Error {
    /// Stable identifier for programs; never reworded once released.
    pub fn code(&self) -> &'static str {
        match self {
            Self::InvalidName { .. } => "catalog.invalid_name",
            Self::InvalidVersion { .. } => "catalog.invalid_version",
            Self::DatasetNotFound { .. } => "catalog.dataset_not_found",
            Self::VersionNotFound { .. } => "catalog.version_not_found",
            Self::VersionTaken { .. } => "catalog.version_taken",
            Self::NameTaken { .. } => "catalog.name_taken",
            Self::WrongStatus { .. } => "catalog.wrong_status",
            Self::NewestMoved { .. } => "catalog.newest_moved",
            Self::JobNotFound { .. } => "catalog.job_not_found",
            Self::Store { .. } => "catalog.store",
            Self::OtherRoot { .. } => "catalog.other_root",
            Self::NewerStore { .. } => "catalog.newer_store",
            Self::Corrupt { .. } => "catalog.corrupt",
            Self::Internal { .. } => "catalog.internal",
        }
    }

    /// Whether the same call may succeed if it is made again.
    pub fn is_retryable(&self) -> bool {
        matches!(self, Self::Store { retryable: true, .. } | Self::NewestMoved { .. })
    }
}

/// A user's text for a message: control characters are escaped, so that the message stays one line.
pub(crate) fn one_line(given: &str) -> String {
    let mut line = String::with_capacity(given.len());
    for c in given.chars() {
        if c.is_control() { line.extend(c.escape_default()) } else { line.push(c) }
    }
    line
}

fn did_you_mean(near: &[String]) -> String {
    match near {
        [] => String::new(),
        [one] => format!("; did you mean `{one}`?"),
        [first @ .., last] => format!("; did you mean `{}` or `{last}`?", first.join("`, `")),
    }
}

fn shown(version: &Option<Version>) -> String {
    version.map_or_else(|| "none".to_owned(), |version| format!("`{version}`"))
}

fn it_has(available: &[Version]) -> String {
    if available.is_empty() {
        return "it has no readable version".to_owned();
    }
    let newest: Vec<String> =
        available.iter().rev().take(LISTED).map(|version| format!("`{version}`")).collect();
    let mut text = format!("it has {}", newest.join(", "));
    if available.len() > LISTED {
        // WHY: writing into a String cannot fail.
        write!(text, " and {} older", available.len() - LISTED).unwrap_or_default();
    }
    text
}

#[cfg(test)]
mod tests;
