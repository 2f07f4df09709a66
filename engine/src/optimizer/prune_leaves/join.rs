//! Joins: what is read above of a struct column of one side are paths into it, so the side gives these.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use arrow::datatypes::{DataType, Field};
use datafusion::common::{Column, TableReference};
use datafusion::error::Result;
use datafusion::functions::core::expr_fn::get_field;
use datafusion::logical_expr::{Expr, LogicalPlan, Projection};

use super::{Pruned, Uses};

/// The join of sides that give leaves; `None` if nothing above reads any.
pub(super) fn pruned(join: &LogicalPlan, uses: &Uses) -> Result<Option<Pruned>> {
    let sides = join.inputs();
    let all = || sides.iter().flat_map(|side| side.schema().fields().iter());
    let (mut names, mut whole) = (HashSet::new(), HashSet::new());
    whole.extend(uses.whole.iter().map(String::as_str));
    // A name on both sides does not tell which is meant.
    whole.extend(all().map(|field| field.name().as_str()).filter(|name| !names.insert(*name)));
    let mut columns = HashMap::new();
    for field in all() {
        if !whole.contains(field.name().as_str()) {
            let paths = uses.paths.iter().filter(|(column, _)| column == field.name());
            let paths: Vec<_> = paths.cloned().collect();
            if paths.iter().all(|(_, path)| has_path(field, path)) {
                columns.extend(paths.into_iter().map(|used| {
                    let leaf = format!("{}.{}", used.0, used.1.join("."));
                    (used, leaf)
                }));
            }
        }
    }
    if columns.is_empty() || columns.values().any(|leaf: &String| names.contains(leaf.as_str())) {
        return Ok(None);
    }
    let mut inputs = Vec::new();
    for side in &sides {
        inputs.push(narrowed(side, &columns)?);
    }
    let mut pruned = Pruned { base: join.clone(), columns };
    let exprs = join.expressions().into_iter().map(|expr| pruned.rewrite(expr));
    pruned.base = join.with_new_exprs(exprs.collect::<Result<_>>()?, inputs)?;
    Ok(Some(pruned))
}

fn has_path(field: &Arc<Field>, path: &[String]) -> bool {
    let mut found = field;
    for step in path {
        let DataType::Struct(fields) = found.data_type() else { return false };
        let Some((_, child)) = fields.find(step) else { return false };
        found = child;
    }
    true
}

type Leaves = HashMap<(String, Vec<String>), String>;

/// The side with leaves in place of the columns that they are in.
fn narrowed(side: &LogicalPlan, leaves: &Leaves) -> Result<LogicalPlan> {
    let has_leaves = |name: &str| leaves.keys().any(|(column, _)| column == name);
    if !side.schema().fields().iter().any(|field| has_leaves(field.name())) {
        return Ok(side.clone());
    }
    let (given, input) = match side {
        LogicalPlan::Projection(projection) => {
            (projection.expr.clone(), Arc::clone(&projection.input))
        }
        side => {
            let columns = side.schema().iter().map(|column| Expr::Column(Column::from(column)));
            (columns.collect(), Arc::new(side.clone()))
        }
    };
    let mut exprs = Vec::new();
    for expr in given {
        let (relation, name) = expr.qualified_name();
        match has_leaves(&name) {
            true => exprs.extend(leaves_of(&expr, relation.as_ref(), &name, leaves)),
            false => exprs.push(expr),
        }
    }
    Ok(LogicalPlan::Projection(Projection::try_new(exprs, input)?))
}

fn leaves_of(
    expr: &Expr,
    relation: Option<&TableReference>,
    name: &str,
    leaves: &Leaves,
) -> Vec<Expr> {
    let value = expr.clone().unalias();
    let mut own: Vec<_> = leaves.iter().filter(|((column, _), _)| column == name).collect();
    own.sort_unstable_by_key(|(_, leaf)| *leaf);
    let own = own.into_iter().map(|((_, path), leaf)| {
        let inner = path.iter().fold(value.clone(), |value, step| get_field(value, step.clone()));
        inner.alias_qualified(relation.cloned(), leaf)
    });
    own.collect()
}
