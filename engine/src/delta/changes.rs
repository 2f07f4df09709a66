//! [`Changes`]: which rows of a source are new, which are others than they were, and which are gone, by what they are
//! known by.

use std::sync::Arc;

use arrow::array::RecordBatch;
use datafusion::logical_expr::{Expr as PlanExpr, LogicalPlan, LogicalPlanBuilder, TableScan};
use futures::TryStreamExt;

use super::places::Places;
use crate::Result;
use crate::chain::Chain;
use crate::functions::{ByDigest, Units, among, digests_in, row_digest};
use crate::physical::in_any_order;
use crate::progress::Progress;
use crate::source::{Shared, as_table, source_of};

/// Where queries of an update are run: the chain that is saved has what they refer to.
pub(super) struct Queries<'a> {
    pub(super) chain: &'a Chain,
    pub(super) progress: &'a Arc<Progress>,
}

/// How the rows of a source differ from those that it had.
pub(super) struct Changes {
    /// Rows that are new, are others than they were, or are gone.
    pub(super) all: Arc<Units>,
    /// Where these are, if that is known.
    pub(super) places: Option<Arc<Places>>,
    /// Those that are gone.
    pub(super) gone: Units,
    pub(super) counts: Counts,
}

/// Rows of a source by what became of them.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Counts {
    pub(super) new: u64,
    pub(super) changed: u64,
    pub(super) gone: u64,
    pub(super) same: u64,
}

/// What is known of the rows that have one key.
#[derive(Default)]
struct Seen {
    /// The sum of the digests of the rows as they are, less those as they were.
    difference: u128,
    now: u64,
    before: u64,
}

impl Queries<'_> {
    /// Values of a plan's rows, in any order.
    pub(super) async fn for_each(
        &self,
        plan: LogicalPlan,
        values: Vec<PlanExpr>,
        mut take: impl FnMut(&RecordBatch),
    ) -> Result<()> {
        let named = values.into_iter().enumerate();
        let named = named.map(|(at, value)| value.alias(format!("value {at}")));
        let plan = LogicalPlanBuilder::from(plan).project(named.collect::<Vec<_>>())?.build()?;
        let ready = self.chain.of_same_run(plan.clone())?.prepare(plan, self.progress).await?;
        let mut rows = in_any_order(&ready.plan, &ready.context)?;
        while let Some(batch) = rows.try_next().await? {
            take(&batch);
        }
        Ok(())
    }

    /// The digests of some values of all rows.
    pub(super) async fn units(&self, plan: LogicalPlan, values: Vec<PlanExpr>) -> Result<Units> {
        let mut found = Vec::new();
        let take = |batch: &RecordBatch| found.extend(digests_in(batch.column(0)));
        self.for_each(plan, vec![row_digest(values)], take).await?;
        Ok(found.into_iter().collect())
    }

    /// The differences between a source and what it was. Rows that share a key are compared as a whole; what two versions
    /// of a dataset share is not read.
    pub(super) async fn changes(
        &self,
        (now, then): (&TableScan, &TableScan),
        key: &[PlanExpr],
        compared: &[PlanExpr],
    ) -> Result<Changes> {
        let (apart, shared) = apart(now, then)?;
        let mut seen = self.seen(apart, key, compared).await?;
        let mut counts = Counts::default();
        seen.retain(|_, seen| {
            let differs = seen.difference != 0 || seen.now != seen.before;
            match (seen.now, seen.before) {
                (now, _) if !differs => counts.same += now,
                (0, before) => counts.gone += before,
                (now, 0) => counts.new += now,
                (now, _) => counts.changed += now,
            }
            differs
        });
        counts.same += shared;
        let gone = seen.iter().filter(|(_, seen)| seen.now == 0).map(|(key, _)| *key);
        let gone: Units = gone.collect();
        let all = Arc::new(seen.into_keys().collect());
        let places = Places::find(self, now, key, &all).await?;
        let gone = match &places {
            _ if shared == 0 || gone.is_empty() => gone,
            // Rows of the same key may be among those that were not read.
            Some(places) => gone.without(&places.units()),
            None => {
                let (whole, gone) = (LogicalPlan::TableScan(now.clone()), Arc::new(gone));
                let there = filtered(&whole, key.to_vec(), &gone)?;
                gone.without(&self.units(there, key.to_vec()).await?)
            }
        };
        Ok(Changes { all, places, gone, counts })
    }

    /// What is known of each key of rows as they are and as they were.
    async fn seen(
        &self,
        [new, old]: [LogicalPlan; 2],
        key: &[PlanExpr],
        compared: &[PlanExpr],
    ) -> Result<ByDigest<Seen>> {
        let mut seen = ByDigest::<Seen>::default();
        let all = key.iter().chain(compared).cloned().collect();
        let digests = vec![row_digest(key.to_vec()), row_digest(all)];
        self.for_each(new, digests.clone(), |batch| {
            for (key, row) in digests_in(batch.column(0)).zip(digests_in(batch.column(1))) {
                let seen = seen.entry(key).or_default();
                seen.difference = seen.difference.wrapping_add(row);
                seen.now += 1;
            }
        })
        .await?;
        self.for_each(old, digests, |batch| {
            for (key, row) in digests_in(batch.column(0)).zip(digests_in(batch.column(1))) {
                let seen = seen.entry(key).or_default();
                seen.difference = seen.difference.wrapping_sub(row);
                seen.before += 1;
            }
        })
        .await?;
        Ok(seen)
    }
}

/// Two scans without what they share, and how many rows of the first one that is.
fn apart(now: &TableScan, then: &TableScan) -> Result<([LogicalPlan; 2], u64)> {
    let plan = LogicalPlan::TableScan;
    let both = source_of(now).zip(source_of(then));
    let Some((ours, theirs)) = both else {
        return Ok(([plan(now.clone()), plan(then.clone())], 0));
    };
    let Some([new, old]) = ours.apart_from(&theirs, Shared::Rows) else {
        return Ok(([plan(now.clone()), plan(then.clone())], 0));
    };
    let shared = ours.height().zip(new.height()).map_or(1, |(all, new)| all.saturating_sub(new));
    let scan =
        |source, scan: &TableScan| plan(TableScan { source: as_table(source), ..scan.clone() });
    Ok(([scan(new, now), scan(old, then)], shared as u64))
}

/// The rows whose values have one of these digests.
pub(super) fn filtered(
    plan: &LogicalPlan,
    values: Vec<PlanExpr>,
    units: &Arc<Units>,
) -> Result<LogicalPlan> {
    let condition = among(values, units);
    Ok(LogicalPlanBuilder::from(plan.clone()).filter(condition)?.build()?)
}
