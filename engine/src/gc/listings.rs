//! Listings of storages that nothing was made of and that newer ones replace.

use std::collections::HashSet;

use catalog::{DatasetVersion, VersionFilter};

use super::files::Size;
use super::{Collector, note};
use crate::Result;

const SUPERSEDED: &str = "a newer listing is there, and nothing was made of it";

impl Collector<'_> {
    /// Removes their versions; their files go with those of other versions. The newest of each place stays, and what a
    /// version depends on: what is found later is compared with it.
    pub(super) async fn listings(&mut self) -> Result<()> {
        let records = self.session.catalog().versions(VersionFilter::default()).await?;
        let made_of = records.iter().flat_map(|record| &record.dependencies);
        let needed: HashSet<_> = made_of.map(|one| (&one.name, one.version)).collect();
        // By name and number: the next one is of the same place if there is a newer one.
        let newer = |pair: &[DatasetVersion]| pair[0].dataset == pair[1].dataset;
        let older = records.windows(2).filter(|pair| newer(pair)).map(|pair| &pair[0]);
        for record in older.filter(|record| record.dataset.is_listing()) {
            let finished = record.finished_at.unwrap_or(record.created_at);
            if needed.contains(&(&record.dataset, record.version))
                || !self.is_older(self.options.results_ttl, finished.into())
            {
                continue;
            }
            if !self.options.dry_run {
                let catalog = self.session.catalog();
                catalog.remove_version(&record.dataset, record.version).await?;
            }
            let version = format!("{}@{}", record.dataset.short(), record.version);
            note(&mut self.report.removed, &version, SUPERSEDED, Size::default());
        }
        Ok(())
    }
}
