//! Which rows have one key.

use std::collections::HashSet;
use std::sync::Arc;

use arrow::array::{
    Array, ArrayData, ArrayRef, BooleanArray, Date32Array, Float64Array, Int16Array, Int64Array,
    ListArray, RecordBatch, StringArray, StringViewArray, UInt8Array, UInt64Array, make_array,
};
use arrow::array::{Int64Builder, MapBuilder, StringBuilder, TimestampMicrosecondArray};
use arrow::buffer::{Buffer, NullBuffer};
use arrow::compute::concat_batches;
use arrow::datatypes::{DataType, Int64Type, IntervalUnit, TimeUnit};
use proptest::prelude::{any, prop};
use proptest::{prop_assert_eq, proptest};

use super::{Key, RowKeys};

fn keys(columns: &[ArrayRef]) -> Vec<Key> {
    keys_and_ending(columns).0
}

fn keys_and_ending(columns: &[ArrayRef]) -> (Vec<Key>, String) {
    let kinds: Vec<DataType> = columns.iter().map(|column| column.data_type().clone()).collect();
    let named = columns.iter().enumerate().map(|(at, column)| (at.to_string(), Arc::clone(column)));
    let rows = RecordBatch::try_from_iter(named).unwrap();
    let keys = RowKeys::try_new(&kinds, None).unwrap();
    (keys.of(&rows).unwrap(), keys.ending())
}

fn integers(values: impl IntoIterator<Item = Option<i64>>) -> ArrayRef {
    Arc::new(values.into_iter().collect::<Int64Array>())
}

#[test]
fn equal_values_have_one_key_and_others_another() {
    let numbers = keys(&[integers([Some(1), Some(2), None, Some(1), None, Some(0)])]);
    assert_eq!((numbers[0], numbers[2]), (numbers[3], numbers[4]));
    let different: HashSet<Key> = numbers.into_iter().collect();
    assert_eq!(different.len(), 4);
}

#[test]
fn how_rows_are_cut_does_not_matter() {
    let all = integers((0..100).map(|at| (at % 7 != 0).then_some(at)));
    let whole = keys(&[Arc::clone(&all)]);
    let parts: Vec<Key> = [(0, 13), (13, 1), (14, 86)]
        .iter()
        .flat_map(|(at, n)| keys(&[all.slice(*at, *n)]))
        .collect();
    assert_eq!(whole, parts);
    let batch = |at, n| RecordBatch::try_from_iter([("x", all.slice(at, n))]).unwrap();
    let joined = concat_batches(&batch(0, 1).schema(), &[batch(0, 50), batch(50, 50)]).unwrap();
    assert_eq!(keys(joined.columns()), whole);
}

#[test]
fn floats_count_by_their_bits() {
    let floats: ArrayRef = Arc::new(Float64Array::from(vec![0.0, -0.0, f64::NAN, f64::NAN]));
    let found = keys(&[floats]);
    assert_ne!(found[0], found[1]);
    assert_eq!(found[2], found[3]);
}

#[test]
fn types_count_but_not_how_texts_are_stored() {
    let number: ArrayRef = Arc::new(Int64Array::from(vec![0]));
    let time: ArrayRef = Arc::new(TimestampMicrosecondArray::from(vec![0]));
    // As rows are compared, these have the same bytes.
    let large: ArrayRef = Arc::new(UInt64Array::from(vec![1 << 63]));
    for more in [None, Some(Arc::new(StringArray::from(vec!["a"])) as ArrayRef)] {
        let found = [&number, &time, &large].map(|column| {
            let columns: Vec<ArrayRef> =
                [Arc::clone(column)].into_iter().chain(more.clone()).collect();
            let (keys, ending) = keys_and_ending(&columns);
            (keys[0], ending)
        });
        assert!(found[0] != found[1] && found[0] != found[2]);
    }
    let text: ArrayRef = Arc::new(StringArray::from(vec!["a", "a longer text than fits inside"]));
    let view: ArrayRef =
        Arc::new(StringViewArray::from(vec!["a", "a longer text than fits inside"]));
    assert_eq!(keys(&[text]), keys(&[view]));
}

#[test]
fn which_argument_has_a_value_counts() {
    let text = |value: &str| -> ArrayRef { Arc::new(StringArray::from(vec![value])) };
    assert_ne!(keys(&[text("ab"), text("c")]), keys(&[text("a"), text("bc")]));
    assert_ne!(keys(&[text("a"), text("b")]), keys(&[text("b"), text("a")]));
}

#[test]
fn lists_and_maps_have_keys() {
    let lists = ListArray::from_iter_primitive::<Int64Type, _, _>([
        Some(vec![Some(1), None]),
        Some(vec![]),
        None,
        Some(vec![Some(1), None]),
    ]);
    let found = keys(&[Arc::new(lists)]);
    assert_eq!(found[0], found[3]);
    assert!(found[0] != found[1] && found[1] != found[2]);
    let mut maps = MapBuilder::new(None, StringBuilder::new(), Int64Builder::new());
    for value in [1, 2, 1] {
        maps.keys().append_value("key");
        maps.values().append_value(value);
        maps.append(true).unwrap();
    }
    let found = keys(&[Arc::new(maps.finish())]);
    assert_eq!(found[0], found[2]);
    assert_ne!(found[0], found[1]);
}

