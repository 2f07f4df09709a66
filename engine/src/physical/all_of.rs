//! [`AllOf`]: conditions that are looked at all at once.
//!
//! The query engine's `AND` stops to take the rows for which its left side is true out of the whole batch, and puts the
//! results for them back one by one. For comparisons of numbers that costs more than to compare all rows.

use std::any::type_name;
use std::fmt;
use std::sync::Arc;

use arrow::array::{Array, BooleanArray, RecordBatch};
use arrow::compute::and_kleene;
use arrow::datatypes::{DataType, Field, FieldRef, Schema};
use datafusion::common::cast::as_boolean_array;
use datafusion::common::{Result, internal_err};
use datafusion::logical_expr::ColumnarValue;
use datafusion::physical_expr::PhysicalExpr;

/// True where all terms are; none of them can fail.
#[derive(Debug, PartialEq, Eq, Hash)]
pub(crate) struct AllOf {
    /// At least one.
    terms: Vec<Arc<dyn PhysicalExpr>>,
}

impl AllOf {
    pub(crate) fn new(terms: Vec<Arc<dyn PhysicalExpr>>) -> Self {
        Self { terms }
    }
}

impl fmt::Display for AllOf {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let terms: Vec<String> = self.terms.iter().map(ToString::to_string).collect();
        f.write_str(&terms.join(" AND "))
    }
}

impl PhysicalExpr for AllOf {
    fn return_field(&self, schema: &Schema) -> Result<FieldRef> {
        Ok(Arc::new(Field::new(self.to_string(), DataType::Boolean, self.nullable(schema)?)))
    }

    fn nullable(&self, schema: &Schema) -> Result<bool> {
        for term in &self.terms {
            if term.nullable(schema)? {
                return Ok(true);
            }
        }
        Ok(false)
    }

    fn evaluate(&self, batch: &RecordBatch) -> Result<ColumnarValue> {
        let mut all: Option<BooleanArray> = None;
        for term in &self.terms {
            let these = term.evaluate(batch)?.into_array(batch.num_rows())?;
            let these = as_boolean_array(&these)?;
            let both = match &all {
                Some(all) => and_kleene(all, these)?,
                None => these.clone(),
            };
            let is_decided = both.null_count() == 0 && !both.has_true();
            all = Some(both);
            if is_decided {
                break;
            }
        }
        match all {
            Some(all) => Ok(ColumnarValue::Array(Arc::new(all))),
            None => internal_err!("{} without terms", type_name::<Self>()),
        }
    }

    fn children(&self) -> Vec<&Arc<dyn PhysicalExpr>> {
        self.terms.iter().collect()
    }

    fn with_new_children(
        self: Arc<Self>,
        children: Vec<Arc<dyn PhysicalExpr>>,
    ) -> Result<Arc<dyn PhysicalExpr>> {
        Ok(Arc::new(Self::new(children)))
    }

    fn fmt_sql(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, term) in self.terms.iter().enumerate() {
            f.write_str(if at == 0 { "" } else { " AND " })?;
            term.fmt_sql(f)?;
        }
        Ok(())
    }
}
