//! [`Builder`]: from the plan of a chain to its [`Part`]s: what rows are known by after each step, and which differ.

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering::Relaxed;

use arrow::datatypes::DataType;
use datafusion::common::{Column, TableReference};
use datafusion::logical_expr::{
    Aggregate, Distinct, Expr as PlanExpr, ExprSchemable, Join, JoinType, LogicalPlan, SortExpr,
    Window, WindowFunctionDefinition,
};
use futures::FutureExt;
use futures::future::BoxFuture;
use udf_runtime::DeadRows;

use super::changes::{Queries, filtered};
use super::leaf::{Leaf, Value, where_it_was};
use super::part::{Key, Kind, Order, Part, When, over};
use super::places::Places;
use crate::expr::is_row_number;
use crate::functions::Units;
use crate::logical::{FirstRows, GroupRows, KEY_ROW, Udf, has_queries, inputs_first};
use crate::{Error, Result};

/// A source of the chain, as it is and as it was.
pub(super) struct Known {
    pub(super) before: LogicalPlan,
    pub(super) key: Key,
    pub(super) touched: Arc<Units>,
    /// Where rows that differ are, if that is known.
    pub(super) places: Option<Arc<Places>>,
}

pub(super) struct Builder<'a> {
    pub(super) queries: Queries<'a>,
    /// Those that may differ, by the names of their scans.
    pub(super) sources: HashMap<TableReference, Known>,
    /// Steps that need all rows see those that differ only.
    pub(super) is_unsafe: bool,
    /// Whether files that were read are others now, or gone: what functions make of these may be lost.
    pub(super) has_older_files: bool,
    /// Whether something that is to be known of rows as they were is lost.
    pub(super) is_lost: AtomicBool,
}

