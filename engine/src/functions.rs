//! The scalar and aggregate functions that chains can call, by name. One family a file.

mod all_of;
mod arithmetic;
mod canonical;
mod checked;
mod extremes;
mod meaning;
mod moments;
mod nullif;
mod path;
mod shift;
mod structs;
mod sum;
mod vector;

use std::sync::{Arc, LazyLock};

use arrow::datatypes::DataType;
use catalog::near_names;
use datafusion::error::DataFusionError;
use datafusion::execution::FunctionRegistry;
use datafusion::functions_aggregate::expr_fn as aggregate_fn;
use datafusion::logical_expr::expr::ScalarFunction;
use datafusion::logical_expr::expr_rewriter::FunctionRewrite;
use datafusion::logical_expr::{AggregateUDF, Expr as PlanExpr, ScalarUDF, WindowUDF, lit};
use datafusion::prelude::SessionContext;

use crate::kind::kind_name;
use crate::{Error, Result};

pub(crate) use all_of::ALL_OF;
pub(crate) use canonical::{canonical, holds_floats, is_canonical};
pub(crate) use meaning::with_meaning;
pub(crate) use moments::{compared_moments, have_an_order, moment_of_text};
pub(crate) use structs::{Nulls, pack_struct, prune_struct};

/// Our functions, in the order of their names.
pub(crate) fn ours() -> Vec<Arc<ScalarUDF>> {
    let mut functions = Vec::new();
    functions.extend(arithmetic::functions());
    functions.extend(nullif::functions());
    functions.extend(path::functions());
    functions.extend(vector::functions());
    functions.into_iter().map(Arc::new).collect()
}

/// Aggregates that replace DataFusion's of the same name.
pub(crate) fn our_aggregates() -> Vec<Arc<AggregateUDF>> {
    vec![Arc::clone(&extremes::MAX), Arc::clone(&extremes::MIN), Arc::clone(&sum::SUM)]
}

/// Window functions that replace DataFusion's of the same name.
pub(crate) fn our_window_functions() -> Vec<Arc<WindowUDF>> {
    shift::functions().into_iter().map(Arc::new).collect()
}

/// What becomes of operators before types are coerced.
pub(crate) fn rewrites() -> Vec<Arc<dyn FunctionRewrite + Send + Sync>> {
    vec![Arc::new(checked::CheckIntegers), Arc::new(moments::CompareMoments)]
}

/// Whether a scalar function is ours.
pub(crate) fn is_ours(name: &str) -> bool {
    ours().iter().any(|function| function.name() == name)
}

/// The error about a result that its type cannot hold.
fn overflow(expression: &str, kind: &DataType) -> DataFusionError {
    let kind = kind_name(kind);
    let what = format!("`{expression}` overflows {kind}; hint: `cast(float)` makes room");
    Error::Value { what }.into()
}

/// Ours and DataFusion's, by name; ours win.
static BY_NAME: LazyLock<Vec<(String, Arc<ScalarUDF>)>> = LazyLock::new(|| {
    let ours = ours().into_iter().map(|function| (function.name().to_owned(), function));
    #[expect(
        clippy::disallowed_methods,
        reason = "only a list of DataFusion's functions is wanted"
    )]
    let theirs = SessionContext::new();
    let names = theirs.udfs();
    let theirs = names.iter().filter_map(|name| Some((name.clone(), theirs.udf(name).ok()?)));
    ours.chain(theirs).collect()
});

/// A call of a scalar function.
pub(crate) fn call(name: &str, arguments: Vec<PlanExpr>) -> Result<ScalarFunction> {
    match BY_NAME.iter().find(|(known, _)| known == name) {
        Some((_, function)) => Ok(ScalarFunction::new_udf(Arc::clone(function), arguments)),
        None => Err(Error::NotSupported {
            what: format!("the function `{name}`"),
            instead: suggestion(name, BY_NAME.iter().map(|(known, _)| known.as_str())),
        }),
    }
}

/// A call of an aggregate function on some values.
type Aggregate = fn(PlanExpr) -> PlanExpr;

/// The aggregates, by name.
const AGGREGATES: [(&str, Aggregate); 5] = [
    ("count", aggregate_fn::count),
    ("sum", |values| sum::SUM.call(vec![values])),
    ("avg", aggregate_fn::avg),
    ("min", |values| extremes::MIN.call(vec![values])),
    ("max", |values| extremes::MAX.call(vec![values])),
];

/// A call of an aggregate function; `count` without an argument counts rows.
pub(crate) fn aggregate(name: &str, argument: Option<PlanExpr>) -> Result<PlanExpr> {
    let needs = || Error::InvalidArgument {
        argument: "aggregate",
        given: name.to_owned(),
        accepted: "it needs a column".to_owned(),
    };
    let Some((_, function)) = AGGREGATES.iter().find(|(known, _)| *known == name) else {
        return Err(Error::NotSupported {
            what: format!("the aggregate `{name}`"),
            instead: suggestion(name, AGGREGATES.map(|(known, _)| known)),
        });
    };
    let rows = (name == "count").then(|| lit(1_i64));
    Ok(function(argument.or(rows).ok_or_else(needs)?))
}

/// Whether a function or aggregate gives one of its values back.
pub(crate) fn passes_values(function: &str) -> bool {
    matches!(function, "coalesce" | "greatest" | "least" | "min" | "max")
}

fn suggestion<'a>(name: &str, known: impl IntoIterator<Item = &'a str>) -> String {
    match near_names(name, known).as_slice() {
        [] => "see the documentation for the list".to_owned(),
        near => format!("did you mean `{}`?", near.join("`, `")),
    }
}
