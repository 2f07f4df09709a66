//! [`PruneLeaves`]: a scan reads `file.path`, not all of `file`, when that is all that is read.
//!
//! For a projection or an aggregate over a scan, with steps between that pass the scan's columns on: when every use of a
//! struct column is a path into it, the scan gives the leaves as columns of their own and the paths become columns. The
//! names of the results stay. Between the two, a column's name is enough to know it: there is one scan, aliases change
//! qualifiers only, and no step makes a column of a name that the scan has.
//!
//! Over a join the same is done with what each side gives, and goes on below it.

mod join;

use std::collections::HashMap;
use std::sync::Arc;

use arrow::datatypes::{DataType, Field, FieldRef};
use datafusion::common::tree_node::{Transformed, TreeNode, TreeNodeRecursion};
use datafusion::common::{Column, ScalarValue, TableReference};
use datafusion::error::Result;
use datafusion::logical_expr::{Expr, Extension, LogicalPlan, Projection, TableScan};
use datafusion::optimizer::optimizer::ApplyOrder;
use datafusion::optimizer::{OptimizerConfig, OptimizerRule};

use crate::logical::FirstRows;
use crate::source::{Leaf, Source, as_table, source_of};

#[derive(Debug)]
pub(super) struct PruneLeaves;

impl OptimizerRule for PruneLeaves {
    fn name(&self) -> &'static str {
        "prune_leaves"
    }

    fn apply_order(&self) -> Option<ApplyOrder> {
        Some(ApplyOrder::TopDown)
    }

    fn rewrite(
        &self,
        plan: LogicalPlan,
        _config: &dyn OptimizerConfig,
    ) -> Result<Transformed<LogicalPlan>> {
        if !matches!(plan, LogicalPlan::Projection(_) | LogicalPlan::Aggregate(_)) {
            return Ok(Transformed::no(plan));
        }
        let mut uses = Uses::default();
        uses.add(&plan)?;
        let pruned = match base_below(&plan, &mut uses)? {
            Some(base) if uses.hides(base) => None,
            Some(LogicalPlan::TableScan(scan)) => Pruned::try_new(scan, &uses)?,
            Some(join @ LogicalPlan::Join(_)) => join::pruned(join, &uses)?,
            _ => None,
        };
        match pruned {
            Some(pruned) => Ok(Transformed::yes(pruned.apply(&plan)?)),
            None => Ok(Transformed::no(plan)),
        }
    }
}

/// How the expressions between the top and the scan read its columns.
#[derive(Default)]
struct Uses {
    /// Paths of at least two steps, by column.
    paths: Vec<(String, Vec<String>)>,
    /// Columns read whole.
    whole: Vec<String>,
    /// Columns that steps in between make.
    made: Vec<String>,
}

impl Uses {
    fn add(&mut self, plan: &LogicalPlan) -> Result<()> {
        self.add_all(plan.expressions())
    }

    /// A projection in between: columns that it passes on are not read yet.
    fn pass(&mut self, projection: &Projection) -> Result<()> {
        let made = projection.expr.iter().filter(|expr| !matches!(expr, Expr::Column(_)));
        let made: Vec<Expr> = made.cloned().collect();
        self.made.extend(made.iter().map(|expr| expr.qualified_name().1));
        self.add_all(made)
    }

    /// Whether a name does not tell which column is meant: the base's, a leaf of it, or one that a step made.
    fn hides(&self, base: &LogicalPlan) -> bool {
        self.made.iter().any(|made| {
            base.schema().fields().iter().any(|field| {
                let rest = made.strip_prefix(field.name().as_str());
                rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
            })
        })
    }

    fn add_all(&mut self, exprs: Vec<Expr>) -> Result<()> {
        for expr in exprs {
            expr.apply(|expr| {
                if let Some((column, steps)) = as_path(expr) {
                    self.paths.push((column.name, steps));
                    return Ok(TreeNodeRecursion::Jump);
                }
                if let Expr::Column(column) = expr {
                    self.whole.push(column.name.clone());
                }
                Ok(TreeNodeRecursion::Continue)
            })?;
        }
        Ok(())
    }
}

/// `get_field(get_field(file, 'a'), 'b')`, or the same in one call, as a column and its steps.
fn as_path(expr: &Expr) -> Option<(Column, Vec<String>)> {
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

/// The scan or join at the end of steps that pass columns on, with their uses added.
fn base_below<'p>(plan: &'p LogicalPlan, uses: &mut Uses) -> Result<Option<&'p LogicalPlan>> {
    let Some(input) = plan.inputs().into_iter().next() else {
        return Ok(None);
    };
    match input {
        LogicalPlan::TableScan(scan) if scan.filters.is_empty() => Ok(Some(input)),
        LogicalPlan::Join(_) => {
            uses.add(input)?;
            Ok(Some(input))
        }
        LogicalPlan::Filter(_)
        | LogicalPlan::Sort(_)
        | LogicalPlan::Limit(_)
        | LogicalPlan::SubqueryAlias(_) => {
            uses.add(input)?;
            base_below(input, uses)
        }
        LogicalPlan::Extension(Extension { node }) if node.as_any().is::<FirstRows>() => {
            uses.add(input)?;
            base_below(input, uses)
        }
        LogicalPlan::Window(window) => {
            let made = window.window_expr.iter().map(|expr| expr.qualified_name().1);
            uses.made.extend(made);
            uses.add(input)?;
            base_below(input, uses)
        }
        LogicalPlan::Projection(projection) => {
            uses.pass(projection)?;
            base_below(input, uses)
        }
        _ => Ok(None),
    }
}

