//! `shaped`: columns of a table under the names and types that users see, fields of models put together.

use std::slice::Iter;

use arrow::datatypes::{DataType, FieldRef};
use datafusion::common::Column;
use datafusion::functions::core::expr_fn::get_field;
use datafusion::logical_expr::{Cast, Expr as PlanExpr, Operator, binary_expr, lit};

use crate::functions::{Nulls, pack_struct, with_meaning};
use crate::model::TYPE_KEY;
use crate::{Chain, Error, Result};

/// A column, and the paths to what its leaves are made of, in order.
///
/// A model that may be missing has a path before those of its fields: to the model itself, or to a number that is 0
/// where it is there; an empty path says that it is there with any of its fields.
#[derive(Clone, Debug)]
pub struct Shaped {
    /// Its name.
    pub name: String,
    /// What it becomes; what it is by default.
    pub field: Option<FieldRef>,
    /// The paths.
    pub parts: Vec<Vec<String>>,
}

impl Chain {
    /// The chain of these columns and no others.
    ///
    /// # Errors
    /// [`Error::UnknownColumn`] for a path that leads nowhere.
    pub fn shaped(&self, columns: &[Shaped]) -> Result<Self> {
        let step = format!("step#{}", self.session().next_number());
        let made = |column: &Shaped| {
            let mut parts = column.parts.iter();
            let made = match &column.field {
                Some(field) => self.shape(field, &mut parts)?,
                None => self.at(parts.next().map_or(&[], Vec::as_slice))?.0,
            };
            Ok(made.alias_qualified(Some(step.clone()), &column.name))
        };
        self.project(columns.iter().map(made).collect::<Result<Vec<_>>>()?)
    }

    fn shape(&self, field: &FieldRef, parts: &mut Iter<'_, Vec<String>>) -> Result<PlanExpr> {
        let is_model =
            field.metadata().get(TYPE_KEY).is_some_and(|kind| kind.starts_with("model:"));
        match field.data_type() {
            DataType::Struct(fields) if is_model => {
                let nulls = match field.is_nullable().then(|| parts.next()).flatten() {
                    None => Nulls::Nowhere,
                    Some(path) if path.is_empty() => Nulls::WhereEmpty,
                    Some(path) => Nulls::Told(match self.at(path)? {
                        (model, DataType::Struct(_)) => model.is_null(),
                        (tag, _) => binary_expr(tag, Operator::IsDistinctFrom, lit(0_i64)),
                    }),
                };
                let fields = fields.iter().map(|field| self.shape(field, parts));
                Ok(pack_struct(fields.collect::<Result<_>>()?, FieldRef::clone(field), nulls))
            }
            kind => {
                let Some(path) = parts.next() else {
                    return Err(Error::internal(format!("nothing for field {}", field.name())));
                };
                let (value, found) = self.at(path)?;
                let value = match found == *kind {
                    true => value,
                    false => PlanExpr::Cast(Cast::new(Box::new(value), kind.clone())),
                };
                Ok(with_meaning(value, field.metadata()))
            }
        }
    }

    /// What a path leads to, and its type.
    fn at(&self, path: &[String]) -> Result<(PlanExpr, DataType)> {
        let unknown = || Error::UnknownColumn { name: path.join("."), near: vec![], known: vec![] };
        let (column, below) = path.split_first().ok_or_else(unknown)?;
        let found = self.plan().schema().iter().find(|(_, field)| field.name() == column);
        let (qualifier, field) = found.ok_or_else(unknown)?;
        let mut value = PlanExpr::Column(Column::from((qualifier, field)));
        let mut kind = field.data_type().clone();
        for step in below {
            let DataType::Struct(fields) = &kind else { return Err(unknown()) };
            let (_, field) = fields.find(step).ok_or_else(unknown)?;
            let next = field.data_type().clone();
            value = get_field(value, step.clone());
            kind = next;
        }
        Ok((value, kind))
    }
}
