//! `prune_struct`, `pack_struct`: keep or build a part of a model without losing its name.
//!
//! They are not for users to call by name: [`crate::Chain`]'s `select` and `group_by` put them into plans.

use std::any::Any;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, StructArray};
use arrow::buffer::NullBuffer;
use arrow::datatypes::{DataType, Field, FieldRef};
use datafusion::common::{Result, internal_err};
use datafusion::logical_expr::expr::ScalarFunction;
use datafusion::logical_expr::{
    ColumnarValue, Expr as PlanExpr, ReturnFieldArgs, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl,
    Signature, Volatility,
};

/// `model` with only the fields that `kept` has, in `kept`'s order; a null model stays null.
pub(crate) fn prune_struct(model: PlanExpr, kept: FieldRef) -> PlanExpr {
    let signature = Signature::any(1, Volatility::Immutable);
    ScalarUDF::from(PruneStruct { kept, signature }).call(vec![model])
}

/// Which of the packed models are null.
pub(crate) enum Nulls {
    /// None of them.
    Nowhere,
    /// Those whose fields are all null.
    WhereEmpty,
    /// Those for which this is true.
    Told(PlanExpr),
}

/// A model of type `packed` whose fields are `fields`, in order.
pub(crate) fn pack_struct(mut fields: Vec<PlanExpr>, packed: FieldRef, nulls: Nulls) -> PlanExpr {
    let presence = match nulls {
        Nulls::Nowhere => Presence::Always,
        Nulls::WhereEmpty => Presence::WithAField,
        Nulls::Told(is_null) => {
            fields.push(is_null);
            Presence::Told
        }
    };
    let signature = Signature::any(fields.len(), Volatility::Immutable);
    ScalarUDF::from(PackStruct { packed, presence, signature }).call(fields)
}

/// The fields of a model that a call packs, with their values; `None` if it packs none.
pub(crate) fn field_values(call: &ScalarFunction) -> Option<Vec<(&str, &PlanExpr)>> {
    let function: &dyn Any = call.func.inner().as_ref();
    let DataType::Struct(fields) = function.downcast_ref::<PackStruct>()?.packed.data_type() else {
        return None;
    };
    Some(fields.iter().map(|field| field.name().as_str()).zip(&call.args).collect())
}

/// The model whose fields are those of the value of a call, if it is one.
pub(crate) fn pruned_model(call: &ScalarFunction) -> Option<&PlanExpr> {
    (call.name() == "prune_struct").then(|| call.args.first()).flatten()
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct PruneStruct {
    kept: FieldRef,
    signature: Signature,
}

impl ScalarUDFImpl for PruneStruct {
    fn name(&self) -> &str {
        "prune_struct"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _arguments: &[DataType]) -> Result<DataType> {
        Ok(self.kept.data_type().clone())
    }

    fn return_field_from_args(&self, _arguments: ReturnFieldArgs) -> Result<FieldRef> {
        Ok(Arc::clone(&self.kept))
    }

    fn invoke_with_args(&self, call: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let arrays = ColumnarValue::values_to_arrays(&call.args)?;
        Ok(ColumnarValue::Array(prune(&arrays[0], &self.kept)?))
    }
}

fn prune(array: &ArrayRef, kept: &Field) -> Result<ArrayRef> {
    let DataType::Struct(fields) = kept.data_type() else {
        return Ok(Arc::clone(array));
    };
    let model = array.as_struct();
    let mut columns = Vec::with_capacity(fields.len());
    for field in fields {
        let Some(column) = model.column_by_name(field.name()) else {
            return internal_err!("prune_struct: no field {}", field.name());
        };
        columns.push(prune(column, field)?);
    }
    let pruned = StructArray::try_new_with_length(
        fields.clone(),
        columns,
        model.nulls().cloned(),
        model.len(),
    )?;
    Ok(Arc::new(pruned))
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct PackStruct {
    packed: FieldRef,
    presence: Presence,
    signature: Signature,
}

/// When a packed model is there.
#[derive(Debug, PartialEq, Eq, Hash)]
enum Presence {
    Always,
    /// If one of its fields is not null.
    WithAField,
    /// Unless the last argument is true.
    Told,
}

impl ScalarUDFImpl for PackStruct {
    fn name(&self) -> &str {
        "pack_struct"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _arguments: &[DataType]) -> Result<DataType> {
        Ok(self.packed.data_type().clone())
    }

    fn return_field_from_args(&self, _arguments: ReturnFieldArgs) -> Result<FieldRef> {
        Ok(Arc::clone(&self.packed))
    }

    fn invoke_with_args(&self, call: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let mut columns = ColumnarValue::values_to_arrays(&call.args)?;
        let DataType::Struct(fields) = self.packed.data_type() else {
            return internal_err!("pack_struct: {} is no struct", self.packed.data_type());
        };
        let nulls = match self.presence {
            Presence::Always => None,
            Presence::WithAField => {
                let is_there = |row: usize| columns.iter().any(|column| column.is_valid(row));
                Some((0..call.number_rows).map(is_there).collect::<NullBuffer>())
            }
            Presence::Told => columns.pop().map(|is_null| {
                is_null.as_boolean().iter().map(|is_null| is_null != Some(true)).collect()
            }),
        };
        let rows = call.number_rows;
        let model = StructArray::try_new_with_length(fields.clone(), columns, nulls, rows)?;
        Ok(ColumnarValue::Array(Arc::new(model)))
    }
}
