//! [`Udf`]: the plan node of a user function, for `map`, `gen` and `agg` alike.
//!
//! Holds no handle and runs nothing; `physical/udf.rs` is its operator.

use std::cmp::Ordering;
use std::collections::HashSet;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::Arc;
use std::time::Duration;

use arrow::datatypes::FieldRef;
use datafusion::common::{Column, DFSchema, DFSchemaRef, Result};
use datafusion::logical_expr::{Expr, LogicalPlan, UserDefinedLogicalNodeCore};
use serde::{Deserialize, Serialize};
use udf_runtime::{DeadRows, Shape};

/// Names a function that the session knows; the function itself lives there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct FunctionId(pub(crate) u64);

/// How a function is run. Nothing of it changes a result.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "settings that have nothing to do with each other"
)]
pub struct UdfOptions {
    /// Worker processes; `None` calls the function in this process.
    pub parallel: Option<usize>,
    /// Rows handed over at once; by default as many as take some tens of milliseconds.
    pub batch_rows: Option<usize>,
    /// Rows after which results are durable, at least 1; a slow function's are kept every few seconds.
    pub unit_rows: usize,
    /// Rows that the function wants to have under way at the same time, at least 1.
    pub concurrency: usize,
    /// How long a row may take before its worker is stopped.
    pub row_timeout: Option<Duration>,
    /// Bytes that a worker may use.
    pub memory_bytes: Option<u64>,
    /// Rows that may fail before the run does, if the function lets rows fail at all.
    pub max_failures: Option<u64>,
    /// What becomes of a row that ends its worker.
    pub dead_rows: DeadRows,
    /// Whether results are kept and kept results are used.
    pub checkpoint: bool,
    /// Whether rows with equal arguments are one call, the first one, within a run too. Needs kept results.
    pub distinct: bool,
    /// Positions of the arguments that kept results are found by; `None`: all.
    pub keyed_by: Option<Vec<usize>>,
    /// So many rows whose results were kept are computed all the same, and the run fails if one comes out otherwise.
    pub verify: usize,
    /// Files of buckets that are fetched at once before their rows are handed over, 0 for none. By default as many as
    /// hide the way to the bucket, if the function opens the files of its first rows.
    pub prefetch: Option<usize>,
    /// Whether fetched files stay for later runs.
    pub keeps_files: bool,
    /// The first rows, whose results the function knows, so that it opens none of their files.
    pub known_rows: usize,
}

impl Default for UdfOptions {
    fn default() -> Self {
        Self {
            parallel: None,
            batch_rows: None,
            unit_rows: 10_000,
            concurrency: 1,
            row_timeout: None,
            memory_bytes: None,
            max_failures: None,
            dead_rows: DeadRows::Fail,
            checkpoint: true,
            distinct: false,
            keyed_by: None,
            verify: 0,
            prefetch: None,
            keeps_files: false,
            known_rows: 0,
        }
    }
}

/// Which columns of the input stand beside the results.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Keep {
    /// All: a `map`.
    All,
    /// These: a `gen`.
    Columns(Vec<Column>),
    /// These of the groups in a [`super::GroupRows`]: an `agg`.
    Groups(Vec<Column>),
}

/// Where the results of a function are kept.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub(crate) struct StageKey {
    /// The digest of the function's name and types, and of which one of equal functions in the plan it is: the name of the
    /// folder.
    pub(crate) stage: String,
    /// The digest of the function's code.
    pub(crate) code: String,
    /// The digest of what decides which rows fail.
    pub(crate) failing: String,
    /// Where the code stands: only repaired code of the same place takes over what failed code computed.
    pub(crate) origin: String,
    /// The digest of the code's text without values that it was made with: only other text is a repair.
    pub(crate) text: String,
    /// What becomes of results that are kept already.
    #[serde(skip)]
    pub(crate) reuse: Reuse,
}

/// What becomes of results that are kept already.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) enum Reuse {
    /// They are used.
    #[default]
    Kept,
    /// They are removed.
    Afresh,
    /// They are used, but failures are computed again and replaced.
    Unfailed,
    /// They are computed again for the rows of this run, and replaced; those that were computed in a retry of the same
    /// version, which did not come to its end, count.
    Retry(Arc<str>),
    /// Only those are used that were computed for this unit of a stage, when somebody began to compute it before: its rows
    /// have no others.
    Unit(Arc<str>),
}

/// Calls a user function on every row. Its results become columns.
///
/// Guarantees: results stand in the order of their input rows; with [`Keep::All`] and [`Shape::OnePerRow`] there is one
/// row for each. The optimizer may drop input columns that neither the function nor anybody above reads, may move
/// filters on input columns below, and limits too where there is one row for each.
#[derive(Clone)]
pub(crate) struct Udf {
    /// Where the rows come from.
    pub(crate) input: LogicalPlan,
    /// What is called.
    pub(crate) call: UdfCall,
    /// Where results are kept; `None` until the run is prepared, or for good.
    pub(crate) key: Option<StageKey>,
    schema: DFSchemaRef,
}

/// What a [`Udf`] does to its input.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct UdfCall {
    /// The stage's name, for users.
    pub(crate) name: String,
    /// What to call.
    pub(crate) function: FunctionId,
    /// How many results there are for a row.
    pub(crate) shape: Shape,
    /// The function's arguments, over the input.
    pub(crate) arguments: Vec<Expr>,
    /// The function's results.
    pub(crate) results: Vec<FieldRef>,
    /// What stands beside them.
    pub(crate) keep: Keep,
    /// How it is run.
    pub(crate) options: UdfOptions,
}

