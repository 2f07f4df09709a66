//! [`ReadLate`]: the first rows of a version by some keys are found by these alone; their other columns are read then.
//!
//! For a sort that keeps its first rows, over a version with projections, filters and table aliases between. The scan
//! gives what keys and conditions read and the places of rows; what else is computed of the rows is computed of those that
//! are left. Only where the columns that are not read are so large that it pays. Rows with equal keys keep their order.

use std::collections::HashSet;
use std::sync::Arc;

use datafusion::common::tree_node::{Transformed, TreeNode, TreeNodeRecursion};
use datafusion::common::{Column, TableReference};
use datafusion::error::Result;
use datafusion::logical_expr::utils::conjunction;
use datafusion::logical_expr::{
    Expr, Extension, Filter, LogicalPlan, Projection, Sort, SortExpr, TableScan,
};
use datafusion::optimizer::optimizer::ApplyOrder;
use datafusion::optimizer::{OptimizerConfig, OptimizerRule};

use crate::functions::{canonical, is_canonical, is_distance};
use crate::logical::{PLACE, TopK};
use crate::source::{Leaf, Source, as_table, source_of};
use crate::sys;

/// More rows are not looked up one by one.
const MOST_ROWS: usize = 10_000;

/// To look up rows costs about as much as to read so many bytes of all of them,
const LOOK_UP_BYTES: usize = 4 << 20;

/// and so many for each one.
const ROW_BYTES: usize = 32 << 10;

/// Expressions that are put into each other do not grow beyond so many parts.
const MOST_PARTS: usize = 2000;

#[derive(Debug)]
pub(super) struct ReadLate;

impl OptimizerRule for ReadLate {
    fn name(&self) -> &'static str {
        "read_late"
    }

    fn apply_order(&self) -> Option<ApplyOrder> {
        Some(ApplyOrder::TopDown)
    }

    fn rewrite(
        &self,
        plan: LogicalPlan,
        _config: &dyn OptimizerConfig,
    ) -> Result<Transformed<LogicalPlan>> {
        let late = match &plan {
            LogicalPlan::Sort(sort) => read_late(sort)?,
            _ => None,
        };
        Ok(late.map_or_else(|| Transformed::no(plan), Transformed::yes))
    }
}

fn read_late(sort: &Sort) -> Result<Option<LogicalPlan>> {
    let Some(rows) = sort.fetch.filter(|rows| *rows <= MOST_ROWS) else {
        return Ok(None);
    };
    let Some(seen) = Seen::through(&sort.input)? else {
        return Ok(None);
    };
    let Some(keys) = Keys::try_new(sort, &seen)? else {
        return Ok(None);
    };
    if keys.by_distance()
        && let Some(source) = seen.source.searched()
    {
        let sort = searched(sort, &source)?;
        let late = read_late(&sort)?;
        return Ok(Some(late.unwrap_or(LogicalPlan::Sort(sort))));
    }
    let columns = seen.columns.iter().cloned().map(|expr| keys.known(expr));
    let columns = columns.collect::<Result<Vec<_>>>()?;
    let Some(late) = seen.leaves(&columns).and_then(|leaves| seen.source.with_leaves(leaves))
    else {
        return Ok(None);
    };
    let pays = late.bytes().is_some_and(|bytes| bytes >= LOOK_UP_BYTES + rows * ROW_BYTES);
    let Some(first) = pays.then(|| keys.first_rows(&seen, rows)).transpose()?.flatten() else {
        return Ok(None);
    };
    let late = TableScan::try_new(seen.table.clone(), as_table(late), None, vec![], None)?;
    let node = Arc::new(TopK::try_new(first, late, keys.by_distance())?);
    let node = Arc::new(LogicalPlan::Extension(Extension { node }));
    let schema = sort.input.schema();
    let named = columns.into_iter().zip(schema.iter()).map(|(expr, (table, field))| match expr {
        Expr::Column(column) if column == Column::from((table, field)) => Expr::Column(column),
        expr => expr.alias_qualified(table.cloned(), field.name()),
    });
    let projection = Projection::try_new(named.collect(), node)?;
    let same = projection.schema.fields() == schema.fields();
    Ok(same.then_some(LogicalPlan::Projection(projection)))
}

