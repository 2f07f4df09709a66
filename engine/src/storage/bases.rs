//! Files of one dataset that another one lists. Lance's records name the other's folder where it was when they were
//! written; beside that stands its location below the root, which holds wherever the root is now.

use std::collections::HashMap;

use lance::Dataset;
use lance::dataset::builder::DatasetBuilder;
use lance_table::format::BasePath;
use lance_table::io::commit::commit_handler_from_url;

use super::{Location, Storage};

/// What the names of folders begin with that are below the root.
const OURS: &str = "lakebed:";

impl Storage {
    /// How a record names a dataset's folder. One folder has one number, whoever names it, so that many may at once.
    pub(crate) fn base(&self, folder: &Location) -> BasePath {
        let digest = blake3::hash(folder.as_ref().as_bytes());
        let [first, second, third, fourth, ..] = *digest.as_bytes();
        let number = u32::from_be_bytes([first, second, third, fourth]).max(1);
        BasePath::new(number, self.lance_uri(folder), Some(format!("{OURS}{folder}")), true)
    }

    /// The folder that a record names; `None` for one that is not below the root.
    pub(crate) fn folder_of(&self, base: &BasePath) -> Option<Location> {
        match base.name.as_deref().and_then(|name| name.strip_prefix(OURS)) {
            Some(folder) => Location::parse(folder).ok(),
            None => self.within(&base.path),
        }
    }

    /// The same state, which finds the folders that it names where they are now.
    pub(crate) async fn at_home(&self, dataset: Dataset) -> lance::Result<Dataset> {
        let mut moved: HashMap<u32, String> = HashMap::new();
        for (number, base) in &dataset.manifest().base_paths {
            if let Some(folder) = self.folder_of(base) {
                let place = self.lance_uri(&folder);
                if place != base.path {
                    moved.insert(*number, place);
                }
            }
        }
        if moved.is_empty() {
            return Ok(dataset);
        }
        let mut manifest = dataset.manifest().clone();
        for (number, place) in moved {
            if let Some(base) = manifest.base_paths.get_mut(&number) {
                base.path = place;
            }
        }
        DatasetBuilder::load_by_uri(
            dataset.session(),
            Some(manifest),
            None,
            dataset.uri().to_owned(),
            None,
            dataset.object_store(None).await?,
            dataset.branch_location().path,
            commit_handler_from_url(dataset.uri(), &None).await?,
            dataset.store_params().cloned(),
            None,
        )
        .await
    }
}
