//! What verbs that join two chains have in common: each chain is a [`Side`], with keys that [`key_pairs`] and
//! [`leaf_pairs`] resolve.

use std::collections::HashMap;
use std::sync::Arc;

use arrow::datatypes::{DataType, FieldRef};
use datafusion::common::{Column, JoinConstraint, JoinType, NullEquality, TableReference};
use datafusion::functions::core::expr_fn::get_field;
use datafusion::logical_expr::{
    Expr as PlanExpr, ExprSchemable, Join, LogicalPlan, LogicalPlanBuilder, lit,
};

use crate::expr::are_comparable;
use crate::kind::kind_name;
use crate::{Chain, Error, Expr, Result};

/// A key of the left rows and the one of the right rows that it is compared with.
pub(super) type Pair = (PlanExpr, PlanExpr);

/// One of two plans that are joined: its columns are those of a table of its own, whatever they come from.
pub(super) struct Side {
    input: LogicalPlan,
    table: TableReference,
    columns: Vec<PlanExpr>,
    /// Which column a value is.
    known: HashMap<PlanExpr, PlanExpr>,
}

impl Side {
    /// A side without columns over the rows of a plan.
    pub(super) fn new(chain: &Chain, input: LogicalPlan) -> Self {
        let table = TableReference::bare(format!("side#{}", chain.session().next_number()));
        Self { input, table, columns: Vec::new(), known: HashMap::new() }
    }

    /// The column that holds the value; a new one of this name unless there is one.
    pub(super) fn add(&mut self, value: PlanExpr, name: &str) -> PlanExpr {
        if let Some(known) = self.known.get(&value) {
            return known.clone();
        }
        let column = PlanExpr::Column(Column::new(Some(self.table.clone()), name));
        self.columns.push(value.clone().alias_qualified(Some(self.table.clone()), name));
        self.known.insert(value, column.clone());
        column
    }

    fn rows(self) -> Result<Arc<LogicalPlan>> {
        Ok(Arc::new(LogicalPlanBuilder::from(self.input).project(self.columns)?.build()?))
    }

    /// Adds the keys to two sides and joins them.
    pub(super) fn joined(
        mut left: Self,
        mut right: Self,
        keys: Vec<Pair>,
        kind: JoinType,
        nulls: NullEquality,
    ) -> Result<LogicalPlan> {
        let mut on = Vec::with_capacity(keys.len());
        for (at, (ours, theirs)) in keys.into_iter().enumerate() {
            let name = format!("key {at} of the side");
            on.push((left.add(ours, &name), right.add(theirs, &name)));
        }
        let (left, right) = (left.rows()?, right.rows()?);
        let constraint = JoinConstraint::On;
        let join = Join::try_new(left, right, on, None, kind, constraint, nulls, false)?;
        Ok(LogicalPlan::Join(join))
    }
}

/// The keys that rows are matched by.
pub(super) fn key_pairs(left: &Chain, right: &Chain, on: &[(Expr, Expr)]) -> Result<Vec<Pair>> {
    let pair = |(ours, theirs): &(Expr, Expr)| {
        let values = (left.resolver().resolve(ours)?, right.resolver().resolve(theirs)?);
        let kinds =
            (values.0.get_type(left.plan().schema())?, values.1.get_type(right.plan().schema())?);
        for (key, kind) in [(ours, &kinds.0), (theirs, &kinds.1)] {
            if matches!(kind, DataType::Struct(_)) {
                return Err(key.invalid("it is a model; hint: name one of its fields"));
            }
        }
        check_kinds(&kinds.0, &kinds.1, || format!("{ours} == {theirs}"))?;
        Ok(values)
    };
    on.iter().map(pair).collect()
}

/// The leaves below two paths, which may be models: their fields, and whether they are null.
pub(super) fn leaf_pairs(
    left: &Chain,
    right: &Chain,
    on: &[(String, String)],
) -> Result<Vec<Pair>> {
    let mut pairs = Vec::new();
    for (ours, theirs) in on {
        let expression = || format!("{ours} == {theirs}");
        let mut others = leaves_of(right, theirs)?;
        for leaf in leaves_of(left, ours)? {
            let found = others.iter().position(|other| other.is(&leaf));
            match found.map(|at| others.remove(at)) {
                Some(other) => {
                    check_kinds(leaf.field.data_type(), other.field.data_type(), expression)?;
                    pairs.push((leaf.value, other.value));
                }
                // A model that cannot be null.
                None if leaf.is_flag => pairs.push((leaf.value, lit(false))),
                None => return Err(not_alike(expression(), &leaf)),
            }
        }
        for other in others {
            if !other.is_flag {
                return Err(not_alike(expression(), &other));
            }
            pairs.push((lit(false), other.value));
        }
    }
    Ok(pairs)
}

fn not_alike(expression: String, only: &Leaf) -> Error {
    let reason = match only.path.join(".") {
        none if none.is_empty() => "one is a model, the other is not".to_owned(),
        path => format!("only one of them has a field `{path}`"),
    };
    Error::InvalidExpression { expression, reason }
}

/// A value below a path, or whether a model there is null.
pub(super) struct Leaf {
    path: Vec<String>,
    pub(super) value: PlanExpr,
    field: FieldRef,
    is_flag: bool,
}

impl Leaf {
    fn is(&self, other: &Self) -> bool {
        self.is_flag == other.is_flag && self.path == other.path
    }
}

/// The leaves below a path, and the models that may be null.
pub(super) fn leaves_of(chain: &Chain, path: &str) -> Result<Vec<Leaf>> {
    let (value, field) = chain.resolver().path(path)?;
    let mut leaves = Vec::new();
    add_leaves(Leaf { path: Vec::new(), value, field, is_flag: false }, &mut leaves);
    Ok(leaves)
}

fn add_leaves(part: Leaf, leaves: &mut Vec<Leaf>) {
    let DataType::Struct(children) = part.field.data_type() else {
        leaves.push(part);
        return;
    };
    if part.field.is_nullable() {
        let (path, field) = (part.path.clone(), Arc::clone(&part.field));
        leaves.push(Leaf { path, value: part.value.clone().is_null(), field, is_flag: true });
    }
    for child in children {
        let path = part.path.iter().chain([child.name()]).cloned().collect();
        let value = get_field(part.value.clone(), child.name().clone());
        add_leaves(Leaf { path, value, field: Arc::clone(child), is_flag: false }, leaves);
    }
}

fn check_kinds(left: &DataType, right: &DataType, what: impl FnOnce() -> String) -> Result<()> {
    if are_comparable(left, right) {
        return Ok(());
    }
    let reason = format!(
        "{} and {} cannot be compared; hint: `cast()` converts one of them",
        kind_name(left),
        kind_name(right)
    );
    Err(Error::InvalidExpression { expression: what(), reason })
}
