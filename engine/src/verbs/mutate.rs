//! `mutate`: adds columns, replaces and renames them, or fields of models.

mod fields;

use datafusion::common::{Column, DFSchema};
use datafusion::logical_expr::Expr as PlanExpr;

use super::new_names::check_new_name;
use crate::expr::Resolver;
use crate::sys::SYS;
use crate::{Chain, Error, Expr, NamedExpr, Result};

impl Chain {
    /// Adds columns, or replaces those whose names are taken. A new name for a plain column renames it. A path to a field
    /// gives it other values of its type.
    ///
    /// # Errors
    /// An unknown column or field, or a value of another type than its field.
    pub fn mutate(&self, columns: &[NamedExpr]) -> Result<Self> {
        let step = self.session().next_number();
        let resolver = self.resolver().over_windows();
        self.project(all_columns(&resolver, self.plan().schema(), columns, step)?)
    }
}

/// All columns after some were added, replaced or renamed. Every value reads the columns as they were.
///
/// `step` is unique in the session. WHY: DataFusion drops a projection that equals the one below it, although applying
/// `x + 1` twice is not applying it once; a qualifier of its own makes every step different.
fn all_columns(
    resolver: &Resolver<'_>,
    schema: &DFSchema,
    changes: &[NamedExpr],
    step: u64,
) -> Result<Vec<PlanExpr>> {
    let (paths, changes): (Vec<_>, Vec<_>) =
        changes.iter().partition(|change| fields::is_path(resolver, &change.name));
    let models = fields::replaced(resolver, &paths)?;
    let mut values: Vec<(String, PlanExpr)> = Vec::with_capacity(changes.len());
    for change in &changes {
        check_new_name(&change.name)?;
        if models.iter().any(|(model, _)| *model == change.name) {
            return Err(Error::ColumnExists { name: change.name.clone() });
        }
        values.push((change.name.clone(), resolver.resolve(&change.expr)?));
    }
    let replaced: Vec<String> = models.iter().map(|(model, _)| model.clone()).collect();
    values.extend(models);
    let mut value_of = |name: &str| {
        let at = values.iter().rposition(|(changed, _)| *changed == name)?;
        let (name, value) = values.remove(at);
        Some(value.alias_qualified(Some(format!("step#{step}")), name))
    };
    let mut columns = Vec::with_capacity(schema.fields().len() + changes.len());
    for (qualifier, field) in schema.iter() {
        let name = field.name();
        let renamed = changes.iter().find(|change| {
            matches!(&change.expr, Expr::Column(old) if old == name && *old != change.name)
        });
        let is_redefined =
            changes.iter().any(|change| change.name == *name) || replaced.contains(name);
        match renamed {
            _ if is_redefined => columns.extend(value_of(name)),
            Some(change) if !resolver.is_column(&change.name) => {
                columns.extend(value_of(&change.name))
            }
            Some(_) => {}
            None => columns.push(PlanExpr::Column(Column::from((qualifier, field)))),
        }
    }
    for change in &changes {
        columns.extend(value_of(&change.name));
    }
    // `sys` stays last.
    columns.sort_by_key(|column| matches!(column, PlanExpr::Column(column) if column.name == SYS));
    Ok(columns)
}
