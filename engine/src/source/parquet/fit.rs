//! [`FitColumns`]: what a file's columns become where the table has others; values do not change.
//!
//! DataFusion casts plain columns. Ours are nested ones, whose nulls must reach their fields, and those of which not
//! every value fits.

use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray, FixedSizeListArray, GenericListArray, MapArray, OffsetSizeTrait,
    StructArray, new_null_array,
};
use arrow::compute::{CastOptions, cast, cast_with_options};
use arrow::datatypes::{DataType, FieldRef, Fields, Float64Type, Int64Type, SchemaRef, UInt64Type};
use arrow::util::display::array_value_to_string;
use datafusion::common::config::ConfigOptions;
use datafusion::common::tree_node::{Transformed, TransformedResult, TreeNode, TreeNodeRecursion};
use datafusion::error::{DataFusionError, Result as PlanResult};
use datafusion::logical_expr::{
    ColumnarValue, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility,
};
use datafusion::physical_expr::expressions::Column;
use datafusion::physical_expr::{PhysicalExpr, ScalarFunctionExpr};
use datafusion::physical_expr_adapter::{
    DefaultPhysicalExprAdapter, PhysicalExprAdapter, PhysicalExprAdapterFactory,
};

use crate::Error;
use crate::source::memory::nulls_in_fields;

/// What is to be done about a value that does not fit.
pub(super) const REMEDY: &str = "read the files apart and cast the column";

/// Makes an adapter for each file.
#[derive(Debug)]
pub(super) struct FitColumns;

impl PhysicalExprAdapterFactory for FitColumns {
    fn create(
        &self,
        table: SchemaRef,
        file: SchemaRef,
    ) -> PlanResult<Arc<dyn PhysicalExprAdapter>> {
        let plain = DefaultPhysicalExprAdapter::new(Arc::clone(&table), Arc::clone(&file));
        Ok(Arc::new(Fit { table, file, plain }))
    }
}

#[derive(Debug)]
struct Fit {
    table: SchemaRef,
    file: SchemaRef,
    plain: DefaultPhysicalExprAdapter,
}

impl PhysicalExprAdapter for Fit {
    fn rewrite(&self, expr: Arc<dyn PhysicalExpr>) -> PlanResult<Arc<dyn PhysicalExpr>> {
        let fitted = expr.transform_down(|expr| {
            let Some(column) = expr.downcast_ref::<Column>() else {
                return Ok(Transformed::no(expr));
            };
            let fitted = match self.fitted(column.name()) {
                Some(fitted) => fitted,
                None => self.plain.rewrite(expr)?,
            };
            Ok(Transformed::new(fitted, true, TreeNodeRecursion::Jump))
        });
        fitted.data()
    }
}

impl Fit {
    fn fitted(&self, name: &str) -> Option<Arc<dyn PhysicalExpr>> {
        let (_, wanted) = self.table.fields().find(name)?;
        let (at, given) = self.file.fields().find(name)?;
        if !is_ours(given.data_type(), wanted.data_type()) {
            return None;
        }
        let function = FitColumn {
            field: Arc::clone(wanted),
            signature: Signature::any(1, Volatility::Immutable),
        };
        Some(Arc::new(ScalarFunctionExpr::new(
            function.name(),
            Arc::new(ScalarUDF::from(function.clone())),
            vec![Arc::new(Column::new(name, at))],
            Arc::clone(wanted),
            Arc::new(ConfigOptions::default()),
        )))
    }
}

fn is_ours(given: &DataType, wanted: &DataType) -> bool {
    use DataType::{Duration, Float64, Int64, Time32, Time64, Timestamp, UInt64};
    given != wanted
        && (wanted.is_nested()
            || matches!(wanted, Timestamp(..) | Duration(_) | Time32(_) | Time64(_))
            || matches!((given, wanted), (Int64 | UInt64, Float64)))
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct FitColumn {
    field: FieldRef,
    signature: Signature,
}

impl ScalarUDFImpl for FitColumn {
    fn name(&self) -> &'static str {
        "fit_column"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _arguments: &[DataType]) -> PlanResult<DataType> {
        Ok(self.field.data_type().clone())
    }

    fn invoke_with_args(&self, call: ScalarFunctionArgs) -> PlanResult<ColumnarValue> {
        let columns = ColumnarValue::values_to_arrays(&call.args)?;
        let fitted = fitted(&columns[0], self.field.data_type())
            .map_err(|error| named(self.field.name(), error))?;
        Ok(ColumnarValue::Array(nulls_in_fields(&fitted)?))
    }
}

/// Says which column it was.
fn named(column: &str, error: DataFusionError) -> DataFusionError {
    match Error::from(error) {
        Error::Value { what } => {
            Error::Value { what: format!("column `{column}`: {what}; {REMEDY}") }
        }
        other => other,
    }
    .into()
}

