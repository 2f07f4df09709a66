//! `list_sum`, `list_mean`, `list_median`, `list_product`, `list_norm`, `list_count`, `list_field`: one value of the items of
//! a list, and a field of each of them;
//! `discrete_quantile`: of a sorted list the first item below which at least a part of them lie;
//! `array_any_value`, `cardinality`: DataFusion's (54), which read what lies behind lists that are null, and beside empty ones,
//! and take all inner lists to be as long as the first.
//!
//! Nulls among the items are passed over; a list without values has no sum, mean or norm.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, Float64Array, Int64Array, ListArray, UInt64Array};
use arrow::compute::{cast, take};
use arrow::datatypes::{DataType, Field, FieldRef, Float64Type, Int64Type, UInt64Type};
use datafusion::common::{Result, ScalarValue, internal_err, plan_err};
use datafusion::functions_nested::cardinality::cardinality_udf;
use datafusion::functions_nested::extract::array_any_value_udf;
use datafusion::logical_expr::{
    ColumnarValue, ReturnFieldArgs, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature,
    Volatility,
};

use super::items::{items, list_item, list_with};
use super::mended::mended;
use super::simple::{needs, refused, simple};
use super::{overflow, unfit};
use crate::source::nulls_in_fields;

pub(super) fn functions() -> Vec<ScalarUDF> {
    let signature = Signature::any(2, Volatility::Immutable);
    vec![
        simple("list_sum", types_of_sum, |of| sums(&of[0])),
        simple("list_mean", |kinds| floats("list_mean", kinds), |of| numbers(&of[0], mean)),
        simple("list_median", |kinds| floats("list_median", kinds), |of| numbers(&of[0], median)),
        simple("list_norm", |kinds| floats("list_norm", kinds), |of| numbers(&of[0], norm)),
        simple(
            "list_product",
            |kinds| floats("list_product", kinds),
            |of| numbers(&of[0], |values| values.iter().product()),
        ),
        simple("list_count", types_of_count, |of| Ok(counts(of[0].as_list()))),
        simple("discrete_quantile", types_of_quantile, |of| {
            quantiles(&of[0], of[1].as_primitive())
        }),
        ScalarUDF::from(ListField { signature }),
        mended(array_any_value_udf(), |theirs, call| of_lists(theirs, call, first_values)),
        mended(cardinality_udf(), |theirs, call| of_lists(theirs, call, leaf_counts)),
    ]
}

fn types_of_sum(kinds: &[DataType]) -> Result<(Vec<DataType>, DataType)> {
    let whole = kinds.first().and_then(list_item).filter(|item| item.data_type().is_integer());
    match whole {
        Some(item) => Ok((vec![list_with(item, &DataType::Int64)], DataType::Int64)),
        None => floats("list_sum", kinds),
    }
}

fn floats(name: &str, kinds: &[DataType]) -> Result<(Vec<DataType>, DataType)> {
    let [kind] = kinds else {
        return refused(name, kinds);
    };
    match list_item(kind) {
        Some(item) if item.data_type().is_numeric() || item.data_type().is_null() => {
            Ok((vec![list_with(item, &DataType::Float64)], DataType::Float64))
        }
        _ => needs(name, "lists of numbers", kind),
    }
}

fn sums(lists: &ArrayRef) -> Result<ArrayRef> {
    let list = lists.as_list::<i32>();
    let Some(values) = list.values().as_primitive_opt::<Int64Type>() else {
        return numbers(lists, |values| values.iter().sum());
    };
    let sum = |row: usize| {
        let Some(there) = items(list, row) else { return Ok(None) };
        let mut there = there.filter(|at| values.is_valid(*at)).peekable();
        if there.peek().is_none() {
            return Ok(None);
        }
        let sum: i128 = there.map(|at| i128::from(values.value(at))).sum();
        let fits = i64::try_from(sum).ok();
        fits.map(Some).ok_or_else(|| overflow("list_sum", &DataType::Int64))
    };
    Ok(Arc::new((0..list.len()).map(sum).collect::<Result<Int64Array>>()?))
}

