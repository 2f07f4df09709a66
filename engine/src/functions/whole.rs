//! `nearest_whole`: a number with a fraction as the whole number that is nearest. Of two that are as near it is the even
//! one for floats, and the one farther from zero for decimals, as `DuckDB` and PostgreSQL have it.
//!
//! It is not for users to call by name: SQL puts it around what is cast to a whole number. [`OnlyFractions`] takes it away
//! from values that have no fraction, before types are coerced.

use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Float32Type, Float64Type};
use datafusion::common::config::ConfigOptions;
use datafusion::common::tree_node::Transformed;
use datafusion::common::{DFSchema, Result};
use datafusion::logical_expr::expr_rewriter::FunctionRewrite;
use datafusion::logical_expr::{Expr, ExprSchemable, ScalarUDF};

use super::simple::{refused, simple};

const NAME: &str = "nearest_whole";

pub(super) fn functions() -> Vec<ScalarUDF> {
    vec![simple(NAME, types, |of| nearest(&of[0]))]
}

fn types(kinds: &[DataType]) -> Result<(Vec<DataType>, DataType)> {
    match kinds {
        [DataType::Float16] => Ok((vec![DataType::Float32], DataType::Float32)),
        [kind] => Ok((vec![kind.clone()], whole(kind).unwrap_or_else(|| kind.clone()))),
        kinds => refused(NAME, kinds),
    }
}

/// The type of decimals without a fraction.
fn whole(kind: &DataType) -> Option<DataType> {
    match kind {
        DataType::Decimal32(precision, 1..) => Some(DataType::Decimal32(*precision, 0)),
        DataType::Decimal64(precision, 1..) => Some(DataType::Decimal64(*precision, 0)),
        DataType::Decimal128(precision, 1..) => Some(DataType::Decimal128(*precision, 0)),
        DataType::Decimal256(precision, 1..) => Some(DataType::Decimal256(*precision, 0)),
        _ => None,
    }
}

fn nearest(values: &ArrayRef) -> Result<ArrayRef> {
    Ok(match values.data_type() {
        DataType::Float32 => Arc::new(
            values.as_primitive::<Float32Type>().unary::<_, Float32Type>(f32::round_ties_even),
        ),
        DataType::Float64 => Arc::new(
            values.as_primitive::<Float64Type>().unary::<_, Float64Type>(f64::round_ties_even),
        ),
        // Arrow rounds them so.
        kind => match whole(kind) {
            Some(whole) => cast(values, &whole)?,
            None => Arc::clone(values),
        },
    })
}

/// Leaves the call around values that may have a fraction.
#[derive(Debug)]
pub(crate) struct OnlyFractions;

impl FunctionRewrite for OnlyFractions {
    fn name(&self) -> &'static str {
        "only_fractions"
    }

    fn rewrite(
        &self,
        mut expr: Expr,
        schema: &DFSchema,
        _config: &ConfigOptions,
    ) -> Result<Transformed<Expr>> {
        if let Expr::ScalarFunction(call) = &mut expr
            && call.name() == NAME
            && let [value] = call.args.as_mut_slice()
            && let Ok(kind) = value.get_type(schema)
            && !kind.is_floating()
            && whole(&kind).is_none()
        {
            return Ok(Transformed::yes(std::mem::take(value)));
        }
        Ok(Transformed::no(expr))
    }
}
