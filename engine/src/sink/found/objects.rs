//! Listings of buckets: made once, and used by all who look for the same or for less, until they are old.
//!
//! When a listing was made, or made anew and found to be the same, is a label of its dataset. It is the time at which that
//! began: what is in the listing was there then.

use std::sync::Arc;

use arrow::datatypes::{FieldRef, Schema, SchemaRef};
use catalog::{DatasetVersion, QualifiedName, VersionFilter};
use chrono::{DateTime, SecondsFormat, Utc};
use datafusion::catalog::TableProvider;
use datafusion::execution::SendableRecordBatchStream;
use futures::{StreamExt, TryStreamExt, stream};

use super::{ATTEMPTS, Kept, keep as keep_files, name_of, opened};
use crate::identity::Content;
use crate::physical::in_order;
use crate::sink::saving::is_overtaken;
use crate::source::{
    DatasetTable, FilesFound, ListedTable, LookForFiles, ObjectsFound, Purpose, Scope, Search,
    Source, ValuesTable,
};
use crate::{Result, Session, config};

#[cfg(test)]
mod tests;

/// What the label is called.
const CONFIRMED: &str = "confirmed=";

/// When a listing of a bucket was last known to be right; `None` for those of folders.
pub(crate) fn confirmed(record: &DatasetVersion) -> Option<DateTime<Utc>> {
    let at = record.attrs.iter().find_map(|label| label.strip_prefix(CONFIRMED))?;
    Some(DateTime::parse_from_rfc3339(at).ok()?.to_utc())
}

/// What reads the objects: of a listing that is not old, else of a new one.
pub(super) async fn keep(
    session: &Arc<Session>,
    found: ObjectsFound,
    purpose: Purpose<'_>,
    began: DateTime<Utc>,
) -> Result<Arc<dyn Source>> {
    let ObjectsFound { search, column, update } = found;
    let age = chrono::Duration::from_std(config::listing_ttl()?).unwrap_or(chrono::Duration::MAX);
    let oldest = if update { began } else { began.checked_sub_signed(age).unwrap_or_default() };
    let looking = Looking { session, search, column, purpose, oldest };
    if let Some(table) = looking.known().await? {
        return Ok(table);
    }
    if let Some(table) = looking.one().await? {
        return Ok(table);
    }
    let name = looking.name(looking.search.scope())?;
    let _turn = session.turns().take(name.name.as_str()).await;
    // Somebody may have done it meanwhile.
    match looking.known().await? {
        Some(table) => Ok(table),
        None => looking.list(name).await,
    }
}

struct Looking<'a> {
    session: &'a Arc<Session>,
    search: Search,
    column: FieldRef,
    purpose: Purpose<'a>,
    /// From when on listings count.
    oldest: DateTime<Utc>,
}

impl Looking<'_> {
    /// The newest listing that counts and has something where the objects would be. Where it has nothing, there may be
    /// something by now.
    async fn known(&self) -> Result<Option<Arc<dyn Source>>> {
        let mut newest: Option<(DateTime<Utc>, Scope, DatasetVersion)> = None;
        for scope in self.search.covering() {
            let name = self.name(&scope)?;
            let filter = VersionFilter { newest_only: true, ..VersionFilter::of(&name) };
            let Some(record) = self.session.catalog().versions(filter).await?.pop() else {
                continue;
            };
            let at = confirmed(&record).filter(|at| *at >= self.oldest);
            if let Some(at) = at
                && newest.as_ref().is_none_or(|(known, ..)| at > *known)
            {
                newest = Some((at, scope, record));
            }
        }
        let Some((_, scope, record)) = newest else { return Ok(None) };
        let all = opened(self.session, &record, Arc::clone(&self.column)).await?;
        if scope == *self.search.scope() || self.has_any(&all).await? {
            return self.chosen(all, &scope).await.map(Some);
        }
        Ok(None)
    }

    async fn has_any(&self, all: &DatasetTable) -> Result<bool> {
        if self.search.may_be_empty() {
            return Ok(true);
        }
        let table = ListedTable::new(all.clone(), self.search.anything());
        let mut rows = self.rows(&table, Some(&Vec::new())).await?;
        while let Some(batch) = rows.try_next().await? {
            if batch.num_rows() > 0 {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// What is searched for, of a listing of a scope.
    async fn chosen(&self, all: DatasetTable, scope: &Scope) -> Result<Arc<dyn Source>> {
        if self.search.is_all_of(scope) {
            return Ok(Arc::new(all));
        }
        let table = ListedTable::new(all, self.search.clone());
        if matches!(self.purpose, Purpose::Rows) {
            return Ok(Arc::new(table));
        }
        let mut content = Content::default();
        let mut rows = self.rows(&table, None).await?;
        while let Some(batch) = rows.try_next().await? {
            content.add(&batch);
        }
        Ok(Arc::new(table.known_as(content.digest())))
    }

    async fn rows(
        &self,
        table: &ListedTable,
        columns: Option<&Vec<usize>>,
    ) -> Result<SendableRecordBatchStream> {
        let state = self.session.state();
        let scan = table.scan(state, columns, &[], None).await?;
        Ok(in_order(&scan, &state.task_ctx(), None)?)
    }

    /// The one object, if it is one. It is looked at each time; a version of its own has it only for who needs one.
    async fn one(&self) -> Result<Option<Arc<dyn Source>>> {
        let schema = self.schema();
        let Some(row) = self.search.look(self.session.buckets(), &schema).await else {
            return Ok(None);
        };
        let Purpose::Identity(job) = self.purpose else {
            return Ok(Some(Arc::new(ValuesTable::try_new(schema, vec![row?])?)));
        };
        let row = row?;
        let look: LookForFiles = Box::new(move || stream::iter([Ok(row.clone())]).boxed());
        let (places, column) = (self.search.to_string(), Arc::clone(&self.column));
        keep_files(self.session, FilesFound { places, column, look }, job).await.map(Some)
    }

    /// Lists anew.
    async fn list(&self, name: QualifiedName) -> Result<Arc<dyn Source>> {
        let scope = self.search.scope();
        let began = Utc::now().to_rfc3339_opts(SecondsFormat::Micros, true);
        let job = match self.purpose {
            Purpose::Identity(job) => job,
            Purpose::Rows => None,
        };
        let (places, labels) = (scope.places(), Some(vec![format!("{CONFIRMED}{began}")]));
        let kept = Kept { session: self.session, name, places, job, labels };
        let mut attempts = 0..ATTEMPTS;
        let record = loop {
            let rows = scope.rows(self.session.buckets(), &self.schema()).await?;
            let (rows, before) = kept.begin(&self.column, rows).await?;
            if rows.height == 0 && !self.search.may_be_empty() {
                return Err(self.search.missing());
            }
            match kept.version(&self.column, rows, before).await {
                Err(error) if is_overtaken(&error) && attempts.next().is_some() => {}
                record => break record?,
            }
        };
        let all = opened(self.session, &record, Arc::clone(&self.column)).await?;
        self.chosen(all, scope).await
    }

    /// The dataset of a scope: on another server the same URI is another place.
    fn name(&self, scope: &Scope) -> Result<QualifiedName> {
        let server = self.session.buckets().server(scope.uri());
        name_of(&[scope.places(), server].join(" "))
    }

    fn schema(&self) -> SchemaRef {
        Arc::new(Schema::new(vec![Arc::clone(&self.column)]))
    }
}
