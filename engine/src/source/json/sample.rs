//! [`sampled`]: a look at some values of some files.

use std::ops::Range;

use super::ahead::Ahead;
use super::infer::Found;
use super::lexer::{Lexer, Parse};
use super::rows::{Rows, each_row};
use super::{JsonFormat, Options};
use crate::Result;
use crate::source::pieces::FileBytes;

/// A 50th is looked at, but not less than this and not more.
const SHARE: u64 = 50;
const MIN_BYTES: u64 = 2 << 20;
const MAX_BYTES: u64 = 8 << 20;

/// Of at most so many files, from the first to the last.
const FILES: usize = 16;

/// A file of lines is looked at in so many places.
const PLACES: u64 = 8;

/// What some values are.
pub(super) fn sampled(files: &[FileBytes], options: &Options) -> Result<Found> {
    let mut sample = Sample { found: Found::default(), left: 0 };
    let chosen = chosen(files);
    let all: u64 = files.iter().map(|file| file.bytes).sum();
    let share = (all / SHARE).clamp(MIN_BYTES, MAX_BYTES) / (chosen.len() as u64).max(1);
    let mut files = Ahead::new(chosen.into_iter().cloned());
    while let Some(file) = files.next() {
        let file = file?;
        for range in ranges(&file, share, options) {
            // Of a document or a packed file it is the beginning.
            sample.left = share.min(range.end - range.start);
            each_row(&file, range, options, &mut sample)?;
        }
    }
    Ok(sample.found)
}

/// Some of the files, evenly.
fn chosen(files: &[FileBytes]) -> Vec<&FileBytes> {
    if files.len() <= FILES {
        return files.iter().collect();
    }
    (0..FILES).map(|number| &files[number * (files.len() - 1) / (FILES - 1)]).collect()
}

/// All of a small file; of a large one its beginning and places in it, up to its end.
fn ranges(file: &FileBytes, share: u64, options: &Options) -> Vec<Range<u64>> {
    let is_whole = file.bytes <= share || options.rows.is_some() || file.is_packed();
    if is_whole || options.format == JsonFormat::Document {
        return std::iter::once(0..u64::MAX).collect();
    }
    let length = share / 2 / PLACES;
    let (first, rest) = (share / 2, file.bytes - share / 2);
    let step = (rest - length) / (PLACES - 1);
    let places = (0..PLACES).map(|number| first + number * step);
    std::iter::once(0..first).chain(places.map(|start| start..start + length)).collect()
}

struct Sample {
    found: Found,
    left: u64,
}

impl Rows for Sample {
    fn row(&mut self, text: &str) -> Parse<()> {
        let mut lexer = Lexer::new(text);
        self.found.add(&mut lexer)?;
        self.left = self.left.saturating_sub(text.len() as u64);
        lexer.end()
    }

    fn goes_on(&mut self) -> Result<bool> {
        Ok(self.left > 0)
    }
}
