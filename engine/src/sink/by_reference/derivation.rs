//! [`Derivation`]: a plan over one version of a dataset that keeps its rows or leaves some out, and which of its columns
//! are columns of the version.

use std::collections::HashSet;
use std::sync::Arc;

use datafusion::catalog::TableProvider;
use datafusion::logical_expr::{Expr as PlanExpr, LogicalPlan};
use lance::Dataset;

use crate::Chain;
use crate::logical::{Udf, has_queries};
use crate::source::{DatasetTable, Leaf, Source, source_of};
use crate::sys::SYS;

/// What a chain does to a version.
pub(super) struct Derivation {
    pub(super) source: DatasetTable,
    /// The source's state.
    pub(super) dataset: Arc<Dataset>,
    /// Which column of the source each visible column is, called what it is called there; `None` for those that are
    /// computed.
    pub(super) columns: Vec<Option<Leaf>>,
    /// Where the rows are, a column of the plan.
    pub(super) sys: PlanExpr,
    pub(super) leaves_rows_out: bool,
}

impl Derivation {
    /// `None` for a chain that does anything else: its rows have other places, or come from elsewhere.
    pub(super) fn of(chain: &Chain) -> Option<Self> {
        let (source, origins, leaves_rows_out) = traced(chain.plan())?;
        let dataset = Arc::clone(source.lasting()?);
        let (mut columns, mut seen, mut sys) = (Vec::new(), HashSet::new(), None);
        for ((column, field), origin) in chain.all_columns().into_iter().zip(origins) {
            let leaf = origin.and_then(|at| source.leaves().get(at)).cloned();
            if field.name() == SYS {
                sys = leaf.filter(Leaf::is_sys).map(|_| column);
                continue;
            }
            let is_whole = |leaf: &Leaf| {
                leaf.path.len() == 1
                    && !leaf.is_sys()
                    && leaf.field.data_type() == field.data_type()
            };
            // A column of a file is one column of a version.
            columns.push(leaf.filter(|leaf| is_whole(leaf) && seen.insert(leaf.path.clone())));
        }
        Some(Self { source, dataset, columns, sys: sys?, leaves_rows_out })
    }
}

/// The version that a plan reads, which of its leaves each column of the plan is, and whether rows are left out.
fn traced(plan: &LogicalPlan) -> Option<(DatasetTable, Vec<Option<usize>>, bool)> {
    let (mut steps, mut node) = (Vec::new(), plan);
    let scan = loop {
        match node {
            LogicalPlan::TableScan(scan) => break scan,
            LogicalPlan::Projection(_) | LogicalPlan::Filter(_) | LogicalPlan::SubqueryAlias(_)
                if !has_queries(node) => {}
            node if Udf::of(node).is_some_and(Udf::is_one_per_row) => {}
            _ => return None,
        }
        steps.push(node);
        node = node.inputs().first().copied()?;
    };
    let source = source_of(scan)?;
    let provider: &dyn TableProvider = source.as_ref();
    let source = provider.downcast_ref::<DatasetTable>()?.clone();
    if scan.projection.is_some() || !scan.filters.is_empty() || scan.fetch.is_some() {
        return None;
    }
    let mut origins: Vec<Option<usize>> = (0..source.leaves().len()).map(Some).collect();
    for step in steps.iter().rev() {
        if let LogicalPlan::Projection(projection) = step {
            let input = projection.input.schema();
            let origin = |expr: &PlanExpr| match unnamed(expr) {
                PlanExpr::Column(column) => origins[input.maybe_index_of_column(column)?],
                _ => None,
            };
            origins = projection.expr.iter().map(origin).collect();
        }
        // What functions compute stands behind their input.
        origins.resize(step.schema().fields().len(), None);
    }
    let leaves_rows_out = steps.iter().any(|step| matches!(step, LogicalPlan::Filter(_)));
    Some((source, origins, leaves_rows_out))
}

/// What a column is, whatever it is called.
fn unnamed(expr: &PlanExpr) -> &PlanExpr {
    match expr {
        PlanExpr::Alias(alias) => unnamed(&alias.expr),
        expr => expr,
    }
}