impl Builder<'_> {
    pub(super) fn part<'b>(&'b self, plan: &'b LogicalPlan) -> BoxFuture<'b, Result<Part>> {
        async move {
            if has_queries(plan) {
                return refused("a query inside of a condition", "`merge` with it instead");
            }
            match plan {
                LogicalPlan::TableScan(scan) => Ok(self.source(plan, &scan.table_name)),
                LogicalPlan::EmptyRelation(_) | LogicalPlan::Values(_) => Ok(fixed(plan)),
                LogicalPlan::Union(_) => self.union(plan).await,
                LogicalPlan::Join(join) => Box::pin(self.join(plan, join)).await,
                plan => match plan.inputs().as_slice() {
                    [input] => {
                        let input = self.part(input).await?;
                        Box::pin(self.step(plan, input)).await
                    }
                    _ => refused(plan.display(), "save it without `delta=True`"),
                },
            }
        }
        .boxed()
    }

    fn source(&self, plan: &LogicalPlan, name: &TableReference) -> Part {
        let Some(known) = self.sources.get(name) else { return fixed(plan) };
        Part {
            now: plan.clone(),
            before: known.before.clone(),
            kind: Kind::Source(known.places.clone()),
            key: known.key.clone(),
            order: Order::Any,
            touched: Arc::clone(&known.touched),
        }
    }

    /// A step with one input.
    async fn step(&self, plan: &LogicalPlan, input: Part) -> Result<Part> {
        match plan {
            LogicalPlan::Projection(_)
            | LogicalPlan::Filter(_)
            | LogicalPlan::SubqueryAlias(_)
            | LogicalPlan::Unnest(_) => rows(plan, input),
            LogicalPlan::Sort(sort) if sort.fetch.is_none() => sorted(plan, input, &sort.expr),
            LogicalPlan::Sort(_) | LogicalPlan::Limit(_) if self.is_unsafe => rows(plan, input),
            LogicalPlan::Sort(_) | LogicalPlan::Limit(_) => {
                refused("`limit`, `offset` or `sample`", "which rows they take depends on all rows")
            }
            LogicalPlan::Window(window) => match grouped_by(window)? {
                None => rows(plan, input),
                Some(by) => {
                    let key = by.iter().map(Value::of).collect::<Option<Vec<_>>>();
                    let key = key.map_or_else(|| lost("`partition_by` of a window"), Key::By);
                    self.groups(plan, input, by, key).await
                }
            },
            LogicalPlan::Aggregate(aggregate) => {
                let (by, key) = groups_of(plan, aggregate)?;
                self.groups(plan, input, by, key).await
            }
            LogicalPlan::Distinct(Distinct::All(_)) => {
                let by: Vec<_> =
                    plan.schema().columns().into_iter().map(PlanExpr::Column).collect();
                let key = by.iter().filter_map(Value::of).collect();
                self.groups(plan, input, by, Key::By(key)).await
            }
            LogicalPlan::Extension(extension) => {
                let node = extension.node.as_any();
                if let Some(FirstRows { keys, .. }) = node.downcast_ref() {
                    let key = keys.iter().map(Value::of).collect::<Option<Vec<_>>>();
                    let key = key.map_or_else(|| lost("what `distinct` compares"), Key::By);
                    self.groups(plan, input, keys.clone(), key).await
                } else if let Some(groups) = node.downcast_ref::<GroupRows>() {
                    self.groups(plan, input, groups.keys.clone(), kept_keys(plan, groups)).await
                } else if Udf::of(plan).is_some() {
                    rows(plan, input)
                } else {
                    refused(extension.node.name(), "save it without `delta=True`")
                }
            }
            plan => refused(plan.display(), "save it without `delta=True`"),
        }
    }

    /// A step whose rows follow from all rows that agree on some values.
    async fn groups(
        &self,
        plan: &LogicalPlan,
        input: Part,
        by: Vec<PlanExpr>,
        key: Key,
    ) -> Result<Part> {
        let touched = match &input.key {
            Key::Fixed => return rows(plan, input),
            _ => self.units_of(&input, &by).await?,
        };
        let (now, before) = both(plan, |when| vec![input.whole(when).clone()])?;
        let kind = Kind::Groups(Box::new(input), by);
        Ok(Part { now, before, kind, key, order: Order::Any, touched })
    }

    /// Values of the rows that differ, as they are and as they were.
    async fn units_of(&self, part: &Part, values: &[PlanExpr]) -> Result<Arc<Units>> {
        if part.touched.is_empty() {
            return Ok(Arc::default());
        }
        let rows = part.restricted(&part.touched, When::Now)?;
        let now = self.queries.units(rows, values.to_vec()).await?;
        let before = self.units_before(part, values).await?;
        Ok(Arc::new(now.iter().chain(before.iter()).collect()))
    }

    /// The same of the rows as they were.
    async fn units_before(&self, part: &Part, values: &[PlanExpr]) -> Result<Units> {
        let rows = part.restricted(&part.touched, When::Before)?;
        let lets_fail = |udf: &Udf| udf.call.options.dead_rows != DeadRows::Fail;
        let may_skip = inputs_first(&rows).into_iter().filter_map(Udf::of).any(lets_fail);
        let units = self.queries.units(rows, values.to_vec()).await;
        if self.has_older_files && (may_skip || matches!(units, Err(Error::Function(_)))) {
            self.is_lost.store(true, Relaxed);
        }
        units
    }

    async fn union(&self, plan: &LogicalPlan) -> Result<Part> {
        let mut inputs = Vec::new();
        for input in plan.inputs() {
            inputs.push(self.part(input).await?);
        }
        let (now, before) =
            both(plan, |when| inputs.iter().map(|input| input.whole(when).clone()).collect())?;
        let touched: Units = inputs.iter().flat_map(|input| input.touched.iter()).collect();
        let mut key = Key::Fixed;
        for input in &inputs {
            let values = match &input.key {
                Key::Fixed => continue,
                Key::Lost(what) => {
                    key = Key::Lost(what.clone());
                    break;
                }
                Key::By(values) => placed(values, &input.now.schema().columns(), plan),
            };
            key = match (key, values) {
                (Key::Fixed, Some(values)) => Key::By(values),
                (Key::By(known), Some(values)) if known == values => Key::By(known),
                _ => lost("what the rows of each side of a `union` are known by"),
            };
            if matches!(key, Key::Lost(_)) {
                break;
            }
        }
        if let (Key::Lost(what), true) = (&key, inputs.iter().any(|it| it.key == Key::Fixed)) {
            return refused(format!("a `union` without {what}"), "keep it in both chains");
        }
        let kind = Kind::Union(inputs);
        Ok(Part { now, before, kind, key, order: Order::Any, touched: Arc::new(touched) })
    }

    async fn join(&self, plan: &LogicalPlan, join: &Join) -> Result<Part> {
        let (left, right) = (self.part(&join.left).await?, self.part(&join.right).await?);
        if (&left.key, &right.key) == (&Key::Fixed, &Key::Fixed) {
            return Ok(fixed(plan));
        }
        let kept_left = matches!(
            join.join_type,
            JoinType::Inner | JoinType::Left | JoinType::LeftSemi | JoinType::LeftAnti
        );
        let kept_right = join.join_type == JoinType::Right;
        if join.null_aware || !(kept_left || kept_right || join.join_type == JoinType::Full) {
            return refused("a join of this kind", "`merge` instead");
        }
        let on = join.on.iter().cloned().unzip();
        let kept = if kept_right { &right } else { &left };
        if (kept_left || kept_right) && matches!(kept.key, Key::By(_)) {
            return Box::pin(self.beside(plan, (left, right), on, kept_left)).await;
        }
        Box::pin(self.both_sides(plan, (left, right), on, join.join_type)).await
    }

    /// Rows of one side, each with what belongs to it.
    async fn beside(
        &self,
        plan: &LogicalPlan,
        (left, right): (Part, Part),
        (left_on, right_on): (Vec<PlanExpr>, Vec<PlanExpr>),
        is_left: bool,
    ) -> Result<Part> {
        let (now, before) =
            both(plan, |when| vec![left.whole(when).clone(), right.whole(when).clone()])?;
        let (kept, kept_on, other, other_on) = match is_left {
            true => (left, left_on, right, right_on),
            false => (right, right_on, left, left_on),
        };
        check_kinds((&kept, &kept_on), (&other, &other_on))?;
        let mut touched: Vec<u128> = kept.touched.iter().collect();
        if !other.touched.is_empty() {
            let matched = self.units_of(&other, &other_on).await?;
            let Key::By(values) = &kept.key else {
                return refused("a `merge`", "keep what its rows are known by");
            };
            let values: Vec<_> = values.iter().map(Value::expr).collect();
            // Rows that are others than they were are touched as it is.
            let rows = filtered(kept.whole(When::Now), kept_on.clone(), &matched)?;
            touched.extend(self.queries.units(rows, values).await?.iter());
        }
        let (key, order) = (key_above(&kept.key, plan), Order::Any);
        let (kept, other) = (Box::new(kept), Box::new(other));
        let touched = Arc::new(touched.into_iter().collect());
        Ok(Part { now, before, kind: Kind::Beside { kept, other, is_left }, key, order, touched })
    }

    /// Rows of both sides, known by what they are matched by.
    async fn both_sides(
        &self,
        plan: &LogicalPlan,
        (left, right): (Part, Part),
        on: (Vec<PlanExpr>, Vec<PlanExpr>),
        kind: JoinType,
    ) -> Result<Part> {
        if on.0.is_empty() {
            return refused("a join without keys", "`merge` on a key instead");
        }
        check_kinds((&left, &on.0), (&right, &on.1))?;
        let (now, before) =
            both(plan, |when| vec![left.whole(when).clone(), right.whole(when).clone()])?;
        let mut touched: Vec<u128> = Vec::new();
        for (part, on) in [(&left, &on.0), (&right, &on.1)] {
            touched.extend(self.units_of(part, on).await?.iter());
        }
        let of = |keys: &[PlanExpr], part: &Part| {
            let keys = keys.iter().map(|key| where_it_was(key, &part.now)?.above(plan));
            keys.collect::<Option<Vec<_>>>()
        };
        let values = match kind {
            JoinType::Full => of(&on.0, &left).zip(of(&on.1, &right)).map(|(ours, theirs)| {
                ours.into_iter().zip(theirs).map(|(one, other)| Value::Either(one, other)).collect()
            }),
            JoinType::Right => of(&on.1, &right).map(all),
            _ => of(&on.0, &left).map(all),
        };
        let key = values.map_or_else(|| lost("the keys of a `merge`"), Key::By);
        let kind = Kind::Both([Box::new(left), Box::new(right)], [on.0, on.1]);
        let touched = Arc::new(touched.into_iter().collect());
        Ok(Part { now, before, kind, key, order: Order::Any, touched })
    }
}

