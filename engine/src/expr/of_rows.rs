//! [`OfRows`]: functions of many rows, of those of a group or of a window.

use std::fmt::{self, Write};

use arrow::datatypes::{DataType, FieldRef};
use datafusion::common::ScalarValue;
use datafusion::logical_expr::expr::{AggregateFunction, NullTreatment, WindowFunction};
use datafusion::logical_expr::{
    Cast, Expr as PlanExpr, ExprSchemable, SortExpr, WindowFrame, WindowFrameBound,
    WindowFrameUnits, lit,
};

use super::build::Part;
use super::resolve::RowFunctions;
use super::windows::row_number;
use super::{Resolver, write_list};
use crate::functions::{self, RowsFunction};
use crate::kind::kind_names;
use crate::{Expr, Result};

/// A function of many rows: of a group in `group_by`, or of a window.
#[derive(Clone, Debug, Default)]
pub struct OfRows {
    /// Its name, such as `sum` or `row_number`.
    pub function: String,
    /// What it is of; `count` without an argument counts rows.
    pub arguments: Vec<Expr>,
    /// Whether equal values count once.
    pub distinct: bool,
    /// Whether nulls are passed over by functions that would give them back.
    pub skips_nulls: bool,
    /// In which order a group's rows are looked at, if that matters; rows alike keep theirs.
    pub order_by: Vec<SortKey>,
    /// The window; none for a group.
    pub window: Option<Window>,
}

/// Which rows a function over a window sees from each row.
#[derive(Clone, Debug, Default)]
pub struct Window {
    /// What these rows have in common with it.
    pub partition_by: Vec<Expr>,
    /// Their order.
    pub order_by: Vec<SortKey>,
    /// How many of them; none for all up to the row, or all of them where they have no order.
    pub frame: Option<Frame>,
}

/// Rows from one to another, counted from the present row: -1 is the one before. None is the first or the last.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "each is the row that it is named after")]
pub struct Frame {
    pub start: Option<i64>,
    pub end: Option<i64>,
}

/// What to sort by. Nulls come last in both directions.
#[derive(Clone, Debug)]
pub struct SortKey {
    /// The key.
    pub expr: Expr,
    /// Largest first.
    pub descending: bool,
}

impl OfRows {
    pub(super) fn parts(&self) -> Vec<&Expr> {
        let keys = self.order_by.iter().map(|key| &key.expr);
        let window = self.window.iter().flat_map(|window| {
            window.partition_by.iter().chain(window.order_by.iter().map(|key| &key.expr))
        });
        self.arguments.iter().chain(keys).chain(window).collect()
    }

    fn nulls(&self) -> Option<NullTreatment> {
        self.skips_nulls.then_some(NullTreatment::IgnoreNulls)
    }
}

impl fmt::Display for OfRows {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.function)?;
        match self.arguments.as_slice() {
            [] if self.function == "count" => f.write_str("(*)")?,
            arguments => write_list(f, arguments, ", ")?,
        }
        let Some(window) = &self.window else {
            return Ok(());
        };
        f.write_str(" over ")?;
        let keys = window.order_by.iter().map(|key| &key.expr);
        write_list(f, &window.partition_by, ", ")?;
        f.write_char(' ')?;
        write_list(f, keys, ", ")
    }
}

