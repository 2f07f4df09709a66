//! [`GroupRows`]: one row for each group, with what the function of an `agg` is given: its columns as lists.
//!
//! `physical/group_rows.rs` is its operator.

use std::cmp::Ordering;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

use arrow::datatypes::{DataType, Field};
use datafusion::common::{DFSchema, DFSchemaRef, Result, TableReference};
use datafusion::logical_expr::{Expr, ExprSchemable, LogicalPlan, UserDefinedLogicalNodeCore};

/// The column that numbers the rows of the input, so that those of a group stay in their order.
pub(crate) const KEY_ROW: &str = "row of the input";

/// Groups the rows that agree on all keys; nulls agree. Groups are sorted by the keys, rows keep their order.
#[derive(Clone)]
pub(crate) struct GroupRows {
    /// Where the rows come from; has the column [`KEY_ROW`] when there are keys.
    pub(crate) input: LogicalPlan,
    /// What the rows of a group agree on; none: all rows are one group.
    pub(crate) keys: Vec<Expr>,
    /// Columns whose values in the group's first row stand in the result.
    pub(crate) firsts: Vec<Expr>,
    /// Columns that become lists; their names are [`GroupRows::list_name`].
    pub(crate) lists: Vec<Expr>,
    schema: DFSchemaRef,
}

impl GroupRows {
    pub(crate) fn try_new(
        input: LogicalPlan,
        keys: Vec<Expr>,
        firsts: Vec<Expr>,
        lists: Vec<Expr>,
    ) -> Result<Self> {
        let mut fields: Vec<(Option<TableReference>, _)> = Vec::new();
        for first in &firsts {
            fields.push(first.to_field(input.schema())?);
        }
        for (at, list) in lists.iter().enumerate() {
            let (_, field) = list.to_field(input.schema())?;
            let item = Field::clone(&field).with_name("item");
            let list = DataType::LargeList(Arc::new(item));
            fields.push((None, Arc::new(Field::new(Self::list_name(at), list, false))));
        }
        let schema =
            Arc::new(DFSchema::new_with_metadata(fields, input.schema().metadata().clone())?);
        Ok(Self { input, keys, firsts, lists, schema })
    }

    /// The name of a list: one that no column of a user has.
    pub(crate) fn list_name(at: usize) -> String {
        format!("argument {at} of the group")
    }

    fn identity(&self) -> (&[Expr], &[Expr], &[Expr]) {
        (&self.keys, &self.firsts, &self.lists)
    }
}

/// WHY: without the input, which the query engine would write out for each node of a plan anew.
impl fmt::Debug for GroupRows {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { input: _, keys, firsts, lists, schema: _ } = self;
        let mut node = f.debug_struct("GroupRows");
        node.field("keys", keys).field("firsts", firsts).field("lists", lists);
        node.finish_non_exhaustive()
    }
}

impl PartialEq for GroupRows {
    fn eq(&self, other: &Self) -> bool {
        self.identity() == other.identity() && self.input == other.input
    }
}

impl Eq for GroupRows {}

impl Hash for GroupRows {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.identity().hash(state);
        self.input.hash(state);
    }
}

impl PartialOrd for GroupRows {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        let ordering = self.identity().partial_cmp(&other.identity())?;
        Some(ordering).filter(|ordering| ordering.is_ne() || self == other)
    }
}

fn shown(expressions: &[Expr]) -> String {
    expressions.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}

impl UserDefinedLogicalNodeCore for GroupRows {
    fn name(&self) -> &'static str {
        "GroupRows"
    }

    fn inputs(&self) -> Vec<&LogicalPlan> {
        vec![&self.input]
    }

    fn schema(&self) -> &DFSchemaRef {
        &self.schema
    }

    fn expressions(&self) -> Vec<Expr> {
        self.keys.iter().chain(&self.firsts).chain(&self.lists).cloned().collect()
    }

    fn prevent_predicate_push_down_columns(&self) -> std::collections::HashSet<String> {
        // A filter on a group's first row says nothing about the other rows.
        self.schema.fields().iter().map(|field| field.name().clone()).collect()
    }

    fn fmt_for_explain(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "GroupRows: by [{}], lists [{}]", shown(&self.keys), shown(&self.lists))?;
        if !self.firsts.is_empty() {
            write!(f, ", first [{}]", shown(&self.firsts))?;
        }
        Ok(())
    }

    fn with_exprs_and_inputs(
        &self,
        mut exprs: Vec<Expr>,
        mut inputs: Vec<LogicalPlan>,
    ) -> Result<Self> {
        let Some(input) = inputs.pop() else {
            return datafusion::common::internal_err!("GroupRows needs an input");
        };
        let mut firsts = exprs.split_off(self.keys.len());
        let lists = firsts.split_off(self.firsts.len());
        Self::try_new(input, exprs, firsts, lists)
    }

    fn necessary_children_exprs(&self, _output_columns: &[usize]) -> Option<Vec<Vec<usize>>> {
        let input = self.input.schema();
        let mut needed = Vec::new();
        for expr in self.expressions() {
            for column in expr.column_refs() {
                needed.push(input.index_of_column(column).ok()?);
            }
        }
        needed.extend(input.index_of_column_by_name(None, KEY_ROW));
        needed.sort_unstable();
        needed.dedup();
        Some(vec![needed])
    }
}
