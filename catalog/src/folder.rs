//! [`Folder`]: a namespace or a project, known before it holds a dataset.
//!
//! Folders need not be made: a dataset's name is enough for a namespace and a project to be there.
//! Who makes one gives it a description, and finds it while it is still empty.

use std::fmt;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::dataset::Dataset;
use crate::name::NamePart;
use crate::time::text;

/// The name of a namespace, or of a project in one.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct FolderName {
    /// The namespace.
    pub namespace: NamePart,
    /// The project; none for the namespace itself.
    pub project: Option<NamePart>,
}

impl fmt::Display for FolderName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.namespace)?;
        self.project.iter().try_for_each(|project| write!(f, ".{project}"))
    }
}

/// A namespace or a project.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Folder {
    /// Its name.
    pub name: FolderName,
    /// What the user says it is.
    pub description: Option<String>,
    /// When it was made, or its first dataset.
    #[serde(with = "text")]
    pub created_at: DateTime<Utc>,
}

impl Folder {
    /// The namespace and the project that a dataset is in.
    pub(crate) fn both_of(dataset: &Dataset) -> [Self; 2] {
        let name = &dataset.name;
        [None, Some(name.project.clone())].map(|project| Self {
            name: FolderName { namespace: name.namespace.clone(), project },
            description: None,
            created_at: dataset.created_at,
        })
    }
}
