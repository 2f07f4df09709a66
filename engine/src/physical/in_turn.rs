//! [`InTurn`]: conditions of which each is looked at only for rows where those before it are true.
//!
//! The query engine's own operator looks at both sides for all rows unless few are left, so that a condition which cannot
//! be computed for some rows fails although an earlier one leaves them out.

use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

use arrow::array::{Array, AsArray, BooleanArray, RecordBatch};
use arrow::buffer::BooleanBuffer;
use arrow::compute::{and, prep_null_mask_filter};
use arrow::datatypes::{DataType, Schema};
use datafusion::error::Result;
use datafusion::logical_expr::ColumnarValue;
use datafusion::physical_expr::PhysicalExpr;

use crate::source::Narrow;

/// Whether all conditions are true; false where one is null.
#[derive(Debug)]
pub(crate) struct InTurn {
    conditions: Vec<Arc<dyn PhysicalExpr>>,
    /// Each over its columns: only they are copied for rows that are left.
    narrow: Vec<Narrow>,
}

impl InTurn {
    pub(crate) fn try_new(conditions: Vec<Arc<dyn PhysicalExpr>>) -> Result<Self> {
        let narrow = conditions.iter().map(Narrow::try_new).collect::<Result<_>>()?;
        Ok(Self { conditions, narrow })
    }
}

impl fmt::Display for InTurn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let conditions: Vec<String> = self.conditions.iter().map(ToString::to_string).collect();
        f.write_str(&conditions.join(" AND THEN "))
    }
}

impl PartialEq for InTurn {
    fn eq(&self, other: &Self) -> bool {
        self.conditions == other.conditions
    }
}

impl Eq for InTurn {}

impl Hash for InTurn {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.conditions.hash(state);
    }
}

impl PhysicalExpr for InTurn {
    fn data_type(&self, _input: &Schema) -> Result<DataType> {
        Ok(DataType::Boolean)
    }

    fn nullable(&self, _input: &Schema) -> Result<bool> {
        Ok(false)
    }

    fn evaluate(&self, rows: &RecordBatch) -> Result<ColumnarValue> {
        let mut left = BooleanArray::new(BooleanBuffer::new_set(rows.num_rows()), None);
        for Narrow { columns, condition } in &self.narrow {
            if !left.has_true() {
                break;
            }
            let found = condition.evaluate_selection(&rows.project(columns)?, &left)?;
            let found = found.into_array(rows.num_rows())?;
            let found = found.as_boolean();
            left = match found.nulls() {
                Some(_) => and(&left, &prep_null_mask_filter(found))?,
                None => and(&left, found)?,
            };
        }
        Ok(ColumnarValue::Array(Arc::new(left)))
    }

    fn children(&self) -> Vec<&Arc<dyn PhysicalExpr>> {
        self.conditions.iter().collect()
    }

    fn with_new_children(
        self: Arc<Self>,
        children: Vec<Arc<dyn PhysicalExpr>>,
    ) -> Result<Arc<dyn PhysicalExpr>> {
        Ok(Arc::new(Self::try_new(children)?))
    }

    fn fmt_sql(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}
