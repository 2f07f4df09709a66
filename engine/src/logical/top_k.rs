//! [`TopK`]: the first rows of a version by a distance or by other keys, whose other columns are read when it is known
//! which rows these are.
//!
//! `physical/top_k.rs` is its operator, `optimizer/read_late.rs` puts it into plans.

use std::cmp::Ordering;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

use arrow::datatypes::DataType;
use datafusion::common::{DFSchema, DFSchemaRef, Result, TableReference, internal_err};
use datafusion::logical_expr::{Expr, LogicalPlan, TableScan, UserDefinedLogicalNodeCore};

/// The column that tells where a row of the version is.
pub(crate) const PLACE: &str = "place of the row";

/// Rows of a version, and more of their columns.
///
/// Guarantees: the rows of the input in their order, with the columns of the scan in place of [`PLACE`].
#[derive(Clone)]
pub(crate) struct TopK {
    /// The first rows: the values of their keys, and last their places.
    pub(crate) input: LogicalPlan,
    /// The columns that are read late.
    pub(crate) late: TableScan,
    /// Whether it is vectors that are near to one.
    pub(crate) by_distance: bool,
    schema: DFSchemaRef,
}

impl TopK {
    pub(crate) fn try_new(input: LogicalPlan, late: TableScan, by_distance: bool) -> Result<Self> {
        let schema = input.schema();
        let Some((place, keys)) = schema.fields().split_last() else {
            return internal_err!("the first rows have no places");
        };
        if place.name() != PLACE || place.data_type() != &DataType::UInt64 {
            return internal_err!("the first rows have no places");
        }
        let mut fields: Vec<(Option<TableReference>, _)> =
            keys.iter().map(|key| (None, Arc::clone(key))).collect();
        let columns = late.projected_schema.iter();
        fields.extend(columns.map(|(table, field)| (table.cloned(), Arc::clone(field))));
        let schema = Arc::new(DFSchema::new_with_metadata(fields, schema.metadata().clone())?);
        Ok(Self { input, late, by_distance, schema })
    }
}

/// WHY: without the input, which the query engine would write out for each node of a plan anew.
impl fmt::Debug for TopK {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { input: _, late, by_distance, schema: _ } = self;
        let mut node = f.debug_struct("TopK");
        node.field("late", late).field("by_distance", by_distance).finish_non_exhaustive()
    }
}

impl PartialEq for TopK {
    fn eq(&self, other: &Self) -> bool {
        self.late == other.late && self.schema == other.schema && self.input == other.input
    }
}

impl Eq for TopK {}

impl Hash for TopK {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.late.hash(state);
        self.input.hash(state);
    }
}

impl PartialOrd for TopK {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        let ordering = self.late.partial_cmp(&other.late)?;
        Some(ordering).filter(|ordering| ordering.is_ne() || self == other)
    }
}

impl UserDefinedLogicalNodeCore for TopK {
    fn name(&self) -> &'static str {
        if self.by_distance { "VectorTopK" } else { "TopK" }
    }

    fn inputs(&self) -> Vec<&LogicalPlan> {
        vec![&self.input]
    }

    fn schema(&self) -> &DFSchemaRef {
        &self.schema
    }

    fn expressions(&self) -> Vec<Expr> {
        vec![]
    }

    fn fmt_for_explain(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let late = self.late.projected_schema.fields().iter();
        let late: Vec<&str> = late.map(|field| field.name().as_str()).collect();
        write!(f, "{}: then [{}]", UserDefinedLogicalNodeCore::name(self), late.join(", "))
    }

    fn with_exprs_and_inputs(
        &self,
        _exprs: Vec<Expr>,
        mut inputs: Vec<LogicalPlan>,
    ) -> Result<Self> {
        let Some(input) = inputs.pop() else {
            return internal_err!("the first rows need an input");
        };
        Self::try_new(input, self.late.clone(), self.by_distance)
    }
}