/// The same values as another type.
pub(crate) fn fitted(array: &ArrayRef, kind: &DataType) -> PlanResult<ArrayRef> {
    use DataType::{FixedSizeList, LargeList, List, Map, Struct};
    Ok(match (array.data_type(), kind) {
        (given, wanted) if given == wanted => Arc::clone(array),
        (DataType::Null, wanted) => new_null_array(wanted, array.len()),
        (Struct(_), Struct(fields)) => model(array.as_struct(), fields)?,
        (List(_), List(item)) => list(array.as_list::<i32>(), item)?,
        (LargeList(_), LargeList(item)) => list(array.as_list::<i64>(), item)?,
        (FixedSizeList(_, length), FixedSizeList(item, same)) if length == same => {
            let list = array.as_fixed_size_list();
            let items = fitted(list.values(), item.data_type())?;
            let (item, nulls) = (Arc::clone(item), list.nulls().cloned());
            Arc::new(FixedSizeListArray::try_new(item, *length, items, nulls)?)
        }
        (Map(..), Map(entries, sorted)) => {
            let map = array.as_map();
            let pairs: ArrayRef = Arc::new(map.entries().clone());
            let pairs = by_place(pairs.as_struct(), entries)?;
            let (entries, nulls) = (Arc::clone(entries), map.nulls().cloned());
            Arc::new(MapArray::try_new(entries, map.offsets().clone(), pairs, nulls, *sorted)?)
        }
        (List(item) | FixedSizeList(item, _), LargeList(_)) => {
            fitted(&cast(array, &LargeList(Arc::clone(item)))?, kind)?
        }
        (FixedSizeList(item, _), List(_)) => fitted(&cast(array, &List(Arc::clone(item)))?, kind)?,
        _ => scalar(array, kind)?,
    })
}

/// Fields by their names; one that is missing is null.
fn model(model: &StructArray, fields: &Fields) -> PlanResult<ArrayRef> {
    let columns = fields.iter().map(|field| match model.column_by_name(field.name()) {
        Some(column) => fitted(column, field.data_type()),
        None => Ok(new_null_array(field.data_type(), model.len())),
    });
    let columns = columns.collect::<PlanResult<Vec<_>>>()?;
    let nulls = model.nulls().cloned();
    Ok(Arc::new(StructArray::try_new_with_length(fields.clone(), columns, nulls, model.len())?))
}

/// The entries of a map, whose fields have names of any kind.
fn by_place(pairs: &StructArray, entries: &FieldRef) -> PlanResult<StructArray> {
    let DataType::Struct(fields) = entries.data_type() else {
        return Ok(pairs.clone());
    };
    let columns = pairs.columns().iter().zip(fields);
    let columns = columns.map(|(column, field)| fitted(column, field.data_type()));
    let columns = columns.collect::<PlanResult<Vec<_>>>()?;
    let nulls = pairs.nulls().cloned();
    Ok(StructArray::try_new_with_length(fields.clone(), columns, nulls, pairs.len())?)
}

fn list<O: OffsetSizeTrait>(list: &GenericListArray<O>, item: &FieldRef) -> PlanResult<ArrayRef> {
    let items = fitted(list.values(), item.data_type())?;
    let (offsets, nulls) = (list.offsets().clone(), list.nulls().cloned());
    Ok(Arc::new(GenericListArray::try_new(Arc::clone(item), offsets, items, nulls)?))
}

/// A cast that refuses what would come out as another value.
fn scalar(array: &ArrayRef, kind: &DataType) -> PlanResult<ArrayRef> {
    let options = CastOptions { safe: true, ..CastOptions::default() };
    let cast = cast_with_options(array, kind, &options)?;
    let lost = (0..array.len()).find(|&row| array.is_valid(row) && cast.is_null(row));
    let lost = if cast.logical_null_count() > array.logical_null_count() { lost } else { None };
    match lost.or_else(|| rounded(array, &cast)) {
        Some(row) => Err(Error::Value {
            what: format!("`{}` does not fit {kind}", array_value_to_string(array, row)?),
        }
        .into()),
        None => Ok(cast),
    }
}

/// The first whole number that no float is.
fn rounded(array: &ArrayRef, cast: &ArrayRef) -> Option<usize> {
    let floats = cast.as_primitive_opt::<Float64Type>()?.values();
    let is_other = |row: usize, whole: i128| array.is_valid(row) && back(floats[row]) != whole;
    let rows = || 0..array.len();
    if let Some(whole) = array.as_primitive_opt::<Int64Type>() {
        return rows().find(|&row| is_other(row, i128::from(whole.value(row))));
    }
    let whole = array.as_primitive_opt::<UInt64Type>()?;
    rows().find(|&row| is_other(row, i128::from(whole.value(row))))
}

#[expect(
    clippy::cast_possible_truncation,
    reason = "floats of 64-bit numbers are far below its bounds"
)]
fn back(float: f64) -> i128 {
    float as i128
}
