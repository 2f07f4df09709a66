//! Names: [`NamePart`] is a checked piece, [`QualifiedName`] a full name, [`DatasetRef`] what a
//! user types.
//!
//! Text becomes one of these at the edge; inside, nobody checks again.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::error::{Error, Result, one_line};
use crate::version::VersionSpec;

/// The namespace and project of a name that gives none.
const LOCAL: &str = "local";

/// The namespace of datasets that are not made by users.
const SYSTEM: &str = "system";

/// What projects in it start with whose datasets go when their session does.
const SESSION: &str = "session_";

/// The project in it of what was found in storages.
const LISTINGS: &str = "listings";

const LONGEST: usize = 128;

/// Characters with a meaning in references, paths or URLs.
const RESERVED: &[char] = &['.', '@', '/', '\\', ':', '*', '?', '"', '<', '>', '|'];

/// The name of a namespace, of a project, or of a dataset within its project.
///
/// Invariant: 1 to 128 bytes without control characters, without any of `. @ / \ : * ? " < > |`,
/// and without white space at either end. Parsing is the only way in, so holding a `NamePart` is
/// the proof.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct NamePart(String);

impl NamePart {
    /// The name `local`, the default namespace and project.
    pub fn local() -> Self {
        Self(LOCAL.to_owned())
    }

    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for NamePart {
    type Error = Error;

    fn try_from(given: String) -> Result<Self> {
        match broken_rule(&given) {
            Some(rule) => Err(Error::InvalidName { given: one_line(&given), rule }),
            None => Ok(Self(given)),
        }
    }
}

impl FromStr for NamePart {
    type Err = Error;

    fn from_str(given: &str) -> Result<Self> {
        Self::try_from(given.to_owned())
    }
}

impl From<NamePart> for String {
    fn from(name: NamePart) -> Self {
        name.0
    }
}

impl AsRef<str> for NamePart {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for NamePart {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A dataset's full name; shown and parsed as `namespace.project.name`, where both prefixes default
/// to `local`.
///
/// Its order is by namespace, project and name, which is the order of every listing.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct QualifiedName {
    /// The outer folder.
    pub namespace: NamePart,
    /// The inner folder.
    pub project: NamePart,
    /// The dataset within its project.
    pub name: NamePart,
}

impl QualifiedName {
    /// A name of three checked parts.
    pub fn new(namespace: NamePart, project: NamePart, name: NamePart) -> Self {
        Self { namespace, project, name }
    }

    /// `local.local.name`.
    pub fn local(name: NamePart) -> Self {
        Self::new(NamePart::local(), NamePart::local(), name)
    }

    /// `system.session_x.name`: a dataset that goes when the session `x` does.
    pub fn of_session(session: &str, name: NamePart) -> Result<Self> {
        let project = NamePart::try_from(format!("{SESSION}{session}"))?;
        Ok(Self::new(NamePart(SYSTEM.to_owned()), project, name))
    }

    /// `system.listings.x`: what was found in a storage.
    pub fn of_listing(name: NamePart) -> Self {
        Self::new(NamePart(SYSTEM.to_owned()), NamePart(LISTINGS.to_owned()), name)
    }

    /// Whether the dataset is what was found in a storage.
    pub fn is_listing(&self) -> bool {
        self.namespace.as_str() == SYSTEM && self.project.as_str() == LISTINGS
    }

    /// Whether the dataset goes when its session does.
    pub fn is_of_session(&self) -> bool {
        self.namespace.as_str() == SYSTEM && self.project.as_str().starts_with(SESSION)
    }

    /// Refuses names that users may read, but not give to their own datasets.
    pub fn check_own(&self) -> Result<()> {
        if self.namespace.as_str() == SYSTEM {
            let rule = "the namespace `system` is reserved; choose another one";
            return Err(Error::InvalidName { given: self.to_string(), rule });
        }
        Ok(())
    }

