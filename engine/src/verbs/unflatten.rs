//! `unflatten`: columns of a file become the models that they were.

use arrow::datatypes::{DataType, Field, FieldRef, Fields};
use datafusion::logical_expr::Expr as PlanExpr;

use crate::export::tag_of;
use crate::functions::unflatten;
use crate::{Chain, Result};

impl Chain {
    /// The columns that fields of models and others were written as, again as these; what there is beside them stays.
    /// When one is missing, nothing is changed: the columns are others than those that were written.
    ///
    /// # Errors
    /// None that a caller can cause.
    pub fn unflatten(&self, fields: &[FieldRef]) -> Result<Self> {
        let known = self.own_columns();
        let mut found = Found { known: &known, used: vec![], leaves: vec![], tagged: vec![] };
        let mut columns = Vec::new();
        for field in fields {
            (found.leaves, found.tagged) = (vec![], vec![]);
            if !found.add(field, field.name(), &mut 0) {
                return Ok(self.clone());
            }
            let same = |(_, known): &&(PlanExpr, FieldRef)| known == field;
            let (leaves, tagged) = (found.leaves.clone(), found.tagged.clone());
            columns.push(match known.iter().find(same) {
                Some((column, _)) => column.clone(),
                None => unflatten(leaves, as_read(field), tagged).alias(field.name()),
            });
        }
        let rest = known.iter().filter(|(_, field)| !found.used.contains(field.name()));
        columns.extend(rest.map(|(column, _)| column.clone()));
        self.project(columns)
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
fn as_read(field: &FieldRef) -> FieldRef {
    nulls_shown(field, false)
}

fn nulls_shown(field: &FieldRef, above: bool) -> FieldRef {
    let nullable = above || field.is_nullable();
    let shown = Field::clone(field).with_nullable(nullable);
    let DataType::Struct(fields) = field.data_type() else {
        return shown.into();
    };
    let fields: Fields = fields.iter().map(|field| nulls_shown(field, nullable)).collect();
    shown.with_data_type(DataType::Struct(fields)).into()
}