fn all(keys: Vec<Leaf>) -> Vec<Value> {
    keys.into_iter().map(Value::Leaf).collect()
}

/// A step none of whose rows ever changes.
fn fixed(plan: &LogicalPlan) -> Part {
    let (now, before) = (plan.clone(), plan.clone());
    let (order, touched) = (Order::Any, Arc::default());
    Part { now, before, kind: Kind::Source(None), key: Key::Fixed, order, touched }
}

/// A step that makes rows of its input row by row.
fn rows(plan: &LogicalPlan, input: Part) -> Result<Part> {
    let (now, before) = both(plan, |when| vec![input.whole(when).clone()])?;
    let key = key_above(&input.key, plan);
    let order = match &input.order {
        Order::By(keys) => {
            let found = keys.iter().map(|(leaf, sort)| Some((leaf.above(plan)?, sort.clone())));
            let all = found.collect::<Option<Vec<_>>>();
            all.map_or_else(|| Order::Lost(sorted_by(keys)), Order::By)
        }
        order => order.clone(),
    };
    let touched = Arc::clone(&input.touched);
    Ok(Part { now, before, kind: Kind::Rows(Box::new(input)), key, order, touched })
}

fn sorted_by(keys: &[(Leaf, SortExpr)]) -> String {
    keys.iter().map(|(leaf, _)| Value::Leaf(leaf.clone()).shown()).collect::<Vec<_>>().join("`, `")
}