/// The same over the source, in which vectors are searched.
fn searched(sort: &Sort, source: &Arc<dyn Source>) -> Result<Sort> {
    let input = sort.input.as_ref().clone().transform_up(|plan| match plan {
        LogicalPlan::TableScan(scan) => {
            let source = as_table(Arc::clone(source));
            Ok(Transformed::yes(LogicalPlan::TableScan(TableScan { source, ..scan })))
        }
        plan => Ok(Transformed::no(plan)),
    })?;
    Ok(Sort { input: Arc::new(input.data), ..sort.clone() })
}

/// A plan as columns and conditions over the columns of the scan that it ends in.
struct Seen {
    table: TableReference,
    source: Arc<dyn Source>,
    columns: Vec<Expr>,
    conditions: Vec<Expr>,
}

impl Seen {
    fn through(plan: &LogicalPlan) -> Result<Option<Self>> {
        match plan {
            LogicalPlan::TableScan(scan) => Ok(Self::of_scan(scan)),
            LogicalPlan::SubqueryAlias(alias) => Self::through(&alias.input),
            LogicalPlan::Filter(filter) => {
                let Some(mut seen) = Self::through(&filter.input)? else {
                    return Ok(None);
                };
                let condition = seen.resolved(&filter.predicate, &filter.input)?;
                seen.conditions.extend(condition.clone());
                Ok(condition.map(|_| seen))
            }
            LogicalPlan::Projection(projection) => {
                let Some(seen) = Self::through(&projection.input)? else {
                    return Ok(None);
                };
                let columns = projection.expr.iter();
                let columns = columns.map(|expr| seen.resolved(expr, &projection.input));
                let columns: Option<Vec<Expr>> = columns.collect::<Result<_>>()?;
                Ok(columns.map(|columns| Self { columns, ..seen }).filter(Self::is_small))
            }
            _ => Ok(None),
        }
    }

    fn of_scan(scan: &TableScan) -> Option<Self> {
        let source = source_of(scan).filter(|_| scan.filters.is_empty() && scan.fetch.is_none())?;
        source.bytes()?;
        let columns = scan.projected_schema.columns().into_iter().map(Expr::Column);
        let (table, columns) = (scan.table_name.clone(), columns.collect());
        Some(Self { table, source, columns, conditions: vec![] })
    }

    /// The expression over the scan; none when it may have another value each time.
    fn resolved(&self, expr: &Expr, input: &LogicalPlan) -> Result<Option<Expr>> {
        let mut constant = true;
        let resolved = expr.clone().transform_up(|part| {
            constant &= !part.is_volatile_node() && !has_query(&part);
            match &part {
                Expr::Column(column) => match input.schema().maybe_index_of_column(column) {
                    Some(at) => Ok(Transformed::yes(self.columns[at].clone())),
                    None => {
                        constant = false;
                        Ok(Transformed::no(part))
                    }
                },
                _ => Ok(Transformed::no(part)),
            }
        })?;
        let resolved = match resolved.data {
            Expr::Alias(alias) if alias.metadata.is_none() => *alias.expr,
            resolved => resolved,
        };
        Ok(constant.then_some(resolved))
    }

    fn is_small(&self) -> bool {
        let mut parts = 0;
        for column in &self.columns {
            let counted = column.apply(|_| {
                parts += 1;
                Ok(match parts > MOST_PARTS + self.columns.len() {
                    true => TreeNodeRecursion::Stop,
                    false => TreeNodeRecursion::Continue,
                })
            });
            if !matches!(counted, Ok(TreeNodeRecursion::Continue)) {
                return false;
            }
        }
        true
    }

