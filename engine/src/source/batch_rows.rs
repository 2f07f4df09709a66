//! [`batch_rows`]: how many rows of a dataset are read at once.

use arrow::array::{Array, ArrayRef, AsArray, RecordBatch};
use arrow::datatypes::{DataType, Schema};
use lance::Dataset;

/// A batch costs about as much as to read so many short values.
const MIN_ROWS: usize = 256;

const MAX_ROWS: usize = 65_536;

/// Rows of the first batch when nobody knows how long their values are.
const MAX_UNKNOWN_ROWS: usize = 16_384;

/// What a batch should hold of values of fixed width: they should stay in reach of the processor's caches.
const FIXED_BYTES: usize = 2 << 20;

/// The first batch of a scan may hold so many times what others do, as far as the files tell.
const FIRST: usize = 4;

/// So many rows are looked at before a scan: equal values take next to nothing on disk, but not in memory.
pub(super) const PROBE_ROWS: usize = 16;

/// What a value takes at least whose length is not known.
const SHORT_BYTES: usize = 32;

/// At most so many rows a batch: narrow columns are not cut into crumbs, wide ones do not fill the memory. As far as is
/// known, a row takes `known` bytes, and a batch should take `most`.
pub(super) fn batch_rows<'k>(
    known: usize,
    most: u64,
    columns: impl IntoIterator<Item = &'k DataType>,
) -> usize {
    let most = usize::try_from(most).unwrap_or(usize::MAX).saturating_mul(FIRST);
    let read = Width::of(columns);
    let rows = (FIXED_BYTES / read.fixed.max(1)).clamp(MIN_ROWS, MAX_ROWS);
    if !read.varies {
        return rows;
    }
    rows.min((most / known.max(1)).clamp(1, MAX_UNKNOWN_ROWS))
}

/// Whether types alone do not tell what a row takes.
pub(super) fn vary<'k>(columns: impl IntoIterator<Item = &'k DataType>) -> bool {
    Width::of(columns).varies
}

/// What the values of a row take whose types tell it.
pub(super) fn fixed_bytes<'k>(columns: impl IntoIterator<Item = &'k DataType>) -> usize {
    Width::of(columns).fixed
}

/// The bytes of a row in memory, of the longest of these batches.
pub(crate) fn read_bytes(batches: &[RecordBatch]) -> usize {
    let of_row = |batch: &RecordBatch| own_bytes(batch) / batch.num_rows().max(1);
    batches.iter().map(of_row).max().unwrap_or(0)
}

/// The bytes of the rows alone, whatever they are a part of.
pub(crate) fn own_bytes(batch: &RecordBatch) -> usize {
    batch.columns().iter().map(own_bytes_of).sum()
}

/// Views count with the texts that they look at, and not with all that lie beside these.
fn own_bytes_of(column: &ArrayRef) -> usize {
    match column.data_type() {
        DataType::Utf8View => column.as_string_view().total_buffer_bytes_used() + 16 * column.len(),
        DataType::BinaryView => {
            column.as_binary_view().total_buffer_bytes_used() + 16 * column.len()
        }
        DataType::Struct(_) => column.as_struct().columns().iter().map(own_bytes_of).sum(),
        _ => column.to_data().get_slice_memory_size().unwrap_or(0),
    }
}

/// The bytes of a row on disk.
pub(super) fn stored_bytes(dataset: &Dataset) -> usize {
    let (mut bytes, mut rows) = (0, 0);
    for fragment in dataset.fragments().iter() {
        let sizes = fragment.files.iter().filter_map(|file| file.file_size_bytes.get());
        bytes += sizes.map(u64::from).sum::<u64>();
        rows += fragment.physical_rows.unwrap_or_default() as u64;
    }
    usize::try_from(bytes / rows.max(1)).unwrap_or(usize::MAX)
}

/// What these columns take of a row, about.
pub(super) fn row_bytes<'k>(
    dataset: &Dataset,
    columns: impl IntoIterator<Item = &'k DataType>,
) -> usize {
    let width = Width::of(columns);
    if !width.varies {
        return width.fixed;
    }
    // What files hold beside the columns whose width is known.
    let all = Schema::from(dataset.schema());
    let known = fixed_bytes(all.fields().iter().map(|field| field.data_type()));
    width.fixed + stored_bytes(dataset).saturating_sub(known).max(SHORT_BYTES)
}

/// What the values of a row take.
#[derive(Clone, Copy, Default)]
struct Width {
    /// Bytes of those with a fixed width.
    fixed: usize,
    /// Whether there are others.
    varies: bool,
}

impl Width {
    fn of<'k>(kinds: impl IntoIterator<Item = &'k DataType>) -> Self {
        kinds.into_iter().map(Self::of_one).fold(Self::default(), |sum, one| Self {
            fixed: sum.fixed + one.fixed,
            varies: sum.varies | one.varies,
        })
    }

    fn of_one(kind: &DataType) -> Self {
        match kind {
            DataType::Struct(fields) => Self::of(fields.iter().map(|field| field.data_type())),
            DataType::FixedSizeList(item, length) => {
                let (item, length) =
                    (Self::of_one(item.data_type()), usize::try_from(*length).unwrap_or_default());
                Self { fixed: item.fixed * length, ..item }
            }
            DataType::Boolean | DataType::Null => Self { fixed: 1, varies: false },
            kind => match kind.primitive_width() {
                Some(fixed) => Self { fixed, varies: false },
                None => Self { fixed: 0, varies: true },
            },
        }
    }
}

#[cfg(test)]
mod tests;
