//! Where queries write down what they cannot hold: files in the process's own folder, gone with their query, and when that
//! was killed with the next process.

use std::sync::Arc;

use datafusion::execution::disk_manager::{DiskManager, DiskManagerBuilder, DiskManagerMode};

use super::{Cache, area};
use crate::Result;

impl Cache {
    /// The place for temporary files, which may have as many bytes together as fetched ones.
    pub(crate) async fn spill_disk(&self) -> Result<Arc<DiskManager>> {
        let folder = self.area().await?.path().to_owned();
        let disk = DiskManagerBuilder::default()
            .with_mode(DiskManagerMode::Directories(vec![folder]))
            .with_max_temp_directory_size(self.limit_bytes);
        let disk = Arc::new(disk.build()?);
        // WHY: its folder goes with the process's own one. A forked child that drops its copy would remove it.
        Box::leak(Box::new(Arc::clone(&disk)));
        Ok(disk)
    }

    /// Removes what processes that died left.
    pub(crate) async fn sweep(&self) {
        area::sweep(&self.folder, &self.own).await;
    }
}
