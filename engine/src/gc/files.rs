//! What is on disk: folders of datasets and stages, their files, sizes and ages.
//!
//! What cannot be looked at is passed over: nothing is removed that was not seen.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use walkdir::{DirEntry, WalkDir};

use crate::folder::{DATA, SUFFIX};
use crate::session::STAGES;

/// How much there is.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Size {
    pub(super) files: u64,
    pub(super) bytes: u64,
}

impl Size {
    /// All files below a folder.
    pub(super) fn of(folder: &Path) -> Self {
        let mut size = Self::default();
        for entry in below(folder).filter(|entry| entry.file_type().is_file()) {
            size.add(entry.metadata().map_or(0, |found| found.len()));
        }
        size
    }

    /// One more file.
    pub(super) fn add(&mut self, bytes: u64) {
        self.files += 1;
        self.bytes += bytes;
    }
}

/// A file with rows of a dataset.
pub(super) struct DataFile {
    pub(super) name: String,
    pub(super) path: PathBuf,
    pub(super) bytes: u64,
    pub(super) modified: SystemTime,
}

/// The locations of all datasets below the root, sorted.
pub(super) fn dataset_folders(root: &Path) -> Vec<String> {
    let mut found = folders(root, DATA, 3);
    found.retain(|location| location.ends_with(SUFFIX));
    found
}

/// The locations of all stages with kept results, sorted.
pub(super) fn stage_folders(root: &Path) -> Vec<String> {
    folders(root, STAGES, 1)
}

fn folders(root: &Path, below: &str, depth: usize) -> Vec<String> {
    let found = WalkDir::new(root.join(below)).min_depth(depth).max_depth(depth);
    let found = found.sort_by_file_name().into_iter().flatten();
    found
        .filter(|entry| entry.file_type().is_dir())
        .filter_map(|entry| entry.path().strip_prefix(root).ok()?.to_str().map(str::to_owned))
        .collect()
}

/// The data files in a dataset's folder, whether a version has them or not.
pub(super) fn data_files(folder: &Path) -> Vec<DataFile> {
    let files = WalkDir::new(folder.join("data")).min_depth(1).max_depth(1).into_iter().flatten();
    let known = |entry: DirEntry| {
        let found = entry.metadata().ok().filter(fs::Metadata::is_file)?;
        Some(DataFile {
            name: entry.file_name().to_str()?.to_owned(),
            bytes: found.len(),
            modified: found.modified().ok()?,
            path: entry.into_path(),
        })
    };
    files.filter_map(known).collect()
}

/// Whether the folder ever held a version.
pub(super) fn has_tags(folder: &Path) -> bool {
    below(&folder.join("_refs")).any(|entry| entry.file_type().is_file())
}

/// When something below the folder changed last; now, if that is not to be found out.
pub(super) fn newest_change(folder: &Path) -> SystemTime {
    let changed = |entry: DirEntry| entry.metadata().ok()?.modified().ok();
    below(folder).filter_map(changed).max().unwrap_or_else(SystemTime::now)
}

fn below(folder: &Path) -> impl Iterator<Item = DirEntry> {
    WalkDir::new(folder).into_iter().flatten()
}
