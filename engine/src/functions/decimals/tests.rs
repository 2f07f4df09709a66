//! Results and errors are those of Arrow's kernels.

use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray, Datum, Decimal128Array};
use arrow::compute::kernels::numeric::{add, mul, sub};
use arrow::datatypes::{DataType, Decimal128Type, Field};
use arrow::error::ArrowError;
use datafusion::common::ScalarValue;
use datafusion::common::config::ConfigOptions;
use datafusion::logical_expr::{ColumnarValue, Operator, ReturnFieldArgs, ScalarFunctionArgs};
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::{Just, Strategy, any, prop_oneof, proptest};

use super::{decimal_function, small};

type Side = (Vec<Option<i128>>, u8, i8);

fn array((values, precision, scale): &Side) -> Decimal128Array {
    let values: Decimal128Array = values.iter().copied().collect();
    values.with_precision_and_scale(*precision, *scale).unwrap()
}

/// Both sides as columns, and each as a value beside the other as a column.
fn check(operator: Operator, left: &Side, right: &Side) {
    let kernel: fn(&dyn Datum, &dyn Datum) -> Result<ArrayRef, ArrowError> = match operator {
        Operator::Plus => add,
        Operator::Minus => sub,
        _ => mul,
    };
    let (left, right) = (array(left), array(right));
    let column = |array: &Decimal128Array| ColumnarValue::Array(Arc::new(array.clone()));
    let value = |array: &Decimal128Array| {
        ColumnarValue::Scalar(ScalarValue::try_from_array(array, 0).unwrap())
    };
    let sides = [
        (column(&left), column(&right)),
        (value(&left), column(&right)),
        (column(&left), value(&right)),
        (value(&left), value(&right)),
    ];
    for (left, right) in sides {
        let rows = |side: &ColumnarValue| side.to_array(3).unwrap();
        let expected = kernel(&rows(&left), &rows(&right));
        let kinds = [left.data_type(), right.data_type()];
        let fields = kinds.map(|kind| Arc::new(Field::new("x", kind, true)));
        let function = decimal_function(operator).unwrap();
        let given = ReturnFieldArgs { arg_fields: &fields, scalar_arguments: &[None, None] };
        let Ok(return_field) = function.return_field_from_args(given) else {
            assert!(expected.is_err());
            continue;
        };
        let found = function.invoke_with_args(ScalarFunctionArgs {
            args: vec![left, right],
            arg_fields: fields.to_vec(),
            number_rows: 3,
            return_field,
            config_options: Arc::new(ConfigOptions::default()),
        });
        match (found, expected) {
            (Ok(found), Ok(expected)) => assert_eq!(&rows(&found), &expected),
            (Err(_), Err(_)) => {}
            (found, expected) => panic!("{found:?} instead of {expected:?}"),
        }
    }
}

fn values() -> impl Strategy<Value = Option<i128>> {
    let edge = (1_i128 << 62) - 1;
    let edges = prop_oneof![
        Just(edge),
        Just(edge + 1),
        Just(-edge - 1),
        Just(-edge - 2),
        Just(0),
        Just(-1),
        Just(i128::MAX),
        Just(i128::MIN),
        -1000_i128..1000,
        any::<i64>().prop_map(i128::from),
    ];
    option::weighted(0.9, edges)
}

fn side() -> impl Strategy<Value = Side> {
    (vec(values(), 3), 20_u8..=38, -2_i8..20)
}

proptest! {
    #[test]
    fn sums_differences_and_products_are_arrows(left in side(), right in side()) {
        for operator in [Operator::Plus, Operator::Minus, Operator::Multiply] {
            check(operator, &left, &right);
        }
    }
}

#[test]
fn prices_take_the_short_way() {
    let prices: ArrayRef = Arc::new(array(&(vec![Some(12_345), None, Some(-1)], 15, 2)));
    let one = ColumnarValue::Scalar(ScalarValue::Decimal128(Some(1), 20, 0));
    let result = DataType::Decimal128(23, 2);
    let prices = ColumnarValue::Array(prices);
    let found = small(Operator::Minus, &one, &prices, &result).unwrap().unwrap();
    let expected = array(&(vec![Some(-12_245), None, Some(101)], 23, 2));
    assert_eq!(found.as_primitive::<Decimal128Type>(), &expected);
}
