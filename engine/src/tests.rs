//! Tests that need several modules, and faults that only the inside can bring about.

mod crash_points;
mod twice;

use std::sync::Arc;

use catalog::{Bump, NewJob, Wanted};

use crate::{Chain, Result, SaveMode, SaveRequest, Saved, Session};

/// A next version of a dataset, with no words about it.
pub(crate) async fn request(session: &Session, name: &str, mode: SaveMode) -> Result<SaveRequest> {
    Ok(SaveRequest {
        name: name.parse().unwrap(),
        wanted: Wanted::Bump(Bump::Patch),
        mode,
        lists: false,
        job: session.catalog().start_job(NewJob::default()).await?.id,
        description: None,
        attrs: None,
    })
}

pub(crate) async fn save_as(chain: &Chain, name: &str, mode: SaveMode) -> Result<Saved> {
    chain.save(request(chain.session(), name, mode).await?, &Arc::default()).await
}
