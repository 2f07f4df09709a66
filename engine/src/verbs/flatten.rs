//! `flatten`: the fields of models become columns.

use arrow::datatypes::{DataType, FieldRef};
use datafusion::functions::core::expr_fn::get_field;
use datafusion::logical_expr::Expr as PlanExpr;

use crate::{Chain, Error, Result};

impl Chain {
    /// The leaves of models as columns of their own, whose names are those of the path with `separator` between them.
    ///
    /// # Errors
    /// [`Error::ColumnExists`] when two columns would have one name.
    pub fn flatten(&self, separator: &str) -> Result<Self> {
        let mut leaves: Vec<(String, PlanExpr)> = Vec::new();
        for (column, field) in self.own_columns() {
            add_leaves(&mut leaves, column, field.name().clone(), &field, separator);
        }
        let mut columns = Vec::new();
        for (at, (name, leaf)) in leaves.iter().enumerate() {
            if leaves[..at].iter().any(|(other, _)| other == name) {
                return Err(Error::ColumnExists { name: name.clone() });
            }
            columns.push(leaf.clone().alias(name));
        }
        columns.extend(self.sys_column());
        self.project(columns)
    }
}

fn add_leaves(
    leaves: &mut Vec<(String, PlanExpr)>,
    value: PlanExpr,
    name: String,
    field: &FieldRef,
    separator: &str,
) {
    let DataType::Struct(fields) = field.data_type() else {
        leaves.push((name, value));
        return;
    };
    for field in fields {
        let inner = get_field(value.clone(), field.name().as_str());
        add_leaves(leaves, inner, format!("{name}{separator}{}", field.name()), field, separator);
    }
}
