//! Listings of storages that nothing was made of for a while.

use std::collections::HashSet;

use catalog::VersionFilter;

use super::files::Size;
use super::{Collector, already, note};
use crate::Result;
use crate::sink::confirmed;

const UNUSED: &str = "nothing was made of it for the time to live";

impl Collector<'_> {
    /// Removes their versions; their files go with those of other versions. What a version depends on stays: what is
    /// found later is compared with it.
    pub(super) async fn listings(&mut self) -> Result<()> {
        let records = self.session.catalog().versions(VersionFilter::default()).await?;
        let made_of = records.iter().flat_map(|record| &record.dependencies);
        let needed: HashSet<_> = made_of.map(|one| (&one.name, one.version)).collect();
        for record in records.iter().filter(|record| record.dataset.is_listing()) {
            let finished = record.finished_at.unwrap_or(record.created_at);
            let finished = confirmed(record).map_or(finished, |at| at.max(finished));
            if needed.contains(&(&record.dataset, record.version))
                || !self.is_older(self.options.results_ttl, finished.into())
            {
                continue;
            }
            if !self.options.dry_run {
                let catalog = self.session.catalog();
                already(catalog.remove_version(&record.dataset, record.version).await)?;
            }
            let version = format!("{}@{}", record.dataset.short(), record.version);
            note(&mut self.report.removed, &version, UNUSED, Size::default());
        }
        Ok(())
    }
}
