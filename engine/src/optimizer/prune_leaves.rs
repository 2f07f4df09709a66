//! [`PruneLeaves`]: a scan reads `file.path`, not all of `file`, when that is all that is read.
//!
//! Walks down from the top of a plan with what is read of each column: all of it, or paths into it. A scan whose column
//! is read by paths only gives the leaves as columns of their own, named `file.path`, next to each other where the column
//! was. On the way back up the paths become these columns, and nodes that hand columns on hand on the leaves. What the
//! top gives has the names and types that it had.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::slice;
use std::sync::Arc;

use datafusion::common::tree_node::{Transformed, TreeNode, TreeNodeRecursion};
use datafusion::common::{Column, DFSchema, JoinType, ScalarValue};
use datafusion::error::Result;
use datafusion::functions::core::expr_fn::get_field;
use datafusion::logical_expr::expr::{Exists, InSubquery, SetComparison};
use datafusion::logical_expr::{
    Expr, Extension, Join, LogicalPlan, Projection, SubqueryAlias, TableScan, Union,
    UserDefinedLogicalNodeCore, Window,
};
use datafusion::optimizer::{OptimizerConfig, OptimizerRule};

use crate::logical::{FirstRows, GroupRows, KEY_ROW, Udf, has_queries};
use crate::source::{Leaf, as_table, source_of};

#[derive(Debug)]
pub(super) struct PruneLeaves;

impl OptimizerRule for PruneLeaves {
    fn name(&self) -> &'static str {
        "prune_leaves"
    }

    fn rewrite(
        &self,
        plan: LogicalPlan,
        _config: &dyn OptimizerConfig,
    ) -> Result<Transformed<LogicalPlan>> {
        let queried = plan.transform_up(|node| match has_queries(&node) {
            true => node.map_subqueries(read_whole),
            false => Ok(Transformed::no(node)),
        })?;
        queried.transform_data(read_whole)
    }
}

/// Steps into a model.
type Path = Vec<String>;

/// What is read of a column.
#[derive(Clone, Debug, Default)]
struct Use {
    whole: bool,
    paths: BTreeSet<Path>,
}

impl Use {
    const WHOLE: Self = Self { whole: true, paths: BTreeSet::new() };

    fn by_paths(&self) -> bool {
        !self.whole && !self.paths.is_empty()
    }
}

/// A plan whose scans read less.
struct Pruned {
    plan: LogicalPlan,
    /// The columns, by their position before, in whose place there are leaves now.
    split: BTreeMap<usize, BTreeSet<Path>>,
}

impl Pruned {
    fn same(plan: &LogicalPlan) -> Self {
        Self { plan: plan.clone(), split: BTreeMap::new() }
    }
}

/// The plan whose columns are all read.
fn read_whole(plan: LogicalPlan) -> Result<Transformed<LogicalPlan>> {
    let uses = vec![Use::WHOLE; plan.schema().fields().len()];
    Ok(match pruned(&plan, uses)? {
        Some(pruned) => Transformed::yes(pruned.plan),
        None => Transformed::no(plan),
    })
}

/// The plan of which so much is read; `None` when its scans read no more than that.
fn pruned(plan: &LogicalPlan, uses: Vec<Use>) -> Result<Option<Pruned>> {
    let (mut uses, mut found) = (Some(uses), None);
    // WHY: plans are deep, and this, unlike a plain call, makes room on the stack where there is none.
    plan.apply(|plan| {
        found = node_pruned(plan, uses.take().unwrap_or_default())?;
        Ok(TreeNodeRecursion::Stop)
    })?;
    Ok(found)
}

fn node_pruned(plan: &LogicalPlan, mut uses: Vec<Use>) -> Result<Option<Pruned>> {
    read_clashing_whole(plan.schema(), &mut uses);
    match plan {
        LogicalPlan::TableScan(scan) => scan_leaves(scan, &uses),
        LogicalPlan::Filter(_) | LogicalPlan::Sort(_) | LogicalPlan::Limit(_) => {
            same_columns(plan, uses)
        }
        LogicalPlan::SubqueryAlias(alias) => aliased(alias, uses),
        LogicalPlan::Projection(projection) => project(projection, &uses),
        LogicalPlan::Aggregate(aggregate) => new_columns(plan, &aggregate.input, None),
        LogicalPlan::Window(window) => windows(window, uses),
        LogicalPlan::Join(join) => joined(join, uses),
        LogicalPlan::Union(union) if union.schema.iter().all(|(table, _)| table.is_none()) => {
            united(union, &uses)
        }
        LogicalPlan::Extension(extension) => extended(plan, extension, &uses),
        _ => below(plan),
    }
}

