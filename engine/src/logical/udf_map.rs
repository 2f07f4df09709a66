//! [`UdfMap`]: the plan node of a 1→1 user function.
//!
//! Holds no handle and runs nothing; `physical/udf_map.rs` is its operator.

use std::cmp::Ordering;
use std::collections::HashSet;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

use arrow::datatypes::FieldRef;
use datafusion::common::{DFSchema, DFSchemaRef, Result};
use datafusion::logical_expr::{Expr, LogicalPlan, UserDefinedLogicalNodeCore};

/// Names a function that the session knows; the function itself lives there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct FunctionId(pub(crate) u64);

/// Calls a user function on every row and appends its results as columns.
///
/// Guarantees: same number of rows, same order. The optimizer may drop input columns that neither the function nor
/// anybody above reads, may move filters on input columns and limits below, and may drop the node when nobody reads
/// a result.
#[derive(Clone, Debug)]
pub(crate) struct UdfMap {
    /// Where the rows come from.
    pub(crate) input: LogicalPlan,
    /// The stage's name, for users.
    pub(crate) name: String,
    /// What to call.
    pub(crate) function: FunctionId,
    /// The function's arguments, over the input.
    pub(crate) arguments: Vec<Expr>,
    /// The function's results.
    pub(crate) results: Vec<FieldRef>,
    /// Rows handed to the function at once.
    pub(crate) batch_rows: usize,
    schema: DFSchemaRef,
}

impl UdfMap {
    #[expect(clippy::too_many_arguments, reason = "one a field")]
    pub(crate) fn try_new(
        input: LogicalPlan,
        name: String,
        function: FunctionId,
        arguments: Vec<Expr>,
        results: Vec<FieldRef>,
        batch_rows: usize,
    ) -> Result<Self> {
        let mut fields: Vec<_> = input
            .schema()
            .iter()
            .map(|(qualifier, field)| (qualifier.cloned(), Arc::clone(field)))
            .collect();
        fields.extend(results.iter().map(|field| (None, Arc::clone(field))));
        let schema = DFSchema::new_with_metadata(fields, input.schema().metadata().clone())?;
        let schema = Arc::new(schema);
        Ok(Self { input, name, function, arguments, results, batch_rows, schema })
    }

    fn identity(&self) -> (&str, FunctionId, &[Expr], &[FieldRef], usize) {
        (&self.name, self.function, &self.arguments, &self.results, self.batch_rows)
    }
}

impl PartialEq for UdfMap {
    fn eq(&self, other: &Self) -> bool {
        self.identity() == other.identity() && self.input == other.input
    }
}

impl Eq for UdfMap {}

impl Hash for UdfMap {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.identity().hash(state);
        self.input.hash(state);
    }
}

impl PartialOrd for UdfMap {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        let ordering = (&self.name, self.function).partial_cmp(&(&other.name, other.function))?;
        Some(ordering).filter(|ordering| ordering.is_ne() || self == other)
    }
}

impl UserDefinedLogicalNodeCore for UdfMap {
    fn name(&self) -> &'static str {
        "UdfMap"
    }

    fn inputs(&self) -> Vec<&LogicalPlan> {
        vec![&self.input]
    }

    fn schema(&self) -> &DFSchemaRef {
        &self.schema
    }

    fn expressions(&self) -> Vec<Expr> {
        self.arguments.clone()
    }

    fn prevent_predicate_push_down_columns(&self) -> HashSet<String> {
        self.results.iter().map(|field| field.name().clone()).collect()
    }

    fn fmt_for_explain(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let arguments: Vec<String> = self.arguments.iter().map(ToString::to_string).collect();
        let results: Vec<&str> = self.results.iter().map(|field| field.name().as_str()).collect();
        write!(f, "UdfMap: {}({}) -> [{}]", self.name, arguments.join(", "), results.join(", "))
    }

    fn with_exprs_and_inputs(
        &self,
        exprs: Vec<Expr>,
        mut inputs: Vec<LogicalPlan>,
    ) -> Result<Self> {
        let Some(input) = inputs.pop() else {
            return datafusion::common::internal_err!("UdfMap needs an input");
        };
        let (name, results) = (self.name.clone(), self.results.clone());
        Self::try_new(input, name, self.function, exprs, results, self.batch_rows)
    }

    fn necessary_children_exprs(&self, output_columns: &[usize]) -> Option<Vec<Vec<usize>>> {
        let input = self.input.schema();
        let mut needed: Vec<usize> =
            output_columns.iter().copied().filter(|at| *at < input.fields().len()).collect();
        for argument in &self.arguments {
            for column in argument.column_refs() {
                needed.push(input.index_of_column(column).ok()?);
            }
        }
        needed.sort_unstable();
        needed.dedup();
        Some(vec![needed])
    }
}
