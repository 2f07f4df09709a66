//! [`Commit`]: fragments become a state of a dataset. It is always made from the state that the catalog names, never
//! from Lance's head, which may be what a save left that died before the catalog knew of it.
//!
//! States of a dataset follow each other in one line. A full rewrite needs none of those before. What is added to a state
//! needs it to be the last one: where it is not, it is put there again ([`Operation::Restore`]), which costs no rows. Who
//! finds that another came in between tries again; a state that was committed in vain is nobody's version.

use std::collections::HashMap;
use std::sync::Arc;

use arrow::datatypes::SchemaRef;
use catalog::Claim;
use chrono::Utc;
use futures::FutureExt;
use lance::Dataset;
use lance::dataset::builder::DatasetBuilder;
use lance::dataset::refs::TagContents;
use lance::dataset::transaction::{Operation, Transaction, TransactionBuilder};
use lance::dataset::{CommitBuilder, WriteDestination};
use lance_core::Error as LanceError;
use lance_table::format::Fragment;

use super::fragments::{Target, lance_schema};
use crate::adapter::error::LanceResultExt;
use crate::{Error, Result};

/// How often a commit is tried again when another process was faster.
const ATTEMPTS: usize = 200;

/// A state to come.
#[derive(Debug)]
pub(super) struct Commit {
    /// The state that it adds to, by Lance's number; `None` for one that needs no other.
    pub(super) base: Option<u64>,
    /// What it adds.
    pub(super) added: Vec<Fragment>,
    /// The columns of all of it.
    pub(super) schema: SchemaRef,
}

impl Commit {
    /// Commits and tags the state, however many others commit meanwhile; `None` where another has that tag.
    pub(super) async fn apply(&self, target: &Target, claim: &Claim) -> Result<Option<Dataset>> {
        for _ in 0..ATTEMPTS {
            let committed = match self.base {
                None => self.rewrite(target, claim).boxed().await,
                Some(base) => self.append(target, claim, base).boxed().await,
            };
            match committed {
                Ok(Some(dataset)) => {
                    let is_new = tag(target, claim, &dataset).await?;
                    return Ok(is_new.then_some(dataset));
                }
                Ok(None) => {}
                Err(error) if is_conflict(&error) => {}
                Err(error) => return Err(error).lance("commit", &target.title),
            }
        }
        let title = &target.title;
        Err(Error::internal(format!("`{title}`: {ATTEMPTS} others committed in between")))
    }

    async fn rewrite(&self, target: &Target, claim: &Claim) -> lance::Result<Option<Dataset>> {
        let operation = Operation::Overwrite {
            fragments: self.added.clone(),
            schema: lance_schema(&self.schema)?,
            config_upsert_values: None,
            initial_bases: None,
        };
        match head(target).await {
            Ok(head) => commit(target, claim, head, operation).await.map(Some),
            Err(LanceError::DatasetNotFound { .. } | LanceError::NotFound { .. }) => {
                let uri = target.uri();
                let builder = CommitBuilder::new(WriteDestination::Uri(&uri));
                let builder = builder.with_session(Arc::clone(&target.session));
                builder.execute(transaction(claim, 0, operation)).await.map(Some)
            }
            Err(error) => Err(error),
        }
    }

    /// `None` when another state came between: then ours has its rows too.
    async fn append(
        &self,
        target: &Target,
        claim: &Claim,
        base: u64,
    ) -> lance::Result<Option<Dataset>> {
        let mut head = head(target).await?;
        if !is_at(&head, base).await? {
            head = head.checkout_version(base).await?;
            head.restore().boxed().await?;
        }
        let before = head.version().version;
        let operation = Operation::Append { fragments: self.added.clone() };
        let dataset = commit(target, claim, head, operation).await?;
        Ok((dataset.version().version == before + 1).then_some(dataset))
    }
}

/// Gives the state the name of the version; whether it was free.
///
/// WHY: Lance's own way makes folders beside the root where its path has letters that URLs escape.
async fn tag(target: &Target, claim: &Claim, dataset: &Dataset) -> Result<bool> {
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
    let tags = target.folder.clone().join("_refs").join("tags");
    target.storage.put_new(&tags.join(format!("{}.json", claim.version)), text).await
}

/// Lance's newest state.
async fn head(target: &Target) -> lance::Result<Dataset> {
    let session = Arc::clone(&target.session);
    DatasetBuilder::from_uri(target.uri()).with_session(session).load().await
}

/// Whether the state holds what `base` does.
async fn is_at(head: &Dataset, base: u64) -> lance::Result<bool> {
    if head.version().version == base {
        return Ok(true);
    }
    let made_by = head.read_transaction().await?.map(|transaction| transaction.operation);
    Ok(matches!(made_by, Some(Operation::Restore { version }) if version == base))
}

async fn commit(
    target: &Target,
    claim: &Claim,
    head: Dataset,
    operation: Operation,
) -> lance::Result<Dataset> {
    let transaction = transaction(claim, head.version().version, operation);
    CommitBuilder::new(WriteDestination::Dataset(Arc::new(head)))
        .with_session(Arc::clone(&target.session))
        .execute(transaction)
        .await
}

/// What is done, and for which version.
fn transaction(claim: &Claim, from: u64, operation: Operation) -> Transaction {
    let properties = HashMap::from([
        ("lakebed.job".to_owned(), claim.job.as_str().to_owned()),
        ("lakebed.dataset".to_owned(), claim.name.to_string()),
        ("lakebed.version".to_owned(), claim.version.to_string()),
    ]);
    TransactionBuilder::new(from, operation)
        .transaction_properties(Some(Arc::new(properties)))
        .build()
}

fn is_conflict(error: &LanceError) -> bool {
    matches!(
        error,
        LanceError::CommitConflict { .. }
            | LanceError::RetryableCommitConflict { .. }
            | LanceError::IncompatibleTransaction { .. }
            | LanceError::TooMuchWriteContention { .. }
            | LanceError::DatasetAlreadyExists { .. }
    )
}