impl Resolver<'_> {
    pub(super) fn of_rows(&self, expr: &Expr, call: &OfRows) -> Result<Part> {
        let function = functions::of_rows(&call.function)?;
        let problem = match (self.takes, &call.window) {
            (RowFunctions::OfGroups, None) | (RowFunctions::OverWindows, Some(_)) => None,
            (RowFunctions::OfGroups, Some(_)) => {
                Some("`group_by` takes no windows; hint: `mutate()` computes them before")
            }
            (_, Some(_)) => Some(
                "functions over windows are computed by `mutate()`; hint: `mutate(n=...)`, and \
                 then `C(\"n\")`",
            ),
            (_, None) => Some(
                "it is of many rows; hint: group_by() computes it for groups, \
                 `.over(func.window(...))` for each row",
            ),
        };
        if let Some(problem) = problem {
            return Err(expr.invalid(problem));
        }
        let rows = Resolver::new(self.schema);
        let made = match &call.window {
            None => rows.of_group(expr, call, function)?,
            Some(window) => rows.over_window(expr, call, function, window)?,
        };
        let made = match call.arguments.first().and_then(|values| rows.meaning(values)) {
            Some(item) if call.function == "collect" && !item.metadata().is_empty() => {
                functions::with_item_meaning(made, &item)
            }
            _ => made,
        };
        let Ok(kind) = made.get_type(self.schema) else {
            let kinds: Vec<DataType> =
                rows.parts(&call.arguments)?.into_iter().map(|part| part.kind).collect();
            let reason = format!("`{}` does not take {}", call.function, kind_names(&kinds));
            return Err(expr.invalid(reason));
        };
        let plain = match (call.function.as_str(), &kind) {
            // Counts of rows are whole numbers like others.
            (_, DataType::UInt64) if function.numbers_rows => DataType::Int64,
            ("concat", _) => DataType::Utf8,
            _ => return Ok(Part { expr: made, kind }),
        };
        Ok(Part { expr: PlanExpr::Cast(Cast::new(Box::new(made), plain.clone())), kind: plain })
    }

    fn of_group(&self, expr: &Expr, call: &OfRows, function: RowsFunction) -> Result<PlanExpr> {
        let Some(aggregate) = function.of_groups else {
            let hint = "hint: `.over(func.window(...))`";
            return Err(expr.invalid(format!("`{}` is of windows only; {hint}", call.function)));
        };
        let mut arguments = self.arguments(expr, call, function)?;
        let mut order = self.sort_keys(&call.order_by)?;
        let mut filter = None;
        if function.is_by_key {
            let key = arguments.split_off(1);
            let descending = call.function == "max_by";
            order = key.iter().map(|key| SortExpr::new(key.clone(), !descending, false)).collect();
            filter = key.into_iter().next().map(|key| Box::new(key.is_not_null()));
        }
        match (function.in_order, call.distinct) {
            (true, false) => order.push(SortExpr::new(row_number(), true, false)),
            // Of equal values, none is the first.
            (true, true) => order = vec![SortExpr::new(arguments[0].clone(), true, false)],
            (false, _) => {}
        }
        Ok(PlanExpr::AggregateFunction(AggregateFunction::new_udf(
            aggregate(),
            arguments,
            call.distinct,
            filter,
            order,
            call.nulls().or_else(|| function.always_skips.then_some(NullTreatment::IgnoreNulls)),
        )))
    }

    fn over_window(
        &self,
        expr: &Expr,
        call: &OfRows,
        function: RowsFunction,
        window: &Window,
    ) -> Result<PlanExpr> {
        let refused = |what: &str| expr.invalid(format!("`{}` {what}", call.function));
        if !call.order_by.is_empty() {
            return Err(refused("takes its order from the window; hint: `window(order_by=...)`"));
        }
        if call.distinct {
            return Err(refused("of distinct values is not computed over windows"));
        }
        let Some(definition) = function.over_windows() else {
            return Err(refused("is not computed over windows; hint: `group_by()`"));
        };
        let arguments = self.arguments(expr, call, function)?;
        let mut made = WindowFunction::new(definition, arguments);
        let partitions = window.partition_by.iter();
        made.params.partition_by =
            partitions.map(|key| self.resolve(key)).collect::<Result<_>>()?;
        made.params.order_by = self.sort_keys(&window.order_by)?;
        let is_ordered = !window.order_by.is_empty();
        made.params.window_frame = match window.frame {
            _ if function.of_all => WindowFrame::new(None),
            Some(frame) => frame.of_rows(expr)?,
            None => WindowFrame::new(is_ordered.then_some(false)),
        };
        // Rows alike are told apart by their place, unless they count as one.
        if function.in_order || window.frame.is_some() {
            made.params.order_by.push(SortExpr::new(row_number(), true, false));
        }
        made.params.null_treatment =
            call.nulls().or_else(|| function.always_skips.then_some(NullTreatment::IgnoreNulls));
        Ok(PlanExpr::WindowFunction(Box::new(made)))
    }

    fn arguments(
        &self,
        expr: &Expr,
        call: &OfRows,
        function: RowsFunction,
    ) -> Result<Vec<PlanExpr>> {
        let arguments = self.parts(&call.arguments)?;
        let (least, most) = function.takes;
        if arguments.len() < least || arguments.len() > most {
            let given = arguments.len();
            return Err(expr.invalid(format!("`{}` does not take {given} values", call.function)));
        }
        if arguments.is_empty() && call.function == "count" {
            return Ok(vec![lit(1_i64)]);
        }
        Ok(arguments.into_iter().map(|part| part.expr).collect())
    }

    fn sort_keys(&self, keys: &[SortKey]) -> Result<Vec<SortExpr>> {
        let key =
            |key: &SortKey| Ok(SortExpr::new(self.resolve(&key.expr)?, !key.descending, false));
        keys.iter().map(key).collect()
    }

    /// What the values are that a function gives back.
    pub(super) fn meaning_of_rows(&self, call: &OfRows) -> Option<FieldRef> {
        let function = functions::of_rows(&call.function).ok()?;
        let values = call.arguments.first().filter(|_| function.gives_values)?;
        self.meaning(values)
    }
}

impl Frame {
    fn of_rows(self, expr: &Expr) -> Result<WindowFrame> {
        let bound = |row: i64| match row {
            0 => WindowFrameBound::CurrentRow,
            ..0 => WindowFrameBound::Preceding(ScalarValue::UInt64(Some(row.unsigned_abs()))),
            _ => WindowFrameBound::Following(ScalarValue::UInt64(Some(row.unsigned_abs()))),
        };
        if let (Some(start), Some(end)) = (self.start, self.end)
            && start > end
        {
            return Err(expr.invalid(format!("no row is between {start} and {end}")));
        }
        let first = WindowFrameBound::Preceding(ScalarValue::UInt64(None));
        let last = WindowFrameBound::Following(ScalarValue::UInt64(None));
        let start = self.start.map_or(first, bound);
        let end = self.end.map_or(last, bound);
        Ok(WindowFrame::new_bounds(WindowFrameUnits::Rows, start, end))
    }
}
