//! [`Commit`]: fragments become a state of a dataset. It is always made from the state that the catalog names, never
//! from Lance's head, which may be what a save left that died before the catalog knew of it.
//!
//! States of a dataset follow each other in one line. A full rewrite needs none of those before. What changes a state
//! needs it to be the last one: where it is not, it is put there again ([`Operation::Restore`]), which costs no rows. Who
//! finds that another came in between tries again; a state that was committed in vain is nobody's version.
//!
//! Rows that are removed stay in their files. A file beside these says which they are, and is written before the commit; a
//! fragment that has no others is left out.

use std::collections::HashMap;
use std::sync::Arc;

use arrow::datatypes::SchemaRef;
use catalog::Claim;
use chrono::Utc;
use futures::{FutureExt, StreamExt, TryStreamExt, stream};
use lance::Dataset;
use lance::dataset::refs::TagContents;
use lance::dataset::transaction::{Operation, Transaction, TransactionBuilder};
use lance::dataset::{CommitBuilder, WriteDestination};
use lance_core::Error as LanceError;
use lance_core::utils::deletion::DeletionVector;
use lance_table::format::Fragment;

use super::destination::Destination;
use super::fragments::lance_schema;
use super::row_addresses::RowAddresses;
use crate::adapter::error::LanceResultExt;
use crate::{Error, Result};

/// How often a commit is tried again when another process was faster.
pub(super) const ATTEMPTS: usize = 200;

/// Fragments whose masks are written at once.
const MASKED_AT_ONCE: usize = 16;

/// A state to come.
#[derive(Debug)]
pub(super) struct Commit {
    /// The state that it changes, by Lance's number; `None` for one that needs no other.
    pub(super) base: Option<u64>,
    /// Which rows of that it leaves out.
    pub(super) removed: RowAddresses,
    /// What it adds.
    pub(super) added: Vec<Fragment>,
    /// The columns of all of it.
    pub(super) schema: SchemaRef,
}

impl Commit {
    /// Commits and tags the state, however many others commit meanwhile; `None` where another has that tag.
    pub(super) async fn apply(
        &self,
        destination: &Destination,
        claim: &Claim,
    ) -> Result<Option<Dataset>> {
        let operation = self.operation(destination).await?;
        for _ in 0..ATTEMPTS {
            let operation = operation.clone();
            let committed = match self.base {
                None => rewrite(destination, claim, operation).boxed().await,
                Some(base) => follow(destination, claim, base, operation).boxed().await,
            };
            match committed {
                Ok(Some(dataset)) => {
                    let is_new = tag(destination, claim, &dataset).await?;
                    return Ok(is_new.then_some(dataset));
                }
                Ok(None) => {}
                Err(error) if is_conflict(&error) => {}
                Err(error) => return Err(error).lance("commit", &destination.title),
            }
        }
        let title = &destination.title;
        Err(Error::internal(format!("`{title}`: {ATTEMPTS} others committed in between")))
    }

    /// What Lance is to do. It stays right when the base is restored: fragments keep their numbers.
    async fn operation(&self, destination: &Destination) -> Result<Operation> {
        let added = self.added.clone();
        let Some(base) = self.base else {
            return Ok(Operation::Overwrite {
                fragments: added,
                schema: lance_schema(&self.schema).lance("commit", &destination.title)?,
                config_upsert_values: None,
                initial_bases: None,
            });
        };
        if self.removed.is_empty() {
            return Ok(Operation::Append { fragments: added });
        }
        let base = destination.state(base).await.lance("open", &destination.title)?;
        masking(&destination.title, &base, self.removed.by_fragment(), added).await
    }
}

/// A state without these rows of the one before, and with what is added.
pub(super) async fn masking(
    title: &str,
    base: &Dataset,
    removed: impl Iterator<Item = (u32, &DeletionVector)>,
    added: Vec<Fragment>,
) -> Result<Operation> {
    let masks: Vec<_> = removed.map(|(id, rows)| mask(title, base, id, rows)).collect();
    let masked: Vec<(u64, Option<Fragment>)> =
        stream::iter(masks).buffered(MASKED_AT_ONCE).try_collect().await?;
    let gone = masked.iter().filter(|(_, left)| left.is_none()).map(|(id, _)| *id).collect();
    Ok(Operation::Update {
        removed_fragment_ids: gone,
        updated_fragments: masked.into_iter().filter_map(|(_, left)| left).collect(),
        new_fragments: added,
        fields_modified: Vec::new(),
        compacted_sstables: Vec::new(),
        fields_for_preserving_frag_bitmap: Vec::new(),
        update_mode: None,
        inserted_rows_filter: None,
        updated_fragment_offsets: None,
    })
}

