//! The functions that chains can call, by name. One family a file.

mod age;
mod all_of;
mod arithmetic;
mod bits;
mod calendar;
mod canonical;
mod checked;
mod decimal_text;
mod decimals;
mod digests;
mod extremes;
mod fitted;
mod formats;
mod hashes;
mod in_order;
mod items;
mod json;
mod json_path;
mod lengths;
mod lists;
mod long_lists;
mod meaning;
mod mended;
mod mode;
mod moments;
mod null_models;
mod nullable;
mod nullif;
mod of_rows;
mod path;
mod plain_aggregates;
mod quantile;
mod random;
mod regexp;
mod shift;
mod simple;
mod simplified;
mod strftime;
mod structs;
mod sum;
mod text;
mod there_is;
mod time_zone;
mod unflatten;
mod units;
mod value_text;
mod vector;
mod whole;

use std::sync::{Arc, LazyLock};

use arrow::datatypes::DataType;
use catalog::near_names;
use datafusion::error::{DataFusionError, Result as PlanResult};
use datafusion::execution::FunctionRegistry;
use datafusion::logical_expr::expr::ScalarFunction;
use datafusion::logical_expr::expr_rewriter::FunctionRewrite;
use datafusion::logical_expr::{AggregateUDF, Expr as PlanExpr, ScalarUDF, WindowUDF};
use datafusion::prelude::SessionContext;

use crate::kind::kind_name;
use crate::{Error, Result};

pub(crate) use all_of::ALL_OF;
pub(crate) use canonical::{canonical, holds_floats, is_canonical};
pub(crate) use decimals::decimal_function;
pub(crate) use digests::{digests, has_digest};
pub(crate) use fitted::{fitted, of_rows_at};
pub(crate) use meaning::{meant_value, with_item_meaning, with_meaning};
pub(crate) use moments::{compared_moments, have_an_order, moment_of_text, order_intervals};
pub(crate) use nullable::{is_nullable, nullable};
pub(crate) use of_rows::{RowsFunction, of_rows};
pub(crate) use plain_aggregates::without_repeats;
pub(crate) use structs::{Nulls, field_values, pack_struct, prune_struct, pruned_model};
pub(crate) use there_is::{is_null_of_nulls, there_is};
pub(crate) use unflatten::unflatten;
pub(crate) use units::{ByDigest, Units, among, digests_in, row_digest};
pub(crate) use vector::is_distance;

/// Our functions, in the order of their names.
pub(crate) fn ours() -> Vec<Arc<ScalarUDF>> {
    let mut functions = Vec::new();
    functions.extend(age::functions());
    functions.extend(arithmetic::functions());
    functions.extend(bits::functions());
    functions.extend(calendar::functions());
    functions.extend(decimal_text::functions());
    functions.extend(formats::functions());
    functions.extend(hashes::functions());
    functions.extend(items::functions());
    functions.extend(json::functions());
    functions.extend(json_path::functions());
    functions.extend(lengths::functions());
    functions.extend(lists::functions());
    functions.extend(long_lists::functions());
    functions.extend(mended::functions());
    functions.extend(nullif::functions());
    functions.extend(path::functions());
    functions.extend(random::functions());
    functions.extend(regexp::functions());
    functions.extend(strftime::functions());
    functions.extend(text::functions());
    functions.extend(time_zone::functions());
    functions.extend(value_text::functions());
    functions.extend(vector::functions());
    functions.extend(whole::functions());
    functions.into_iter().map(Arc::new).collect()
}

/// Our aggregates; some replace DataFusion's of the same name.
pub(crate) fn our_aggregates() -> Vec<Arc<AggregateUDF>> {
    let ours = [
        &extremes::MAX,
        &extremes::MIN,
        &in_order::ARRAY_AGG,
        &in_order::STRING_AGG,
        &mode::HISTOGRAM,
        &mode::MODE,
        &quantile::QUANTILE,
        &sum::SUM,
    ];
    ours.map(|aggregate| Arc::clone(aggregate)).into()
}

/// Window functions that replace DataFusion's of the same name.
pub(crate) fn our_window_functions() -> Vec<Arc<WindowUDF>> {
    vec![shift::lead(), shift::lag()]
}

/// What becomes of operators before types are coerced.
pub(crate) fn rewrites() -> Vec<Arc<dyn FunctionRewrite + Send + Sync>> {
    vec![
        Arc::new(whole::OnlyFractions),
        Arc::new(checked::CheckIntegers),
        Arc::new(moments::CompareMoments),
        Arc::new(decimal_text::DecimalsHaveDigits),
        Arc::new(plain_aggregates::PlainAggregates),
        Arc::new(null_models::NullModels),
        Arc::new(simplified::Simplified),
    ]
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

/// The error about a value that a function cannot do with.
fn unfit<T>(what: String) -> PlanResult<T> {
    Err(Error::Value { what }.into())
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

/// Whether a function gives one of its values back.
pub(crate) fn passes_values(function: &str) -> bool {
    matches!(function, "coalesce" | "greatest" | "least" | "nullif")
}

fn suggestion<'a>(name: &str, known: impl IntoIterator<Item = &'a str>) -> String {
    match near_names(name, known).as_slice() {
        [] => "see the documentation for the list".to_owned(),
        near => format!("did you mean `{}`?", near.join("`, `")),
    }
}
