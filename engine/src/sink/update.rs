//! Saves a chain of which only what changed in its sources is computed: `crate::delta` says what that is.

use std::sync::Arc;

use arrow::datatypes::{DataType, FieldRef, Schema};
use catalog::{Changes, DatasetVersion, Delta, QualifiedName};
use futures::FutureExt;
use futures::future::BoxFuture;

use super::found;
use super::save::{SaveMode, SaveRequest, Saved, unchanged};
use super::saving::{Saving, newest};
use super::vectors::VectorLengths;
use crate::delta::{self, KeptRows, Made, Rows, Update};
use crate::kind::kind_name;
use crate::progress::Progress;
use crate::{Chain, Error, Result};

impl Chain {
    /// What saving the chain under a name would compute, and why: for each source that changed its rows by what became of
    /// them.
    ///
    /// # Errors
    /// What looking at the sources fails with; a chain that cannot be updated.
    pub fn explain_update<'a>(&'a self, name: &'a QualifiedName) -> BoxFuture<'a, Result<String>> {
        self.explained_update(name).boxed()
    }

    async fn explained_update(&self, name: &QualifiedName) -> Result<String> {
        let chain = self.with_sys(false)?.pinned(None).await?;
        let title = name.short().to_string();
        let all = |reason: &str| Ok(format!("all rows of `{title}` are computed: {reason}"));
        if chain.deltas().is_empty() {
            return all("no source is read with `delta=True`");
        }
        let Some(base) = newest(chain.session(), name).await? else {
            return all("it has no version yet");
        };
        let (made, progress) = (Made::of(&chain).await?, Arc::default());
        delta::check(&chain, &progress).await?;
        let update = Box::pin(delta::update(&chain, &base, &made, &progress)).await?;
        let mut lines = progress.remarks();
        let last = match update {
            Update::Whole(reason) => return all(&reason.unwrap_or_default()),
            Update::Nothing => format!("nothing changed since `{title}@{}`", base.version),
            Update::Rows(rows) => {
                lines.extend(rows.told);
                let removed = rows.removed.len();
                format!(
                    "{removed} of {} rows of `{title}@{}` are replaced or dropped",
                    base.rows, base.version
                )
            }
        };
        lines.push(last);
        Ok(lines.join("\n"))
    }
}

/// How often an update begins again because another save was faster.
const ATTEMPTS: usize = 100;

/// Saves the rows of a chain, whose sources stay as they are, as the next version of a dataset.
pub(super) async fn save(
    chain: &Chain,
    request: SaveRequest,
    fingerprint: Option<String>,
    progress: &Arc<Progress>,
) -> Result<Saved> {
    delta::check(chain, progress).await?;
    let (session, made) = (chain.session(), Made::of(chain).await?);
    for _ in 0..ATTEMPTS {
        let base = newest(session, &request.name).await?;
        let update = match &base {
            Some(base) => Box::pin(delta::update(chain, base, &made, progress)).await?,
            None => Update::Whole(None),
        };
        let attempt = Attempt { chain, request: &request, made: &made, progress };
        let saved = match (update, base) {
            (Update::Nothing, Some(base)) => attempt.nothing(&base).await,
            (Update::Rows(rows), Some(base)) => attempt.changes(*rows, &base).await,
            (Update::Whole(reason), base) => {
                Box::pin(attempt.all(reason, base.as_ref(), fingerprint.clone())).await
            }
            (Update::Nothing | Update::Rows(_), None) => {
                Err(Error::internal("an update of nothing"))
            }
        };
        match saved {
            // What the other one saved counts, and what is computed was kept.
            Err(Error::Catalog(catalog::Error::NewestMoved { .. })) => {}
            saved => return saved,
        }
    }
    let title = request.name.short();
    Err(Error::internal(format!("`{title}`: {ATTEMPTS} others saved in between")))
}

impl Made {
    /// What the next update has to know of a version that is computed as a whole.
    pub(super) fn to_record(&self) -> Delta {
        let Self { steps, inputs } = self.clone();
        Delta { steps, inputs, ..Delta::default() }
    }
}

struct Attempt<'a> {
    chain: &'a Chain,
    request: &'a SaveRequest,
    made: &'a Made,
    progress: &'a Arc<Progress>,
}

