//! [`Fetched`]: an object as a file of this machine.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::ops::Range;
use std::os::unix::fs::FileExt;

/// A file to read from; a copy goes when it is dropped.
#[derive(Debug)]
pub(crate) struct Fetched(File);

impl From<File> for Fetched {
    fn from(file: File) -> Self {
        Self(file)
    }
}

impl Fetched {
    /// A copy that has nothing yet.
    pub(super) fn empty() -> io::Result<Self> {
        tempfile::tempfile().map(Self)
    }

    /// The copy with more bytes at its end.
    pub(super) fn with(mut self, bytes: &[u8]) -> io::Result<Self> {
        self.0.write_all(bytes)?;
        Ok(self)
    }

    /// How many bytes it has.
    pub(crate) fn bytes(&self) -> io::Result<u64> {
        self.0.metadata().map(|file| file.len())
    }

    /// Some of its bytes, wherever others read. Blocks.
    pub(crate) fn read_at(&self, range: Range<usize>) -> io::Result<Vec<u8>> {
        let mut bytes = vec![0; range.len()];
        self.0.read_exact_at(&mut bytes, range.start as u64)?;
        Ok(bytes)
    }

    /// The same, from its beginning.
    pub(super) fn rewound(mut self) -> io::Result<Self> {
        self.0.rewind()?;
        Ok(self)
    }
}

impl Read for Fetched {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        self.0.read(bytes)
    }
}

impl Seek for Fetched {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        self.0.seek(to)
    }
}
