//! [`Content`]: a digest of rows that does not depend on how they are cut into batches.

use arrow::array::{Array, ArrayData, RecordBatch, make_array};
use arrow::datatypes::DataType;
use arrow::util::display::array_value_to_string;
use blake3::Hasher;

/// The digest of rows so far: one for each buffer of each column, joined at the end.
///
/// Equal rows have equal digests as far as their values are stored the same way; the values behind nulls count too. So
/// a difference may be none, and is then only computed again, but an agreement is one.
#[derive(Clone, Debug, Default)]
pub(crate) struct Content {
    rows: u64,
    parts: Vec<Hasher>,
}

impl Content {
    /// The digest of some batches.
    pub(crate) fn of<'a>(batches: impl IntoIterator<Item = &'a RecordBatch>) -> String {
        let mut content = Self::default();
        for batch in batches {
            content.add(batch);
        }
        content.digest()
    }

    /// The digest of one column.
    pub(crate) fn of_array(array: &dyn Array) -> String {
        let mut content = Self { rows: array.len() as u64, parts: Vec::new() };
        content.add_array(&array.to_data(), &mut 0);
        content.digest()
    }

    /// Adds the rows of a batch.
    pub(crate) fn add(&mut self, batch: &RecordBatch) {
        self.rows += batch.num_rows() as u64;
        let mut at = 0;
        for column in batch.columns() {
            self.add_array(&column.to_data(), &mut at);
        }
    }

    /// The digest, as hexadecimal text.
    pub(crate) fn digest(&self) -> String {
        let mut all = Hasher::new();
        all.update(&self.rows.to_le_bytes());
        for part in &self.parts {
            all.update(part.finalize().as_bytes());
        }
        all.finalize().to_hex().to_string()
    }

    fn part(&mut self, at: &mut usize) -> &mut Hasher {
        if self.parts.len() == *at {
            self.parts.push(Hasher::new());
        }
        *at += 1;
        &mut self.parts[*at - 1]
    }

    fn add_array(&mut self, array: &ArrayData, at: &mut usize) {
        let nulls = self.part(at);
        match array.nulls() {
            None => add_repeated(nulls, 1, array.len()),
            Some(bits) => {
                let bits: Vec<u8> = bits.iter().map(u8::from).collect();
                nulls.update(&bits);
            }
        }
        match array.data_type() {
            DataType::Boolean => {
                let bits = arrow::array::BooleanArray::from(array.clone());
                let bits: Vec<u8> = bits.values().iter().map(u8::from).collect();
                self.part(at).update(&bits);
            }
            DataType::Utf8 | DataType::Binary => self.add_bytes(&offsets::<i32>(array), array, at),
            DataType::LargeUtf8 | DataType::LargeBinary => {
                self.add_bytes(&offsets::<i64>(array), array, at);
            }
            DataType::List(_) | DataType::Map(..) => {
                self.add_lists(&offsets::<i32>(array), array, at);
            }
            DataType::LargeList(_) => self.add_lists(&offsets::<i64>(array), array, at),
            DataType::FixedSizeList(_, length) => {
                let length = usize::try_from(*length).unwrap_or_default();
                let items = &array.child_data()[0];
                self.add_array(&part_of(items, array.offset() * length, array.len() * length), at);
            }
            DataType::Struct(_) => {
                for child in array.child_data() {
                    self.add_array(child, at);
                }
            }
            kind => match kind.primitive_width() {
                Some(width) => {
                    let bytes = array.buffers()[0].as_slice();
                    let from = array.offset() * width;
                    self.part(at).update(&bytes[from..from + array.len() * width]);
                }
                // Views, dictionaries, unions: as text, which is slow and right.
                None => self.add_text(array, at),
            },
        }
    }

    fn add_bytes(&mut self, bounds: &[usize], array: &ArrayData, at: &mut usize) {
        self.add_lengths(bounds, at);
        let (first, last) = ends(bounds);
        self.part(at).update(&array.buffers()[1].as_slice()[first..last]);
    }

    fn add_lists(&mut self, bounds: &[usize], array: &ArrayData, at: &mut usize) {
        self.add_lengths(bounds, at);
        let (first, last) = ends(bounds);
        self.add_array(&part_of(&array.child_data()[0], first, last - first), at);
    }

    fn add_lengths(&mut self, bounds: &[usize], at: &mut usize) {
        let lengths: Vec<u8> =
            bounds.windows(2).flat_map(|pair| ((pair[1] - pair[0]) as u64).to_le_bytes()).collect();
        self.part(at).update(&lengths);
    }

    fn add_text(&mut self, array: &ArrayData, at: &mut usize) {
        let array = make_array(array.clone());
        let part = self.part(at);
        for row in 0..array.len() {
            let text = array_value_to_string(&array, row);
            let text = text.unwrap_or_else(|error| error.to_string());
            part.update(&(text.len() as u64).to_le_bytes());
            part.update(text.as_bytes());
        }
    }
}

/// Some of the items of lists.
///
/// WHY: not a slice of the data, which for models would have an offset although their fields are sliced already.
fn part_of(items: &ArrayData, first: usize, length: usize) -> ArrayData {
    make_array(items.clone()).slice(first, length).to_data()
}

fn add_repeated(hasher: &mut Hasher, byte: u8, count: usize) {
    let block = [byte; 1024];
    let mut left = count;
    while left > 0 {
        let taken = left.min(block.len());
        hasher.update(&block[..taken]);
        left -= taken;
    }
}

fn offsets<O: arrow::array::OffsetSizeTrait>(array: &ArrayData) -> Vec<usize> {
    if array.is_empty() {
        return vec![0];
    }
    let all = array.buffers()[0].typed_data::<O>();
    all[array.offset()..=array.offset() + array.len()].iter().map(|at| at.as_usize()).collect()
}

fn ends(bounds: &[usize]) -> (usize, usize) {
    (bounds.first().copied().unwrap_or_default(), bounds.last().copied().unwrap_or_default())
}
