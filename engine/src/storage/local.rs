//! Folders of this machine's disk, which are more than names: they are there while they are empty.

use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::{fs, io};

/// Removes a folder with all that is in it; somebody else may have removed it first.
pub(super) fn remove_folder(folder: &Path) -> io::Result<()> {
    match fs::remove_dir_all(folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        removed => removed,
    }
}

/// Removes a folder in which there is nothing; whether it did.
pub(super) fn remove_empty(folder: &Path) -> bool {
    fs::remove_dir(folder).is_ok()
}

/// Whether a file has other names; not, if it is gone.
pub(super) fn has_other_names(path: &Path) -> bool {
    fs::metadata(path).is_ok_and(|file| file.nlink() > 1)
}