/// A node that needs all columns of its inputs.
fn below(plan: &LogicalPlan) -> Result<Option<Pruned>> {
    let node = plan.clone().map_children(read_whole)?;
    Ok(node.transformed.then_some(Pruned { plan: node.data, split: BTreeMap::new() }))
}

/// A leaf whose name another column has cannot be told from it.
fn read_clashing_whole(schema: &DFSchema, uses: &mut [Use]) {
    let names: HashSet<&str> = schema.fields().iter().map(|field| field.name().as_str()).collect();
    let mut leaves = HashSet::new();
    for (at, of_column) in uses.iter_mut().enumerate().filter(|(_, column)| column.by_paths()) {
        of_column.whole = of_column.paths.iter().any(|path| {
            let leaf = leaf_column(schema, at, path);
            names.contains(leaf.name.as_str()) || !leaves.insert(leaf)
        });
    }
}

fn leaf_name(column: &str, path: &[String]) -> String {
    format!("{column}.{}", path.join("."))
}

fn leaf_column(schema: &DFSchema, at: usize, path: &[String]) -> Column {
    let (table, field) = schema.qualified_field(at);
    Column::new(table.cloned(), leaf_name(field.name(), path))
}

/// Adds what an expression reads of the columns of its input.
fn note(uses: &mut [Use], schema: &DFSchema, expr: &Expr) -> Result<()> {
    expr.apply(|expr| {
        if let Some((column, steps)) = as_path(expr)
            && let Some(at) = schema.maybe_index_of_column(&column)
        {
            uses[at].paths.insert(steps);
            return Ok(TreeNodeRecursion::Jump);
        }
        let read = match expr {
            Expr::Column(_) => slice::from_ref(expr),
            // What a query reads of the row that the expression is for.
            Expr::ScalarSubquery(query)
            | Expr::Exists(Exists { subquery: query, .. })
            | Expr::InSubquery(InSubquery { subquery: query, .. })
            | Expr::SetComparison(SetComparison { subquery: query, .. }) => {
                &query.outer_ref_columns
            }
            _ => &[],
        };
        for expr in read {
            if let Expr::Column(column) | Expr::OuterReferenceColumn(_, column) = expr
                && let Some(at) = schema.maybe_index_of_column(column)
            {
                uses[at].whole = true;
            }
        }
        Ok(TreeNodeRecursion::Continue)
    })?;
    Ok(())
}

/// `get_field(get_field(file, 'a'), 'b')`, or the same in one call, as a column and its steps.
fn as_path(expr: &Expr) -> Option<(Column, Path)> {
    let Expr::ScalarFunction(call) = expr else {
        return None;
    };
    if call.name() != "get_field" {
        return None;
    }
    let (base, names) = call.args.split_first()?;
    let (column, mut steps) = match base {
        Expr::Column(column) => (column.clone(), vec![]),
        nested => as_path(nested)?,
    };
    for name in names {
        match name {
            Expr::Literal(ScalarValue::Utf8(Some(name)), _) => steps.push(name.clone()),
            _ => return None,
        }
    }
    Some((column, steps))
}

/// The expression over an input where leaves stand in place of some columns.
fn rewritten(expr: Expr, schema: &DFSchema, input: &Pruned) -> Result<Expr> {
    let expr = expr.transform_down(|expr| {
        let place = as_path(&expr).and_then(|(column, steps)| {
            let at = schema.maybe_index_of_column(&column)?;
            input.split.contains_key(&at).then(|| leaf_column(schema, at, &steps))
        });
        Ok(match place {
            Some(leaf) => Transformed::new(Expr::Column(leaf), true, TreeNodeRecursion::Jump),
            None => Transformed::no(expr),
        })
    })?;
    Ok(expr.data)
}

