//! [`Chain::save_change`]: a version that is another with some rows more, or some less, and which these were.

use std::sync::Arc;

use catalog::{Changes, Delta, Dependency};
use futures::FutureExt;
use futures::future::BoxFuture;

use super::found;
use super::save::{SaveRequest, Saved, unchanged};
use super::saving::{Saving, newest};
use super::update::told;
use crate::progress::Progress;
use crate::{Chain, Error, Result};

/// What becomes of the rows of a version.
#[derive(Clone, Copy, Debug, Default)]
pub struct RowChange {
    /// Of the rows that the request leaves out, so many have no others in their place.
    pub dropped: u64,
    /// How many rows come, if that is known.
    pub written: Option<u64>,
}

impl Chain {
    /// Saves the rows behind those that the request's mode keeps, and tells what changed.
    ///
    /// # Errors
    /// As [`Chain::save`], and [`catalog::Error::NewestMoved`] when another version came meanwhile.
    pub fn save_change<'a>(
        &'a self,
        request: SaveRequest,
        change: RowChange,
        progress: &'a Arc<Progress>,
    ) -> BoxFuture<'a, Result<Saved>> {
        self.changed(request, change, progress).boxed()
    }

    async fn changed(
        &self,
        request: SaveRequest,
        change: RowChange,
        progress: &Arc<Progress>,
    ) -> Result<Saved> {
        let chain = self.with_sys(false)?.pinned(Some(&request.job)).await?;
        let (session, schema) = (chain.session(), chain.schema());
        let mut dependencies = found::dependencies(&chain, &request.job).await?;
        // WHY: updates tell by it that the rows are not only what the other sources make.
        if let Some(base) = newest(session, &request.name).await?
            && !dependencies.iter().any(|made_of| made_of.name == base.dataset)
        {
            dependencies.push(Dependency { name: base.dataset, version: base.version });
        }
        let saving = Saving { session, request: &request, schema, dependencies };
        let mut rows = saving.written(&chain, progress).await?;
        let (added, removed) = (rows.added.rows(), request.mode.removed().len());
        if change.written.is_some_and(|expected| expected != added) {
            let what = format!("{added} rows came where others were counted");
            let instead = "what the statement reads changed while it ran: run it again".to_owned();
            return Err(Error::NotSupported { what, instead });
        }
        if added == 0 && removed == 0 {
            let base = newest(session, &request.name).await?;
            let base = base.ok_or_else(|| Error::internal("a change of nothing"))?;
            return unchanged(session, &request, &base, progress).await;
        }
        let replaced = added.min(removed.saturating_sub(change.dropped));
        let changes = Changes { added: added - replaced, replaced, dropped: removed - replaced };
        rows.added.delta = Some(Delta { changes: Some(changes), ..Delta::default() });
        let saved = saving.published(rows).await?;
        let (title, version) = (request.name.short(), saved.record.version);
        progress.tell(format!("Dataset '{title}@{version}': {}", told(&changes)));
        Ok(saved)
    }
}
