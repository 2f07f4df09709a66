//! [`Numbers`]: a set of whole numbers, and of what is stored as such.
//!
//! A table of the numbers alone, half of it free, so that to look for one is to look at one place. What is there is
//! taken up for many rows at once, for places that are far apart are waited for together, not one after the other.

use arrow::array::{Array, ArrayData, ArrayRef, BooleanArray, BooleanBufferBuilder, make_array};
use arrow::buffer::{Buffer, NullBuffer, ScalarBuffer};
use arrow::datatypes::DataType;
use datafusion::error::Result;

/// Bytes of the narrower types.
const NARROW: usize = 4;

/// Rows that are looked for at once.
const AT_ONCE: usize = 64;

/// Of the table at first.
const LEAST_SLOTS: usize = 1024;

/// A free slot.
const FREE: u64 = 0;

/// The set.
pub(super) struct Numbers {
    kind: DataType,
    /// As many as a power of two, at most half of them taken.
    slots: Vec<u64>,
    taken: usize,
    has_zero: bool,
    has_null: bool,
}

impl Numbers {
    /// An empty set of values of this type, where it is one that equal bits make equal.
    pub(super) fn of(kind: &DataType) -> Option<Self> {
        use DataType::{
            Date32, Date64, Duration, Int32, Int64, Time32, Time64, Timestamp, UInt32, UInt64,
        };
        let is_number = matches!(
            kind,
            Int32
                | Int64
                | UInt32
                | UInt64
                | Date32
                | Date64
                | Time32(_)
                | Time64(_)
                | Timestamp(..)
                | Duration(_)
        );
        let (kind, slots) = (kind.clone(), vec![FREE; LEAST_SLOTS]);
        is_number.then_some(Self { kind, slots, taken: 0, has_zero: false, has_null: false })
    }

    /// Adds values: which of them are new.
    pub(super) fn add(&mut self, values: &ArrayRef) -> BooleanArray {
        let numbers = self.numbers_of(values);
        let mut is_new = BooleanBufferBuilder::new(numbers.len());
        let nulls = values.nulls().filter(|nulls| nulls.null_count() > 0);
        for (chunk, start) in numbers.chunks(AT_ONCE).zip((0..).step_by(AT_ONCE)) {
            self.reserve(chunk.len());
            let mut there = [FREE; AT_ONCE];
            for (number, there) in chunk.iter().zip(&mut there) {
                *there = self.slots[self.place(*number)];
            }
            for (at, (number, there)) in chunk.iter().zip(there).enumerate() {
                let is_null = nulls.is_some_and(|nulls| nulls.is_null(start + at));
                is_new.append(match number {
                    _ if is_null => !std::mem::replace(&mut self.has_null, true),
                    &FREE => !std::mem::replace(&mut self.has_zero, true),
                    number => *number != there && self.insert(*number),
                });
            }
        }
        BooleanArray::new(is_new.finish(), None)
    }

    pub(super) fn bytes(&self) -> usize {
        self.slots.len() * size_of::<u64>()
    }

    /// All of them, in any order.
    pub(super) fn into_values(self) -> Result<ArrayRef> {
        let Self { kind, slots, has_zero, has_null, .. } = self;
        let mut numbers = slots;
        numbers.retain(|number| *number != FREE);
        numbers.extend(std::iter::repeat_n(FREE, usize::from(has_zero) + usize::from(has_null)));
        let rows = numbers.len();
        let nulls = has_null.then(|| (0..rows).map(|row| row + 1 < rows).collect::<NullBuffer>());
        let values = match kind.primitive_width() {
            Some(NARROW) => {
                #[expect(clippy::cast_possible_truncation, reason = "that is how wide they were")]
                let numbers = numbers.into_iter().map(|number| number as u32);
                Buffer::from_vec(numbers.collect::<Vec<u32>>())
            }
            _ => Buffer::from_vec(numbers),
        };
        let data = ArrayData::builder(kind).len(rows).nulls(nulls);
        Ok(make_array(data.add_buffer(values).build()?))
    }

    fn numbers_of(&self, values: &ArrayRef) -> ScalarBuffer<u64> {
        let data = values.to_data();
        let (buffer, offset, rows) = (data.buffers()[0].clone(), data.offset(), data.len());
        if self.kind.primitive_width() == Some(NARROW) {
            let narrow = ScalarBuffer::<u32>::new(buffer, offset, rows);
            return narrow.iter().map(|number| u64::from(*number)).collect();
        }
        ScalarBuffer::new(buffer, offset, rows)
    }

    /// Where a number is looked for first.
    #[inline]
    fn place(&self, number: u64) -> usize {
        let mixed = number.wrapping_mul(0x9e37_79b9_7f4a_7c15);
        let mixed = (mixed ^ (mixed >> 32)).wrapping_mul(0xd6e8_feb8_6659_fd93);
        // INVARIANT: the length is a power of two.
        usize::try_from(mixed >> 32).unwrap_or_default() & (self.slots.len() - 1)
    }

    /// Whether it is new.
    #[inline]
    fn insert(&mut self, number: u64) -> bool {
        let mut at = self.place(number);
        loop {
            if self.slots[at] == number {
                return false;
            }
            if self.slots[at] == FREE {
                self.slots[at] = number;
                self.taken += 1;
                return true;
            }
            at = (at + 1) & (self.slots.len() - 1);
        }
    }

    fn reserve(&mut self, more: usize) {
        if (self.taken + more) * 2 <= self.slots.len() {
            return;
        }
        let more = vec![FREE; self.slots.len() * 2];
        let before = std::mem::replace(&mut self.slots, more);
        self.taken = 0;
        for number in before.into_iter().filter(|number| *number != FREE) {
            self.insert(number);
        }
    }
}

#[cfg(test)]
mod tests;
