//! Rows of vectors as slices of numbers, and the kernels over two slices.

use arrow::array::{Array, ArrayRef, ArrowPrimitiveType, AsArray};
use arrow::buffer::{NullBuffer, ScalarBuffer};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Field, Float16Type, Float32Type, Float64Type};
use datafusion::common::Result;
use lance_linalg::distance::{Cosine, dot, l2};
use std::ops::Range;
use std::sync::Arc;

use super::item;

pub(super) type Half = <Float16Type as ArrowPrimitiveType>::Native;

/// The kernels for one element type.
pub(super) trait Distance: ArrowPrimitiveType {
    fn norm(vector: &[Self::Native]) -> f64;
    fn cosine(from: &[Self::Native], norm: f64, to: &[Self::Native]) -> f64;
    fn euclidean(from: &[Self::Native], norm: f64, to: &[Self::Native]) -> f64;
    fn dot(from: &[Self::Native], norm: f64, to: &[Self::Native]) -> f64;
    fn wide(half: Half) -> Self::Native;
}

impl Distance for Float32Type {
    fn norm(vector: &[f32]) -> f64 {
        f64::from(vector.iter().map(|x| x * x).sum::<f32>().sqrt())
    }

    #[expect(clippy::cast_possible_truncation, reason = "the kernel works in f32")]
    fn cosine(from: &[f32], norm: f64, to: &[f32]) -> f64 {
        f64::from(f32::cosine_fast(from, norm as f32, to))
    }

    fn euclidean(from: &[f32], _norm: f64, to: &[f32]) -> f64 {
        f64::from(l2(from, to)).sqrt()
    }

    fn dot(from: &[f32], _norm: f64, to: &[f32]) -> f64 {
        f64::from(dot(from, to))
    }

    fn wide(half: Half) -> f32 {
        wide(half.to_bits())
    }
}

impl Distance for Float64Type {
    fn norm(vector: &[f64]) -> f64 {
        fold(vector, vector, |x, _| x * x).sqrt()
    }

    fn cosine(from: &[f64], norm: f64, to: &[f64]) -> f64 {
        1.0 - fold(from, to, |x, y| x * y) / (norm * Self::norm(to))
    }

    fn euclidean(from: &[f64], _norm: f64, to: &[f64]) -> f64 {
        fold(from, to, |x, y| (x - y) * (x - y)).sqrt()
    }

    fn dot(from: &[f64], _norm: f64, to: &[f64]) -> f64 {
        fold(from, to, |x, y| x * y)
    }

    fn wide(half: Half) -> f64 {
        f64::from(wide(half.to_bits()))
    }
}

/// The number with these bits as a half. Without branches, so that the compiler can vectorise a loop of it.
pub(super) fn wide(half: u16) -> f32 {
    // Halves begin at 2^-15, where the exponent of a float is 112.
    const LEAST: u32 = 113 << 23;
    let sign = u32::from(half & 0x8000) << 16;
    let (rest, shifted) = (half & 0x7fff, u32::from(half & 0x7fff) << 13);
    let normal = shifted + (112 << 23);
    let subnormal = (f32::from_bits(shifted + LEAST) - f32::from_bits(LEAST)).to_bits();
    let infinite = shifted | 0x7f80_0000;
    let finite = if rest < 0x0400 { subnormal } else { normal };
    f32::from_bits(sign | if rest >= 0x7c00 { infinite } else { finite })
}

/// A sum over pairs in eight independent lanes, so that the compiler can vectorise it.
fn fold(left: &[f64], right: &[f64], term: impl Fn(f64, f64) -> f64) -> f64 {
    const LANES: usize = 8;
    let (left, left_rest) = left.as_chunks::<LANES>();
    let (right, right_rest) = right.as_chunks::<LANES>();
    let mut sums = [0.0; LANES];
    for (x, y) in left.iter().zip(right) {
        for lane in 0..LANES {
            sums[lane] += term(x[lane], y[lane]);
        }
    }
    let rest: f64 = left_rest.iter().zip(right_rest).map(|(x, y)| term(*x, *y)).sum();
    sums.iter().sum::<f64>() + rest
}

