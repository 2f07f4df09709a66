//! [`Wanted`]: the objects that rows of arguments are about.

use arrow::array::{
    Array, ArrayRef, AsArray, OffsetSizeTrait, RecordBatch, StringArray, StructArray,
};
use arrow::datatypes::{DataType, Fields, Int64Type};
use serde::Deserialize;

use crate::storage::ObjectKey;

/// Rows with files that are handed over at once, at most.
const PIECE_ROWS: usize = 64;

/// Bytes of files for which rows wait together, unless they are those of one row.
const PIECE_BYTES: u64 = 32 << 20;

/// What makes a model one of a file.
const FILE: [(&str, DataType); 5] = [
    ("source", DataType::Utf8),
    ("path", DataType::Utf8),
    ("size", DataType::Int64),
    ("version", DataType::Utf8),
    ("etag", DataType::Utf8),
];

/// The objects that rows are about, by row.
#[derive(Debug, Default)]
pub(in super::super) struct Wanted(Vec<(usize, ObjectKey)>);

impl Wanted {
    /// Those of at most so many bytes.
    pub(super) fn by_rows_of(arguments: &RecordBatch, most_bytes: u64) -> Self {
        let mut found = Vec::new();
        let rows: Vec<usize> = (0..arguments.num_rows()).collect();
        for column in arguments.columns().iter().filter(|column| may_be_files(column.data_type())) {
            find(column, &rows, &mut found);
        }
        found.retain(|(_, key)| key.bytes() <= most_bytes);
        found.sort_by_key(|(row, _)| *row);
        Self(found)
    }

    /// Those of so many rows.
    pub(super) fn of(&self, from: usize, rows: usize) -> &[(usize, ObjectKey)] {
        let at = |row: usize| self.0.partition_point(|(known, _)| *known < row);
        &self.0[at(from)..at(from + rows)]
    }

    /// How many rows from `from` on wait for their files together.
    pub(super) fn cut(&self, from: usize, most: usize) -> usize {
        let (mut rows, mut bytes, mut last) = (0, 0, None);
        for (row, key) in self.of(from, most) {
            if last != Some(row) {
                (rows, last) = (rows + 1, Some(row));
            }
            bytes += key.bytes();
            if *row > from && (rows > PIECE_ROWS || bytes > PIECE_BYTES) {
                return row - from;
            }
        }
        most
    }
}

/// Whether values of a type are files, or have some in them.
pub(super) fn may_be_files(kind: &DataType) -> bool {
    match kind {
        DataType::Struct(fields) => {
            is_file(fields) || fields.iter().any(|field| may_be_files(field.data_type()))
        }
        DataType::List(item) | DataType::LargeList(item) => may_be_files(item.data_type()),
        _ => false,
    }
}

fn is_file(fields: &Fields) -> bool {
    FILE.iter()
        .all(|(name, kind)| fields.find(name).is_some_and(|(_, field)| field.data_type() == kind))
}

/// Finds the files in a column; `rows` are those that its values belong to.
fn find(column: &ArrayRef, rows: &[usize], found: &mut Vec<(usize, ObjectKey)>) {
    match column.data_type() {
        DataType::Struct(fields) if is_file(fields) => files(column.as_struct(), rows, found),
        DataType::Struct(_) => {
            for part in column.as_struct().columns() {
                find(part, rows, found);
            }
        }
        DataType::List(_) => {
            let lists = column.as_list::<i32>();
            find_in_lists(lists.values(), lists.offsets(), rows, found);
        }
        DataType::LargeList(_) => {
            let lists = column.as_list::<i64>();
            find_in_lists(lists.values(), lists.offsets(), rows, found);
        }
        _ => {}
    }
}

fn find_in_lists<O: OffsetSizeTrait>(
    items: &ArrayRef,
    offsets: &[O],
    rows: &[usize],
    found: &mut Vec<(usize, ObjectKey)>,
) {
    let mut of_items = Vec::new();
    for (range, row) in offsets.windows(2).zip(rows) {
        let items = range[1].as_usize() - range[0].as_usize();
        of_items.extend(std::iter::repeat_n(*row, items));
    }
    let first = offsets.first().map_or(0, |at| at.as_usize());
    find(&items.slice(first, of_items.len()), &of_items, found);
}

fn files(files: &StructArray, rows: &[usize], found: &mut Vec<(usize, ObjectKey)>) {
    let text = |name: &str| files.column_by_name(name).and_then(|part| part.as_string_opt::<i32>());
    let (Some(source), Some(path), Some(version), Some(etag), Some(size)) = (
        text("source"),
        text("path"),
        text("version"),
        text("etag"),
        files.column_by_name("size").and_then(|part| part.as_primitive_opt::<Int64Type>()),
    ) else {
        return;
    };
    let location = text("location");
    for (at, row) in rows.iter().enumerate() {
        if files.is_null(at) {
            continue;
        }
        let key = match location.and_then(|location| value(location, at)) {
            Some(location) => parent(location),
            None if !is_elsewhere(source.value(at)) => None,
            None => {
                let name = Name {
                    source: source.value(at),
                    path: path.value(at),
                    version: version.value(at),
                    etag: etag.value(at),
                };
                name.key(size.value(at))
            }
        };
        found.extend(key.map(|key| (*row, key)));
    }
}

fn value(texts: &StringArray, at: usize) -> Option<&str> {
    texts.is_valid(at).then(|| texts.value(at)).filter(|text| !matches!(*text, "" | "null"))
}

fn is_elsewhere(source: &str) -> bool {
    source.contains("://") && !source.starts_with("file://")
}

/// What says which object it is.
struct Name<'a> {
    source: &'a str,
    path: &'a str,
    version: &'a str,
    etag: &'a str,
}

impl Name<'_> {
    /// `None` for what is not in a bucket, and for objects whose content nobody would know to be another one.
    fn key(&self, size: i64) -> Option<ObjectKey> {
        let uri = format!("{}/{}", self.source.trim_end_matches('/'), self.path);
        let size = u64::try_from(size).ok()?;
        let key = ObjectKey::try_new(&uri, Some(size), self.etag, self.version).ok().flatten()?;
        key.is_fixed().then_some(key)
    }
}

/// Where a file is that is inside of another one.
#[derive(Deserialize)]
struct Place {
    vtype: String,
    parent: Parent,
}

/// The file around it.
#[derive(Deserialize)]
struct Parent {
    source: String,
    path: String,
    #[serde(default)]
    size: i64,
    #[serde(default)]
    version: String,
    #[serde(default)]
    etag: String,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Places {
    One(Place),
    Several(Vec<Place>),
}

/// The archive that a member is in.
fn parent(location: &str) -> Option<ObjectKey> {
    let place = match serde_json::from_str(location).ok()? {
        Places::One(place) => place,
        Places::Several(places) => places.into_iter().next()?,
    };
    let Parent { source, path, size, version, etag } = &place.parent;
    if place.vtype != "tar" || !is_elsewhere(source) {
        return None;
    }
    Name { source, path, version, etag }.key(*size)
}
