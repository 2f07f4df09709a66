//! [`sampled`]: the first records of some files tell how they are written, and which columns they have.

use std::collections::HashSet;
use std::convert::Infallible;

use arrow::datatypes::FieldRef;

use super::chunks::Chunks;
use super::infer::Seen;
use super::split::{Dialect, Records};
use super::{CsvRequest, nullable};
use crate::source::pieces::FileBytes;
use crate::{Error, Result};

/// So much of the first file tells types, and so much of each of the others.
const FIRST_BYTES: usize = 8 << 20;
const OTHER_BYTES: usize = 1 << 20;

/// Tried where commas divide nothing.
const DELIMITERS: &[u8] = b"\t;|";

/// Records that are tried.
const TRIED_RECORDS: usize = 100;

/// What the files have in common.
pub(super) struct Sample {
    pub(super) dialect: Dialect,
    pub(super) columns: Vec<FieldRef>,
}

/// Looks at the beginnings of the files.
pub(super) fn sampled(files: &[FileBytes], request: &CsvRequest) -> Result<Sample> {
    let dialect = dialect(files, request)?;
    let mut names: Option<Vec<String>> = request.names.clone();
    let mut seen: Vec<Seen> = vec![Seen::default(); names.as_ref().map_or(0, Vec::len)];
    let mut left = FIRST_BYTES;
    for file in files {
        let mut chunks = Chunks::open(file, &dialect)?;
        let (header, mut text) = match request.header {
            true => match chunks.header()? {
                Some(start) => start,
                None => continue,
            },
            false => (Vec::new(), chunks.next()?.unwrap_or_default()),
        };
        if names.is_none() {
            check_names(file, &header)?;
            seen = vec![Seen::default(); header.len()];
        }
        let known = names.get_or_insert_with(|| header.clone());
        let width = if request.header { header.len() } else { known.len() };
        let place = |name: &String| known.iter().position(|known| known == name);
        let places: Vec<Option<usize>> = match request.names {
            Some(_) => (0..width).map(Some).collect(),
            None => header.iter().map(place).collect(),
        };
        if request.names.is_some() && width != known.len() {
            return Err(renamed(file, width, known));
        }
        loop {
            see(&dialect, &text, &places, &mut seen);
            left = left.saturating_sub(text.len());
            match if left > 0 { chunks.next()? } else { None } {
                Some(next) => text = next,
                None => break,
            }
        }
        left = OTHER_BYTES;
    }
    let Some(names) = names else { return Err(empty(files)) };
    let typed = |(name, seen): (&String, &Seen)| nullable(name, seen.kind());
    let mut columns: Vec<FieldRef> = names.iter().zip(&seen).map(typed).collect();
    for (name, kind) in &request.types {
        let Some(at) = names.iter().position(|known| known == name) else {
            return Err(Error::UnknownColumn { name: name.clone(), near: vec![], known: names });
        };
        columns[at] = nullable(name, kind.clone());
    }
    Ok(Sample { dialect, columns })
}

/// Looks at the values of some records; those with another number of fields tell nothing.
fn see(dialect: &Dialect, text: &str, places: &[Option<usize>], seen: &mut [Seen]) {
    let leave = |_| Ok::<_, Infallible>(());
    // What cannot be split is an error of the run that reads it.
    let Ok(records) = Records::split(dialect, text, places.len(), usize::MAX, leave) else {
        return;
    };
    for (at, place) in places.iter().enumerate() {
        let Some(seen) = place.and_then(|place| seen.get_mut(place)) else { continue };
        let mut here = *seen;
        for row in 0..records.rows {
            here.see(&records.text(row, at));
        }
        *seen = here;
    }
}

fn dialect(files: &[FileBytes], request: &CsvRequest) -> Result<Dialect> {
    let mut dialect = Dialect {
        delimiter: request.delimiter.unwrap_or(b','),
        quote: request.quote,
        doubles: request.double_quote,
        escape: request.escape,
        skips_empty: request.skip_empty_lines,
    };
    let Some(first) = files.first().filter(|_| request.delimiter.is_none()) else {
        return Ok(dialect);
    };
    let name = first.path().to_ascii_lowercase();
    if name.trim_end_matches(".gz").ends_with(".tsv") {
        dialect.delimiter = b'\t';
        return Ok(dialect);
    }
    let Some(text) = Chunks::open(first, &dialect)?.next()? else { return Ok(dialect) };
    if Records::first(&dialect, &text).is_some_and(|(fields, _)| fields.len() > 1) {
        return Ok(dialect);
    }
    let divides = |delimiter: &&u8| {
        let tried = Dialect { delimiter: **delimiter, ..dialect.clone() };
        let width = Records::first(&tried, &text).map_or(0, |(fields, _)| fields.len());
        width > 1 && Records::split(&tried, &text, width, TRIED_RECORDS, Err).is_ok()
    };
    if let Some(found) = DELIMITERS.iter().find(divides) {
        dialect.delimiter = *found;
    }
    Ok(dialect)
}

fn check_names(file: &FileBytes, header: &[String]) -> Result<()> {
    let mut seen = HashSet::new();
    match header.iter().find(|name| !seen.insert(*name)) {
        None => Ok(()),
        Some(name) => Err(Error::NotSupported {
            what: format!("two columns `{name}` in `{}`", file.path()),
            instead: "give all columns names, as in `output=[\"a\", \"b\"]`".to_owned(),
        }),
    }
}

fn renamed(file: &FileBytes, width: usize, names: &[String]) -> Error {
    Error::InvalidArgument {
        argument: "output",
        given: names.join(", "),
        accepted: format!("`{}` has {width} columns, so that it takes as many names", file.path()),
    }
}

fn empty(files: &[FileBytes]) -> Error {
    let what = files.first().map_or("", FileBytes::path).to_owned();
    Error::Corrupt { what, reason: "it is empty, and has no columns".to_owned(), source: None }
}
