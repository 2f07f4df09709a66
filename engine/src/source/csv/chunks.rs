//! [`Chunks`]: a file as texts of whole records.

use super::split::{Dialect, MAX_BYTES, Records};
use crate::source::pieces::{FileBytes, Pieces};
use crate::{Error, Result};

/// A longer record is more likely a quote that is never closed.
const MAX_RECORD: usize = 64 << 20;

const BOM: &[u8] = b"\xef\xbb\xbf";

/// A file that is read.
pub(super) struct Chunks<'f> {
    file: &'f FileBytes,
    pieces: Pieces<'f>,
    dialect: Dialect,
    pending: Vec<u8>,
    is_start: bool,
}

impl<'f> Chunks<'f> {
    pub(super) fn open(file: &'f FileBytes, dialect: &Dialect) -> Result<Self> {
        let (pieces, dialect) = (file.pieces(0)?, dialect.clone());
        Ok(Self { file, pieces, dialect, pending: Vec::new(), is_start: true })
    }

    /// The next whole records; `None` at the end.
    pub(super) fn next(&mut self) -> Result<Option<String>> {
        loop {
            let piece = self.pieces.next()?;
            let is_end = piece.is_none();
            self.pending.extend(piece.unwrap_or_default());
            // A mark may come in parts.
            if self.is_start && (is_end || self.pending.len() >= BOM.len()) {
                self.is_start = false;
                self.start()?;
            }
            let whole = if is_end { self.pending.len() } else { self.dialect.whole(&self.pending) };
            if whole > 0 && !self.is_start {
                let rest = self.pending.split_off(whole);
                let chunk = std::mem::replace(&mut self.pending, rest);
                return self.text(chunk).map(Some);
            }
            if is_end {
                return Ok(None);
            }
            if self.pending.len() > MAX_RECORD.min(MAX_BYTES) {
                return Err(self.refused("a row has more than 64 MiB; is a quote never closed?"));
            }
        }
    }

    /// The fields of the first record, and the records behind it; `None` where there is none.
    pub(super) fn header(&mut self) -> Result<Option<(Vec<String>, String)>> {
        while let Some(mut text) = self.next()? {
            if let Some((names, rest)) = Records::first(&self.dialect, &text) {
                return Ok(Some((names, text.split_off(rest))));
            }
            if text.contains(|c| c != '\n' && c != '\r') {
                return Err(self.refused("a quote in its first row is never closed"));
            }
        }
        Ok(None)
    }

    /// Takes the mark off the start.
    fn start(&mut self) -> Result<()> {
        if self.pending.starts_with(b"\xff\xfe") || self.pending.starts_with(b"\xfe\xff") {
            return Err(self.refused("it is UTF-16; hint: save it as UTF-8"));
        }
        if self.pending.starts_with(BOM) {
            self.pending.drain(..BOM.len());
        }
        Ok(())
    }

    fn text(&self, bytes: Vec<u8>) -> Result<String> {
        String::from_utf8(bytes).map_err(|error| {
            let at = error.utf8_error().valid_up_to();
            let bytes = error.as_bytes();
            let is_end = |byte: &u8| *byte == b'\n';
            let start = bytes[..at].iter().rposition(is_end).map_or(0, |at| at + 1);
            let end = bytes[at..].iter().position(is_end).map_or(bytes.len(), |end| at + end);
            let line = String::from_utf8_lossy(&bytes[start..end]);
            self.refused(&format!("`{}` is not UTF-8; hint: save it as UTF-8", line.trim_end()))
        })
    }

    fn refused(&self, reason: &str) -> Error {
        let what = self.file.path().to_owned();
        Error::Corrupt { what, reason: reason.to_owned(), source: None }
    }
}