fn sorted(plan: &LogicalPlan, input: Part, keys: &[SortExpr]) -> Result<Part> {
    // What put rows back into their order stays as it is.
    if keys.iter().all(|key| is_row_number(&key.expr)) {
        return rows(plan, input);
    }
    let leaves = keys.iter().map(|key| Some((Leaf::of(&key.expr)?, key.clone())));
    let order = match leaves.collect::<Option<Vec<_>>>() {
        Some(keys) => Order::By(keys),
        None => {
            let keys = keys.iter().map(|key| key.expr.to_string());
            Order::Lost(keys.collect::<Vec<_>>().join("`, `"))
        }
    };
    Ok(Part { order, ..rows(plan, input)? })
}

fn key_above(key: &Key, plan: &LogicalPlan) -> Key {
    let Key::By(values) = key else { return key.clone() };
    let mut above = Vec::with_capacity(values.len());
    for value in values {
        match value.above(plan) {
            Some(value) => above.push(value),
            None => return Key::Lost(format!("`{}`", value.shown())),
        }
    }
    Key::By(above)
}

fn lost(what: &str) -> Key {
    Key::Lost(what.to_owned())
}

/// The step over its inputs as they are and as they were.
fn both(
    plan: &LogicalPlan,
    inputs: impl Fn(When) -> Vec<LogicalPlan>,
) -> Result<(LogicalPlan, LogicalPlan)> {
    Ok((over(plan, inputs(When::Now))?, over(plan, inputs(When::Before))?))
}