/// The same, called what it was called.
fn renamed(expr: Expr, schema: &DFSchema, input: &Pruned) -> Result<Expr> {
    let (relation, name) = expr.qualified_name();
    let before = expr.schema_name().to_string();
    let expr = rewritten(expr, schema, input)?;
    let same = expr.schema_name().to_string() == before;
    Ok(if same { expr } else { expr.alias_qualified(relation, name) })
}

/// A scan gives the leaves.
fn scan_leaves(scan: &TableScan, uses: &[Use]) -> Result<Option<Pruned>> {
    let Some(source) = source_of(scan).filter(|_| scan.filters.is_empty()) else {
        return Ok(None);
    };
    let (mut leaves, mut split) = (Vec::new(), BTreeMap::new());
    for (at, (field, of_column)) in scan.projected_schema.fields().iter().zip(uses).enumerate() {
        let Some(whole) = source.leaves().iter().find(|leaf| leaf.field.name() == field.name())
        else {
            return Ok(None);
        };
        let paths = of_column.paths.iter().filter(|_| of_column.by_paths());
        let below = |path: &Path| whole.below(path, leaf_name(field.name(), path));
        let found: Option<Vec<Leaf>> = paths.map(below).collect();
        match found {
            Some(found) if !found.is_empty() => {
                leaves.extend(found);
                split.insert(at, of_column.paths.clone());
            }
            _ => leaves.push(whole.clone()),
        }
    }
    let Some(source) = source.with_leaves(leaves).filter(|_| !split.is_empty()) else {
        return Ok(None);
    };
    let name = scan.table_name.clone();
    let scan = TableScan::try_new(name, as_table(source), None, vec![], scan.fetch)?;
    Ok(Some(Pruned { plan: LogicalPlan::TableScan(scan), split }))
}

/// A node with the columns of its input.
fn same_columns(plan: &LogicalPlan, mut uses: Vec<Use>) -> Result<Option<Pruned>> {
    let [input] = plan.inputs()[..] else {
        return below(plan);
    };
    let (schema, expressions) = (input.schema(), plan.expressions());
    for expr in &expressions {
        note(&mut uses, schema, expr)?;
    }
    let Some(input) = pruned(input, uses)? else {
        return Ok(None);
    };
    let expressions = expressions.into_iter().map(|expr| rewritten(expr, schema, &input));
    let expressions = expressions.collect::<Result<_>>()?;
    let plan = plan.with_new_exprs(expressions, vec![input.plan])?;
    Ok(Some(Pruned { plan, split: input.split }))
}

/// A table by another name has the same columns, unless two would have one name.
fn aliased(alias: &SubqueryAlias, mut uses: Vec<Use>) -> Result<Option<Pruned>> {
    let names = alias.schema.fields().iter().zip(alias.input.schema().fields());
    for (of_column, (name, before)) in uses.iter_mut().zip(names) {
        of_column.whole |= name.name() != before.name();
    }
    let Some(Pruned { plan, split }) = pruned(&alias.input, uses)? else {
        return Ok(None);
    };
    let alias = SubqueryAlias::try_new(Arc::new(plan), alias.alias.clone())?;
    Ok(Some(Pruned { plan: LogicalPlan::SubqueryAlias(alias), split }))
}

/// A node whose columns are all computed, perhaps by a column that no expression names.
fn new_columns(
    plan: &LogicalPlan,
    input: &LogicalPlan,
    unnamed: Option<usize>,
) -> Result<Option<Pruned>> {
    let (schema, expressions) = (input.schema(), plan.expressions());
    let mut uses = vec![Use::default(); schema.fields().len()];
    if let Some(at) = unnamed {
        uses[at] = Use::WHOLE;
    }
    for expr in &expressions {
        note(&mut uses, schema, expr)?;
    }
    let Some(input) = pruned(input, uses)? else {
        return Ok(None);
    };
    let expressions = expressions.into_iter().map(|expr| renamed(expr, schema, &input));
    let expressions = expressions.collect::<Result<_>>()?;
    let plan = plan.with_new_exprs(expressions, vec![input.plan])?;
    Ok(Some(Pruned { plan, split: BTreeMap::new() }))
}

