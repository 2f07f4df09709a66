//! [`RanksExec`]: numbers and ranks of rows that are sorted, a batch at a time.
//!
//! DataFusion's operator (54) makes a value of each row by itself. Here keys are compared side by side, and between two
//! batches the last row of the first one is remembered. Where all rows are numbered as they come and it is known how many
//! each partition has, partitions are numbered side by side.

use std::fmt;
use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch, UInt64Array};
use arrow::compute::{concat, partition};
use datafusion::common::internal_err;
use datafusion::error::Result;
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::physical_expr::{EquivalenceProperties, PhysicalExpr};
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use datafusion::physical_plan::windows::BoundedWindowAggExec;
use datafusion::physical_plan::{
    DisplayAs, DisplayFormatType, ExecutionPlan, ExecutionPlanProperties, PlanProperties,
};
use futures::TryStreamExt;

use super::given::batch_of;
use super::key_bytes::evaluate;

/// How rows are numbered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Rank {
    /// Each by itself.
    RowNumber,
    /// Those with equal keys alike, as the first one of them.
    OfFirst,
    /// Those with equal keys alike, as the next ones.
    Dense,
}

impl Rank {
    /// The function of that name.
    pub(crate) fn named(function: &str) -> Option<Self> {
        match function {
            "row_number" => Some(Self::RowNumber),
            "rank" => Some(Self::OfFirst),
            "dense_rank" => Some(Self::Dense),
            _ => None,
        }
    }
}

/// The operator.
#[derive(Debug)]
pub(crate) struct RanksExec {
    input: Arc<dyn ExecutionPlan>,
    /// What it stands for, over another input perhaps.
    windows: Arc<BoundedWindowAggExec>,
    ranks: Arc<[Rank]>,
    /// How many rows are before those of a partition, where all rows are numbered.
    before: Option<Arc<[u64]>>,
    properties: Arc<PlanProperties>,
}

impl RanksExec {
    /// The same as the operator, all of whose windows are these ranks.
    pub(crate) fn new(windows: &BoundedWindowAggExec, ranks: Vec<Rank>) -> Self {
        let (input, properties) = (Arc::clone(windows.input()), Arc::clone(windows.properties()));
        let windows = Arc::new(windows.clone());
        Self { input, windows, ranks: ranks.into(), before: None, properties }
    }

    /// The rows of all partitions of an input numbered, as many as there are `before` each one.
    pub(crate) fn of_partitions(&self, input: Arc<dyn ExecutionPlan>, before: Vec<u64>) -> Self {
        let properties = PlanProperties::new(
            EquivalenceProperties::new(self.schema()),
            input.output_partitioning().clone(),
            input.pipeline_behavior(),
            input.boundedness(),
        );
        let (windows, ranks) = (Arc::clone(&self.windows), Arc::clone(&self.ranks));
        let properties = Arc::new(properties);
        Self { input, windows, ranks, before: Some(before.into()), properties }
    }

    /// Whether it numbers all rows as they come.
    pub(crate) fn is_of_all(&self) -> bool {
        let mut windows = self.windows.window_expr().iter();
        self.ranks.iter().all(|rank| *rank == Rank::RowNumber)
            && windows.all(|window| window.partition_by().is_empty())
            && self.before.is_none()
    }
}

impl DisplayAs for RanksExec {
    fn fmt_as(&self, _kind: DisplayFormatType, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names = self.windows.window_expr().iter().map(|window| window.name());
        write!(f, "{}: [{}]", self.name(), names.collect::<Vec<_>>().join(", "))
    }
}

impl ExecutionPlan for RanksExec {
    fn name(&self) -> &'static str {
        "RanksExec"
    }

    fn properties(&self) -> &Arc<PlanProperties> {
        &self.properties
    }

    fn maintains_input_order(&self) -> Vec<bool> {
        vec![true]
    }

    fn benefits_from_input_partitioning(&self) -> Vec<bool> {
        vec![false]
    }

    fn children(&self) -> Vec<&Arc<dyn ExecutionPlan>> {
        vec![&self.input]
    }

    fn with_new_children(
        self: Arc<Self>,
        mut children: Vec<Arc<dyn ExecutionPlan>>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let Some(input) = children.pop() else {
            return internal_err!("{} needs an input", self.name());
        };
        let (windows, ranks) = (Arc::clone(&self.windows), Arc::clone(&self.ranks));
        let (before, properties) = (self.before.clone(), Arc::clone(&self.properties));
        Ok(Arc::new(Self { input, windows, ranks, before, properties }))
    }

    fn execute(
        &self,
        partition: usize,
        context: Arc<TaskContext>,
    ) -> Result<SendableRecordBatchStream> {
        let rows = self.input.execute(partition, context)?;
        let before = self.before.as_ref().and_then(|before| before.get(partition));
        let mut numbering = Numbering {
            windows: Arc::clone(&self.windows),
            ranks: Arc::clone(&self.ranks),
            last: None,
            counts: Counts { rows: before.copied().unwrap_or_default(), ..Counts::default() },
        };
        let rows = rows.and_then(move |batch| {
            let numbered = numbering.numbered(&batch);
            async move { numbered }
        });
        Ok(Box::pin(RecordBatchStreamAdapter::new(self.schema(), rows)))
    }
}