    /// The form for messages: the name alone in `local.local`, else all three parts.
    pub fn short(&self) -> impl fmt::Display + '_ {
        fmt::from_fn(move |f| match (self.namespace.as_str(), self.project.as_str()) {
            (LOCAL, LOCAL) => write!(f, "{}", self.name),
            _ => write!(f, "{self}"),
        })
    }
}

impl FromStr for QualifiedName {
    type Err = Error;

    fn from_str(given: &str) -> Result<Self> {
        if given.contains('@') {
            let rule = "a version has no place here: use `namespace.project.name`";
            return Err(Error::InvalidName { given: one_line(given), rule });
        }
        Ok(DatasetRef::from_str(given)?.resolve(&NamePart::local(), &NamePart::local()))
    }
}

impl TryFrom<String> for QualifiedName {
    type Error = Error;

    fn try_from(given: String) -> Result<Self> {
        given.parse()
    }
}

impl From<QualifiedName> for String {
    fn from(name: QualifiedName) -> Self {
        name.to_string()
    }
}

impl fmt::Display for QualifiedName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}.{}", self.namespace, self.project, self.name)
    }
}

/// A dataset as a user writes it: `[[namespace.]project.]name[@version]`.
///
/// The version is anything that [`VersionSpec`] reads; without one it is the latest.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct DatasetRef {
    /// The namespace, if written.
    pub namespace: Option<NamePart>,
    /// The project, if written.
    pub project: Option<NamePart>,
    /// The dataset within its project.
    pub name: NamePart,
    /// Which version.
    pub version: VersionSpec,
}

impl DatasetRef {
    /// The full name, with what was not written taken from the defaults.
    pub fn resolve(
        &self,
        default_namespace: &NamePart,
        default_project: &NamePart,
    ) -> QualifiedName {
        QualifiedName {
            namespace: self.namespace.as_ref().unwrap_or(default_namespace).clone(),
            project: self.project.as_ref().unwrap_or(default_project).clone(),
            name: self.name.clone(),
        }
    }
}

impl FromStr for DatasetRef {
    type Err = Error;

    fn from_str(given: &str) -> Result<Self> {
        // WHY: the version comes off first, because it contains dots of its own.
        let (name, version) = given.split_once('@').unwrap_or((given, ""));
        let parts: Vec<&str> = name.split('.').collect();
        let invalid = |rule| Error::InvalidName { given: one_line(name), rule };
        if parts.len() > 1 && parts.contains(&"") {
            return Err(invalid("no part may be empty"));
        }
        let (namespace, project, name) = match parts[..] {
            [name] => (None, None, name),
            [project, name] => (None, Some(project), name),
            [namespace, project, name] => (Some(namespace), Some(project), name),
            _ => return Err(invalid("it has more than three parts: use `namespace.project.name`")),
        };
        Ok(Self {
            namespace: namespace.map(str::parse).transpose()?,
            project: project.map(str::parse).transpose()?,
            name: name.parse()?,
            version: version.parse()?,
        })
    }
}

impl fmt::Display for DatasetRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for folder in [&self.namespace, &self.project].into_iter().flatten() {
            write!(f, "{folder}.")?;
        }
        write!(f, "{}", self.name)?;
        match &self.version {
            VersionSpec::Latest => Ok(()),
            version => write!(f, "@{version}"),
        }
    }
}

fn broken_rule(given: &str) -> Option<&'static str> {
    if given.is_empty() {
        Some("it is empty")
    } else if given.len() > LONGEST {
        Some("it is longer than 128 bytes")
    } else if given.chars().any(char::is_control) {
        Some("control characters are not allowed")
    } else if given.contains(RESERVED) {
        Some(r#"the characters . @ / \ : * ? " < > | are reserved"#)
    } else if given.trim() != given {
        Some("white space at its start or end is not allowed")
    } else {
        None
    }
}

#[cfg(test)]
mod tests;
