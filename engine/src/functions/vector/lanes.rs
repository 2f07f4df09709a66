//! Rows of vectors as slices of numbers, and the kernels over two slices.

use arrow::array::{Array, ArrayRef, ArrowPrimitiveType, AsArray, PrimitiveArray};
use arrow::buffer::{NullBuffer, ScalarBuffer};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Field, Float32Type, Float64Type};
use datafusion::common::{Result, exec_err};
use lance_linalg::distance::{Cosine, dot, l2};
use std::ops::Range;
use std::sync::Arc;

/// The kernels for one element type.
pub(super) trait Distance: ArrowPrimitiveType {
    fn norm(vector: &[Self::Native]) -> f64;
    fn cosine(from: &[Self::Native], norm: f64, to: &[Self::Native]) -> f64;
    fn euclidean(from: &[Self::Native], norm: f64, to: &[Self::Native]) -> f64;
    fn dot(from: &[Self::Native], norm: f64, to: &[Self::Native]) -> f64;
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
pub(super) struct Vectors<T: ArrowPrimitiveType> {
    values: ScalarBuffer<T::Native>,
    rows: Rows,
    nulls: Option<NullBuffer>,
    len: usize,
}

enum Rows {
    Fixed(usize),
    Offsets(Vec<usize>),
}

impl<T: ArrowPrimitiveType> Vectors<T> {
    pub(super) fn try_new(array: &ArrayRef) -> Result<Self> {
        let item = Arc::new(Field::new_list_field(T::DATA_TYPE, true));
        let (len, nulls) = (array.len(), array.nulls().cloned());
        if let DataType::FixedSizeList(_, size) = array.data_type() {
            let size = usize::try_from(*size).unwrap_or_default();
            let cast = cast(
                array,
                &DataType::FixedSizeList(item, array.as_fixed_size_list().value_length()),
            )?;
            return Self::read(cast.as_fixed_size_list().values(), Rows::Fixed(size), nulls, len);
        }
        if array.data_type().is_null() {
            let nulls = Some(NullBuffer::new_null(len));
            return Ok(Self {
                values: ScalarBuffer::from(vec![]),
                rows: Rows::Fixed(0),
                nulls,
                len,
            });
        }
        let lists = cast(array, &DataType::LargeList(item))?;
        let lists = lists.as_list::<i64>();
        let offsets = lists.offsets().iter().map(|at| usize::try_from(*at).unwrap_or_default());
        let rows = Rows::Offsets(offsets.collect());
        Self::read(lists.values(), rows, nulls, len)
    }

    /// The items of null vectors, which nobody reads, may be null; those of others may not.
    fn read(items: &ArrayRef, rows: Rows, nulls: Option<NullBuffer>, len: usize) -> Result<Self> {
        let items: &PrimitiveArray<T> = items.as_primitive();
        let vectors = Self { values: items.values().clone(), rows, nulls, len };
        if items.null_count() > 0 {
            for row in
                (0..len).filter(|row| vectors.nulls.as_ref().is_none_or(|n| n.is_valid(*row)))
            {
                if vectors.place(row).any(|at| items.is_null(at)) {
                    return exec_err!("a vector holds a null: a distance needs numbers only");
                }
            }
        }
        Ok(vectors)
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

    pub(super) fn get(&self, row: usize, rows: usize) -> Option<&[T::Native]> {
        let row = if self.is_one_for_all(rows) { 0 } else { row };
        if self.nulls.as_ref().is_some_and(|nulls| nulls.is_null(row)) {
            return None;
        }
        Some(&self.values[self.place(row)])
    }
}
