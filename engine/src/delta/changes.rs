//! [`Changes`]: which rows of a source are new, which are others than they were, and which are gone, by what they are
//! known by.

use std::collections::HashMap;
use std::sync::Arc;

use arrow::array::RecordBatch;
use datafusion::logical_expr::{Expr as PlanExpr, LogicalPlan, LogicalPlanBuilder, TableScan};
use futures::TryStreamExt;

use crate::Result;
use crate::chain::Chain;
use crate::functions::{Units, among, digests_in, row_digest};
use crate::progress::Progress;
use crate::source::{Shared, as_table, source_of};

/// Where queries of an update are run: the chain that is saved has what they refer to.
pub(super) struct Queries<'a> {
    pub(super) chain: &'a Chain,
    pub(super) progress: &'a Arc<Progress>,
}

/// How the rows of a source differ from those that it had.
#[derive(Debug, Default)]
pub(super) struct Changes {
    /// Rows that are new, are others than they were, or are gone.
    pub(super) all: Units,
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
    /// Digests of values of a plan's rows, one array a value.
    async fn for_each(
        &self,
        plan: LogicalPlan,
        digests: Vec<PlanExpr>,
        mut take: impl FnMut(&RecordBatch),
    ) -> Result<()> {
        let named = digests.into_iter().enumerate();
        let named = named.map(|(at, digest)| digest.alias(format!("digest {at}")));
        let plan = LogicalPlanBuilder::from(plan).project(named.collect::<Vec<_>>())?.build()?;
        let (_, mut rows) = self.chain.of_same_run(plan)?.stream(self.progress).await?;
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
        let whole = LogicalPlan::TableScan(now.clone());
        let (apart, shared) = apart(now, then)?;
        let [new, old] = &apart;
        let mut seen: HashMap<u128, Seen> = HashMap::new();
        let all = key.iter().chain(compared).cloned().collect();
        let digests = vec![row_digest(key.to_vec()), row_digest(all)];
        let each = |batch: &RecordBatch| {
            digests_in(batch.column(0)).zip(digests_in(batch.column(1))).collect::<Vec<_>>()
        };
        self.for_each(new.clone(), digests.clone(), |batch| {
            for (key, row) in each(batch) {
                let seen = seen.entry(key).or_default();
                seen.difference = seen.difference.wrapping_add(row);
                seen.now += 1;
            }
        })
        .await?;
        self.for_each(old.clone(), digests, |batch| {
            for (key, row) in each(batch) {
                let seen = seen.entry(key).or_default();
                seen.difference = seen.difference.wrapping_sub(row);
                seen.before += 1;
            }
        })
        .await?;
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
        let mut gone: Units = gone.collect();
        if shared > 0 && !gone.is_empty() {
            // Rows of the same key may be among those that were not read.
            let candidates = Arc::new(gone);
            let there = filtered(&whole, key.to_vec(), &candidates)?;
            let there = self.units(there, key.to_vec()).await?;
            gone = candidates.iter().filter(|unit| !there.contains(*unit)).collect();
        }
        Ok(Changes { all: seen.into_keys().collect(), gone, counts })
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
