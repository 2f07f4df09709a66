//! [`Disk`]: where files are written and removed. Tests have one with little room.

use std::fs;
use std::io::{self, Write};
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::storage::Staged;

/// The disk of a cache.
#[derive(Debug, Default)]
pub(super) struct Disk {
    /// So many bytes can be written until it is full; `None` leaves that to the system.
    room: Option<AtomicUsize>,
}

impl Disk {
    #[cfg(test)]
    pub(super) fn with_room(bytes: usize) -> Self {
        Self { room: Some(bytes.into()) }
    }

    /// Appends some of these bytes; how many.
    pub(super) fn write(&self, file: &mut Staged, bytes: &[u8]) -> io::Result<usize> {
        let Some(room) = &self.room else { return file.write(bytes) };
        let most = bytes.len().min(room.load(Ordering::SeqCst));
        if most == 0 {
            return Err(io::ErrorKind::StorageFull.into());
        }
        let written = file.write(&bytes[..most])?;
        room.fetch_sub(written, Ordering::SeqCst);
        Ok(written)
    }

    /// Removes a file of so many bytes.
    pub(super) fn remove(&self, path: &Path, bytes: u64) -> io::Result<()> {
        fs::remove_file(path)?;
        if let Some(room) = &self.room {
            room.fetch_add(usize::try_from(bytes).unwrap_or(usize::MAX), Ordering::SeqCst);
        }
        Ok(())
    }
}
