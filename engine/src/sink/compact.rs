//! [`Compacted`]: the last fragments of a version, written anew as few. `docs/adr/0009-compaction.md` says when and why.
//!
//! Fragments stand in the order of their numbers, and new ones get the highest: only the last ones can be replaced.

mod choice;

use std::collections::BTreeSet;
use std::sync::Arc;

use catalog::{Bump, DatasetVersion, JobStatus, NewJob, Wanted};
use futures::{StreamExt, stream};
use lance_table::format::Fragment;

use super::destination::Destination;
use super::fragments::Columns;
use super::row_addresses::RowAddresses;
use super::save::{SaveMode, SaveRequest};
use super::saving::Saving;
use super::vectors::VectorLengths;
use crate::progress::Progress;
use crate::source::scan_of_fragments;
use crate::{Error, Ready, Result, Session};

use choice::Size;
pub(super) use choice::{last_scattered, last_small};

/// How many of the last fragments are put together.
pub(super) type Choice = fn(&[Size]) -> usize;

/// The last fragments of a version, written anew.
#[derive(Debug)]
pub(super) struct Compacted {
    /// The version's own name.
    uuid: String,
    /// The fragments that the new ones take the place of.
    pub(super) replaced: BTreeSet<u64>,
    pub(super) fragments: Vec<Fragment>,
}

/// How many fragments are put together, and what they hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Scattered {
    pub(crate) fragments: u64,
    pub(crate) bytes: u64,
}

impl Compacted {
    /// The end of a version without the rows that are removed; `None` where it may stay as it is.
    pub(super) async fn of(
        session: &Arc<Session>,
        destination: &Arc<Destination>,
        record: &DatasetVersion,
        removed: &RowAddresses,
        choice: Choice,
    ) -> Result<Option<Self>> {
        let dataset = Arc::new(session.open_version(record).await?);
        let last = chosen(dataset.fragments(), choice);
        if last.is_empty() {
            return Ok(None);
        }
        let replaced: BTreeSet<u64> = last.iter().map(|fragment| fragment.id).collect();
        let Some(plan) = scan_of_fragments(record, &dataset, last, removed.all()).await? else {
            return Ok(None);
        };
        let ready = Ready { plan, context: session.state().task_ctx() };
        let rows = stream::iter(ready.begin()?).flatten().boxed();
        let columns = Columns::new(VectorLengths::none(), &record.schema);
        let untold = Arc::<Progress>::default().start("compact", None);
        let written = Arc::clone(destination).write(columns, rows, untold, None).await?;
        let gone = removed.by_fragment().filter(|(id, _)| replaced.contains(&u64::from(*id)));
        let gone: usize = gone.map(|(_, rows)| rows.len()).sum();
        let before: usize = last.iter().filter_map(Fragment::num_rows).sum();
        if written.rows + gone as u64 != before as u64 {
            let title = &destination.title;
            return Err(Error::internal(format!("`{title}`: {before} rows became others")));
        }
        let uuid = record.uuid.clone();
        Ok(Some(Self { uuid, replaced, fragments: written.fragments }))
    }

    /// Whether it is the end of this version.
    pub(super) fn is_of(&self, record: &DatasetVersion) -> bool {
        self.uuid == record.uuid
    }
}

/// What [`compact`] puts together of a version.
pub(crate) async fn scattered(
    session: &Session,
    record: &DatasetVersion,
) -> Result<Option<Scattered>> {
    let dataset = session.open_version(record).await?;
    let last = chosen(dataset.fragments(), last_scattered);
    let sizes = last.iter().filter_map(Size::of);
    let found =
        Scattered { fragments: last.len() as u64, bytes: sizes.map(|size| size.file_bytes).sum() };
    Ok((!last.is_empty()).then_some(found))
}

/// Makes a version of the newest one, with the same rows in fewer files; `None` where they are few.
pub(crate) async fn compact(
    session: &Arc<Session>,
    record: &DatasetVersion,
) -> Result<Option<DatasetVersion>> {
    let job = NewJob { name: format!("compact {}", record.dataset.short()), ..NewJob::default() };
    let job = session.catalog().start_job(job).await?.id;
    session.catalog().finish_job(&job, JobStatus::Complete, None).await?;
    let request = SaveRequest {
        name: record.dataset.clone(),
        wanted: Wanted::Bump(Bump::Patch),
        mode: SaveMode::Update { base: record.version, removed: RowAddresses::default() },
        lists: true,
        job,
        description: None,
        attrs: None,
    };
    let (schema, dependencies) = (Arc::clone(&record.schema), record.dependencies.clone());
    let saving = Saving { session, request: &request, schema, dependencies };
    saving.publish_compacted(&saving.open().await?).await
}

/// The last fragments that are put together; none where one does not say how large it is.
fn chosen(fragments: &[Fragment], choice: Choice) -> &[Fragment] {
    let sizes: Option<Vec<Size>> = fragments.iter().map(Size::of).collect();
    &fragments[fragments.len() - choice(&sizes.unwrap_or_default())..]
}

#[cfg(test)]
mod tests;
