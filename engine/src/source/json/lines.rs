//! [`each_line`]: files of which every line is a value, from any place on.

use std::ops::Range;

use crate::source::pieces::{FileBytes, Pieces};
use crate::source::words::first_of;
use crate::{Error, Result};

/// What some programs write before UTF-8.
const BYTE_ORDER_MARK: char = '\u{feff}';

/// A line that is not empty.
pub(super) struct Line<'t> {
    pub(super) text: &'t str,
    /// The byte in the file, unpacked, at which it starts.
    pub(super) at: u64,
}

/// Visits the lines that start in this range of bytes, until `visit` returns false.
pub(super) fn each_line(
    file: &FileBytes,
    range: Range<u64>,
    visit: &mut dyn FnMut(Line<'_>) -> Result<bool>,
) -> Result<()> {
    let mut blocks = Blocks::open(file, range)?;
    while let Some((base, block)) = blocks.next()? {
        let mut start = 0;
        while start < block.len() {
            let end = first_of([b'\n'], block.as_bytes(), start);
            let at = base + start as u64;
            let mut text = block.get(start..end).unwrap_or_default();
            if at == 0 {
                text = text.trim_start_matches(BYTE_ORDER_MARK);
            }
            let text = text.trim_ascii();
            if !text.is_empty() && !visit(Line { text, at })? {
                return Ok(());
            }
            start = end + 1;
        }
    }
    Ok(())
}

/// How many lines of a file start before a byte of it, and one: its number, for users.
pub(super) fn line_number(file: &FileBytes, at: u64) -> Result<usize> {
    let (mut pieces, mut left, mut lines) = (file.pieces(0)?, at, 1);
    while left > 0
        && let Some(piece) = pieces.next()?
    {
        let length = usize::try_from(left).unwrap_or(usize::MAX).min(piece.len());
        lines += piece[..length].iter().filter(|byte| **byte == b'\n').count();
        left -= length as u64;
    }
    Ok(lines)
}

/// Whole lines, many at once.
struct Blocks<'f> {
    file: &'f FileBytes,
    pieces: Pieces<'f>,
    buffer: Vec<u8>,
    /// Of the buffer's start.
    base: u64,
    /// No line ends before it.
    searched: usize,
    end: u64,
    is_over: bool,
}

impl<'f> Blocks<'f> {
    fn open(file: &'f FileBytes, range: Range<u64>) -> Result<Self> {
        // The line that the byte before belongs to is another range's.
        let base = range.start.saturating_sub(1);
        let pieces = file.pieces(base)?;
        let (end, buffer, is_over) = (range.end, Vec::new(), range.is_empty());
        let mut blocks = Self { file, pieces, buffer, base, searched: 0, end, is_over };
        if range.start > 0 {
            blocks.drop_line()?;
        }
        Ok(blocks)
    }

    fn drop_line(&mut self) -> Result<()> {
        loop {
            let end = first_of([b'\n'], &self.buffer, 0);
            if end < self.buffer.len() {
                self.buffer.drain(..=end);
                self.base += end as u64 + 1;
                self.is_over = self.base >= self.end;
                return Ok(());
            }
            self.base += self.buffer.len() as u64;
            match self.pieces.next()? {
                Some(piece) if self.base < self.end => self.buffer = piece,
                _ => {
                    self.is_over = true;
                    return Ok(());
                }
            }
        }
    }

    /// The next lines and where they start.
    fn next(&mut self) -> Result<Option<(u64, String)>> {
        while !self.is_over {
            let own = usize::try_from(self.end - self.base).unwrap_or(usize::MAX);
            let cut = if self.buffer.len() < own {
                let unseen = self.buffer.get(self.searched..).unwrap_or_default();
                unseen.iter().rposition(|byte| *byte == b'\n').map(|end| self.searched + end)
            } else {
                let cut = first_of([b'\n'], &self.buffer, self.searched.max(own - 1));
                self.is_over = cut < self.buffer.len();
                self.is_over.then_some(cut)
            };
            if let Some(cut) = cut {
                return self.block(cut + 1).map(Some);
            }
            self.searched = self.buffer.len();
            match self.pieces.next()? {
                Some(piece) if self.buffer.is_empty() => self.buffer = piece,
                Some(piece) => self.buffer.extend(piece),
                None => {
                    self.is_over = true;
                    let rest = self.buffer.len();
                    return if rest == 0 { Ok(None) } else { self.block(rest).map(Some) };
                }
            }
        }
        Ok(None)
    }

    fn block(&mut self, length: usize) -> Result<(u64, String)> {
        let tail = self.buffer.split_off(length);
        let bytes = std::mem::replace(&mut self.buffer, tail);
        let base = self.base;
        self.base += length as u64;
        self.searched = 0;
        let text = String::from_utf8(bytes).map_err(|error| {
            let at = base + error.utf8_error().valid_up_to() as u64;
            let reason = match line_number(self.file, at) {
                Ok(line) => format!("line {line} is not UTF-8"),
                Err(_) => "it is not UTF-8".to_owned(),
            };
            Error::Corrupt {
                what: self.file.path().to_owned(),
                reason,
                source: Some(Box::new(error)),
            }
        })?;
        Ok((base, text))
    }
}
