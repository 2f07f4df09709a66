//! Kept results of functions that nobody used for a while.

use super::files::{Files, Size};
use super::{Collector, Found, IN_USE, note};
use crate::checkpoint::GIVEN;
use crate::{Result, layout};

const KEPT: &str = "no run used it for the time to live";
const UNITS: &str = "units of a stage whose run died";

impl Collector<'_> {
    /// A run that uses a stage is in its folder, however long its function takes.
    pub(super) async fn stages(&mut self) -> Result<()> {
        for folder in self.storage().folders(&layout::stages(), 1).await? {
            let alone = self.storage().try_alone(&folder).await;
            let found = Found { title: folder.to_string(), folder, records: Vec::new() };
            match alone {
                Ok(Some(_alone)) => {
                    self.remove_given(&found).await?;
                    self.remove_if_old(&found, self.options.results_ttl, KEPT).await?;
                }
                Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
                Ok(None) | Err(_) => self.keep_all(&found, IN_USE).await?,
            }
        }
        Ok(())
    }

    /// What other processes were given, by a process that did not come to take it back.
    async fn remove_given(&mut self, found: &Found) -> Result<()> {
        let files = Files::below(self.storage(), &found.folder).await?;
        let is_given = |name: &str| GIVEN.iter().any(|kind| name.ends_with(kind));
        let mut size = Size::default();
        for file in files.directly_in(&found.folder) {
            let is_given = file.location.filename().is_some_and(is_given);
            if is_given && self.is_older(self.options.results_ttl, file.modified) {
                size.add(file.bytes);
                if !self.options.dry_run {
                    self.storage().delete(&file.location).await?;
                }
            }
        }
        if size.files > 0 {
            note(&mut self.report.removed, &found.title, UNITS, size);
        }
        Ok(())
    }
}
