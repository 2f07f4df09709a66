//! [`FirstRows`]: the first of the rows that agree on some values, for `distinct`.
//!
//! `physical/first_rows.rs` is its operator.

use std::cmp::Ordering;
use std::collections::HashSet;
use std::fmt;
use std::hash::{Hash, Hasher};

use datafusion::common::{DFSchemaRef, Result, internal_err};
use datafusion::logical_expr::{Expr, LogicalPlan, UserDefinedLogicalNodeCore};

/// The first of the rows that agree on all keys, in the order of the input; nulls agree.
#[derive(Clone)]
pub(crate) struct FirstRows {
    /// Where the rows come from.
    pub(crate) input: LogicalPlan,
    /// What rows agree on.
    pub(crate) keys: Vec<Expr>,
}

/// WHY: without the input, which the query engine would write out for each node of a plan anew.
impl fmt::Debug for FirstRows {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FirstRows").field("keys", &self.keys).finish_non_exhaustive()
    }
}

impl PartialEq for FirstRows {
    fn eq(&self, other: &Self) -> bool {
        self.keys == other.keys && self.input == other.input
    }
}

impl Eq for FirstRows {}

impl Hash for FirstRows {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.keys.hash(state);
        self.input.hash(state);
    }
}

impl PartialOrd for FirstRows {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        let ordering = self.keys.partial_cmp(&other.keys)?;
        Some(ordering).filter(|ordering| ordering.is_ne() || self == other)
    }
}

impl UserDefinedLogicalNodeCore for FirstRows {
    fn name(&self) -> &'static str {
        "FirstRows"
    }

    fn inputs(&self) -> Vec<&LogicalPlan> {
        vec![&self.input]
    }

    fn schema(&self) -> &DFSchemaRef {
        self.input.schema()
    }

    fn expressions(&self) -> Vec<Expr> {
        self.keys.clone()
    }

    fn prevent_predicate_push_down_columns(&self) -> HashSet<String> {
        // A filter on a first row says nothing about the other rows.
        self.schema().fields().iter().map(|field| field.name().clone()).collect()
    }

    fn fmt_for_explain(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let keys: Vec<String> = self.keys.iter().map(ToString::to_string).collect();
        write!(f, "FirstRows: by [{}]", keys.join(", "))
    }

    fn with_exprs_and_inputs(&self, keys: Vec<Expr>, mut inputs: Vec<LogicalPlan>) -> Result<Self> {
        match inputs.pop() {
            Some(input) => Ok(Self { input, keys }),
            None => internal_err!("FirstRows needs an input"),
        }
    }

    fn necessary_children_exprs(&self, output_columns: &[usize]) -> Option<Vec<Vec<usize>>> {
        let input = self.input.schema();
        let mut needed = output_columns.to_vec();
        for key in &self.keys {
            for column in key.column_refs() {
                needed.push(input.index_of_column(column).ok()?);
            }
        }
        needed.sort_unstable();
        needed.dedup();
        Some(vec![needed])
    }
}
