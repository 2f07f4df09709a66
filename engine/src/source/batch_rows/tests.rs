//! How many rows a batch has at most.

use std::sync::Arc;

use arrow::datatypes::{DataType, Field};

use super::batch_rows;

#[track_caller]
fn check(stored: usize, columns: &[DataType], expected: usize) {
    assert_eq!(batch_rows(stored, columns), expected, "{columns:?}, {stored} bytes a row on disk");
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
    check(1 << 20, &[DataType::LargeBinary], 256);
    check(2048, &[vector(512), DataType::Utf8], 1024);
}