fn types_of_count(kinds: &[DataType]) -> Result<(Vec<DataType>, DataType)> {
    match kinds {
        [kind] if let Some(item) = list_item(kind) => {
            Ok((vec![DataType::List(Arc::clone(item))], DataType::Int64))
        }
        kinds => refused("list_count", kinds),
    }
}

/// How many items are there.
fn counts(lists: &ListArray) -> ArrayRef {
    let values = lists.values().logical_nulls();
    let is_there = |at: &usize| values.as_ref().is_none_or(|nulls| nulls.is_valid(*at));
    let count = |row: usize| Some(items(lists, row)?.filter(is_there).count() as i64);
    Arc::new((0..lists.len()).map(count).collect::<Int64Array>())
}

fn types_of_quantile(kinds: &[DataType]) -> Result<(Vec<DataType>, DataType)> {
    match kinds {
        [list, part]
            if part.is_numeric()
                && let Some(item) = list_item(list) =>
        {
            let taken = vec![DataType::List(Arc::clone(item)), DataType::Float64];
            Ok((taken, item.data_type().clone()))
        }
        kinds => refused("quantile_disc", kinds),
    }
}

fn quantiles(lists: &ArrayRef, parts: &Float64Array) -> Result<ArrayRef> {
    let lists = lists.as_list::<i32>();
    let place = |row: usize| {
        let there = items(lists, row).filter(|there| !there.is_empty() && parts.is_valid(row));
        let Some(there) = there else { return Ok(None) };
        let part = parts.value(row);
        if !(0.0..=1.0).contains(&part) {
            return unfit(format!("quantile_disc takes a part from 0 to 1, not `{part}`"));
        }
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a place")]
        let place = (part * there.len() as f64).ceil() as usize;
        Ok(Some((there.start + place.saturating_sub(1)) as u64))
    };
    let places = (0..lists.len()).map(place).collect::<Result<UInt64Array>>()?;
    Ok(take(lists.values(), &places, None)?)
}

/// One value for each list; of what is no list, theirs.
fn of_lists(
    theirs: &ScalarUDF,
    call: ScalarFunctionArgs,
    of: fn(&ListArray) -> Result<ArrayRef>,
) -> Result<ColumnarValue> {
    let Some(lists) = call.args.first().filter(|lists| list_item(&lists.data_type()).is_some())
    else {
        return theirs.invoke_with_args(call);
    };
    Ok(ColumnarValue::Array(of(&plain(&lists.to_array(call.number_rows)?)?)?))
}

/// Lists of any kind as plain ones.
fn plain(lists: &ArrayRef) -> Result<ListArray> {
    match list_item(lists.data_type()) {
        Some(item) => Ok(cast(lists, &DataType::List(Arc::clone(item)))?.as_list().clone()),
        None => internal_err!("{} is no list", lists.data_type()),
    }
}

/// The first item of each that is there.
fn first_values(lists: &ListArray) -> Result<ArrayRef> {
    let values = lists.values();
    let first = |row: usize| items(lists, row)?.find(|at| values.is_valid(*at));
    let places = (0..lists.len()).map(|row| first(row).map(|at| at as u64));
    Ok(take(values, &places.collect::<UInt64Array>(), None)?)
}

/// How many items there are in the innermost lists.
fn leaf_counts(lists: &ListArray) -> Result<ArrayRef> {
    let inner = list_item(lists.values().data_type()).is_some();
    let inner = inner.then(|| leaf_counts(&plain(lists.values())?)).transpose()?;
    let inner = inner.as_ref().map(|counts| counts.as_primitive::<UInt64Type>());
    let of = |at: usize| {
        inner.map_or(1, |counts| if counts.is_valid(at) { counts.value(at) } else { 0 })
    };
    let count = |row: usize| Some(items(lists, row)?.map(of).sum());
    Ok(Arc::new((0..lists.len()).map(count).collect::<UInt64Array>()))
}

