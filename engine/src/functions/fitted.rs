//! `fitted`, `of_rows_at`: values become what a column of a version is, and rows are told by where they are.
//!
//! They are not for users to call by name: statements that change a version put them into plans.

use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray, BooleanArray, ListArray, StructArray, new_null_array,
};
use arrow::compute::{CastOptions, cast_with_options, filter};
use arrow::datatypes::{DataType, Field, FieldRef, UInt64Type};
use datafusion::common::Result;
use datafusion::logical_expr::{
    ColumnarValue, Expr as PlanExpr, ReturnFieldArgs, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl,
    Signature, Volatility,
};

use super::unfit;

/// The value as this column has it: its type, its meaning, and no nulls where it has none.
pub(crate) fn fitted(value: PlanExpr, column: &FieldRef) -> PlanExpr {
    let signature = Signature::any(1, Volatility::Immutable);
    ScalarUDF::from(Fitted { column: Arc::clone(column), signature }).call(vec![value])
}

/// Whether the `sys.id` is one of these, which are sorted.
pub(crate) fn of_rows_at(id: PlanExpr, rows: &Arc<[u64]>) -> PlanExpr {
    let signature = Signature::any(1, Volatility::Immutable);
    ScalarUDF::from(OfRowsAt { rows: Arc::clone(rows), signature }).call(vec![id])
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct Fitted {
    column: FieldRef,
    signature: Signature,
}

impl ScalarUDFImpl for Fitted {
    fn name(&self) -> &'static str {
        "fitted"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _arguments: &[DataType]) -> Result<DataType> {
        Ok(self.column.data_type().clone())
    }

    fn return_field_from_args(&self, _arguments: ReturnFieldArgs<'_>) -> Result<FieldRef> {
        Ok(Arc::clone(&self.column))
    }

    fn invoke_with_args(&self, call: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let value = call.args[0].to_array(call.number_rows)?;
        check_nulls(&value, &self.column, self.column.name())?;
        Ok(ColumnarValue::Array(converted(&value, self.column.data_type())?))
    }
}

/// The values in another type; fields of models are found by name, wherever they are.
fn converted(value: &ArrayRef, to: &DataType) -> Result<ArrayRef> {
    if value.data_type() == to {
        return Ok(Arc::clone(value));
    }
    if value.data_type().is_null() {
        return Ok(new_null_array(to, value.len()));
    }
    match (to, value.as_struct_opt(), value.as_list_opt::<i32>()) {
        (DataType::Struct(fields), Some(model), _) => {
            let column = |field: &FieldRef| match model.column_by_name(field.name()) {
                Some(found) => converted(found, field.data_type()),
                None => Ok(new_null_array(field.data_type(), model.len())),
            };
            let columns = fields.iter().map(column).collect::<Result<_>>()?;
            let nulls = model.nulls().cloned();
            let made =
                StructArray::try_new_with_length(fields.clone(), columns, nulls, model.len());
            Ok(Arc::new(made?))
        }
        (DataType::List(item), _, Some(lists)) => {
            let values = converted(lists.values(), item.data_type())?;
            let (offsets, nulls) = (lists.offsets().clone(), lists.nulls().cloned());
            Ok(Arc::new(ListArray::try_new(Arc::clone(item), offsets, values, nulls)?))
        }
        _ => {
            let options = CastOptions { safe: false, ..CastOptions::default() };
            Ok(cast_with_options(value, to, &options)?)
        }
    }
}

/// Refuses nulls where the column, or a field of it, has none.
fn check_nulls(value: &ArrayRef, column: &Field, path: &str) -> Result<()> {
    if !column.is_nullable() && value.logical_null_count() > 0 {
        return unfit(format!("`{path}` takes no nulls; hint: give it a value in every row"));
    }
    let (DataType::Struct(wanted), Some(model)) = (column.data_type(), value.as_struct_opt())
    else {
        return Ok(());
    };
    for field in wanted {
        let path = format!("{path}.{}", field.name());
        let Some(found) = model.column_by_name(field.name()) else {
            if field.is_nullable() || model.is_empty() {
                continue;
            }
            return unfit(format!("`{path}` takes no nulls; hint: give it a value in every row"));
        };
        // Fields of a model that is missing are not there either.
        match model.nulls() {
            Some(nulls) if nulls.null_count() > 0 => {
                let there = BooleanArray::new(nulls.inner().clone(), None);
                check_nulls(&filter(found, &there)?, field, &path)?;
            }
            _ => check_nulls(found, field, &path)?,
        }
    }
    Ok(())
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct OfRowsAt {
    rows: Arc<[u64]>,
    signature: Signature,
}

impl ScalarUDFImpl for OfRowsAt {
    fn name(&self) -> &'static str {
        "of_rows_at"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _arguments: &[DataType]) -> Result<DataType> {
        Ok(DataType::Boolean)
    }

    fn invoke_with_args(&self, call: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let ids = call.args[0].to_array(call.number_rows)?;
        // Rules ask what becomes of rows whose values are null: maybe they are among them.
        let Some(ids) = ids.as_primitive_opt::<UInt64Type>() else {
            let maybe = BooleanArray::from(vec![true; call.number_rows]);
            return Ok(ColumnarValue::Array(Arc::new(maybe)));
        };
        let is_one =
            |id: Option<u64>| Some(id.is_none_or(|id| self.rows.binary_search(&id).is_ok()));
        let found: BooleanArray = ids.iter().map(is_one).collect();
        Ok(ColumnarValue::Array(Arc::new(found)))
    }
}
