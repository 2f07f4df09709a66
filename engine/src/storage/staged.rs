//! [`Staged`]: a file of this machine that nobody sees before it is published.

use std::fs::{self, Permissions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::time::SystemTime;

use tempfile::{Builder, NamedTempFile};

/// How the names of files begin that are not finished.
const PREFIX: &str = ".tmp";

/// A file that goes when it is dropped.
#[derive(Debug)]
pub(crate) struct Staged(NamedTempFile);

impl Staged {
    /// In the folder where it will be, so that it can be renamed.
    pub(super) fn beside(folder: &Path) -> io::Result<Self> {
        // Whoever may read other files of the folder may read this one: what the process lets others do is taken off.
        let everybody = Permissions::from_mode(0o666);
        let in_folder =
            || Builder::new().prefix(PREFIX).permissions(everybody.clone()).tempfile_in(folder);
        match in_folder() {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                fs::create_dir_all(folder)?;
                in_folder().map(Self)
            }
            staged => staged.map(Self),
        }
    }

    /// Where this machine has room for what is sent elsewhere.
    pub(super) fn elsewhere() -> io::Result<Self> {
        NamedTempFile::with_prefix(PREFIX).map(Self)
    }

    /// Renames it; what was at the path is replaced.
    pub(super) fn persist(self, path: &Path) -> io::Result<()> {
        self.0.persist(path).map(drop).map_err(|error| error.error)
    }

    /// Nobody writes to it any more; from now on it says that it was written at this time.
    pub(super) fn seal(&self, at: SystemTime) -> io::Result<()> {
        let file = self.0.as_file();
        file.set_permissions(Permissions::from_mode(0o444))?;
        file.set_modified(at)
    }

    /// Renames it into a folder that may have to be made.
    pub(super) fn place(self, path: &Path) -> io::Result<()> {
        let missing = path.parent().filter(|folder| !folder.is_dir());
        missing.map_or(Ok(()), fs::create_dir_all)?;
        self.persist(path)
    }

    /// Its next bytes, at most so many; none at the end.
    pub(super) fn read(mut self, at: u64, most: usize) -> io::Result<(Self, Vec<u8>)> {
        let mut bytes = Vec::new();
        let file = self.0.as_file_mut();
        file.seek(SeekFrom::Start(at))?;
        file.take(most as u64).read_to_end(&mut bytes)?;
        Ok((self, bytes))
    }
}

impl Write for Staged {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

/// Removes what was not published.
pub(super) fn sweep(folder: &Path) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        if entry.file_name().to_string_lossy().starts_with(PREFIX) {
            fs::remove_file(entry.path())?;
        }
    }
    Ok(())
}
