//! `unflatten`: columns of a file become the models that they were.

use arrow::datatypes::{DataType, Field, FieldRef, Fields};
use datafusion::logical_expr::Expr as PlanExpr;

use crate::export::tag_of;
use crate::functions::unflatten;
use crate::{Chain, Result};

impl Chain {
    /// The columns that fields of models and others were written as, again as these, between what stands before and
    /// behind them. `None` when one is missing: the columns are others than those that were written.
    pub(crate) fn unflatten(&self, fields: &[FieldRef]) -> Result<Option<Self>> {
        let known = self.own_columns();
        let mut found = Found { known: &known, used: vec![], leaves: vec![], tagged: vec![] };
        let mut columns = Vec::new();
        for field in fields {
            (found.leaves, found.tagged) = (vec![], vec![]);
            if !found.add(field, field.name(), &mut 0) {
                return Ok(None);
            }
            let column = known.iter().find(|(_, known)| known.name() == field.name());
            columns.push(match column {
                Some((column, known)) if known == field => column.clone(),
                // What is read anew, as the file that a row is from, is not what was written.
                Some(_) if matches!(field.data_type(), DataType::Struct(_)) => continue,
                _ => {
                    let (leaves, tagged) = (found.leaves.clone(), found.tagged.clone());
                    unflatten(leaves, nulls_shown(field, false), tagged).alias(field.name())
                }
            });
        }
        let is_used = |(_, field): &(PlanExpr, FieldRef)| found.used.contains(field.name());
        let start = known.iter().position(is_used).unwrap_or(known.len());
        let (before, rest) = known.split_at(start);
        let rest = rest.iter().filter(|&column| !is_used(column));
        let kept = |(column, _): &(PlanExpr, FieldRef)| column.clone();
        let all = before.iter().map(kept).chain(columns).chain(rest.map(kept));
        self.project(all.collect()).map(Some)
    }
}

struct Found<'a> {
    known: &'a [(PlanExpr, FieldRef)],
    used: Vec<String>,
    leaves: Vec<PlanExpr>,
    tagged: Vec<usize>,
}

impl Found<'_> {
    /// Whether all columns below the path are there.
    fn add(&mut self, field: &Field, path: &str, models: &mut usize) -> bool {
        let DataType::Struct(fields) = field.data_type() else {
            return self.take(path);
        };
        let number = *models;
        *models += 1;
        if field.is_nullable() && self.take(&tag_of(path)) {
            self.tagged.push(number);
        }
        fields.iter().all(|field| self.add(field, &format!("{path}.{}", field.name()), models))
    }

    fn take(&mut self, path: &str) -> bool {
        let column = self.known.iter().find(|(_, field)| field.name() == path);
        if let Some((column, _)) = column {
            self.leaves.push(column.clone());
            self.used.push(path.to_owned());
        }
        column.is_some()
    }
}

/// The field of rows that were read: below a model that may be missing, all may be.
fn nulls_shown(field: &FieldRef, above: bool) -> FieldRef {
    let nullable = above || field.is_nullable();
    let shown = Field::clone(field).with_nullable(nullable);
    let DataType::Struct(fields) = field.data_type() else {
        return shown.into();
    };
    let fields: Fields = fields.iter().map(|field| nulls_shown(field, nullable)).collect();
    shown.with_data_type(DataType::Struct(fields)).into()
}
