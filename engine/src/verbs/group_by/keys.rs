//! [`GroupKeys`]: leaves are grouped, and packed again into their models afterwards.

use std::sync::Arc;

use arrow::datatypes::{DataType, FieldRef};
use datafusion::common::Column;
use datafusion::logical_expr::Expr as PlanExpr;

use super::check_new_name;
use crate::expr::Resolver;
use crate::functions::{Nulls, pack_struct};
use crate::model::part_of;
use crate::{Error, Expr, NamedExpr, Result};

/// The keys of a `group_by`.
pub(super) struct GroupKeys {
    groups: Vec<PlanExpr>,
    roots: Vec<Root>,
}

enum Root {
    Plain(Column),
    /// The root column and the group columns that make it up.
    Model(FieldRef, Vec<Part>),
    /// A model under a name of its own, which takes no parts of others.
    Labelled(FieldRef, Vec<Part>),
}

/// A group column that a model is made of.
#[derive(Clone, PartialEq)]
struct Part {
    /// Where it belongs, below the model.
    path: Vec<String>,
    told: Told,
    column: Column,
}

/// What a group column tells of a place in a model.
#[derive(Clone, Copy, PartialEq)]
enum Told {
    /// The leaf's value.
    Value,
    /// Whether the model there is null, which differs from one whose fields are all null.
    IsNull,
}

impl GroupKeys {
    pub(super) fn try_new(resolver: &Resolver<'_>, keys: &[NamedExpr]) -> Result<Self> {
        let mut found = Self { groups: Vec::new(), roots: Vec::new() };
        for key in keys {
            match &key.expr {
                Expr::Column(path) if *path == key.name => found.add_path(resolver, path)?,
                Expr::Column(path) => found.add_labelled(resolver, path, &key.name)?,
                expr => {
                    check_new_name(&key.name)?;
                    found.add_plain(resolver.resolve(expr)?, &key.name)?;
                }
            }
        }
        Ok(found)
    }

    /// A key that is no part of a model. The same key twice is one.
    fn add_plain(&mut self, value: PlanExpr, name: &str) -> Result<()> {
        let group = value.alias(name);
        if self.groups.contains(&group) {
            return Ok(());
        }
        self.check_free(name)?;
        self.groups.push(group);
        self.roots.push(Root::Plain(Column::new_unqualified(name)));
        Ok(())
    }

    fn add_labelled(&mut self, resolver: &Resolver<'_>, path: &str, label: &str) -> Result<()> {
        check_new_name(label)?;
        let (value, field) = resolver.path(path)?;
        if !matches!(field.data_type(), DataType::Struct(_)) {
            return self.add_plain(value, label);
        }
        self.check_free(label)?;
        let mut places = Vec::new();
        places_below(&[], &field, &mut places);
        let mut parts = Vec::with_capacity(places.len());
        for (below, told) in places {
            let steps = |root: &str| [&[root.to_owned()], below.as_slice()].concat();
            let (value, name) = told.group(resolver, &steps(path), &steps(label))?;
            self.groups.push(value.alias(&name));
            parts.push(Part { path: below, told, column: Column::new_unqualified(name) });
        }
        let field = Arc::new(field.as_ref().clone().with_name(label));
        self.roots.push(Root::Labelled(field, parts));
        Ok(())
    }

    fn add_path(&mut self, resolver: &Resolver<'_>, path: &str) -> Result<()> {
        let (_, field) = resolver.path(path)?;
        let steps = resolver.steps(path)?;
        let mut places = Vec::new();
        places_below(&steps, &field, &mut places);
        for (place, told) in places {
            let (group, name) = told.group(resolver, &place, &place)?;
            if place.len() == 1 && told == Told::Value {
                self.add_plain(group, &name)?;
                continue;
            }
            let (_, root) = resolver.path(&place[0])?;
            let known = self.roots.iter_mut().find_map(|known| match known {
                Root::Model(field, parts) if field.name() == root.name() => Some(parts),
                _ => None,
            });
            let column = Column::new_unqualified(&name);
            let part = Part { path: place[1..].to_vec(), told, column };
            match known {
                Some(parts) if parts.contains(&part) => continue,
                Some(parts) => parts.push(part),
                None => {
                    self.check_free(root.name())?;
                    self.roots.push(Root::Model(root, vec![part]));
                }
            }
            self.groups.push(group.alias(&name));
        }
        Ok(())
    }

