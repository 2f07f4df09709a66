//! [`batch_rows`]: how many rows of a dataset are read at once.

use arrow::datatypes::DataType;
use lance::Dataset;

const MIN_ROWS: usize = 1024;

const MAX_ROWS: usize = 65_536;

/// What a batch should hold of values of fixed width: they should stay in reach of the processor's caches.
const FIXED_BYTES: usize = 2 << 20;

/// And of all others, of which a batch costs more than its values do.
const VARIABLE_BYTES: usize = 16 << 20;

/// The guess for a value without a fixed width, if nothing tells that it is longer.
const VARIABLE_WIDTH: usize = 64;

/// Rows of a batch: narrow columns are not cut into crumbs, wide ones do not fill the memory.
pub(super) fn batch_rows<'k>(
    dataset: &Dataset,
    columns: impl IntoIterator<Item = &'k DataType>,
) -> usize {
    let read = Width::of(columns);
    let mut variable = read.variables * VARIABLE_WIDTH;
    if read.variables > 0 {
        variable = variable.max(stored_variable_bytes(dataset));
    }
    let rows = (FIXED_BYTES / read.fixed.max(1)).max(MIN_ROWS);
    rows.min(VARIABLE_BYTES / variable.max(1)).clamp(1, MAX_ROWS)
}

/// Bytes of a row that are not of columns of fixed width, as far as the files tell: they are compressed.
fn stored_variable_bytes(dataset: &Dataset) -> usize {
    let (mut bytes, mut rows) = (0, 0);
    for fragment in dataset.fragments().iter() {
        let sizes = fragment.files.iter().filter_map(|file| file.file_size_bytes.get());
        bytes += sizes.map(u64::from).sum::<u64>();
        rows += fragment.physical_rows.unwrap_or_default() as u64;
    }
    let row = usize::try_from(bytes / rows.max(1)).unwrap_or(usize::MAX);
    let all: Vec<DataType> =
        dataset.schema().fields.iter().map(|field| field.data_type()).collect();
    row.saturating_sub(Width::of(&all).fixed)
}

/// What the values of a row take.
#[derive(Clone, Copy, Default)]
struct Width {
    /// Bytes of those with a fixed width.
    fixed: usize,
    /// How many others there are.
    variables: usize,
}

impl Width {
    fn of<'k>(kinds: impl IntoIterator<Item = &'k DataType>) -> Self {
        kinds.into_iter().map(Self::of_one).fold(Self::default(), |sum, one| Self {
            fixed: sum.fixed + one.fixed,
            variables: sum.variables + one.variables,
        })
    }

    fn of_one(kind: &DataType) -> Self {
        match kind {
            DataType::Struct(fields) => Self::of(fields.iter().map(|field| field.data_type())),
            DataType::FixedSizeList(item, length) => {
                let (item, length) =
                    (Self::of_one(item.data_type()), usize::try_from(*length).unwrap_or_default());
                Self { fixed: item.fixed * length, variables: item.variables * length }
            }
            DataType::Boolean | DataType::Null => Self { fixed: 1, variables: 0 },
            kind => match kind.primitive_width() {
                Some(fixed) => Self { fixed, variables: 0 },
                None => Self { fixed: 0, variables: 1 },
            },
        }
    }
}
