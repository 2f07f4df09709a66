//! [`Datasets`]: all datasets as a catalog of another engine.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use catalog::{DatasetRef, NamePart, QualifiedName, VersionFilter};
use datafusion::catalog::{CatalogProvider, SchemaProvider, TableProvider};
use datafusion::error::Result;
use tokio::runtime::Handle;

use super::here::{here, there};
use crate::{Error, Session, default_folder};

/// Namespace and project.
pub(super) type Folder = (NamePart, NamePart);

/// The catalog.
#[derive(Clone)]
pub(super) struct Datasets {
    session: Arc<Session>,
    /// Where to look when no runtime is under way, as across the border of a library.
    runtime: Option<Handle>,
}

impl Datasets {
    pub(super) fn new(session: &Arc<Session>) -> Self {
        Self { session: Arc::clone(session), runtime: Handle::try_current().ok() }
    }

    /// The names of what can be read; none where the catalog cannot be reached, which is told when a table is looked for.
    fn names(&self) -> Vec<QualifiedName> {
        let listed = async {
            let newest = VersionFilter { newest_only: true, ..VersionFilter::default() };
            Ok(self.session.catalog().versions(newest).await.map_err(Error::from)?)
        };
        let newest = here(self.runtime.as_ref(), listed).unwrap_or_default();
        let names = newest.into_iter().map(|version| version.dataset);
        names.filter(|name| name.check_own().is_ok()).collect()
    }
}

impl fmt::Debug for Datasets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Datasets({})", self.session.root())
    }
}

impl CatalogProvider for Datasets {
    fn schema_names(&self) -> Vec<String> {
        let default = default_folder().ok();
        let there = self.names().into_iter().map(|name| (name.namespace, name.project));
        let schemas: BTreeSet<String> =
            there.chain(default.clone()).map(|it| schema_of(&it, default.as_ref())).collect();
        schemas.into_iter().collect()
    }

    fn schema(&self, name: &str) -> Option<Arc<dyn SchemaProvider>> {
        let folder = match name.split_once('.') {
            Some((namespace, project)) => (namespace.parse().ok()?, project.parse().ok()?),
            None => (default_folder().ok()?.0, name.parse().ok()?),
        };
        Some(Arc::new(Project { datasets: self.clone(), folder }))
    }
}

/// The text of a project as a schema: of those in the default namespace, the name alone.
fn schema_of((namespace, project): &Folder, default: Option<&Folder>) -> String {
    match default.is_some_and(|(default, _)| default == namespace) {
        true => project.to_string(),
        false => format!("{namespace}.{project}"),
    }
}

/// The datasets of a project.
#[derive(Debug)]
struct Project {
    datasets: Datasets,
    folder: Folder,
}

#[async_trait]
impl SchemaProvider for Project {
    fn table_names(&self) -> Vec<String> {
        let (namespace, project) = &self.folder;
        let names = self.datasets.names().into_iter();
        let here = names.filter(|name| name.namespace == *namespace && name.project == *project);
        here.map(|name| name.name.to_string()).collect()
    }

    async fn table(&self, name: &str) -> Result<Option<Arc<dyn TableProvider>>> {
        let dataset: DatasetRef = name.parse().map_err(Error::from)?;
        let (session, folder) = (Arc::clone(&self.datasets.session), self.folder.clone());
        let opened = async move {
            match session.table_of(&dataset, &folder).await {
                Ok(table) => Ok(Some(table)),
                Err(Error::Catalog(catalog::Error::DatasetNotFound { .. })) => Ok(None),
                Err(error) => Err(error.into()),
            }
        };
        there(self.datasets.runtime.as_ref(), opened).await
    }

    fn table_exist(&self, name: &str) -> bool {
        here(self.datasets.runtime.as_ref(), self.table(name)).is_ok_and(|table| table.is_some())
    }
}
