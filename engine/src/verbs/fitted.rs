//! `fitted`, `rows_at`: rows that a statement adds to a version, and rows of a version by where they are.

use std::sync::Arc;

use arrow::array::AsArray;
use arrow::compute::cast;
use arrow::datatypes::{DataType, Fields, SchemaRef, UInt64Type};
use datafusion::functions::core::expr_fn::get_field;
use datafusion::logical_expr::LogicalPlanBuilder;
use futures::TryStreamExt;
use futures::future::{BoxFuture, FutureExt};

use crate::functions::{fitted, of_rows_at};
use crate::kind::{is_number, is_temporal, is_text, kind_name};
use crate::progress::Progress;
use crate::sys::SYS;
use crate::{Chain, Error, Result};

impl Chain {
    /// The columns, in order, as those of a table are: called so, of their types, with what they mean.
    ///
    /// # Errors
    /// [`Error::InvalidArgument`] when there are more or fewer, or when one holds what the table's cannot take. Values
    /// that do not fit, and nulls where there may be none, are errors of the run.
    pub fn fitted(&self, table: &SchemaRef) -> Result<Self> {
        let columns = self.own_columns();
        if columns.len() != table.fields().len() {
            let (given, wanted) = (columns.len(), table.fields().len());
            return Err(Error::InvalidArgument {
                argument: "columns",
                given: format!("{given}"),
                accepted: format!("the table has {wanted}; hint: name them behind its name"),
            });
        }
        let made = columns.into_iter().zip(table.fields()).map(|((value, field), wanted)| {
            if field.as_ref() == wanted.as_ref() {
                return Ok(value);
            }
            if !takes(wanted.data_type(), field.data_type()) {
                let (given, wanted_kind) =
                    (kind_name(field.data_type()), kind_name(wanted.data_type()));
                return Err(Error::InvalidArgument {
                    argument: "value",
                    given,
                    accepted: format!(
                        "column `{}` is {wanted_kind}; hint: CAST says that it may be converted",
                        wanted.name()
                    ),
                });
            }
            Ok(fitted(value, wanted).alias(wanted.name()))
        });
        self.project(made.collect::<Result<_>>()?)
    }

    /// Those rows of a version whose `sys.id` is one of these.
    ///
    /// # Errors
    /// None that a caller can cause.
    pub fn rows_at(&self, mut rows: Vec<u64>) -> Result<Self> {
        rows.sort_unstable();
        let (sys, _) = self.resolver().path(SYS)?;
        let there = of_rows_at(get_field(sys, "id"), &Arc::from(rows));
        self.with_plan(LogicalPlanBuilder::from(self.plan().clone()).filter(there)?.build()?)
    }

    /// The values of its columns, which hold whole numbers from 0 on.
    ///
    /// # Errors
    /// What the query fails with.
    pub fn numbers<'a>(
        &'a self,
        progress: &'a Arc<Progress>,
    ) -> BoxFuture<'a, Result<Vec<Vec<Option<u64>>>>> {
        let read = async {
            let (schema, mut rows) = self.stream(progress).await?;
            let mut found = vec![Vec::new(); schema.fields().len()];
            while let Some(batch) = rows.try_next().await? {
                for (column, values) in batch.columns().iter().zip(&mut found) {
                    let column = cast(column, &DataType::UInt64)
                        .map_err(|error| Error::internal(error.to_string()))?;
                    values.extend(column.as_primitive::<UInt64Type>().iter());
                }
            }
            Ok(found)
        };
        read.boxed()
    }
}

/// Whether a column takes values of another type without being told to convert them.
fn takes(column: &DataType, value: &DataType) -> bool {
    let is_whole = |kind: &DataType| kind.is_integer();
    match (column, value) {
        (column, value) if column == value => true,
        (_, DataType::Null) => true,
        (DataType::Dictionary(_, column), value) => takes(column, value),
        (column, DataType::Dictionary(_, value)) => takes(column, value),
        (DataType::Struct(wanted), DataType::Struct(given)) => fields_take(wanted, given),
        (
            DataType::List(wanted)
            | DataType::LargeList(wanted)
            | DataType::FixedSizeList(wanted, _),
            DataType::List(given) | DataType::LargeList(given) | DataType::FixedSizeList(given, _),
        ) => takes(wanted.data_type(), given.data_type()),
        (DataType::Timestamp(..), DataType::Date32 | DataType::Date64) => true,
        (DataType::Timestamp(..), DataType::Timestamp(..)) => true,
        (column, value) if is_whole(column) => is_whole(value),
        (column, value) if is_number(column) => is_number(value),
        (column, value) if is_text(value) => {
            is_text(column) || (is_temporal(column) && !matches!(column, DataType::Duration(_)))
        }
        (column, value) if column.is_binary() => value.is_binary(),
        _ => false,
    }
}

/// A model takes another that has no fields beside its own.
fn fields_take(wanted: &Fields, given: &Fields) -> bool {
    let fits = wanted.iter().all(|field| match given.find(field.name()) {
        Some((_, found)) => takes(field.data_type(), found.data_type()),
        None => field.is_nullable(),
    });
    fits && given.iter().all(|field| wanted.find(field.name()).is_some())
}
