//! Names of datasets and their folders, as calls give them.

use catalog::{DatasetRef, FolderName, QualifiedName, VersionSpec};
use engine::default_folder;
use pyo3::prelude::*;

use crate::error::raise;

/// A dataset name as a call gives it: parts in the name win over arguments, those over the defaults.
pub(crate) fn resolve_name(
    py: Python<'_>,
    name: &str,
    namespace: Option<&str>,
    project: Option<&str>,
) -> PyResult<(QualifiedName, VersionSpec)> {
    let parse = || -> engine::Result<_> {
        let reference: DatasetRef = name.parse()?;
        let (outer, inner) = default_folder()?;
        let namespace = namespace.map_or(Ok(outer), str::parse)?;
        let project = project.map_or(Ok(inner), str::parse)?;
        Ok((reference.resolve(&namespace, &project), reference.version))
    };
    parse().map_err(|failed| raise(py, failed))
}

/// Which versions a call means.
pub(crate) fn parse_spec(py: Python<'_>, text: &str) -> PyResult<VersionSpec> {
    text.parse().map_err(|failed: catalog::Error| raise(py, failed.into()))
}

/// The full name of what a session keeps for itself.
pub(crate) fn session_name(py: Python<'_>, session: &str, name: &str) -> PyResult<QualifiedName> {
    let name = name.parse().and_then(|name| QualifiedName::of_session(session, name));
    name.map_err(|failed| raise(py, failed.into()))
}

/// A name that a user may give to a dataset, without a version.
pub(crate) fn own_name(py: Python<'_>, name: &str) -> PyResult<QualifiedName> {
    let unversioned: catalog::Result<QualifiedName> = name.parse();
    unversioned.map_err(|failed| raise(py, failed.into()))?;
    let (name, _) = resolve_name(py, name, None, None)?;
    name.check_own().map_err(|failed| raise(py, failed.into()))?;
    Ok(name)
}

/// A namespace, or a project of one.
pub(crate) fn folder_name(
    py: Python<'_>,
    namespace: &str,
    project: Option<&str>,
) -> PyResult<FolderName> {
    let parse = || -> catalog::Result<FolderName> {
        let project = project.map(str::parse).transpose();
        Ok(FolderName { namespace: namespace.parse()?, project: project? })
    };
    parse().map_err(|failed| raise(py, failed.into()))
}