    fn check_free(&self, name: &str) -> Result<()> {
        let taken = self.roots.iter().any(|root| match root {
            Root::Plain(column) => column.name == name,
            Root::Model(field, _) | Root::Labelled(field, _) => field.name() == name,
        });
        if !taken {
            return Ok(());
        }
        Err(Error::InvalidArgument {
            argument: "partition_by",
            given: name.to_owned(),
            accepted: "two different keys have this name; `label()` gives one of them another"
                .to_owned(),
        })
    }

    pub(super) fn groups(&self) -> Vec<PlanExpr> {
        self.groups.clone()
    }

    /// The key columns of the result, over the aggregate's output.
    pub(super) fn outputs(&self) -> Result<Vec<PlanExpr>> {
        let output = |root: &Root| match root {
            Root::Plain(column) => Ok(PlanExpr::Column(column.clone())),
            Root::Model(field, parts) | Root::Labelled(field, parts) => {
                Ok(packed(field, parts)?.0.alias(field.name()))
            }
        };
        self.roots.iter().map(output).collect()
    }
}

impl Told {
    /// The group column for a place, and its name when the place is called `named`.
    fn group(
        self,
        resolver: &Resolver<'_>,
        place: &[String],
        named: &[String],
    ) -> Result<(PlanExpr, String)> {
        let (value, name) = (resolver.path(&place.join("."))?.0, named.join("."));
        Ok(match self {
            Self::Value => (value, name),
            Self::IsNull => (value.is_null(), format!("{name} is null")),
        })
    }
}

/// The leaves below a field, and before them the models that may be null.
fn places_below(steps: &[String], field: &FieldRef, places: &mut Vec<(Vec<String>, Told)>) {
    let DataType::Struct(children) = field.data_type() else {
        places.push((steps.to_vec(), Told::Value));
        return;
    };
    if field.is_nullable() {
        places.push((steps.to_vec(), Told::IsNull));
    }
    for child in children {
        let below: Vec<String> = steps.iter().chain([child.name()]).cloned().collect();
        places_below(&below, child, places);
    }
}

/// A model of `field`'s type from its group columns, and the field that it has: all parts may be null.
fn packed(field: &FieldRef, parts: &[Part]) -> Result<(PlanExpr, FieldRef)> {
    let (own, below): (Vec<&Part>, Vec<&Part>) =
        parts.iter().partition(|part| part.path.is_empty());
    let kept = below.iter().filter(|part| part.told == Told::Value).map(|part| part.path.clone());
    let model = part_of(field, &kept.collect::<Vec<_>>());
    let DataType::Struct(children) = model.data_type() else {
        return Err(Error::internal(format!("`{}` is no model", field.name())));
    };
    let mut values = Vec::with_capacity(children.len());
    let mut fields: Vec<FieldRef> = Vec::with_capacity(children.len());
    for child in children {
        let inner = below.iter().filter(|part| part.path[0] == *child.name());
        let inner: Vec<Part> =
            inner.map(|part| Part { path: part.path[1..].to_vec(), ..Part::clone(part) }).collect();
        match inner.as_slice() {
            [Part { path, told: Told::Value, column }] if path.is_empty() => {
                values.push(PlanExpr::Column(column.clone()));
                fields.push(Arc::new(child.as_ref().clone().with_nullable(true)));
            }
            _ => {
                let (value, field) = packed(child, &inner)?;
                values.push(value);
                fields.push(field);
            }
        }
    }
    let model = model.as_ref().clone().with_data_type(DataType::Struct(fields.into()));
    let model = Arc::new(model.with_nullable(true));
    let nulls = match own.first() {
        Some(part) => Nulls::Told(PlanExpr::Column(part.column.clone())),
        None if field.is_nullable() => Nulls::WhereEmpty,
        None => Nulls::Nowhere,
    };
    Ok((pack_struct(values, Arc::clone(&model), nulls), model))
}