/// What the rows of a window are grouped by; `None` where it only numbers the rows for a step above.
pub(super) fn grouped_by(window: &Window) -> Result<Option<Vec<PlanExpr>>> {
    let mut by: Option<&[PlanExpr]> = None;
    for expr in &window.window_expr {
        if is_numbering(expr) {
            continue;
        }
        let PlanExpr::WindowFunction(call) = inner(expr) else {
            return refused("a window", "save it without `delta=True`");
        };
        let keys = call.params.partition_by.as_slice();
        if keys.is_empty() || by.is_some_and(|known| known != keys) {
            return refused("a window over all rows", "name what it is partitioned by");
        }
        by = Some(keys);
    }
    Ok(by.map(<[PlanExpr]>::to_vec))
}

fn inner(expr: &PlanExpr) -> &PlanExpr {
    match expr {
        PlanExpr::Alias(alias) => inner(&alias.expr),
        expr => expr,
    }
}

/// Whether a column numbers all rows, which only steps of ours read that need their order.
fn is_numbering(expr: &PlanExpr) -> bool {
    let PlanExpr::Alias(alias) = expr else { return false };
    let PlanExpr::WindowFunction(call) = inner(expr) else { return false };
    let WindowFunctionDefinition::WindowUDF(function) = &call.fun else { return false };
    let column = PlanExpr::Column(Column::new_unqualified(alias.name.as_str()));
    let is_ours = alias.name == KEY_ROW || is_row_number(&column);
    function.name() == "row_number" && is_ours && call.params.partition_by.is_empty()
}

/// What groups agree on, over the input, and where that is in the result.
fn groups_of(plan: &LogicalPlan, aggregate: &Aggregate) -> Result<(Vec<PlanExpr>, Key)> {
    if aggregate.group_expr.iter().any(|expr| matches!(expr, PlanExpr::GroupingSet(_))) {
        return refused("GROUPING SETS", "group by one list of columns");
    }
    let columns = plan.schema().columns().into_iter().take(aggregate.group_expr.len());
    let leaf = |column| Value::Leaf(Leaf { column, path: Vec::new() });
    Ok((aggregate.group_expr.clone(), Key::By(columns.map(leaf).collect())))
}

/// Where the keys of groups are in the rows that a function of groups is given.
fn kept_keys(plan: &LogicalPlan, groups: &GroupRows) -> Key {
    let mut values = Vec::new();
    for key in &groups.keys {
        let at = groups.firsts.iter().position(|first| inner(first) == inner(key));
        match at {
            Some(at) => {
                let column = plan.schema().columns()[at].clone();
                values.push(Value::Leaf(Leaf { column, path: Vec::new() }));
            }
            None => return lost("the keys of `agg`"),
        }
    }
    Key::By(values)
}

/// The same values in the columns of a union, which are those of its inputs by their places.
fn placed(values: &[Value], columns: &[Column], union: &LogicalPlan) -> Option<Vec<Value>> {
    let all = union.schema().columns();
    let place = |value: &Value| match value {
        Value::Leaf(leaf) => {
            let at = columns.iter().position(|column| *column == leaf.column)?;
            Some(Value::Leaf(Leaf { column: all[at].clone(), path: leaf.path.clone() }))
        }
        Value::IsNull(_) | Value::Either(..) => None,
    };
    values.iter().map(place).collect()
}

/// Values of two types are never known to be equal.
fn check_kinds(left: (&Part, &[PlanExpr]), right: (&Part, &[PlanExpr])) -> Result<()> {
    for (one, other) in left.1.iter().zip(right.1) {
        let kinds: (DataType, DataType) =
            (one.get_type(left.0.now.schema())?, other.get_type(right.0.now.schema())?);
        if kinds.0 != kinds.1 {
            return refused("a `merge` of keys of two types", "`cast()` one of them");
        }
    }
    Ok(())
}

pub(super) fn refused<T>(what: impl fmt::Display, instead: &str) -> Result<T> {
    let what = format!("{what} in a chain with `delta=True`");
    Err(Error::NotSupported { what, instead: instead.to_owned() })
}
