//! [`Destination`]: where the files of a dataset go.

use std::sync::Arc;

use lance::Dataset;
use lance::dataset::builder::DatasetBuilder;

use crate::memory::Memory;
use crate::storage::{Location, Storage};

/// A dataset's folder, with what it takes to write there.
#[derive(Debug)]
pub(super) struct Destination {
    pub(super) folder: Location,
    /// What messages call the dataset.
    pub(super) title: String,
    pub(super) session: Arc<lance::session::Session>,
    pub(super) storage: Arc<Storage>,
    pub(super) memory: Memory,
}

impl Destination {
    /// Where Lance finds the folder.
    pub(super) fn uri(&self) -> String {
        self.storage.lance_uri(&self.folder)
    }

    /// Lance's newest state.
    pub(super) async fn head(&self) -> lance::Result<Dataset> {
        self.builder().load().await
    }

    /// The state of that number.
    pub(super) async fn state(&self, number: u64) -> lance::Result<Dataset> {
        self.builder().with_version(number).load().await
    }

    fn builder(&self) -> DatasetBuilder {
        DatasetBuilder::from_uri(self.uri()).with_session(Arc::clone(&self.session))
    }
}