impl Udf {
    pub(crate) fn try_new(input: LogicalPlan, call: UdfCall) -> Result<Self> {
        Self { input, call, key: None, schema: Arc::new(DFSchema::empty()) }.with_schema()
    }

    /// The function that a node of a plan is.
    pub(crate) fn of(plan: &LogicalPlan) -> Option<&Self> {
        match plan {
            LogicalPlan::Extension(extension) => extension.node.as_any().downcast_ref(),
            _ => None,
        }
    }

    /// The same node with its results kept under `key`.
    pub(crate) fn with_key(&self, key: StageKey) -> Self {
        Self { key: Some(key), ..self.clone() }
    }

    /// Whether there is exactly one row for each row of the input, with all its columns.
    pub(crate) fn is_one_per_row(&self) -> bool {
        self.call.shape == Shape::OnePerRow && self.call.keep == Keep::All
    }

    /// The node's name in plans.
    pub(crate) fn verb(&self) -> &'static str {
        match self.call.keep {
            Keep::All => "UdfMap",
            Keep::Columns(_) => "UdfGen",
            Keep::Groups(_) => "UdfAgg",
        }
    }

    /// Positions in the input of the columns that stand beside the results.
    pub(crate) fn kept(&self) -> Result<Vec<usize>> {
        let schema = self.input.schema();
        match &self.call.keep {
            Keep::All => Ok((0..schema.fields().len()).collect()),
            Keep::Columns(columns) | Keep::Groups(columns) => {
                columns.iter().map(|column| schema.index_of_column(column)).collect()
            }
        }
    }

    fn with_schema(mut self) -> Result<Self> {
        let input = self.input.schema();
        if let Keep::Columns(columns) | Keep::Groups(columns) = &mut self.call.keep {
            // What nobody reads is no longer in the input.
            columns.retain(|column| input.index_of_column(column).is_ok());
        }
        let mut fields = Vec::new();
        for at in self.kept()? {
            let (qualifier, field) = input.qualified_field(at);
            fields.push((qualifier.cloned(), Arc::clone(field)));
        }
        fields.extend(self.call.results.iter().map(|field| (None, Arc::clone(field))));
        self.schema = Arc::new(DFSchema::new_with_metadata(fields, input.metadata().clone())?);
        Ok(self)
    }

    fn identity(&self) -> (&UdfCall, Option<&StageKey>) {
        (&self.call, self.key.as_ref())
    }
}

/// WHY: without the input, which the query engine would write out for each node of a plan anew.
impl fmt::Debug for Udf {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { input: _, call, key, schema: _ } = self;
        f.debug_struct("Udf").field("call", call).field("key", key).finish_non_exhaustive()
    }
}

impl PartialEq for Udf {
    fn eq(&self, other: &Self) -> bool {
        self.identity() == other.identity() && self.input == other.input
    }
}

impl Eq for Udf {}

impl Hash for Udf {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.identity().hash(state);
        self.input.hash(state);
    }
}

impl PartialOrd for Udf {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        let (one, two) = (&self.call, &other.call);
        let ordering = (&one.name, one.function).cmp(&(&two.name, two.function));
        Some(ordering).filter(|ordering| ordering.is_ne() || self == other)
    }
}

impl UserDefinedLogicalNodeCore for Udf {
    fn name(&self) -> &'static str {
        self.verb()
    }

    fn inputs(&self) -> Vec<&LogicalPlan> {
        vec![&self.input]
    }

    fn schema(&self) -> &DFSchemaRef {
        &self.schema
    }

    fn expressions(&self) -> Vec<Expr> {
        self.call.arguments.clone()
    }

    fn prevent_predicate_push_down_columns(&self) -> HashSet<String> {
        self.call.results.iter().map(|field| field.name().clone()).collect()
    }

    fn fmt_for_explain(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let UdfCall { name, arguments, results, .. } = &self.call;
        let arguments: Vec<String> = arguments.iter().map(ToString::to_string).collect();
        let results: Vec<&str> = results.iter().map(|field| field.name().as_str()).collect();
        let node = self.verb();
        write!(f, "{node}: {name}({}) -> [{}]", arguments.join(", "), results.join(", "))
    }

    fn with_exprs_and_inputs(
        &self,
        exprs: Vec<Expr>,
        mut inputs: Vec<LogicalPlan>,
    ) -> Result<Self> {
        let Some(input) = inputs.pop() else {
            return datafusion::common::internal_err!("a function needs an input");
        };
        let (call, key) = (UdfCall { arguments: exprs, ..self.call.clone() }, self.key.clone());
        let made = Self { input, call, key, schema: Arc::clone(&self.schema) };
        // Rules rebuild all nodes of a plan, again and again; most times they change nothing below.
        if Arc::ptr_eq(made.input.schema(), self.input.schema()) {
            return Ok(made);
        }
        made.with_schema()
    }

    fn necessary_children_exprs(&self, output_columns: &[usize]) -> Option<Vec<Vec<usize>>> {
        let input = self.input.schema();
        let kept = self.kept().ok()?;
        let mut needed: Vec<usize> =
            output_columns.iter().filter_map(|at| kept.get(*at).copied()).collect();
        for argument in &self.call.arguments {
            for column in argument.column_refs() {
                needed.push(input.index_of_column(column).ok()?);
            }
        }
        needed.sort_unstable();
        needed.dedup();
        Some(vec![needed])
    }
}
