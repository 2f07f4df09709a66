//! Datasets and chains as tables of other query engines: what a program needs that has DataFusion of its own.
//!
//! [`Chain::table`] and [`Session::table`] give a `TableProvider`, [`Session::catalog_provider`] one for all datasets at
//! once. The other engine's projection, filters and limit become steps of the chain, which is planned and run with this
//! session's rules and memory; the other engine gets its batches.

mod catalog;
mod elsewhere;
mod foreign;
mod here;
mod insert;
mod pushed;
mod rows;

use std::sync::Arc;

use ::catalog::{DatasetRef, VersionSpec};
use datafusion::catalog::{CatalogProvider, TableProvider};
use futures::FutureExt;
use futures::future::BoxFuture;

use crate::{Chain, Result, Session, default_folder};
pub use foreign::{foreign_catalog, foreign_table};
use rows::ChainTable;

impl Chain {
    /// The rows as a table of another query engine of this process.
    ///
    /// Columns are the chain's. Filters that mean the same in both engines are the chain's work, others are left to the
    /// other engine: comparisons of floats, where NaN and -0.0 are taken otherwise there, and functions.
    #[must_use]
    pub fn table(&self) -> Arc<dyn TableProvider> {
        Arc::new(ChainTable::new(self.clone(), None))
    }
}

impl Session {
    /// A dataset as a table of another query engine of this process: `name`, `namespace.project.name`, `name@1.2.0`,
    /// `name@>=1,<2`.
    ///
    /// The table is the version that is the newest now; `INSERT INTO` makes a new one, which is the table from then on.
    /// A table with a version in its name cannot be written to.
    ///
    /// # Errors
    /// The catalog's, when there is no such dataset or version; [`Error::Corrupt`](crate::Error::Corrupt) when its data is
    /// gone.
    pub fn table<'a>(
        self: &'a Arc<Self>,
        name: &'a str,
    ) -> BoxFuture<'a, Result<Arc<dyn TableProvider>>> {
        let opened = async move {
            let (namespace, project) = default_folder()?;
            self.table_of(&name.parse()?, &(namespace, project)).await
        };
        opened.boxed()
    }

    /// All datasets as a catalog of another query engine of this process.
    ///
    /// Its schemas are the projects of the default namespace, and `"namespace.project"` of others. Its tables are the
    /// newest versions when a query begins; others are `"name@1.2.0"`. `system` and what belongs to sessions is not listed.
    #[must_use]
    pub fn catalog_provider(self: &Arc<Self>) -> Arc<dyn CatalogProvider> {
        Arc::new(catalog::Datasets::new(self))
    }

    async fn table_of(
        self: &Arc<Self>,
        dataset: &DatasetRef,
        (namespace, project): &catalog::Folder,
    ) -> Result<Arc<dyn TableProvider>> {
        let name = dataset.resolve(namespace, project);
        let chain = self.read_dataset(&name, &dataset.version).await?;
        let grows = (dataset.version == VersionSpec::Latest).then_some(name);
        Ok(Arc::new(ChainTable::new(chain, grows)))
    }
}
