//! `select`: keeps columns and parts of models.

use std::sync::Arc;

use arrow::datatypes::{DataType, FieldRef};
use datafusion::common::Column;
use datafusion::functions::core::expr_fn::get_field;
use datafusion::logical_expr::Expr as PlanExpr;

use crate::expr::Resolver;
use crate::functions::{Nulls, pack_struct, prune_struct};
use crate::model::part_of;
use crate::sys::SYS;
use crate::{Chain, Result};

impl Chain {
    /// Keeps the columns that the paths name, in their order. A path into a struct keeps that part of it.
    ///
    /// # Errors
    /// An unknown column.
    pub fn select(&self, paths: &[String]) -> Result<Self> {
        let mut chosen = one_a_root(&self.resolver(), paths)?;
        if !chosen.iter().any(|column| column.qualified_name().1 == SYS) {
            chosen.extend(self.sys_column());
        }
        self.project(chosen)
    }

    pub(super) fn sys_column(&self) -> Option<PlanExpr> {
        let mut columns = self.plan().schema().iter();
        let (qualifier, field) = columns.find(|(_, field)| field.name() == SYS)?;
        Some(PlanExpr::Column(Column::from((qualifier, field))))
    }
}

/// One expression for each root column among `paths`, in the order of first mention.
fn one_a_root(resolver: &Resolver<'_>, paths: &[String]) -> Result<Vec<PlanExpr>> {
    let mut roots: Vec<(String, Vec<Vec<String>>)> = Vec::new();
    for path in paths {
        let steps = resolver.steps(path)?;
        let (root, rest) = (steps[0].clone(), steps[1..].to_vec());
        match roots.iter_mut().find(|(known, _)| *known == root) {
            Some((_, kept)) => kept.push(rest),
            None => roots.push((root, vec![rest])),
        }
    }
    let column = |(root, kept): (String, Vec<Vec<String>>)| {
        let (expr, field) = resolver.path(&root)?;
        if kept.iter().any(Vec::is_empty) {
            return Ok(expr);
        }
        let part = part_of(&field, &kept);
        Ok(if part == field { expr } else { kept_of(expr, &field, &part).alias(root) })
    };
    roots.into_iter().map(column).collect()
}

/// What is kept of a model: its fields one by one where it is always there, so that the others need not be read.
fn kept_of(model: PlanExpr, field: &FieldRef, kept: &FieldRef) -> PlanExpr {
    if field == kept {
        return model;
    }
    let (DataType::Struct(fields), DataType::Struct(parts), false) =
        (field.data_type(), kept.data_type(), field.is_nullable())
    else {
        return prune_struct(model, Arc::clone(kept));
    };
    let parts = parts.iter().map(|part| {
        let value = get_field(model.clone(), part.name().clone());
        match fields.find(part.name()) {
            Some((_, field)) => kept_of(value, field, part),
            None => value,
        }
    });
    pack_struct(parts.collect(), Arc::clone(kept), Nulls::Nowhere)
}