#[test]
fn without_arguments_all_rows_have_one_key() {
    let options = arrow::record_batch::RecordBatchOptions::new().with_row_count(Some(3));
    let rows = RecordBatch::try_new_with_options(
        Arc::new(arrow::datatypes::Schema::empty()),
        vec![],
        &options,
    );
    let found = RowKeys::try_new(&[], None).unwrap().of(&rows.unwrap()).unwrap();
    assert_eq!(found, [found[0]; 3]);
}

/// 0, 1, null, 1 and null, with something else behind each null.
fn numbers(kind: &DataType) -> ArrayRef {
    let width = kind.primitive_width().unwrap();
    let mut bytes = vec![0; 5 * width];
    for (row, value) in [0, 1, 2, 1, 3].into_iter().enumerate() {
        bytes[row * width] = value;
    }
    let data = ArrayData::builder(kind.clone())
        .len(5)
        .add_buffer(Buffer::from(bytes.as_slice()))
        .nulls(Some(NullBuffer::from(vec![true, true, false, true, false])));
    make_array(data.build().unwrap())
}

#[test]
fn rows_of_few_bits_are_their_own_keys() {
    let kinds = [
        [DataType::Int8, DataType::Int16, DataType::Int32, DataType::Int64],
        [DataType::UInt8, DataType::UInt16, DataType::UInt32, DataType::UInt64],
        [DataType::Float16, DataType::Float32, DataType::Float64, DataType::Date32],
        [
            DataType::Date64,
            DataType::Time32(TimeUnit::Second),
            DataType::Time64(TimeUnit::Nanosecond),
            DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into())),
        ],
        [
            DataType::Duration(TimeUnit::Second),
            DataType::Timestamp(TimeUnit::Microsecond, None),
            DataType::Decimal32(5, 2),
            DataType::Decimal64(9, 2),
        ],
    ];
    let mut endings = HashSet::new();
    for kind in kinds.as_flattened() {
        let (found, ending) = keys_and_ending(&[numbers(kind)]);
        assert_eq!((found[1], found[2]), (found[3], found[4]), "{kind}");
        assert_eq!(found.into_iter().collect::<HashSet<_>>().len(), 3, "{kind}");
        assert!(ending.starts_with(".values-") && endings.insert(ending), "{kind}");
    }
}

#[test]
fn keys_of_other_rows_are_digests() {
    let wide = [DataType::Decimal128(20, 2), DataType::Interval(IntervalUnit::DayTime)];
    for kind in &wide {
        let (found, ending) = keys_and_ending(&[numbers(kind)]);
        assert_eq!(ending, ".keys");
        assert_eq!(found.into_iter().collect::<HashSet<_>>().len(), 3, "{kind}");
    }
    let two = [numbers(&DataType::Int64), numbers(&DataType::UInt64)];
    assert_eq!(keys_and_ending(&two).1, ".keys");
}

#[test]
fn keys_are_spread_evenly() {
    let some = 0..1_i32 << 12;
    for step in [0, 20, 40] {
        let counted = integers(some.clone().map(|value| Some(i64::from(value) << step)));
        let halves = some.clone().map(|value| f64::from(value) / 2.0 * f64::from(1 << (step / 2)));
        let halves: ArrayRef = Arc::new(Float64Array::from_iter_values(halves));
        for column in [counted, halves] {
            let places: HashSet<Key> = keys(&[column]).iter().map(|key| key >> 116).collect();
            assert!(places.len() > 2000, "{}", places.len());
        }
    }
}

proptest! {
    #[test]
    fn rows_have_one_key_just_when_they_are_equal(
        rows in prop::collection::vec(
            (
                prop::option::of(prop::sample::select(vec![0, 1, -1, i64::MIN, 1 << 62])),
                any::<Option<bool>>(),
                prop::option::of(-1..2),
                any::<Option<i16>>(),
                prop::option::of(0_u8..3),
            ),
            0..60,
        ),
    ) {
        let columns: [ArrayRef; 5] = [
            Arc::new(rows.iter().map(|row| row.0).collect::<Int64Array>()),
            Arc::new(rows.iter().map(|row| row.1).collect::<BooleanArray>()),
            Arc::new(rows.iter().map(|row| row.2).collect::<Date32Array>()),
            Arc::new(rows.iter().map(|row| row.3).collect::<Int16Array>()),
            Arc::new(rows.iter().map(|row| row.4).collect::<UInt8Array>()),
        ];
        // All of a row, and parts of it, of which some are equal.
        for (first, columns) in [(0, &columns[..]), (1, &columns[1..3]), (4, &columns[4..])] {
            let (keys, ending) = keys_and_ending(columns);
            prop_assert_eq!(&ending[..8], ".values-");
            let of_row = |row: usize| {
                let (a, b, c, d, e) = rows[row];
                match first {
                    0 => (a, b, c, d, e),
                    1 => (None, b, c, None, None),
                    _ => (None, None, None, None, e),
                }
            };
            for (one, key) in keys.iter().enumerate() {
                for (other, its) in keys.iter().enumerate() {
                    prop_assert_eq!(key == its, of_row(one) == of_row(other));
                }
            }
        }
    }
}
