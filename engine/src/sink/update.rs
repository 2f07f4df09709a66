//! Saves a chain of which only what changed in its sources is computed: `crate::delta` says what that is.

use std::sync::Arc;

use arrow::datatypes::{FieldRef, Schema};
use catalog::{Changes, DatasetVersion, Delta};

use super::save::{SaveMode, SaveRequest, Saved, unchanged};
use super::saving::{Saving, newest};
use super::vectors::VectorLengths;
use crate::delta::{self, Rows, Update};
use crate::kind::kind_name;
use crate::progress::Progress;
use crate::{Chain, Error, Result};

/// How often an update begins again because another save was faster.
const ATTEMPTS: usize = 100;

/// Saves the rows of a chain, whose sources stay as they are, as the next version of a dataset.
pub(super) async fn save(
    chain: &Chain,
    request: SaveRequest,
    fingerprint: Option<String>,
    progress: &Arc<Progress>,
) -> Result<Saved> {
    let (session, steps) = (chain.session(), delta::steps(chain).await?);
    for _ in 0..ATTEMPTS {
        let base = newest(session, &request.name).await?;
        let update = match &base {
            Some(base) => delta::update(chain, base, steps.as_deref(), progress).await?,
            None => Update::Whole(None),
        };
        let attempt = Attempt { chain, request: &request, steps: steps.clone(), progress };
        let saved = match (update, base) {
            (Update::Nothing, Some(base)) => unchanged(session, &request, &base, progress).await,
            (Update::Rows(rows), Some(base)) => attempt.changes(*rows, &base).await,
            (Update::Whole(reason), _) => attempt.all(reason, fingerprint.clone()).await,
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

struct Attempt<'a> {
    chain: &'a Chain,
    request: &'a SaveRequest,
    steps: Option<String>,
    progress: &'a Arc<Progress>,
}

impl Attempt<'_> {
    /// Computes everything.
    async fn all(self, reason: Option<String>, fingerprint: Option<String>) -> Result<Saved> {
        if let Some(reason) = reason {
            let title = self.request.name.short();
            self.progress.tell(format!("Dataset '{title}': computed as a whole, because {reason}"));
        }
        let saving = self.saving(self.request)?;
        let mut rows = saving.written(self.chain, self.progress).await?;
        let fingerprint = fingerprint.filter(|_| !self.progress.is_mixed());
        let delta = Delta { steps: self.steps.clone(), changes: None };
        rows.added = rows.added.made_of(fingerprint).updated_by(delta);
        saving.published(rows).await
    }

    /// Computes what changed since a version.
    async fn changes(self, rows: Rows, base: &DatasetVersion) -> Result<Saved> {
        check_columns(&self.chain.schema(), base)?;
        let removed = rows.removed.len() as u64;
        let mode = match rows.is_all {
            true => SaveMode::Replace,
            false => SaveMode::Update {
                base: base.version,
                removed: rows.removed.into_iter().collect(),
            },
        };
        let request = SaveRequest { mode, ..self.request.clone() };
        let saving = self.saving(&request)?;
        let mut written = saving.written(&rows.chain, self.progress).await?;
        let added = match rows.is_all {
            true => (written.added.rows() + removed).saturating_sub(base.rows),
            false => written.added.rows(),
        };
        if added == 0 && removed == 0 {
            return unchanged(self.chain.session(), self.request, base, self.progress).await;
        }
        let replaced = added.min(removed - rows.gone);
        let changes =
            Changes { added: added - replaced, replaced, dropped: removed - replaced };
        let delta = Delta { steps: self.steps.clone(), changes: Some(changes) };
        written.added = written.added.updated_by(delta);
        let saved = saving.published(written).await?;
        let (title, version) = (self.request.name.short(), saved.record.version);
        self.progress.tell(format!("Dataset '{title}@{version}': {}", told(&changes)));
        Ok(saved)
    }

    fn saving<'s>(&'s self, request: &'s SaveRequest) -> Result<Saving<'s>> {
        let (schema, dependencies) = (self.chain.schema(), self.chain.dependencies()?);
        Ok(Saving { session: self.chain.session(), request, schema, dependencies })
    }
}

/// For example `+500 records, 12 replaced, 3 dropped`.
fn told(changes: &Changes) -> String {
    let Changes { added, replaced, dropped } = changes;
    let mut told = format!("+{added} records");
    for (count, what) in [(replaced, "replaced"), (dropped, "dropped")] {
        if *count > 0 {
            told.push_str(&format!(", {count} {what}"));
        }
    }
    told
}

/// Rows that follow those of a version have its columns.
fn check_columns(schema: &Schema, base: &DatasetVersion) -> Result<()> {
    let expected = VectorLengths::of_stored(&base.schema).apply_to(schema);
    if expected.fields() == base.schema.fields() {
        return Ok(());
    }
    let title = format!("{}@{}", base.dataset.short(), base.version);
    let only = |one: &Schema, other: &Schema| {
        let fields = one.fields().iter().filter(|field| !other.fields().iter().any(|it| it == *field));
        let column = |field: &FieldRef| {
            format!("`{}` ({})", field.name(), kind_name(field.data_type()))
        };
        fields.map(column).collect::<Vec<_>>().join(", ")
    };
    let (new, missing) = (only(&expected, &base.schema), only(&base.schema, &expected));
    let mut parts = Vec::new();
    if !new.is_empty() {
        parts.push(format!("new columns {new}"));
    }
    if !missing.is_empty() {
        parts.push(format!("missing columns {missing}"));
    }
    if parts.is_empty() {
        parts.push("the same columns in another order".to_owned());
    }
    Err(Error::SchemaDrift {
        what: format!(
            "the update does not fit `{title}`: {}; hint: delta_code=\"rebuild\" computes all anew, or save it under \
             another name",
            parts.join(" and ")
        ),
    })
}