/// The new scan or join, and what each path is called in it.
struct Pruned {
    base: LogicalPlan,
    columns: HashMap<(String, Vec<String>), String>,
}

impl Pruned {
    fn try_new(scan: &TableScan, uses: &Uses) -> Result<Option<Self>> {
        let Some(source) = source_of(scan) else {
            return Ok(None);
        };
        let mut leaves = Vec::new();
        let mut columns = HashMap::new();
        let mut pruned = false;
        for field in scan.projected_schema.fields() {
            let column = field.name();
            let Some(whole) = source.leaves().iter().find(|leaf| leaf.field.name() == field.name())
            else {
                return Ok(None);
            };
            let paths: Vec<&Vec<String>> = uses
                .paths
                .iter()
                .filter(|(used, _)| used == column)
                .map(|(_, path)| path)
                .collect();
            if whole.is_sys() || uses.whole.contains(column) || paths.is_empty() {
                leaves.push(whole.clone());
                continue;
            }
            pruned = true;
            for path in paths {
                let Some(leaf) = leaf_below(whole, path) else {
                    return Ok(None);
                };
                let name = leaf.field.name().clone();
                if columns.insert((column.clone(), path.clone()), name).is_none() {
                    leaves.push(leaf);
                }
            }
        }
        let Some(source) = source.with_leaves(leaves).filter(|_| pruned) else {
            return Ok(None);
        };
        Ok(Some(Self { base: pruned_scan(scan, source)?, columns }))
    }

    /// Rebuilds the plan from the base up.
    fn apply(&self, plan: &LogicalPlan) -> Result<LogicalPlan> {
        if matches!(plan, LogicalPlan::TableScan(_) | LogicalPlan::Join(_)) {
            return Ok(self.base.clone());
        }
        let keeps_names = matches!(
            plan,
            LogicalPlan::Projection(_) | LogicalPlan::Aggregate(_) | LogicalPlan::Window(_)
        );
        let mut inputs = Vec::new();
        for input in plan.inputs() {
            inputs.push(self.apply(input)?);
        }
        let mut expressions = Vec::new();
        for expr in plan.expressions() {
            if let Some(leaves) = self.passed_on(plan, &expr) {
                expressions.extend(leaves);
                continue;
            }
            let rewritten = self.rewrite(expr.clone())?;
            let renamed = keeps_names
                && rewritten.schema_name().to_string() != expr.schema_name().to_string();
            expressions.push(if renamed {
                let (relation, name) = expr.qualified_name();
                rewritten.alias_qualified(relation, name)
            } else {
                rewritten
            });
        }
        plan.with_new_exprs(expressions, inputs)
    }

    /// The leaves of a column that a projection in between passes on.
    fn passed_on(&self, plan: &LogicalPlan, expr: &Expr) -> Option<Vec<Expr>> {
        let (LogicalPlan::Projection(_), Expr::Column(column)) = (plan, expr) else { return None };
        let mut leaves: Vec<&String> = (self.columns.iter())
            .filter(|((whole, _), _)| *whole == column.name)
            .map(|(_, leaf)| leaf)
            .collect();
        leaves.sort_unstable();
        let column = |leaf: &String| Expr::Column(Column::new(column.relation.clone(), leaf));
        (!leaves.is_empty()).then(|| leaves.into_iter().map(column).collect())
    }

    fn rewrite(&self, expr: Expr) -> Result<Expr> {
        let rewritten = expr.transform_down(|expr| {
            let Some((column, steps)) = as_path(&expr) else {
                return Ok(Transformed::no(expr));
            };
            match self.columns.get(&(column.name, steps)) {
                Some(leaf) => {
                    let leaf = Expr::Column(Column::new(column.relation, leaf));
                    Ok(Transformed::new(leaf, true, TreeNodeRecursion::Jump))
                }
                None => Ok(Transformed::no(expr)),
            }
        })?;
        Ok(rewritten.data)
    }
}

fn leaf_below(whole: &Leaf, path: &[String]) -> Option<Leaf> {
    let mut found: FieldRef = Arc::clone(&whole.field);
    let mut nullable = found.is_nullable();
    for step in path {
        let DataType::Struct(fields) = found.data_type() else {
            return None;
        };
        let (_, child) = fields.find(step)?;
        nullable |= child.is_nullable();
        found = Arc::clone(child);
    }
    let steps: Vec<String> = whole.path.iter().chain(path).cloned().collect();
    let name = steps.join(".");
    let field: Field = found.as_ref().clone().with_name(name).with_nullable(nullable);
    Some(Leaf { path: steps, field: Arc::new(field) })
}

fn pruned_scan(scan: &TableScan, source: Arc<dyn Source>) -> Result<LogicalPlan> {
    let name: TableReference = scan.table_name.clone();
    let table = as_table(source);
    Ok(LogicalPlan::TableScan(TableScan::try_new(name, table, None, vec![], scan.fetch)?))
}