/// A projection hands on the leaves of what it hands on by another name, or not at all.
fn project(projection: &Projection, uses: &[Use]) -> Result<Option<Pruned>> {
    let (schema, out) = (projection.input.schema(), &projection.schema);
    let mut below = vec![Use::default(); schema.fields().len()];
    let mut through: Vec<Option<(usize, Path)>> = Vec::with_capacity(uses.len());
    for (expr, of_column) in projection.expr.iter().zip(uses) {
        let place = place_of(expr, schema).filter(|_| of_column.by_paths());
        match &place {
            Some((at, steps)) => {
                let paths = of_column.paths.iter().map(|path| [&steps[..], path].concat());
                below[*at].paths.extend(paths);
            }
            None => note(&mut below, schema, expr)?,
        }
        through.push(place);
    }
    let Some(input) = pruned(&projection.input, below)? else {
        return Ok(None);
    };
    let (mut columns, mut split) = (Vec::new(), BTreeMap::new());
    for (at, (expr, place)) in projection.expr.iter().zip(through).enumerate() {
        let Some((from, steps)) = place.filter(|(from, _)| input.split.contains_key(from)) else {
            columns.push(renamed(expr.clone(), schema, &input)?);
            continue;
        };
        for path in &uses[at].paths {
            let leaf = leaf_column(schema, from, &[&steps[..], path].concat());
            let Column { relation, name, .. } = leaf_column(out, at, path);
            let same = leaf.relation == relation && leaf.name == name;
            let leaf = Expr::Column(leaf);
            columns.push(if same { leaf } else { leaf.alias_qualified(relation, name) });
        }
        split.insert(at, uses[at].paths.clone());
    }
    let projection = Projection::try_new(columns, Arc::new(input.plan))?;
    Ok(Some(Pruned { plan: LogicalPlan::Projection(projection), split }))
}

/// The column, or the part of one, that an expression is.
fn place_of(expr: &Expr, schema: &DFSchema) -> Option<(usize, Path)> {
    match expr {
        Expr::Alias(alias) if alias.metadata.is_none() => place_of(&alias.expr, schema),
        Expr::Column(column) => Some((schema.maybe_index_of_column(column)?, vec![])),
        expr => {
            let (column, steps) = as_path(expr)?;
            Some((schema.maybe_index_of_column(&column)?, steps))
        }
    }
}

/// Windows stand beside the columns of their input.
fn windows(window: &Window, mut uses: Vec<Use>) -> Result<Option<Pruned>> {
    let schema = window.input.schema();
    uses.truncate(schema.fields().len());
    for expr in &window.window_expr {
        note(&mut uses, schema, expr)?;
    }
    let Some(input) = pruned(&window.input, uses)? else {
        return Ok(None);
    };
    let windows = window.window_expr.iter().map(|expr| renamed(expr.clone(), schema, &input));
    let windows = windows.collect::<Result<_>>()?;
    let window = Window::try_new(windows, Arc::new(input.plan))?;
    Ok(Some(Pruned { plan: LogicalPlan::Window(window), split: input.split }))
}

/// A join has the columns of both sides, or of one.
fn joined(join: &Join, mut uses: Vec<Use>) -> Result<Option<Pruned>> {
    let (left, right) = (join.left.schema(), join.right.schema());
    let widths = (left.fields().len(), right.fields().len());
    let (has_left, has_right) = match join.join_type {
        JoinType::LeftSemi | JoinType::LeftAnti | JoinType::LeftMark => (true, false),
        JoinType::RightSemi | JoinType::RightAnti | JoinType::RightMark => (false, true),
        _ => (true, true),
    };
    let mut taken = |is_there: bool, width: usize| -> Vec<Use> {
        match is_there {
            true => uses.drain(..width).collect(),
            false => vec![Use::default(); width],
        }
    };
    let (mut of_left, mut of_right) = (taken(has_left, widths.0), taken(has_right, widths.1));
    for (one, other) in &join.on {
        note(&mut of_left, left, one)?;
        note(&mut of_right, right, other)?;
    }
    if let Some(filter) = &join.filter {
        note(&mut of_left, left, filter)?;
        note(&mut of_right, right, filter)?;
    }
    let (one, other) = (pruned(&join.left, of_left)?, pruned(&join.right, of_right)?);
    if one.is_none() && other.is_none() {
        return Ok(None);
    }
    let one = one.unwrap_or_else(|| Pruned::same(&join.left));
    let other = other.unwrap_or_else(|| Pruned::same(&join.right));
    let on = join.on.iter().map(|(x, y)| {
        Ok((rewritten(x.clone(), left, &one)?, rewritten(y.clone(), right, &other)?))
    });
    let on = on.collect::<Result<_>>()?;
    let filter =
        join.filter.clone().map(|filter| rewritten(rewritten(filter, left, &one)?, right, &other));
    let mut split = if has_left { one.split } else { BTreeMap::new() };
    if has_right {
        let first = if has_left { widths.0 } else { 0 };
        split.extend(other.split.into_iter().map(|(at, paths)| (first + at, paths)));
    }
    let plan = LogicalPlan::Join(Join::try_new(
        Arc::new(one.plan),
        Arc::new(other.plan),
        on,
        filter.transpose()?,
        join.join_type,
        join.join_constraint,
        join.null_equality,
        join.null_aware,
    )?);
    Ok(Some(Pruned { plan, split }))
}