/// The rows of a partition on their way.
struct Numbering {
    windows: Arc<BoundedWindowAggExec>,
    ranks: Arc<[Rank]>,
    /// Group and order of the last row.
    last: Option<(Vec<ArrayRef>, Vec<ArrayRef>)>,
    counts: Counts,
}

/// Of rows of the present group.
#[derive(Default)]
struct Counts {
    rows: u64,
    /// Before those that are like the last one.
    earlier: u64,
    /// Kinds of rows.
    kinds: u64,
}

impl Numbering {
    fn numbered(&mut self, batch: &RecordBatch) -> Result<RecordBatch> {
        let numbers = self.numbers(batch)?;
        let columns = batch.columns().iter().cloned().chain(numbers).collect();
        batch_of(&self.windows.schema(), columns, batch.num_rows())
    }

    fn numbers(&mut self, batch: &RecordBatch) -> Result<Vec<ArrayRef>> {
        let rows = batch.num_rows();
        let Some(window) = self.windows.window_expr().first().filter(|_| rows > 0) else {
            let none: ArrayRef = Arc::new(UInt64Array::from(Vec::<u64>::new()));
            return Ok(vec![none; self.ranks.len()]);
        };
        let order: Vec<Arc<dyn PhysicalExpr>> =
            window.order_by().iter().map(|key| Arc::clone(&key.expr)).collect();
        let group = evaluate(window.partition_by(), batch)?;
        let needs_order = self.ranks.iter().any(|rank| *rank != Rank::RowNumber);
        let order = if needs_order { evaluate(&order, batch)? } else { Vec::new() };
        let (last_group, last_order) = self.last.take().unwrap_or_default();
        let groups = starts(&last_group, &group, rows)?;
        let kinds = starts(&last_order, &order, rows)?;
        let numbers = self.count(rows, &groups, &kinds);
        let end = |keys: &[ArrayRef]| keys.iter().map(|key| key.slice(rows - 1, 1)).collect();
        self.last = Some((end(&group), end(&order)));
        Ok(numbers)
    }

    /// Numbers where rows of these places begin a group or have other keys than the one before.
    fn count(&mut self, rows: usize, groups: &[usize], kinds: &[usize]) -> Vec<ArrayRef> {
        let mut columns: Vec<Vec<u64>> = vec![Vec::with_capacity(rows); self.ranks.len()];
        let (mut groups, mut kinds) = (groups.iter().peekable(), kinds.iter().peekable());
        let mut at = 0;
        while at < rows {
            if groups.next_if_eq(&&at).is_some() {
                self.counts = Counts { kinds: 1, ..Counts::default() };
                kinds.next_if_eq(&&at);
            } else if kinds.next_if_eq(&&at).is_some() {
                self.counts.earlier = self.counts.rows;
                self.counts.kinds += 1;
            }
            let ends = [groups.peek(), kinds.peek()].into_iter().flatten().map(|end| **end);
            let end = ends.min().unwrap_or(rows);
            let Counts { rows: before, earlier, kinds: kind } = self.counts;
            let length = (end - at) as u64;
            for (rank, column) in self.ranks.iter().zip(&mut columns) {
                match rank {
                    Rank::RowNumber => column.extend(before + 1..=before + length),
                    Rank::OfFirst => column.resize(end, earlier + 1),
                    Rank::Dense => column.resize(end, kind),
                }
            }
            self.counts.rows += length;
            at = end;
        }
        columns.into_iter().map(|column| Arc::new(UInt64Array::from(column)) as _).collect()
    }
}

/// Where keys begin that differ from those of the row before; the one before the first is `last`, if there is one.
fn starts(last: &[ArrayRef], keys: &[ArrayRef], rows: usize) -> Result<Vec<usize>> {
    if keys.is_empty() || rows == 0 {
        return Ok(Vec::new());
    }
    let ranges = partition(keys)?.ranges();
    let is_new = last.is_empty() || differ(last, keys)?;
    Ok(ranges.into_iter().map(|range| range.start).filter(|start| *start > 0 || is_new).collect())
}

/// Whether the first row of `keys` has others than the one row of `last`.
pub(super) fn differ(last: &[ArrayRef], keys: &[ArrayRef]) -> Result<bool> {
    let pairs = last.iter().zip(keys).map(|(last, key)| concat(&[last, &key.slice(0, 1)]));
    Ok(partition(&pairs.collect::<Result<Vec<_>, _>>()?)?.len() > 1)
}
