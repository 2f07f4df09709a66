//! Kept results of functions that nobody used for a while.

use super::{Collector, Found, IN_USE};
use crate::{Result, layout};

const KEPT: &str = "no run used it for the time to live";

impl Collector<'_> {
    /// A run that uses a stage is in its folder, however long its function takes.
    pub(super) async fn stages(&mut self) -> Result<()> {
        for folder in self.storage().folders(&layout::stages(), 1).await? {
            let alone = self.storage().try_alone(&folder).await;
            let found = Found { title: folder.to_string(), folder, records: Vec::new() };
            match alone {
                Ok(Some(_alone)) => {
                    self.remove_if_old(&found, self.options.results_ttl, KEPT).await?;
                }
                Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
                Ok(None) | Err(_) => self.keep_all(&found, IN_USE).await?,
            }
        }
        Ok(())
    }
}