/// A fragment without these rows, beside those that it lacks already; `None` when no others are left.
async fn mask(
    title: &str,
    base: &Dataset,
    id: u32,
    rows: &DeletionVector,
) -> Result<(u64, Option<Fragment>)> {
    let not_there = || Error::InvalidArgument {
        argument: "removed rows",
        given: format!("rows of fragment {id}"),
        accepted: format!("they must be the `sys.id` of rows of `{title}` as it was"),
    };
    let Some(fragment) = usize::try_from(id).ok().and_then(|id| base.get_fragment(id)) else {
        return Err(not_there());
    };
    let (all, before) = (fragment.metadata().physical_rows, fragment.metadata().num_rows());
    let is_in_file = |row: u32| all.is_some_and(|all| (row as usize) < all);
    if !rows.iter().all(is_in_file) {
        return Err(not_there());
    }
    let left = fragment.extend_deletions(rows.iter()).await.lance("write", title)?;
    let left = left.map(|fragment| fragment.metadata().clone());
    let after = left.as_ref().map_or(Some(0), Fragment::num_rows);
    if before != after.map(|after| after + rows.len()) {
        return Err(not_there());
    }
    Ok((u64::from(id), left))
}

/// Makes a state that needs no other.
async fn rewrite(
    destination: &Destination,
    claim: &Claim,
    operation: Operation,
) -> lance::Result<Option<Dataset>> {
    match destination.head().await {
        Ok(head) => commit(destination, claim, head, operation).await.map(Some),
        Err(LanceError::DatasetNotFound { .. } | LanceError::NotFound { .. }) => {
            let uri = destination.uri();
            let builder = CommitBuilder::new(WriteDestination::Uri(&uri));
            let builder = builder.with_session(Arc::clone(&destination.session));
            builder.execute(transaction(claim, 0, operation)).await.map(Some)
        }
        Err(error) => Err(error),
    }
}

/// Makes a state of the one before; `None` when another came between: then ours has its rows too.
pub(super) async fn follow(
    destination: &Destination,
    claim: &Claim,
    base: u64,
    operation: Operation,
) -> lance::Result<Option<Dataset>> {
    let mut head = destination.head().await?;
    if !is_at(&head, base).await? {
        head = head.checkout_version(base).await?;
        head.restore().boxed().await?;
    }
    let before = head.version().version;
    let dataset = commit(destination, claim, head, operation).await?;
    Ok((dataset.version().version == before + 1).then_some(dataset))
}

/// Gives the state the name of the version; whether it was free.
///
/// WHY: Lance's own way makes folders beside the root where its path has letters that URLs escape.
pub(super) async fn tag(
    destination: &Destination,
    claim: &Claim,
    dataset: &Dataset,
) -> Result<bool> {
    let now = Some(Utc::now());
    let tag = TagContents {
        branch: None,
        version: dataset.version().version,
        created_at: now,
        updated_at: now,
        manifest_size: dataset
            .manifest_location()
            .size
            .and_then(|size| usize::try_from(size).ok())
            .unwrap_or_default(),
        metadata: HashMap::new(),
    };
    let text =
        serde_json::to_vec_pretty(&tag).map_err(|error| Error::internal(error.to_string()))?;
    let tags = destination.folder.clone().join("_refs").join("tags");
    destination.storage.put_new(&tags.join(format!("{}.json", claim.version)), text).await
}

/// Whether the state holds what `base` does.
async fn is_at(head: &Dataset, base: u64) -> lance::Result<bool> {
    if head.version().version == base {
        return Ok(true);
    }
    let made_by = head.read_transaction().await?.map(|transaction| transaction.operation);
    Ok(matches!(made_by, Some(Operation::Restore { version }) if version == base))
}

pub(super) async fn commit(
    destination: &Destination,
    claim: &Claim,
    head: Dataset,
    operation: Operation,
) -> lance::Result<Dataset> {
    let transaction = transaction(claim, head.version().version, operation);
    CommitBuilder::new(WriteDestination::Dataset(Arc::new(head)))
        .with_session(Arc::clone(&destination.session))
        .execute(transaction)
        .await
}

/// What is done, and for which version.
pub(super) fn transaction(claim: &Claim, from: u64, operation: Operation) -> Transaction {
    let properties = HashMap::from([
        ("lakebed.job".to_owned(), claim.job.as_str().to_owned()),
        ("lakebed.dataset".to_owned(), claim.name.to_string()),
        ("lakebed.version".to_owned(), claim.version.to_string()),
    ]);
    TransactionBuilder::new(from, operation)
        .transaction_properties(Some(Arc::new(properties)))
        .build()
}

pub(super) fn is_conflict(error: &LanceError) -> bool {
    matches!(
        error,
        LanceError::CommitConflict { .. }
            | LanceError::RetryableCommitConflict { .. }
            | LanceError::IncompatibleTransaction { .. }
            | LanceError::TooMuchWriteContention { .. }
            | LanceError::DatasetAlreadyExists { .. }
    )
}
