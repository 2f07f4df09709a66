//! [`Target`]: the dataset that a statement changes.

use std::sync::Arc;

use catalog::{CatalogExt, DatasetRef, QualifiedName, Version, VersionSpec, Wanted};
use datafusion::arrow::datatypes::SchemaRef;
use datafusion::sql::sqlparser::ast::{ObjectName, ObjectNamePart};
use engine::{Chain, SaveMode, SaveRequest, Session, default_folder};

use super::Write;
use crate::relation::TARGET;
use crate::table_names::FILE;
use crate::{Error, Result};

/// How often a statement begins again because another was faster.
pub(super) const ATTEMPTS: usize = 100;

/// A dataset as it is now.
pub(super) struct Target {
    pub(super) name: QualifiedName,
    pub(super) version: Version,
    /// Its rows.
    pub(super) chain: Chain,
}

impl Target {
    pub(super) async fn open(session: &Arc<Session>, name: QualifiedName) -> Result<Self> {
        let record = match session.catalog().resolve(&name, &VersionSpec::Latest).await {
            Ok(record) => record,
            Err(error) => {
                check_no_view(session, &name).await?;
                return Err(error.into());
            }
        };
        let version = record.version;
        let chain = session.read_dataset(&name, &VersionSpec::Exact(version)).await?;
        Ok(Self { name, version, chain })
    }

    pub(super) fn columns(&self) -> SchemaRef {
        self.chain.schema()
    }

    /// Whether there is a column of this name.
    pub(super) fn check_column(&self, name: &str) -> Result<()> {
        let columns = self.columns();
        if columns.column_with_name(name).is_some() {
            return Ok(());
        }
        let known: Vec<&str> = columns.fields().iter().map(|it| it.name().as_str()).collect();
        let (known, title) = (known.join("`, `"), self.name.short());
        let reason = format!("`{title}` has no column `{name}`; the columns are `{known}`");
        Err(Error::Plan { reason })
    }
}

impl Write<'_> {
    /// The request of a save.
    pub(super) fn request(
        &self,
        name: &QualifiedName,
        wanted: Wanted,
        mode: SaveMode,
    ) -> SaveRequest {
        SaveRequest {
            name: name.clone(),
            wanted,
            mode,
            lists: false,
            job: self.writing.job.clone(),
            description: None,
            attrs: None,
        }
    }

    /// From now on, what the statement changes has the name that our queries call it by.
    pub(super) fn aim_at(&mut self, chain: &Chain) {
        self.planner.relations.set_target(chain.clone());
    }
}

/// The dataset that a statement may change.
pub(super) fn own_name(written: &ObjectName) -> Result<QualifiedName> {
    let parts = written.0.iter().filter_map(ObjectNamePart::as_ident);
    let text = parts.map(|part| part.value.as_str()).collect::<Vec<_>>().join(".");
    if text.starts_with(FILE) {
        return Err(Error::refused("changing a file", "COPY (SELECT …) TO writes a new one"));
    }
    let dataset: DatasetRef = text.parse()?;
    if dataset.version != VersionSpec::Latest {
        return Err(Error::refused(
            format!("changing `{text}`"),
            "versions stay as they are: without `@` a new one is made",
        ));
    }
    let (namespace, project) = default_folder()?;
    let name = dataset.resolve(&namespace, &project);
    name.check_own()?;
    Ok(name)
}

/// Refuses the name of a view, where a dataset is changed.
pub(super) async fn check_no_view(session: &Session, name: &QualifiedName) -> Result<()> {
    if session.catalog().view(name).await?.is_none() {
        return Ok(());
    }
    let title = name.short();
    let reason = format!("`{title}` is a view, which has no rows of its own; hint: DROP VIEW");
    Err(Error::Plan { reason })
}

/// Whether a save failed because another version came meanwhile.
pub(super) fn is_overtaken(error: &engine::Error) -> bool {
    matches!(error, engine::Error::Catalog(catalog::Error::NewestMoved { .. }))
}

/// The error after [`ATTEMPTS`].
pub(super) fn gave_up(name: &QualifiedName) -> Error {
    let title = name.short();
    let reason = format!("`{title}` was changed {ATTEMPTS} times meanwhile: run it again");
    Error::Plan { reason }
}

/// The table that our queries change, under the name that the statement calls it by.
pub(super) fn aliased(alias: &str) -> String {
    format!("{} AS {}", quoted(TARGET), quoted(alias))
}

/// A name as it is written.
pub(super) fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// Refuses clauses that were not named.
pub(super) fn check_plain(given: &str, plain: &str, what: &str) -> Result<()> {
    if given == plain {
        return Ok(());
    }
    Err(Error::refused(
        format!("{what} with other clauses"),
        format!("what is supported of it is `{plain}`"),
    ))
}