/// The vectors of a column; a literal is a column of one row.
pub(super) struct Vectors<T: Distance> {
    values: Values<T>,
    rows: Rows,
    nulls: Option<NullBuffer>,
    len: usize,
}

/// A column of halves stays one: its vectors become wider one at a time, while they are in reach of the processor's caches.
enum Values<T: ArrowPrimitiveType> {
    Own(ScalarBuffer<T::Native>),
    Halves(ScalarBuffer<Half>),
}

enum Rows {
    Fixed(usize),
    Offsets(Vec<usize>),
}

impl<T: Distance> Vectors<T> {
    pub(super) fn try_new(array: &ArrayRef) -> Result<Self> {
        let is_half = array.len() > 1 && item(array.data_type()) == Some(&DataType::Float16);
        let kind = if is_half { DataType::Float16 } else { T::DATA_TYPE };
        let item = Arc::new(Field::new_list_field(kind, true));
        let (len, nulls) = (array.len(), array.nulls().cloned());
        if let DataType::FixedSizeList(_, size) = array.data_type() {
            let size = usize::try_from(*size).unwrap_or_default();
            let cast = cast(
                array,
                &DataType::FixedSizeList(item, array.as_fixed_size_list().value_length()),
            )?;
            let values = cast.as_fixed_size_list().values();
            return Ok(Self::read(values, Rows::Fixed(size), nulls, len));
        }
        if array.data_type().is_null() {
            let nulls = Some(NullBuffer::new_null(len));
            return Ok(Self {
                values: Values::Own(ScalarBuffer::from(vec![])),
                rows: Rows::Fixed(0),
                nulls,
                len,
            });
        }
        let lists = cast(array, &DataType::LargeList(item))?;
        let lists = lists.as_list::<i64>();
        let offsets = lists.offsets().iter().map(|at| usize::try_from(*at).unwrap_or_default());
        let rows = Rows::Offsets(offsets.collect());
        Ok(Self::read(lists.values(), rows, nulls, len))
    }

    /// A vector that holds a null is as good as none.
    fn read(items: &ArrayRef, rows: Rows, nulls: Option<NullBuffer>, len: usize) -> Self {
        let values = match items.as_primitive_opt::<T>() {
            Some(items) => Values::Own(items.values().clone()),
            None => Values::Halves(items.as_primitive::<Float16Type>().values().clone()),
        };
        let mut vectors = Self { values, rows, nulls, len };
        if items.null_count() > 0 {
            let whole = |row: usize| vectors.place(row).all(|at| items.is_valid(at));
            let whole: NullBuffer = (0..len).map(whole).collect::<Vec<_>>().into();
            vectors.nulls = NullBuffer::union(vectors.nulls.as_ref(), Some(&whole));
        }
        vectors
    }

    /// Where the items of a row are.
    fn place(&self, row: usize) -> Range<usize> {
        match &self.rows {
            Rows::Fixed(size) => row * size..(row + 1) * size,
            Rows::Offsets(offsets) => offsets[row]..offsets[row + 1],
        }
    }

    /// Whether this is a literal beside a column of `rows` rows.
    pub(super) fn is_one_for_all(&self, rows: usize) -> bool {
        self.len == 1 && rows != 1
    }

    /// The vector of a row, made wider in `space` where need be.
    pub(super) fn get<'v>(
        &'v self,
        row: usize,
        rows: usize,
        space: &'v mut Vec<T::Native>,
    ) -> Option<&'v [T::Native]> {
        let row = if self.is_one_for_all(rows) { 0 } else { row };
        if self.nulls.as_ref().is_some_and(|nulls| nulls.is_null(row)) {
            return None;
        }
        match &self.values {
            Values::Own(values) => Some(&values[self.place(row)]),
            Values::Halves(halves) => {
                let halves = &halves[self.place(row)];
                space.resize(halves.len(), T::default_value());
                for (wide, half) in space.iter_mut().zip(halves) {
                    *wide = T::wide(*half);
                }
                Some(space)
            }
        }
    }
}
