//! How many rows a batch has at most.

use std::sync::Arc;

use arrow::array::{Int64Array, RecordBatch, StringArray};
use arrow::datatypes::{DataType, Field};

use super::{batch_rows, read_bytes};

#[track_caller]
fn check(known: usize, columns: &[DataType], expected: usize) {
    assert_eq!(batch_rows(known, 16 << 20, columns), expected, "{columns:?}, {known} bytes a row");
}

#[test]
fn numbers_fill_caches_and_text_does_not_fill_the_memory() {
    let vector = |length| {
        let item = Arc::new(Field::new("item", DataType::Float32, false));
        DataType::FixedSizeList(item, length)
    };
    check(16, &[DataType::Int64, DataType::Boolean], 65_536);
    check(1 << 20, &[DataType::Int64], 65_536);
    check(2048, &[vector(512)], 1024);
    check(1 << 20, &[vector(1 << 18)], 256);
    check(40, &[DataType::Utf8, DataType::Int64], 16_384);
    check(64 << 10, &[DataType::Utf8], 1024);
    check(1 << 20, &[DataType::LargeBinary], 64);
    check(5 << 20, &[DataType::Int64, DataType::Binary], 12);
    check(1 << 30, &[DataType::Utf8], 1);
    check(2048, &[vector(512), DataType::Utf8], 1024);
}

#[test]
fn a_row_takes_what_its_slice_takes() -> Result<(), arrow::error::ArrowError> {
    let texts = StringArray::from_iter_values(["x".repeat(10_000), "y".repeat(100)]);
    let numbers = Int64Array::from(vec![1, 2]);
    let rows = RecordBatch::try_from_iter([
        ("text", Arc::new(texts) as _),
        ("number", Arc::new(numbers) as _),
    ])?;
    assert_eq!(read_bytes(&[]), 0);
    assert!((10_000..10_100).contains(&read_bytes(&[rows.slice(0, 1)])));
    assert!((100..200).contains(&read_bytes(&[rows.slice(1, 1)])));
    assert!((10_000..10_100).contains(&read_bytes(&[rows.slice(1, 1), rows.slice(0, 1)])));
    Ok(())
}