impl Attempt<'_> {
    /// Computes everything.
    async fn all(
        self,
        reason: Option<String>,
        base: Option<&DatasetVersion>,
        fingerprint: Option<String>,
    ) -> Result<Saved> {
        if let Some(reason) = reason {
            let title = self.request.name.short();
            self.progress.tell(format!("Dataset '{title}': computed as a whole, because {reason}"));
        }
        let saving = self.saving(self.request).await?;
        let chain = match base {
            Some(base) => {
                let reuse = delta::reuse(self.chain, base, self.progress).await?;
                &self.chain.clone().reusing(reuse)
            }
            None => self.chain,
        };
        let mut rows = saving.written(chain, self.progress).await?;
        let fingerprint = fingerprint.filter(|_| !self.progress.is_mixed());
        let delta = self.made.to_record();
        rows.added.delta = Some(delta);
        saving.published(rows.made_of(fingerprint)).await
    }

    /// There is nothing to compute.
    async fn nothing(&self, base: &DatasetVersion) -> Result<Saved> {
        check_columns(&self.chain.schema(), base)?;
        let session = self.chain.session();
        let saved = unchanged(session, self.request, base, self.progress).await?;
        Ok(Saved { computed: Some(self.chain.limit(0)?), ..saved })
    }

    /// Computes what changed since a version.
    async fn changes(self, rows: Rows, base: &DatasetVersion) -> Result<Saved> {
        check_columns(&self.chain.schema(), base)?;
        let removed = rows.removed.len() as u64;
        let mode = match rows.is_all {
            true => SaveMode::Replace,
            false => {
                SaveMode::Update { base: base.version, removed: rows.removed.into_iter().collect() }
            }
        };
        let request = SaveRequest { mode, ..self.request.clone() };
        let saving = self.saving(&request).await?;
        let mut written = saving.written(&rows.chain, self.progress).await?;
        let added = match rows.is_all {
            true => (written.added.rows() + removed).saturating_sub(base.rows),
            false => written.added.rows(),
        };
        if added == 0 && removed == 0 {
            return self.nothing(base).await;
        }
        let replaced = added.min(removed - rows.gone);
        let changes = Changes { added: added - replaced, replaced, dropped: removed - replaced };
        let text = told(&changes);
        let (KeptRows { stale, mixed }, changes) = (rows.kept, Some(changes));
        let delta = Delta { mixed, stale, changes, ..self.made.to_record() };
        written.added.delta = Some(delta);
        let saved = saving.published(written).await?;
        let (title, version) = (self.request.name.short(), saved.record.version);
        self.progress.tell(format!("Dataset '{title}@{version}': {text}"));
        Ok(Saved { computed: Some(rows.chain), ..saved })
    }

    async fn saving<'s>(&'s self, request: &'s SaveRequest) -> Result<Saving<'s>> {
        let schema = self.chain.schema();
        let dependencies = found::dependencies(self.chain, &request.job).await?;
        Ok(Saving { session: self.chain.session(), request, schema, dependencies })
    }
}

/// For example `+500 records, 12 replaced, 3 dropped`.
pub(super) fn told(changes: &Changes) -> String {
    let Changes { added, replaced, dropped } = *changes;
    let parts = [
        (added, format!("+{added} records")),
        (replaced, format!("{replaced} replaced")),
        (dropped, format!("{dropped} dropped")),
    ];
    let parts = parts.into_iter().filter(|(count, _)| *count > 0).map(|(_, text)| text);
    parts.collect::<Vec<_>>().join(", ")
}

/// The leaves of columns, each with its type.
fn leaves(schema: &Schema) -> Vec<(String, String)> {
    let mut found = Vec::new();
    let mut open: Vec<(String, FieldRef)> =
        schema.fields().iter().rev().map(|it| (it.name().clone(), Arc::clone(it))).collect();
    while let Some((path, field)) = open.pop() {
        match field.data_type() {
            DataType::Struct(fields) => {
                let below =
                    |child: &FieldRef| (format!("{path}.{}", child.name()), Arc::clone(child));
                open.extend(fields.iter().rev().map(below));
            }
            kind => found.push((path, kind_name(kind))),
        }
    }
    found
}

/// Rows that follow those of a version have its columns.
fn check_columns(schema: &Schema, base: &DatasetVersion) -> Result<()> {
    let expected = VectorLengths::of_stored(&base.schema).apply_to(schema);
    if expected.fields() == base.schema.fields() {
        return Ok(());
    }
    let title = format!("{}@{}", base.dataset.short(), base.version);
    let (ours, theirs) = (leaves(&expected), leaves(&base.schema));
    let only = |some: &[(String, String)], others: &[(String, String)]| {
        let found = some.iter().filter(|leaf| !others.contains(leaf));
        found.map(|(path, kind)| format!("{path} ({kind})")).collect::<Vec<_>>().join(", ")
    };
    let (new, missing) = (only(&ours, &theirs), only(&theirs, &ours));
    let mut parts = Vec::new();
    if !new.is_empty() {
        parts.push(format!("new columns detected: {new}"));
    }
    if !missing.is_empty() {
        parts.push(format!("columns missing in updated data: {missing}"));
    }
    if parts.is_empty() {
        parts.push("columns in another order, or with another meaning".to_owned());
    }
    Err(Error::SchemaDrift {
        what: format!(
            "schema drift, the update does not fit `{title}`: {}; hint: delta_code=\"rebuild\" computes all anew, or save it under \
             another name",
            parts.join("; ")
        ),
    })
}
