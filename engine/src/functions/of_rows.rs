//! Functions of many rows by the names that users know: aggregates of groups, and what windows are for.

use std::sync::Arc;

use datafusion::functions_aggregate::array_agg::array_agg_udaf;
use datafusion::functions_aggregate::average::avg_udaf;
use datafusion::functions_aggregate::bit_and_or_xor::bit_xor_udaf;
use datafusion::functions_aggregate::bool_and_or::{bool_and_udaf, bool_or_udaf};
use datafusion::functions_aggregate::count::count_udaf;
use datafusion::functions_aggregate::first_last::{first_value_udaf, last_value_udaf};
use datafusion::functions_aggregate::stddev::{stddev_pop_udaf, stddev_udaf};
use datafusion::functions_aggregate::string_agg::string_agg_udaf;
use datafusion::functions_aggregate::variance::{var_pop_udaf, var_samp_udaf};
use datafusion::functions_window::cume_dist::cume_dist_udwf;
use datafusion::functions_window::nth_value::{first_value_udwf, last_value_udwf};
use datafusion::functions_window::ntile::ntile_udwf;
use datafusion::functions_window::rank::{dense_rank_udwf, percent_rank_udwf, rank_udwf};
use datafusion::functions_window::row_number::row_number_udwf;
use datafusion::logical_expr::{AggregateUDF, WindowFunctionDefinition, WindowUDF};

use super::{extremes, quantile, shift, suggestion, sum};
use crate::{Error, Result};

/// What there is to know of a function of many rows.
#[derive(Clone, Copy, Debug)]
#[expect(clippy::struct_excessive_bools, reason = "a row of a table of properties")]
pub(crate) struct RowsFunction {
    pub(crate) name: &'static str,
    /// How many arguments it takes at least and at most.
    pub(crate) takes: (usize, usize),
    pub(crate) of_groups: Option<fn() -> Arc<AggregateUDF>>,
    windows: Windows,
    /// Whether the order of the rows matters, and of rows alike that of their places.
    pub(crate) in_order: bool,
    /// Whether it looks at all rows of a partition unless it is told otherwise.
    pub(crate) of_all: bool,
    /// Whether nulls never count.
    pub(crate) always_skips: bool,
    /// Whether it gives one of the values back.
    pub(crate) gives_values: bool,
    /// Whether its second argument decides which.
    pub(crate) is_by_key: bool,
    /// Whether it counts rows.
    pub(crate) numbers_rows: bool,
}

/// What computes a function over windows.
#[derive(Clone, Copy, Debug)]
enum Windows {
    Nothing,
    Aggregate,
    Own(fn() -> Arc<WindowUDF>),
}

impl RowsFunction {
    const fn aggregate(name: &'static str, of_groups: fn() -> Arc<AggregateUDF>) -> Self {
        Self {
            name,
            takes: (1, 1),
            of_groups: Some(of_groups),
            windows: Windows::Aggregate,
            in_order: false,
            of_all: false,
            always_skips: false,
            gives_values: false,
            is_by_key: false,
            numbers_rows: false,
        }
    }

    const fn window(name: &'static str, computed: fn() -> Arc<WindowUDF>) -> Self {
        let takes = (0, 0);
        let windows = Windows::Own(computed);
        Self { of_groups: None, takes, windows, ..Self::aggregate(name, count_udaf) }
    }

    const fn takes(self, least: usize, most: usize) -> Self {
        Self { takes: (least, most), ..self }
    }

    const fn in_order(self) -> Self {
        Self { in_order: true, ..self }
    }

    const fn giving_values(self) -> Self {
        Self { gives_values: true, ..self }
    }

    const fn numbering(self) -> Self {
        Self { numbers_rows: true, ..self }
    }

    const fn of_all(self) -> Self {
        Self { of_all: true, ..self }
    }

    const fn skipping_nulls(self) -> Self {
        Self { always_skips: true, ..self }
    }

