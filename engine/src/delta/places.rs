//! [`Places`]: where the rows of touched keys are in a source, so that no others are read.

use std::sync::Arc;

use arrow::array::{AsArray, RecordBatch};
use arrow::datatypes::{Field, UInt64Type};
use datafusion::common::{Column, TableReference};
use datafusion::functions::core::expr_fn::get_field;
use datafusion::logical_expr::{Expr as PlanExpr, LogicalPlan, LogicalPlanBuilder, TableScan};

use super::changes::{Queries, filtered};
use crate::Result;
use crate::functions::{Units, digests_in, row_digest};
use crate::source::{Leaf, as_table, source_of};
use crate::sys::{self, SYS};

/// One row of so many is read by its place; where there are more, all are read.
const FEW: usize = 16;

/// What the column is called that says where rows are, where a source has no such.
const PLACE: &str = "place of the row";

/// Where the rows of some keys are.
pub(super) struct Places {
    scan: TableScan,
    /// What a scan of some of them is called: plans compare scans by name.
    name: TableReference,
    keys: Arc<Units>,
    /// The places, which grow, and the keys there.
    rows: Vec<(u64, u128)>,
}

impl Places {
    /// Of the rows of a scan that have these keys; `None` where they are many, or cannot be read by their places.
    pub(super) async fn find(
        queries: &Queries<'_>,
        scan: &TableScan,
        key: &[PlanExpr],
        keys: &Arc<Units>,
    ) -> Result<Option<Arc<Self>>> {
        let Some((placed, place)) = with_places(scan)? else { return Ok(None) };
        let height = source_of(scan).and_then(|source| source.height());
        if height.is_none_or(|height| keys.len() > height / FEW) {
            return Ok(None);
        }
        let mut rows = Vec::with_capacity(keys.len());
        let take = |batch: &RecordBatch| {
            let places = batch.column(0).as_primitive::<UInt64Type>().values();
            rows.extend(places.iter().copied().zip(digests_in(batch.column(1))));
        };
        let touched = filtered(&placed, key.to_vec(), keys)?;
        queries.for_each(touched, vec![place, row_digest(key.to_vec())], take).await?;
        rows.sort_unstable();
        let number = queries.chain.session().next_number();
        let name = TableReference::bare(format!("{}#{number}", scan.table_name.table()));
        Ok(Some(Arc::new(Self { scan: scan.clone(), name, keys: Arc::clone(keys), rows })))
    }

    /// The keys of these rows.
    pub(super) fn units(&self) -> Units {
        self.rows.iter().map(|(_, unit)| *unit).collect()
    }

    /// The plan of the rows that have these keys; `None` where it is not known where the rows of some of them are.
    pub(super) fn rows_of(&self, units: &Units) -> Result<Option<LogicalPlan>> {
        if units.iter().any(|unit| !self.keys.contains(unit)) {
            return Ok(None);
        }
        let rows = self.rows.iter().filter(|(_, unit)| units.contains(*unit));
        let places: Arc<[u64]> = rows.map(|(place, _)| *place).collect();
        let Some(some) = source_of(&self.scan).and_then(|source| source.at_places(places)) else {
            return Ok(None);
        };
        let TableScan { table_name, projection, filters, fetch, .. } = self.scan.clone();
        let some =
            TableScan::try_new(self.name.clone(), as_table(some), projection, filters, fetch)?;
        let some = LogicalPlanBuilder::from(LogicalPlan::TableScan(some));
        Ok(Some(some.alias(table_name)?.build()?))
    }
}

/// The scan with a column that says where its rows are, and that.
fn with_places(scan: &TableScan) -> Result<Option<(LogicalPlan, PlanExpr)>> {
    let is_plain = scan.projection.is_none() && scan.filters.is_empty() && scan.fetch.is_none();
    let source = source_of(scan).filter(|source| {
        let is_known = source.at_places(Arc::from([])).is_some();
        is_plain && is_known
    });
    let Some(source) = source else { return Ok(None) };
    let id = |column: &str| {
        let column = Column::new(Some(scan.table_name.clone()), column);
        get_field(PlanExpr::Column(column), "id")
    };
    if let Some(sys) = source.leaves().iter().find(|leaf| leaf.is_sys()) {
        return Ok(Some((LogicalPlan::TableScan(scan.clone()), id(sys.field.name()))));
    }
    let field = Field::clone(&sys::field()).with_name(PLACE);
    let place = Leaf { path: vec![SYS.to_owned()], field: Arc::new(field) };
    let leaves = source.leaves().iter().cloned().chain([place]).collect();
    let Some(source) = source.with_leaves(leaves) else { return Ok(None) };
    let name = scan.table_name.clone();
    let placed = TableScan::try_new(name, as_table(source), None, vec![], None)?;
    Ok(Some((LogicalPlan::TableScan(placed), id(PLACE))))
}