    /// What these read of the source.
    fn leaves(&self, exprs: &[Expr]) -> Option<Vec<Leaf>> {
        let read: HashSet<&str> =
            exprs.iter().flat_map(Expr::column_refs).map(|column| column.name.as_str()).collect();
        let leaves = self.source.leaves().iter();
        let leaves: Vec<Leaf> =
            leaves.filter(|leaf| read.contains(leaf.field.name().as_str())).cloned().collect();
        (!leaves.is_empty()).then_some(leaves)
    }
}

fn has_query(part: &Expr) -> bool {
    matches!(
        part,
        Expr::ScalarSubquery(_) | Expr::Exists(_) | Expr::InSubquery(_) | Expr::SetComparison(_)
    )
}

/// What rows are sorted by, over the scan.
struct Keys(Vec<Key>);

struct Key {
    value: Expr,
    is_canonical: bool,
    sort: SortExpr,
}

impl Key {
    fn column(at: usize) -> Expr {
        Expr::Column(Column::new_unqualified(format!("key {at}")))
    }
}

impl Keys {
    fn try_new(sort: &Sort, seen: &Seen) -> Result<Option<Self>> {
        let mut keys = Vec::with_capacity(sort.expr.len());
        for key in &sort.expr {
            let Some(value) = seen.resolved(&key.expr, &sort.input)? else {
                return Ok(None);
            };
            let is_canonical = is_canonical(&value);
            let value = match value {
                // The plain value may be one that is read above.
                Expr::ScalarFunction(mut call) if is_canonical => call.args.swap_remove(0),
                value => value,
            };
            keys.push(Key { value, is_canonical, sort: key.clone() });
        }
        Ok(Some(Self(keys)))
    }

    fn by_distance(&self) -> bool {
        self.0.first().is_some_and(|key| is_distance(&key.value))
    }

    /// The expression with columns for the keys in it.
    fn known(&self, expr: Expr) -> Result<Expr> {
        let known = expr.transform_down(|part| {
            Ok(match self.0.iter().position(|key| key.value == part) {
                Some(at) => Transformed::new(Key::column(at), true, TreeNodeRecursion::Jump),
                None => Transformed::no(part),
            })
        })?;
        Ok(known.data)
    }

    /// The keys and places of the first rows.
    fn first_rows(&self, seen: &Seen, rows: usize) -> Result<Option<LogicalPlan>> {
        let read = self.0.iter().map(|key| key.value.clone()).chain(seen.conditions.clone());
        let mut leaves = seen.leaves(&read.collect::<Vec<_>>()).unwrap_or_default();
        let sys = Leaf::whole(sys::field());
        leaves.extend(sys.below(&[sys::ID.to_owned()], PLACE.to_owned()));
        let Some(source) = seen.source.with_leaves(leaves) else {
            return Ok(None);
        };
        let table = seen.table.clone();
        let scan = TableScan::try_new(table.clone(), as_table(source), None, vec![], None)?;
        let mut plan = LogicalPlan::TableScan(scan);
        if let Some(condition) = conjunction(seen.conditions.iter().cloned()) {
            plan = LogicalPlan::Filter(Filter::try_new(condition, Arc::new(plan))?);
        }
        let named = |(at, key): (usize, &Key)| key.value.clone().alias(format!("key {at}"));
        let mut columns: Vec<Expr> = self.0.iter().enumerate().map(named).collect();
        columns.push(Expr::Column(Column::new(Some(table), PLACE)).alias(PLACE));
        let input =
            Arc::new(LogicalPlan::Projection(Projection::try_new(columns, Arc::new(plan))?));
        let by = |(at, key): (usize, &Key)| {
            let column = Key::column(at);
            let expr = if key.is_canonical { canonical(column) } else { column };
            SortExpr { expr, ..key.sort.clone() }
        };
        let mut expr: Vec<SortExpr> = self.0.iter().enumerate().map(by).collect();
        expr.push(Expr::Column(Column::new_unqualified(PLACE)).sort(true, false));
        Ok(Some(LogicalPlan::Sort(Sort { expr, input, fetch: Some(rows) })))
    }
}
