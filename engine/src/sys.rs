//! The computed column `sys`: `sys.id`, a row's place, and `sys.rand`, uniform over `u64` and fixed by the place.
//!
//! Nothing of it is stored. A row's place in a dataset version is its address, which stays the same in all versions
//! that share the row's fragment.

use std::collections::HashMap;
use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray, RecordBatch, RecordBatchOptions, StructArray, UInt64Array};
use arrow::compute::{CastOptions, binary, cast_with_options};
use arrow::datatypes::{DataType, Field, FieldRef, Fields, Schema, SchemaRef, UInt64Type};
use datafusion::common::{Column, Result};
use datafusion::functions_window::expr_fn::row_number;
use datafusion::logical_expr::{
    ColumnarValue, Expr as PlanExpr, LogicalPlan, LogicalPlanBuilder, ReturnFieldArgs,
    ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility, lit,
};

use crate::model::TYPE_KEY;

/// The column's name.
pub(crate) const SYS: &str = "sys";

/// Its parts.
pub(crate) const ID: &str = "id";
const RAND: &str = "rand";

/// The column that rows are numbered in where they have lost theirs.
const NUMBER: &str = "sys number";

/// The column's type, a model.
pub(crate) fn field() -> FieldRef {
    let model = HashMap::from([(TYPE_KEY.to_owned(), "model:Sys@v1".to_owned())]);
    Arc::new(Field::new(SYS, DataType::Struct(parts()), false).with_metadata(model))
}

fn parts() -> Fields {
    [ID, RAND].map(|name| Field::new(name, DataType::UInt64, false)).to_vec().into()
}

/// The column for these places, or the part of it that a path leads to.
pub(crate) fn column(places: &UInt64Array, path: &[String]) -> Result<ArrayRef> {
    let rand = || -> UInt64Array { places.values().iter().map(|id| mix(*id)).collect() };
    Ok(match path.get(1).map(String::as_str) {
        Some(ID) => Arc::new(places.clone()),
        Some(_) => Arc::new(rand()),
        None => {
            let columns: Vec<ArrayRef> = vec![Arc::new(places.clone()), Arc::new(rand())];
            Arc::new(StructArray::try_new(parts(), columns, None)?)
        }
    })
}

/// The type that users know.
const MODEL: &str = "model:Sys@v1";

/// The columns, with the rows' own numbers as the column that it computes, where they bring them.
pub(crate) fn numbered(schema: &SchemaRef) -> SchemaRef {
    let own = |one: &FieldRef| {
        let is_own =
            one.name() == SYS && one.metadata().get(TYPE_KEY).is_some_and(|is| is == MODEL);
        if is_own { field() } else { Arc::clone(one) }
    };
    let fields: Fields = schema.fields().iter().map(own).collect();
    Arc::new(Schema::new_with_metadata(fields, schema.metadata().clone()))
}

/// The rows with these columns, of which only their own numbers have another type.
pub(crate) fn number(rows: RecordBatch, numbered: &SchemaRef) -> Result<RecordBatch> {
    if rows.schema() == *numbered {
        return Ok(rows);
    }
    let strictly = CastOptions { safe: false, ..CastOptions::default() };
    let columns = rows.columns().iter().zip(numbered.fields());
    let columns =
        columns.map(|(column, field)| Ok(cast_with_options(column, field.data_type(), &strictly)?));
    let options = RecordBatchOptions::new().with_row_count(Some(rows.num_rows()));
    let columns = columns.collect::<Result<_>>()?;
    Ok(RecordBatch::try_new_with_options(Arc::clone(numbered), columns, &options)?)
}

/// `SplitMix64`'s step (Steele, Lea, Flood 2014): a bijection of `u64` that looks uniform.
fn mix(id: u64) -> u64 {
    let mut z = id.wrapping_add(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

/// The column from an expression that gives the places.
pub(crate) fn of(places: PlanExpr) -> PlanExpr {
    let signature = Signature::exact(vec![DataType::UInt64], Volatility::Immutable);
    ScalarUDF::from(Sys { signature }).call(vec![places])
}

/// The plan with the column: rows that have lost theirs get new numbers, in their present order.
pub(crate) fn kept(plan: LogicalPlan) -> Result<LogicalPlan> {
    if plan.schema().fields().iter().any(|field| field.name() == SYS) {
        return Ok(plan);
    }
    let number = NUMBER;
    let mut columns: Vec<PlanExpr> = plan
        .schema()
        .iter()
        .map(|(qualifier, field)| PlanExpr::Column(Column::from((qualifier, field))))
        .collect();
    let id = PlanExpr::Column(Column::new_unqualified(number)) - lit(1_u64);
    columns.push(of(id).alias(SYS));
    let numbered = LogicalPlanBuilder::from(plan).window(vec![row_number().alias(number)])?;
    numbered.project(columns)?.build()
}

/// The rows whose order decides what `sys` is: those that were numbered, or a source that knows the places itself.
pub(crate) fn numbered_from(plan: &LogicalPlan) -> &LogicalPlan {
    let has = |plan: &LogicalPlan, name: &str| {
        plan.schema().fields().iter().any(|field| field.name() == name)
    };
    let mut node = plan;
    while has(node, SYS) || has(node, NUMBER) {
        match node.inputs().first() {
            Some(below) => node = below,
            None => break,
        }
    }
    node
}

/// Another uniform number for each one, and for each seed other ones.
pub(crate) fn mixed(rand: PlanExpr, seed: u64) -> PlanExpr {
    let signature = Signature::exact(vec![DataType::UInt64; 2], Volatility::Immutable);
    ScalarUDF::from(Mixed { signature }).call(vec![rand, lit(mix(seed))])
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct Mixed {
    signature: Signature,
}

impl ScalarUDFImpl for Mixed {
    fn name(&self) -> &'static str {
        "mixed"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _arguments: &[DataType]) -> Result<DataType> {
        Ok(DataType::UInt64)
    }

    fn invoke_with_args(&self, call: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let arrays = ColumnarValue::values_to_arrays(&call.args)?;
        let (rand, seed) =
            (arrays[0].as_primitive::<UInt64Type>(), arrays[1].as_primitive::<UInt64Type>());
        let mixed: UInt64Array = binary(rand, seed, |rand, seed| mix(rand ^ seed))?;
        Ok(ColumnarValue::Array(Arc::new(mixed)))
    }
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct Sys {
    signature: Signature,
}

impl ScalarUDFImpl for Sys {
    fn name(&self) -> &'static str {
        SYS
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _arguments: &[DataType]) -> Result<DataType> {
        Ok(DataType::Struct(parts()))
    }

    fn return_field_from_args(&self, _arguments: ReturnFieldArgs<'_>) -> Result<FieldRef> {
        Ok(field())
    }

    fn invoke_with_args(&self, call: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let arrays = ColumnarValue::values_to_arrays(&call.args)?;
        Ok(ColumnarValue::Array(column(arrays[0].as_primitive::<UInt64Type>(), &[])?))
    }
}
