//! [`Changes`]: which rows of a source are new, which are others than they were, and which are gone, by what they are
//! known by.

use std::hash::BuildHasherDefault;
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

impl Seen {
    fn differs(&self) -> bool {
        self.difference != 0 || self.now != self.before
    }
}

impl Counts {
    fn add(&mut self, all: &ByDigest<Seen>) {
        for seen in all.values() {
            match (seen.now, seen.before) {
                (now, _) if !seen.differs() => self.same += now,
                (0, before) => self.gone += before,
                (now, 0) => self.new += now,
                (now, _) => self.changed += now,
            }
        }
    }
}

/// The digests of a row's key and of all that is compared of it.
type Row = (u128, u128);

/// Rows are compared in so many parts, one for each last byte of a key's digest: each is small enough for a core's cache.
const PARTS: usize = 1 << 8;

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
        let ([new, old], shared) = apart(now, then)?;
        let all = key.iter().chain(compared).cloned().collect();
        let digests = vec![row_digest(key.to_vec()), row_digest(all)];
        let new = self.by_key(new, digests.clone()).await?;
        let old = self.by_key(old, digests).await?;
        let (mut counts, mut all, mut gone) = (Counts::default(), Vec::new(), Vec::new());
        for (new, old) in new.iter().zip(&old) {
            let seen = seen(new, old);
            counts.add(&seen);
            let differs = seen.iter().filter(|(_, seen)| seen.differs());
            for (key, seen) in differs {
                all.push(*key);
                gone.extend((seen.now == 0).then_some(*key));
            }
        }
        counts.same += shared;
        let (all, gone): (Arc<Units>, Units) =
            (Arc::new(all.into_iter().collect()), gone.into_iter().collect());
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

    /// The digests of keys and of whole rows.
    async fn by_key(&self, plan: LogicalPlan, digests: Vec<PlanExpr>) -> Result<Vec<Vec<Row>>> {
        let mut parts = vec![Vec::new(); PARTS];
        let take = |batch: &RecordBatch| {
            for (key, row) in digests_in(batch.column(0)).zip(digests_in(batch.column(1))) {
                let [.., part] = key.to_le_bytes();
                parts[usize::from(part)].push((key, row));
            }
        };
        self.for_each(plan, digests, take).await?;
        Ok(parts)
    }
}

/// What is known of the keys of some rows, as they are and as they were.
fn seen(now: &[Row], before: &[Row]) -> ByDigest<Seen> {
    let height = now.len().max(before.len());
    let mut all = ByDigest::<Seen>::with_capacity_and_hasher(height, BuildHasherDefault::default());
    for (key, row) in now {
        let seen = all.entry(*key).or_default();
        seen.difference = seen.difference.wrapping_add(*row);
        seen.now += 1;
    }
    for (key, row) in before {
        let seen = all.entry(*key).or_default();
        seen.difference = seen.difference.wrapping_sub(*row);
        seen.before += 1;
    }
    all
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
