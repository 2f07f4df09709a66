//! `cosine_distance`, `euclidean_distance`, `dot_product` of vectors, on SIMD kernels.
//!
//! A vector is a list of numbers, of fixed length or not. `float32` and `float16` vectors use `lance_linalg`'s
//! kernels, chosen for the processor at run time; everything else is computed in `float64`. A literal is converted
//! to the column's type once. The result is `float64`; null where either side is or holds a null; vectors of different lengths
//! are an error. Cosine: 1 - x·y / (|x| |y|), from 0 to 2; NaN for a vector of zeros.

mod lanes;

use std::fmt;
use std::sync::Arc;

use arrow::array::{ArrayRef, Float64Array};
use arrow::datatypes::{DataType, Float32Type, Float64Type};
use datafusion::common::{Result, ScalarValue, plan_err};
use datafusion::logical_expr::{
    ColumnarValue, Expr as PlanExpr, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature,
    Volatility,
};

use super::unfit;
use crate::kind::kind_name;
use lanes::{Distance, Vectors};

#[cfg(test)]
mod tests;

pub(super) fn functions() -> Vec<ScalarUDF> {
    let metrics = [Metric::Cosine, Metric::Euclidean, Metric::Dot];
    metrics.into_iter().map(|metric| ScalarUDF::from(VectorDistance::new(metric))).collect()
}

/// Whether it is the distance of a column's vectors to one of these vectors.
pub(crate) fn is_distance(expr: &PlanExpr) -> bool {
    let PlanExpr::ScalarFunction(call) = expr else {
        return false;
    };
    let is_ours = call.func.inner().downcast_ref::<VectorDistance>().is_some();
    is_ours && call.args.iter().any(|side| matches!(side, PlanExpr::Literal(..)))
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Metric {
    Cosine,
    Euclidean,
    Dot,
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct VectorDistance {
    metric: Metric,
    /// Its other name.
    aliases: Vec<String>,
    signature: Signature,
}

impl VectorDistance {
    fn new(metric: Metric) -> Self {
        let aliases = match metric {
            Metric::Euclidean => vec!["l2_distance".to_owned()],
            Metric::Cosine | Metric::Dot => vec![],
        };
        Self { metric, aliases, signature: Signature::any(2, Volatility::Immutable) }
    }

    /// What is said of vectors of two lengths.
    fn of_lengths(&self, left: impl fmt::Display, right: impl fmt::Display) -> String {
        format!("{} of vectors of {left} and {right} numbers", self.name())
    }

    fn distances<T: Distance>(
        &self,
        left: &ArrayRef,
        right: &ArrayRef,
        rows: usize,
    ) -> Result<ArrayRef> {
        let (left, right) = (Vectors::<T>::try_new(left)?, Vectors::<T>::try_new(right)?);
        // A literal's preparation (its norm) is paid once, so it goes to the left.
        let (left, right) = if right.is_one_for_all(rows) { (right, left) } else { (left, right) };
        let distance = match self.metric {
            Metric::Cosine => T::cosine,
            Metric::Euclidean => T::euclidean,
            Metric::Dot => T::dot,
        };
        let mut prepared = None;
        let (mut from_space, mut to_space) = (Vec::new(), Vec::new());
        let mut results = Vec::with_capacity(rows);
        for row in 0..rows {
            let from = left.get(row, rows, &mut from_space);
            let (Some(from), Some(to)) = (from, right.get(row, rows, &mut to_space)) else {
                results.push(None);
                continue;
            };
            if from.len() != to.len() {
                return unfit(self.of_lengths(from.len(), to.len()));
            }
            let norm = match prepared {
                Some(norm) if left.is_one_for_all(rows) => norm,
                _ => *prepared.insert(T::norm(from)),
            };
            results.push(Some(distance(from, norm, to)));
        }
        Ok(Arc::new(Float64Array::from(results)))
    }
}

fn item(kind: &DataType) -> Option<&DataType> {
    match kind {
        DataType::List(item) | DataType::LargeList(item) | DataType::FixedSizeList(item, _) => {
            Some(item.data_type()).filter(|item| item.is_numeric())
        }
        _ => None,
    }
}

impl ScalarUDFImpl for VectorDistance {
    fn name(&self) -> &str {
        match self.metric {
            Metric::Cosine => "cosine_distance",
            Metric::Euclidean => "euclidean_distance",
            Metric::Dot => "dot_product",
        }
    }

    fn aliases(&self) -> &[String] {
        &self.aliases
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, arguments: &[DataType]) -> Result<DataType> {
        for kind in arguments {
            if item(kind).is_none() && !kind.is_null() {
                let (name, kind) = (self.name(), kind_name(kind));
                return plan_err!("{name} needs lists of numbers, this is {kind}");
            }
        }
        if let [DataType::FixedSizeList(_, left), DataType::FixedSizeList(_, right)] = arguments
            && left != right
        {
            return plan_err!("{}", self.of_lengths(left, right));
        }
        Ok(DataType::Float64)
    }

    fn invoke_with_args(&self, call: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let all_scalar = call.args.iter().all(|value| matches!(value, ColumnarValue::Scalar(_)));
        let rows = if all_scalar { 1 } else { call.number_rows };
        let single = |value: &ColumnarValue| match value {
            ColumnarValue::Array(array) => Ok(Arc::clone(array)),
            ColumnarValue::Scalar(scalar) => scalar.to_array(),
        };
        let (left, right) = (single(&call.args[0])?, single(&call.args[1])?);
        let narrow = |value: &ColumnarValue| {
            let kind = value.data_type();
            matches!(item(&kind), Some(DataType::Float32 | DataType::Float16))
        };
        let columns: Vec<&ColumnarValue> =
            call.args.iter().filter(|value| matches!(value, ColumnarValue::Array(_))).collect();
        let use_f32 = if columns.is_empty() {
            call.args.iter().all(narrow)
        } else {
            columns.into_iter().all(narrow)
        };
        let distances = if use_f32 {
            self.distances::<Float32Type>(&left, &right, rows)?
        } else {
            self.distances::<Float64Type>(&left, &right, rows)?
        };
        if all_scalar {
            return Ok(ColumnarValue::Scalar(ScalarValue::try_from_array(&distances, 0)?));
        }
        Ok(ColumnarValue::Array(distances))
    }
}
