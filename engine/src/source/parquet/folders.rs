//! [`Folders`]: folders called `key=value`, as writers of partitioned tables make them, are columns of the files below.

use std::sync::Arc;

use arrow::datatypes::{DataType, Field, FieldRef};
use datafusion::common::ScalarValue;
use percent_encoding::percent_decode_str;

/// The value of a folder for rows without one.
const NULL: &str = "__HIVE_DEFAULT_PARTITION__";

/// The columns that folders stand for.
#[derive(Debug, Default)]
pub(super) struct Folders {
    pub(super) columns: Vec<FieldRef>,
    /// The values of each file, one a column.
    pub(super) values: Vec<Vec<ScalarValue>>,
}

impl Folders {
    /// Reads them off the files' paths below the folder that was named. A column is of whole numbers when all of its
    /// values are, unless it is known to be text; a file without it has null.
    pub(super) fn of<'p>(
        paths: impl Iterator<Item = &'p str>,
        is_text: impl Fn(&str) -> bool,
    ) -> Self {
        let files: Vec<Vec<(String, String)>> = paths.map(pairs).collect();
        let mut names: Vec<&str> = Vec::new();
        for (name, _) in files.iter().flatten() {
            if !names.contains(&name.as_str()) {
                names.push(name);
            }
        }
        let mut folders = Self { columns: vec![], values: vec![vec![]; files.len()] };
        for name in names {
            let texts: Vec<Option<&str>> = files.iter().map(|pairs| value(pairs, name)).collect();
            let mut given = texts.iter().flatten();
            let is_whole = !is_text(name)
                && given.clone().next().is_some()
                && given.all(|text| text.parse::<i64>().is_ok());
            let kind = if is_whole { DataType::Int64 } else { DataType::Utf8 };
            let nullable = texts.contains(&None);
            folders.columns.push(Arc::new(Field::new(name, kind, nullable)));
            for (values, text) in folders.values.iter_mut().zip(texts) {
                values.push(match is_whole {
                    true => ScalarValue::Int64(text.and_then(|text| text.parse().ok())),
                    false => ScalarValue::Utf8(text.map(str::to_owned)),
                });
            }
        }
        folders
    }
}

/// The keys and values of the folders in a path.
fn pairs(path: &str) -> Vec<(String, String)> {
    let folders = path.rsplit_once('/').map_or("", |(folders, _)| folders);
    let pairs = folders.split('/').filter_map(|folder| folder.split_once('='));
    let pairs = pairs.filter(|(name, _)| !name.is_empty());
    pairs.map(|(name, value)| (decoded(name), decoded(value))).collect()
}

/// The innermost folder's value.
fn value<'p>(pairs: &'p [(String, String)], name: &str) -> Option<&'p str> {
    let (_, value) = pairs.iter().rfind(|(key, _)| key == name)?;
    Some(value.as_str()).filter(|value| *value != NULL)
}

fn decoded(text: &str) -> String {
    percent_decode_str(text).decode_utf8_lossy().into_owned()
}

#[cfg(test)]
mod tests;
