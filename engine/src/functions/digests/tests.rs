//! Equal values have equal digests, and others have others.

use std::sync::Arc;

use arrow::array::{
    ArrayRef, DictionaryArray, Float64Array, Int64Array, LargeStringArray, ListArray, StringArray,
    StringViewArray, StructArray,
};
use arrow::buffer::NullBuffer;
use arrow::datatypes::{Field, Float64Type, Int32Type, Int64Type};
use proptest::prelude::{any, proptest};

use super::digests;

fn of(column: ArrayRef) -> Vec<u128> {
    let rows = column.len();
    digests(&[column], rows).unwrap()
}

fn texts(values: &[Option<&str>]) -> ArrayRef {
    Arc::new(StringArray::from(values.to_vec()))
}

fn model(values: ArrayRef, nulls: &[bool]) -> ArrayRef {
    let field = Field::new("value", values.data_type().clone(), true);
    let nulls = NullBuffer::from(nulls.to_vec());
    Arc::new(StructArray::new(vec![field].into(), vec![values], Some(nulls)))
}

#[test]
fn texts_are_the_same_however_they_are_stored() {
    let values = [Some("a"), None, Some(""), Some("a text that is longer than a view"), Some("a")];
    let known = of(texts(&values));
    assert_eq!(of(Arc::new(LargeStringArray::from(values.to_vec()))), known);
    assert_eq!(of(Arc::new(StringViewArray::from(values.to_vec()))), known);
    assert_eq!(of(Arc::new(values.into_iter().collect::<DictionaryArray<Int32Type>>())), known);
    assert_eq!(known[0], known[4]);
    assert_ne!(known[1], known[2]);
}

#[test]
fn a_slice_has_the_digests_of_its_rows() {
    let lists = (0..9).map(|at| (at != 4).then(|| vec![Some(at), None, Some(at)]));
    let columns: [ArrayRef; 4] = [
        Arc::new(Int64Array::from(vec![1, 2, 3, 4, 5, 6, 7, 8, 9])),
        texts(&["a", "b", "c", "d", "e", "f", "g", "h", "i"].map(Some)),
        model(Arc::new(Float64Array::from(vec![0.5; 9])), &[true; 9]),
        Arc::new(ListArray::from_iter_primitive::<Int64Type, _, _>(lists)),
    ];
    for column in columns {
        assert_eq!(of(column.slice(3, 4)), of(column)[3..7]);
    }
}

#[test]
fn what_is_below_a_null_does_not_count() {
    let one = of(model(texts(&[Some("a"), Some("b"), None]), &[false, true, true]));
    let other = of(model(texts(&[Some("b"), Some("b"), None]), &[false, true, true]));
    assert_eq!(one, other);
    assert!(one[0] != one[1] && one[1] != one[2] && one[0] != one[2]);
}

#[test]
fn values_of_one_column_are_not_those_of_another() {
    let (a, b) = (texts(&[Some("a"), Some("b")]), texts(&[Some("b"), Some("a")]));
    let rows = digests(&[a, b], 2).unwrap();
    assert_ne!(rows[0], rows[1]);
}

#[test]
fn rows_that_exchange_values_are_others() {
    let sum = |left: [&str; 2], right: [&str; 2]| {
        let columns = [texts(&left.map(Some)), texts(&right.map(Some))];
        let rows = digests(&columns, 2).unwrap();
        rows[0].wrapping_add(rows[1])
    };
    assert_ne!(sum(["a", "b"], ["c", "d"]), sum(["a", "b"], ["d", "c"]));
    assert_eq!(sum(["a", "b"], ["c", "d"]), sum(["b", "a"], ["d", "c"]));
}

#[test]
fn without_columns_all_rows_are_the_same() {
    let rows = digests(&[], 2).unwrap();
    assert_eq!(rows[0], rows[1]);
}

proptest! {
    #[test]
    fn rows_agree_just_when_their_values_do(
        values in proptest::collection::vec((any::<Option<i8>>(), "[ab]{0,2}"), 2..40)
    ) {
        let numbers = values.iter().map(|(number, _)| number.map(i64::from));
        let numbers: ArrayRef = Arc::new(numbers.collect::<Int64Array>());
        let words: ArrayRef = Arc::new(values.iter().map(|(_, word)| Some(word)).collect::<StringArray>());
        let rows = digests(&[numbers, words], values.len()).unwrap();
        for (one, left) in values.iter().zip(&rows) {
            for (other, right) in values.iter().zip(&rows) {
                assert_eq!(one == other, left == right);
            }
        }
    }
}

#[test]
fn one_number_has_one_digest() {
    let lists = |values: [f64; 4]| -> ArrayRef {
        let rows = values.map(|value| Some(vec![Some(value)]));
        Arc::new(ListArray::from_iter_primitive::<Float64Type, _, _>(rows))
    };
    let values = [0.0, -0.0, f64::NAN, -f64::NAN];
    for column in [Arc::new(Float64Array::from(values.to_vec())) as ArrayRef, lists(values)] {
        let found = digests(&[column], 4).unwrap();
        assert_eq!((found[0], found[2]), (found[1], found[3]));
        assert_ne!(found[0], found[2]);
    }
}