    const fn by_key(self) -> Self {
        Self { is_by_key: true, windows: Windows::Nothing, ..self.takes(2, 2).in_order() }
    }

    const fn in_windows(self, computed: fn() -> Arc<WindowUDF>) -> Self {
        Self { windows: Windows::Own(computed), ..self }
    }

    const fn in_groups_only(self) -> Self {
        Self { windows: Windows::Nothing, ..self }
    }

    /// What computes it over windows, if anything does.
    pub(crate) fn over_windows(&self) -> Option<WindowFunctionDefinition> {
        match (self.windows, self.of_groups) {
            (Windows::Own(computed), _) => Some(WindowFunctionDefinition::WindowUDF(computed())),
            (Windows::Aggregate, Some(aggregate)) => {
                Some(WindowFunctionDefinition::AggregateUDF(aggregate()))
            }
            _ => None,
        }
    }
}

const FUNCTIONS: [RowsFunction; 28] = [
    RowsFunction::aggregate("count", count_udaf).takes(0, 1),
    RowsFunction::aggregate("sum", || Arc::clone(&sum::SUM)),
    RowsFunction::aggregate("avg", avg_udaf),
    RowsFunction::aggregate("min", || Arc::clone(&extremes::MIN)).giving_values(),
    RowsFunction::aggregate("max", || Arc::clone(&extremes::MAX)).giving_values(),
    RowsFunction::aggregate("quantile", || Arc::clone(&quantile::QUANTILE)).takes(2, 2),
    RowsFunction::aggregate("stddev", stddev_udaf),
    RowsFunction::aggregate("stddev_pop", stddev_pop_udaf),
    RowsFunction::aggregate("variance", var_samp_udaf),
    RowsFunction::aggregate("variance_pop", var_pop_udaf),
    RowsFunction::aggregate("xor_agg", bit_xor_udaf),
    RowsFunction::aggregate("bool_and", bool_and_udaf),
    RowsFunction::aggregate("bool_or", bool_or_udaf),
    RowsFunction::aggregate("collect", array_agg_udaf).in_order(),
    RowsFunction::aggregate("concat", string_agg_udaf).takes(2, 2).in_order().in_groups_only(),
    RowsFunction::aggregate("any_value", first_value_udaf)
        .in_windows(first_value_udwf)
        .giving_values()
        .skipping_nulls()
        .of_all(),
    RowsFunction::aggregate("first", first_value_udaf)
        .in_windows(first_value_udwf)
        .giving_values()
        .in_order()
        .of_all(),
    RowsFunction::aggregate("last", last_value_udaf)
        .in_windows(last_value_udwf)
        .giving_values()
        .in_order()
        .of_all(),
    RowsFunction::aggregate("min_by", first_value_udaf).giving_values().by_key(),
    RowsFunction::aggregate("max_by", first_value_udaf).giving_values().by_key(),
    RowsFunction::window("row_number", row_number_udwf).in_order().numbering(),
    RowsFunction::window("rank", rank_udwf).numbering(),
    RowsFunction::window("dense_rank", dense_rank_udwf).numbering(),
    RowsFunction::window("percent_rank", percent_rank_udwf),
    RowsFunction::window("cume_dist", cume_dist_udwf),
    RowsFunction::window("ntile", ntile_udwf).takes(1, 1).in_order().numbering(),
    RowsFunction::window("lag", shift::lag).takes(1, 3).giving_values().in_order(),
    RowsFunction::window("lead", shift::lead).takes(1, 3).giving_values().in_order(),
];

/// The function of this name.
pub(crate) fn of_rows(name: &str) -> Result<RowsFunction> {
    let known = || FUNCTIONS.iter();
    known().find(|function| function.name == name).copied().ok_or_else(|| Error::NotSupported {
        what: format!("the aggregate `{name}`"),
        instead: suggestion(name, known().map(|function| function.name)),
    })
}