/// All branches of a union give the same leaves, also those that have to take them out of whole columns.
fn united(union: &Union, uses: &[Use]) -> Result<Option<Pruned>> {
    let branches = union.inputs.iter().map(|input| pruned(input, uses.to_vec()));
    let branches = branches.collect::<Result<Vec<_>>>()?;
    if branches.iter().all(Option::is_none) {
        return Ok(None);
    }
    let there = branches.iter().flatten().flat_map(|branch| branch.split.keys().copied());
    let split: BTreeMap<_, _> = there.map(|at| (at, uses[at].paths.clone())).collect();
    let mut inputs = Vec::with_capacity(branches.len());
    for (input, branch) in union.inputs.iter().zip(branches) {
        let columns = branch_columns(&union.schema, input.schema(), branch.as_ref(), &split);
        let input = branch.map_or_else(|| Arc::clone(input), |branch| Arc::new(branch.plan));
        inputs.push(Arc::new(LogicalPlan::Projection(Projection::try_new(columns, input)?)));
    }
    Ok(Some(Pruned { plan: LogicalPlan::Union(Union::try_new(inputs)?), split }))
}

fn branch_columns(
    out: &DFSchema,
    schema: &DFSchema,
    branch: Option<&Pruned>,
    split: &BTreeMap<usize, BTreeSet<Path>>,
) -> Vec<Expr> {
    let mut columns = Vec::new();
    for (at, field) in out.fields().iter().enumerate() {
        let whole = Expr::Column(Column::from(schema.qualified_field(at)));
        let Some(paths) = split.get(&at) else {
            columns.push(whole.alias(field.name()));
            continue;
        };
        let has_leaves = branch.is_some_and(|branch| branch.split.contains_key(&at));
        columns.extend(paths.iter().map(|path| {
            let leaf = match has_leaves {
                true => Expr::Column(leaf_column(schema, at, path)),
                false => {
                    path.iter().fold(whole.clone(), |part, step| get_field(part, step.clone()))
                }
            };
            leaf.alias(leaf_name(field.name(), path))
        }));
    }
    columns
}

/// A function is given the leaves, and its input's leaves stand beside its results.
fn extended(plan: &LogicalPlan, extension: &Extension, uses: &[Use]) -> Result<Option<Pruned>> {
    if let Some(group) = extension.node.as_any().downcast_ref::<GroupRows>() {
        let number = group.input.schema().index_of_column_by_name(None, KEY_ROW);
        return new_columns(plan, &group.input, number);
    }
    if extension.node.as_any().is::<FirstRows>() {
        return same_columns(plan, uses.to_vec());
    }
    let Some(map) = Udf::of(plan) else {
        return below(plan);
    };
    let schema = map.input.schema();
    let mut of_input = vec![Use::WHOLE; schema.fields().len()];
    if map.is_one_per_row() {
        of_input.clone_from_slice(&uses[..schema.fields().len()]);
    }
    for argument in &map.call.arguments {
        note(&mut of_input, schema, argument)?;
    }
    let Some(input) = pruned(&map.input, of_input)? else {
        return Ok(None);
    };
    let arguments = map.call.arguments.iter();
    let arguments = arguments.map(|argument| rewritten(argument.clone(), schema, &input));
    let map = map.with_exprs_and_inputs(arguments.collect::<Result<_>>()?, vec![input.plan])?;
    let plan = LogicalPlan::Extension(Extension { node: Arc::new(map) });
    Ok(Some(Pruned { plan, split: input.split }))
}
