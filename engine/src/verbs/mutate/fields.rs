//! Fields of models that get other values.

use std::sync::Arc;

use arrow::array::Array;
use arrow::datatypes::{DataType, Field, FieldRef};
use datafusion::common::ScalarValue;
use datafusion::functions::core::expr_fn::get_field;
use datafusion::logical_expr::{Expr as PlanExpr, ExprSchemable, lit};

use crate::expr::{Resolver, shared_field};
use crate::functions::{Nulls, pack_struct};
use crate::kind::kind_name;
use crate::model::TYPE_KEY;
use crate::sys::SYS;
use crate::verbs::union::converted;
use crate::{Error, Expr, NamedExpr, Result};

/// A new value and where it belongs below a model.
struct Change {
    path: Vec<String>,
    value: PlanExpr,
    field: FieldRef,
}

/// Whether a name is that of a field, or of one that a model does not have.
pub(super) fn is_path(resolver: &Resolver<'_>, name: &str) -> bool {
    let root = name.find('.').into_iter().chain(name.find("__")).min();
    let root = root.map_or("", |end| &name[..end]);
    let is_model = |root: &str| {
        resolver.path(root).is_ok_and(|(_, field)| matches!(field.data_type(), DataType::Struct(_)))
    };
    !resolver.is_column(name) && root != SYS && (is_model(root) || resolver.steps(name).is_ok())
}

/// The models with some of their fields replaced, by name. A null model stays null.
pub(super) fn replaced(
    resolver: &Resolver<'_>,
    changes: &[&NamedExpr],
) -> Result<Vec<(String, PlanExpr)>> {
    let mut roots: Vec<(String, Vec<Change>)> = Vec::new();
    for NamedExpr { name, expr } in changes {
        let mut path = resolver.steps(name)?;
        let root = path.remove(0);
        let value = match expr {
            // A missing value is of any type.
            Expr::Literal(value) if value.is_null(0) => lit(ScalarValue::Null),
            expr => resolver.resolve(expr)?,
        };
        let present = own_field(&resolver.path(&root)?.1, &path);
        let (_, given) = value.to_field(resolver.schema())?;
        let field = fitting(name, &present, &given)?;
        let change = Change { path, value: converted(value, &given, &field), field };
        match roots.iter_mut().find(|(known, _)| *known == root) {
            Some((_, changes)) => changes.push(change),
            None => roots.push((root, vec![change])),
        }
    }
    let model = |(root, changes): (String, Vec<Change>)| {
        let (model, field) = resolver.path(&root)?;
        let changes: Vec<_> = changes.iter().map(|change| (&change.path[..], change)).collect();
        Ok((root, changed(&model, &field, &changes, false)?.0))
    };
    roots.into_iter().map(model).collect()
}

/// The field at a path below another, of which only it says whether it may be null.
fn own_field(above: &FieldRef, path: &[String]) -> FieldRef {
    let DataType::Struct(children) = above.data_type() else {
        return Arc::clone(above);
    };
    let next = path.split_first().and_then(|(step, rest)| Some((children.find(step)?.1, rest)));
    next.map_or_else(|| Arc::clone(above), |(child, rest)| own_field(child, rest))
}

/// The field with the values that it is given, whose type may not be another one.
fn fitting(name: &str, present: &Field, given: &Field) -> Result<FieldRef> {
    let same = present.clone().with_nullable(present.is_nullable() || given.is_nullable());
    if given.data_type().is_null() && !present.is_nullable() {
        let reason = format!("its field `{name}` is never missing");
        return Err(Error::InvalidExpression { expression: "None".to_owned(), reason });
    }
    // What a plain value means is for the field to say.
    let given = match given.metadata().contains_key(TYPE_KEY) {
        true => given.clone(),
        false => given.clone().with_metadata(present.metadata().clone()),
    };
    let shared = shared_field(present, &given);
    if shared.is_some_and(|shared| shared.data_type() == present.data_type()) {
        return Ok(Arc::new(same));
    }
    let (from, to) = (kind_name(given.data_type()), kind_name(present.data_type()));
    Err(Error::InvalidExpression {
        expression: name.to_owned(),
        reason: format!("a field keeps its type, {to}; this is {from}; hint: `cast()` converts"),
    })
}

/// The model with the changes in it. Below an optional model a part is null where that is, whatever its own field says.
fn changed(
    model: &PlanExpr,
    field: &FieldRef,
    changes: &[(&[String], &Change)],
    is_below_optional: bool,
) -> Result<(PlanExpr, FieldRef)> {
    if let Some((_, change)) = changes.iter().rfind(|(path, _)| path.is_empty()) {
        let field = change.field.as_ref().clone().with_name(field.name());
        return Ok((change.value.clone(), Arc::new(field)));
    }
    let DataType::Struct(children) = field.data_type() else {
        return Ok((model.clone(), Arc::clone(field)));
    };
    let is_optional = is_below_optional || field.is_nullable();
    let (mut values, mut fields) = (Vec::new(), Vec::new());
    for child in children {
        let below = changes.iter().filter(|(path, _)| path[0] == *child.name());
        let below: Vec<_> = below.map(|(path, change)| (&path[1..], *change)).collect();
        let value = get_field(model.clone(), child.name().clone());
        let (value, child) = match below.as_slice() {
            [] => (value, Arc::clone(child)),
            below => changed(&value, child, below, is_optional)?,
        };
        values.push(value);
        fields.push(child);
    }
    let packed = field.as_ref().clone().with_data_type(DataType::Struct(fields.into()));
    let packed = Arc::new(packed);
    let nulls = match is_optional {
        true => Nulls::Told(model.clone().is_null()),
        false => Nulls::Nowhere,
    };
    Ok((pack_struct(values, Arc::clone(&packed), nulls), packed))
}
