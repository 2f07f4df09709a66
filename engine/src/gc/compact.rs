//! Newest versions whose rows lie in more files than it takes.

use catalog::{DatasetVersion, VersionFilter};
use futures::FutureExt;

use super::files::Size;
use super::{Collector, note};
use crate::sink::{compact, scattered};
use crate::{Error, Result};

const SCATTERED: &str = "its rows lay in many small files";
const OVERTAKEN: &str = "a save was faster than putting its files together";
const FAILED: &str = "its files cannot be put together";

impl Collector<'_> {
    /// Makes a new version of each, with the same rows. Older ones stay as they are, and so do their files.
    pub(super) async fn compact(&mut self) -> Result<()> {
        let newest = VersionFilter { newest_only: true, ..VersionFilter::default() };
        for record in self.session.catalog().versions(newest).await? {
            if !record.dataset.is_of_session() && !record.dataset.is_listing() {
                self.compact_version(&record).boxed().await?;
            }
        }
        Ok(())
    }

    async fn compact_version(&mut self, record: &DatasetVersion) -> Result<()> {
        let title =
            |record: &DatasetVersion| format!("{}@{}", record.dataset.short(), record.version);
        // Files that cannot be read are told of later.
        let Ok(Some(found)) = scattered(self.session, record).await else {
            return Ok(());
        };
        let size = Size { files: found.fragments, bytes: found.bytes };
        if self.options.dry_run {
            note(&mut self.report.compacted, &title(record), SCATTERED, size);
            return Ok(());
        }
        match compact(self.session, record).await {
            Ok(Some(new)) => note(&mut self.report.compacted, &title(&new), SCATTERED, size),
            Ok(None) => {}
            Err(Error::Catalog(catalog::Error::NewestMoved { .. })) => {
                note(&mut self.report.kept, &title(record), OVERTAKEN, size);
            }
            Err(Error::Catalog(error)) => return Err(error.into()),
            Err(_) => note(&mut self.report.kept, &title(record), FAILED, size),
        }
        Ok(())
    }
}
