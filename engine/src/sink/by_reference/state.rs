//! [`SharedState`]: fragments that list files of another dataset become a state of one.
//!
//! Lance takes no fragments with masks into a state that needs no other, so a state whose rows are masked is two: all
//! rows, and that without those that are left out. Where there are states already, what is listed has to be made known
//! before.

use std::sync::Arc;

use catalog::Claim;
use futures::FutureExt;
use lance::Dataset;
use lance::dataset::transaction::Operation;
use lance::dataset::{CommitBuilder, WriteDestination};
use lance_core::Error as LanceError;
use lance_core::datatypes::Schema;
use lance_core::utils::deletion::DeletionVector;
use lance_table::format::{BasePath, Fragment};

use crate::adapter::error::LanceResultExt;
use crate::sink::commit::{ATTEMPTS, commit, follow, is_conflict, masking, tag, transaction};
use crate::sink::destination::Destination;
use crate::{Error, Result};

/// What a state of fragments is beside these.
pub(in crate::sink) struct SharedState {
    /// The columns with their numbers.
    pub(super) schema: Schema,
    /// Datasets whose files are listed.
    pub(super) bases: Vec<BasePath>,
    /// The rows of each fragment that are left out.
    pub(super) gone: Vec<DeletionVector>,
}

impl SharedState {
    /// Commits and tags the state, however many others commit meanwhile; `None` where another has that tag.
    pub(in crate::sink) async fn apply(
        &self,
        fragments: &[Fragment],
        destination: &Destination,
        claim: &Claim,
    ) -> Result<Option<Dataset>> {
        let title = &destination.title;
        for _ in 0..ATTEMPTS {
            let Some(whole) =
                tried(self.whole(fragments, destination, claim).boxed().await, title)?
            else {
                continue;
            };
            let state = match self.gone.iter().all(DeletionVector::is_empty) {
                true => Some(whole),
                false => self.masked(&whole, destination, claim).await?,
            };
            if let Some(state) = state {
                let is_new = tag(destination, claim, &state).await?;
                return Ok(is_new.then_some(state));
            }
        }
        Err(Error::internal(format!("`{title}`: {ATTEMPTS} others committed in between")))
    }

    /// The state of all rows; `None` where another came between.
    async fn whole(
        &self,
        fragments: &[Fragment],
        destination: &Destination,
        claim: &Claim,
    ) -> lance::Result<Option<Dataset>> {
        let overwrite = |initial_bases| Operation::Overwrite {
            fragments: fragments.to_vec(),
            schema: self.schema.clone(),
            config_upsert_values: None,
            initial_bases,
        };
        let mut head = match destination.head().await {
            Ok(head) => head,
            Err(LanceError::DatasetNotFound { .. } | LanceError::NotFound { .. }) => {
                let bases = (!self.bases.is_empty()).then(|| self.bases.clone());
                let uri = destination.uri();
                let builder = CommitBuilder::new(WriteDestination::Uri(&uri));
                let builder = builder.with_session(Arc::clone(&destination.session));
                let state = builder.execute(transaction(claim, 0, overwrite(bases))).await?;
                return Ok(self.is_known_to(&state).then_some(state));
            }
            Err(error) => return Err(error),
        };
        let is_new = |base: &&BasePath| !head.manifest().base_paths.contains_key(&base.id);
        let new_bases: Vec<BasePath> = self.bases.iter().filter(is_new).cloned().collect();
        if !new_bases.is_empty() {
            head = commit(destination, claim, head, Operation::UpdateBases { new_bases }).await?;
        }
        let state = commit(destination, claim, head, overwrite(None)).await?;
        // Who restores an older state makes it forget.
        Ok(self.is_known_to(&state).then_some(state))
    }

    fn is_known_to(&self, state: &Dataset) -> bool {
        let known = &state.manifest().base_paths;
        let is_known =
            |base: &BasePath| known.get(&base.id).is_some_and(|known| known.name == base.name);
        self.bases.iter().all(is_known)
    }

    /// The state without the rows that are left out; `None` where others always came between.
    async fn masked(
        &self,
        whole: &Dataset,
        destination: &Destination,
        claim: &Claim,
    ) -> Result<Option<Dataset>> {
        let title = &destination.title;
        let fragments = whole.fragments();
        if fragments.len() != self.gone.len() {
            return Err(Error::internal(format!("`{title}`: a state has other fragments")));
        }
        let gone = fragments.iter().zip(&self.gone).filter(|(_, gone)| !gone.is_empty());
        let gone = gone.filter_map(|(part, gone)| Some((u32::try_from(part.id).ok()?, gone)));
        let operation = masking(title, whole, gone, Vec::new()).await?;
        let before = whole.version().version;
        for _ in 0..ATTEMPTS {
            let masked = follow(destination, claim, before, operation.clone()).boxed().await;
            if let Some(state) = tried(masked, title)? {
                return Ok(Some(state));
            }
        }
        Ok(None)
    }
}

/// A state, `None` where it was tried in vain.
fn tried(state: lance::Result<Option<Dataset>>, title: &str) -> Result<Option<Dataset>> {
    match state {
        Err(error) if is_conflict(&error) => Ok(None),
        state => state.lance("commit", title),
    }
}
