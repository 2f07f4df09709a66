//! `unflatten`: a model from the columns that its fields are in a file.
//!
//! Not for users to call by name: [`crate::Chain::unflatten`] puts it into plans.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, StructArray};
use arrow::buffer::NullBuffer;
use arrow::datatypes::{DataType, Field, FieldRef, Int64Type};
use datafusion::common::{Result, internal_err};
use datafusion::logical_expr::{
    ColumnarValue, Expr as PlanExpr, ReturnFieldArgs, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl,
    Signature, Volatility,
};

use crate::source::{fitted, nulls_in_fields};

/// The column `field`, of the leaves of its type in order; before those of models that `tagged` names by their number,
/// outer ones first, a column tells which are there.
pub(crate) fn unflatten(leaves: Vec<PlanExpr>, field: FieldRef, tagged: Vec<usize>) -> PlanExpr {
    let signature = Signature::any(leaves.len(), Volatility::Immutable);
    ScalarUDF::from(Unflatten { field, tagged, signature }).call(leaves)
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct Unflatten {
    field: FieldRef,
    tagged: Vec<usize>,
    signature: Signature,
}

impl ScalarUDFImpl for Unflatten {
    fn name(&self) -> &'static str {
        "unflatten"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _arguments: &[DataType]) -> Result<DataType> {
        Ok(self.field.data_type().clone())
    }

    fn return_field_from_args(&self, _arguments: ReturnFieldArgs) -> Result<FieldRef> {
        Ok(Arc::clone(&self.field))
    }

    fn invoke_with_args(&self, call: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let columns = ColumnarValue::values_to_arrays(&call.args)?.into_iter();
        let rows = call.number_rows;
        let mut build = Build { columns, tagged: &self.tagged, models: 0, rows };
        let column = nulls_in_fields(&build.column(&self.field)?)?;
        Ok(ColumnarValue::Array(column))
    }
}

struct Build<'a, I> {
    columns: I,
    tagged: &'a [usize],
    /// How many were begun.
    models: usize,
    rows: usize,
}

impl<I: Iterator<Item = ArrayRef>> Build<'_, I> {
    fn next(&mut self) -> Result<ArrayRef> {
        match self.columns.next() {
            Some(column) => Ok(column),
            None => internal_err!("unflatten: a column too few"),
        }
    }

    fn column(&mut self, field: &Field) -> Result<ArrayRef> {
        let DataType::Struct(fields) = field.data_type() else {
            return fitted(&self.next()?, field.data_type());
        };
        let number = self.models;
        self.models += 1;
        let tags = match self.tagged.contains(&number) {
            true => Some(fitted(&self.next()?, &DataType::Int64)?),
            false => None,
        };
        let children = fields.iter().map(|field| self.column(field)).collect::<Result<Vec<_>>>()?;
        let is_there = |row: usize| match &tags {
            Some(tags) => tags.is_valid(row) && tags.as_primitive::<Int64Type>().value(row) == 0,
            None => children.iter().any(|child| child.is_valid(row)),
        };
        let nulls = field.is_nullable().then(|| (0..self.rows).map(is_there));
        let nulls = nulls.map(|rows| rows.collect::<NullBuffer>());
        let model = StructArray::try_new_with_length(fields.clone(), children, nulls, self.rows)?;
        Ok(Arc::new(model))
    }
}
