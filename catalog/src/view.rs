//! [`View`]: a query under a name.
//!
//! The catalog keeps the text and does not read it: whether the tables in it are there is known when it is used.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::name::{NamePart, QualifiedName};
use crate::time::{now, text};

/// A query under a name, like a dataset that holds no rows.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct View {
    /// What it is called. A dataset may be called so too; stores do not compare them.
    pub name: QualifiedName,
    /// The query.
    pub text: String,
    /// The namespace of names in the text that have none.
    pub namespace: NamePart,
    /// The project of names in the text that have none.
    pub project: NamePart,
    /// When it was made.
    #[serde(with = "text")]
    pub created_at: DateTime<Utc>,
}

impl View {
    /// One that is made now, with the namespace and the project of names in its text that have none.
    pub fn new(name: QualifiedName, text: String, folder: (NamePart, NamePart)) -> Self {
        let (namespace, project) = folder;
        Self { name, text, namespace, project, created_at: now() }
    }
}