/// One number for each list that has numbers.
fn numbers(lists: &ArrayRef, of: fn(&[f64]) -> f64) -> Result<ArrayRef> {
    let list = lists.as_list::<i32>();
    let values = list.values().as_primitive::<Float64Type>();
    let number = |row: usize| {
        let there = items(list, row)?;
        if values.null_count() == 0 {
            return (!there.is_empty()).then(|| of(&values.values()[there]));
        }
        let valid: Vec<f64> =
            there.filter(|at| values.is_valid(*at)).map(|at| values.value(at)).collect();
        (!valid.is_empty()).then(|| of(&valid))
    };
    Ok(Arc::new((0..list.len()).map(number).collect::<Float64Array>()))
}

fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len() as f64
}

fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_unstable_by(f64::total_cmp);
    let middle = sorted.len() / 2;
    match sorted.len() % 2 {
        0 => f64::midpoint(sorted[middle - 1], sorted[middle]),
        _ => sorted[middle],
    }
}

fn norm(values: &[f64]) -> f64 {
    values.iter().map(|value| value * value).sum::<f64>().sqrt()
}

/// `list_field(models, name)`: that field of each model of a list, also of lists in it.
#[derive(Debug, PartialEq, Eq, Hash)]
struct ListField {
    signature: Signature,
}

impl ScalarUDFImpl for ListField {
    fn name(&self) -> &'static str {
        "list_field"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _arguments: &[DataType]) -> Result<DataType> {
        internal_err!("list_field needs its arguments")
    }

    fn return_field_from_args(&self, arguments: ReturnFieldArgs) -> Result<FieldRef> {
        let list = arguments.arg_fields[0].data_type();
        let name = arguments.scalar_arguments.get(1).copied().flatten();
        let Some(name) = name.and_then(|name| name.try_as_str().flatten()) else {
            return plan_err!("list_field takes a constant name");
        };
        Ok(Arc::new(Field::new("list_field", DataType::List(item_of(list, name)?), true)))
    }

    fn invoke_with_args(&self, call: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let ColumnarValue::Scalar(name) = &call.args[1] else {
            return internal_err!("list_field takes a constant name");
        };
        let (Some(name), DataType::List(item)) =
            (name.try_as_str().flatten(), call.return_field.data_type())
        else {
            return internal_err!("list_field takes a constant name");
        };
        match &call.args[0] {
            ColumnarValue::Array(lists) => Ok(ColumnarValue::Array(field_of(lists, name, item)?)),
            ColumnarValue::Scalar(list) => {
                let list = field_of(&list.to_array()?, name, item)?;
                Ok(ColumnarValue::Scalar(ScalarValue::try_from_array(&list, 0)?))
            }
        }
    }
}

/// What a list of the field has of each model of a list; or a list of that, of each list of models.
fn item_of(list: &DataType, name: &str) -> Result<FieldRef> {
    let item = list_item(list).map(|item| item.data_type());
    let field = match item {
        Some(DataType::Struct(fields)) => fields.find(name),
        Some(inner) if list_item(inner).is_some() => {
            let item = DataType::List(item_of(inner, name)?);
            return Ok(Arc::new(Field::new_list_field(item, true)));
        }
        _ => return needs("list_field", "a list of models", list),
    };
    let Some((_, field)) = field else {
        return plan_err!("the models of the list have no field `{name}`");
    };
    let item = Field::new_list_field(field.data_type().clone(), true);
    Ok(Arc::new(item.with_metadata(field.metadata().clone())))
}

fn field_of(lists: &ArrayRef, name: &str, item: &FieldRef) -> Result<ArrayRef> {
    let plain = match list_item(lists.data_type()) {
        Some(item) => DataType::List(Arc::clone(item)),
        None => return internal_err!("list_field takes lists"),
    };
    let lists = cast(lists, &plain)?;
    let lists = lists.as_list::<i32>();
    let values = match (lists.values().data_type(), item.data_type()) {
        (DataType::Struct(_), _) => {
            nulls_in_fields(lists.values())?.as_struct().column_by_name(name).cloned()
        }
        (_, DataType::List(inner)) => Some(field_of(lists.values(), name, inner)?),
        _ => None,
    };
    let Some(values) = values else {
        return internal_err!("list_field: no field {name}");
    };
    let (offsets, nulls) = (lists.offsets().clone(), lists.nulls().cloned());
    Ok(Arc::new(ListArray::try_new(Arc::clone(item), offsets, values, nulls)?))
}
